//! Publishers with real keys, who sign what the contract's description says.

use ed25519_dalek::{Signer, SigningKey};
use oracle::oracle::{OracleClient, Report};
use quorate_sdk::{Address, Client};

/// The hash of the genesis that every chain of a test has.
const GENESIS: [u8; 32] = [
    0x32, 0x59, 0x61, 0x93, 0x9b, 0x4b, 0x40, 0x89, 0xc0, 0x08, 0xc0, 0xf6, 0x7f, 0x59, 0xf9, 0x1e,
    0x9a, 0x09, 0x02, 0x74, 0xa2, 0xfb, 0x19, 0xd1, 0x59, 0x3c, 0x58, 0x8b, 0x72, 0xcd, 0xca, 0xf1,
];

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
    pub fn of(oracle: OracleClient) -> Self {
        Self { chain: GENESIS, contract: oracle.address(), feed: "EUR".into(), round: 1 }
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
