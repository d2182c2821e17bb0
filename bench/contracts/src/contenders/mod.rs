//! What is measured, one file each, behind one trait.

mod cosmwasm;
mod evm;
pub mod ours;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::workload::Transfer;
pub(crate) use cosmwasm::{CW20, Idle, compile as compile_cw20};

/// A machine that executes contracts, with a token on it whose units all accounts hold alike. One thread uses it.
pub trait Contender {
    /// Makes the transactions of these transfers. Not measured.
    fn prepare(&mut self, transfers: &[Transfer]) -> Result<()>;

    /// Executes what was prepared, in order, and keeps what it writes. Answers with the gas that it used. It is an
    /// error when a transfer does not succeed, or emits nothing.
    fn execute(&mut self) -> Result<u64>;

    /// What the contract says that an account holds.
    fn balance(&mut self, account: u32) -> Result<u128>;

    /// What the store says that an account holds.
    fn stored(&self, account: u32) -> Result<u128>;

    /// What the contract says that there is of its token.
    fn supply(&mut self) -> Result<u128>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `quorate-vm` with `contracts/token`.
    Ours,
    /// The crate `revm` with OpenZeppelin's ERC-20.
    Revm,
    /// The crate `cosmwasm-vm` with `cw20-base`, an instance for every call.
    Cosmwasm,
    /// The same with one instance for all calls of a round, whose memory each call finds as the one before left it.
    CosmwasmReused,
}

/// What a contender may need to know of the run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub accounts: u32,
    /// Transactions of a block, where there are blocks.
    pub block: usize,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Ours, Self::Revm, Self::Cosmwasm, Self::CosmwasmReused];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Revm => "revm",
            Self::Cosmwasm => "cosmwasm-vm",
            Self::CosmwasmReused => "cosmwasm-vm, reused",
        }
    }

    pub fn open(self, settings: &Settings) -> Result<Box<dyn Contender>> {
        Ok(match self {
            Self::Ours => Box::new(ours::Token::open(settings)?),
            Self::Revm => Box::new(evm::Token::open(settings)?),
            Self::Cosmwasm => {
                Box::new(cosmwasm::Token::open(settings, cosmwasm::Instances::Fresh)?)
            }
            Self::CosmwasmReused => {
                Box::new(cosmwasm::Token::open(settings, cosmwasm::Instances::Reused)?)
            }
        })
    }
}
