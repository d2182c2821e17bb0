//! Publishers with real keys, who sign what the contract's description says.

use ed25519_dalek::{Signer, SigningKey};
use oracle::oracle::{OracleClient, Report};
use quorate_sdk::testing::TestChain;
use quorate_sdk::{Address, Client};

/// What a signature is for, but for the report itself.
#[derive(Clone, Debug)]
pub struct Place {
    pub chain: [u8; 32],
    pub contract: Address,
    pub feed: String,
    pub round: u64,
}

impl Place {
    /// The first round of a feed of this contract.
    pub fn of(chain: &TestChain, oracle: OracleClient) -> Self {
        Self { chain: chain.hash().0, contract: oracle.address(), feed: "EUR".into(), round: 1 }
    }

    /// The bytes that are signed for a report of these.
    pub fn message(&self, value: i128, time_ms: u64) -> Vec<u8> {
        let mut bytes = b"quorate/oracle/report/1\n".to_vec();
        bytes.extend(self.chain);
        bytes.extend(self.contract.0);
        bytes.extend(self.round.to_le_bytes());
        bytes.extend(value.to_le_bytes());
        bytes.extend(time_ms.to_le_bytes());
        bytes.extend(self.feed.as_bytes());
        bytes
    }

    /// A report that a publisher, told by its number, signs.
    pub fn report(&self, publisher: u8, value: i128, time_ms: u64) -> Report {
        let key = secret(publisher);
        let signature = key.sign(&self.message(value, time_ms)).to_bytes();
        Report { publisher: public(publisher), value, time_ms, signature }
    }
}

pub fn ordered(mut reports: Vec<Report>) -> Vec<Report> {
    reports.sort_by_key(|report| report.publisher);
    reports
}

fn secret(publisher: u8) -> SigningKey {
    SigningKey::from_bytes(&[publisher; 32])
}

pub fn public(publisher: u8) -> [u8; 32] {
    secret(publisher).verifying_key().to_bytes()
}

pub fn publics(count: u8) -> Vec<[u8; 32]> {
    (0..count).map(public).collect()
}
