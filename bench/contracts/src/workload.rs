//! What every contender is given: the same transfers between the same accounts, drawn from one seed.

use anyhow::{Context as _, Result};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Units that each account holds at first: more than it can send in any run.
pub const BALANCE: u128 = 1_000_000_000;
/// Units of one transfer at most.
const AMOUNT_MAX: u64 = 1_000;

/// Units change hands. Accounts are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub from: u32,
    /// Another one.
    pub to: u32,
    pub amount: u128,
}

/// Transfers between accounts that are drawn alike likely, without end.
#[derive(Debug)]
pub struct Workload {
    accounts: u32,
    random: ChaCha8Rng,
}

impl Workload {
    /// `accounts` is two at least.
    pub fn new(accounts: u32, seed: u64) -> Self {
        Self { accounts: accounts.max(2), random: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub fn next(&mut self, count: usize) -> Vec<Transfer> {
        (0..count).map(|_| self.draw()).collect()
    }

    fn draw(&mut self) -> Transfer {
        let from = self.below(self.accounts.into());
        // All but the sender, alike likely.
        let distance = 1 + self.below(u64::from(self.accounts) - 1);
        let to = (from + distance) % u64::from(self.accounts);
        let amount = 1 + self.below(AMOUNT_MAX);
        let narrow = |number: u64| u32::try_from(number).unwrap_or(0);
        Transfer { from: narrow(from), to: narrow(to), amount: amount.into() }
    }

    /// A number below `end`, all alike likely but for a part in 2^64 / `end`.
    fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.random.next_u64()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or(0)
    }
}

/// What the accounts must hold: plain numbers that the same transfers were made with.
#[derive(Debug)]
pub struct Model {
    balances: Vec<u128>,
}

impl Model {
    pub fn new(accounts: u32) -> Self {
        Self { balances: vec![BALANCE; accounts as usize] }
    }

    pub fn apply(&mut self, transfers: &[Transfer]) -> Result<()> {
        for transfer in transfers {
            let from = self.account(transfer.from)?;
            *from = from.checked_sub(transfer.amount).context("a sender has too little")?;
            *self.account(transfer.to)? += transfer.amount;
        }
        Ok(())
    }

    fn account(&mut self, number: u32) -> Result<&mut u128> {
        self.balances.get_mut(number as usize).context("there is no such account")
    }

    pub fn balances(&self) -> impl Iterator<Item = (u32, u128)> {
        (0..).zip(self.balances.iter().copied())
    }

    /// All units there are.
    pub fn supply(&self) -> u128 {
        self.balances.iter().sum()
    }
}

/// All units of so many accounts.
pub fn supply(accounts: u32) -> u128 {
    BALANCE * u128::from(accounts)
}

/// 32 bytes that stand for an account, for each contender to make its kind of address of.
pub fn identity(account: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    ChaCha8Rng::seed_from_u64(account.into()).fill_bytes(&mut bytes);
    bytes
}
