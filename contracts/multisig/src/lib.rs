//! An account of several owners, some of whom must agree.
//!
//! A change of the owners is a kind of proposal of its own, not a call of the contract to itself:
//! so no method is re-entrant, the host keeps everybody out while a proposal runs, and there is no
//! method that would have to ask whether its caller is the contract.
//!
//! Such a change voids all that is still proposed: it was confirmed by other owners, or by other
//! rules. So every confirmation is of an owner, and they only need to be counted.
//!
//! Whoever executes a proposal chooses the gas: a call that runs out of it failed, and can be tried
//! again.
#![no_std]

use quorate_sdk::contract;

/// Makes calls and sends native units when enough of its owners have confirmed it. Units are sent
/// to it by plain transfers.
#[contract]
pub mod multisig {
    /// The most owners that there may be: each call reads them all.
    pub const OWNERS_MAX: usize = 32;
    /// Bytes of a proposed call's arguments. A proposal is one stored value.
    pub const ARGUMENTS_BYTES_MAX: usize = 32 << 10;
    /// Bytes of an error that are kept.
    pub const ERROR_BYTES_MAX: usize = 1 << 10;

    /// What is proposed.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Action {
        Transfer {
            to: Address,
            amount: u128,
        },
        Call {
            contract: Address,
            /// The method's selector.
            selector: [u8; 4],
            /// In canonical binary, one after the other.
            arguments: Vec<u8>,
            /// Native units that are sent along.
            value: u128,
        },
        /// Replaces all owners, and how many of them must confirm.
        SetOwners {
            owners: Vec<Address>,
            threshold: u32,
        },
    }

    /// Why an execution failed; the proposal stays as it was.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Failure {
        /// The called contract refused, with this error in canonical binary, or its beginning.
        Reverted(Vec<u8>),
        /// The called contract failed: it panicked, had not enough gas, or is none.
        Failed,
        /// There are fewer native units than are to be sent.
        InsufficientBalance,
    }

    /// A proposal that was not executed.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Proposal {
        pub action: Action,
        /// The last time that it can be executed, in milliseconds since the Unix epoch.
        pub expiry_ms: u64,
        /// In the order of their confirmations.
        pub confirmed_by: Vec<Address>,
        /// Void when the owners are of another.
        pub epoch: u64,
        /// Of the last execution.
        pub failure: Option<Failure>,
    }

    #[storage]
    pub struct Multisig {
        owners: Item<Vec<Address>>,
        threshold: Item<u32>,
        /// How often the owners have changed.
        epoch: Item<u64>,
        proposals: Map<u64, Proposal>,
        next: Item<u64>,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Proposed {
        #[topic]
        pub number: u64,
        #[topic]
        pub by: Address,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Confirmed {
        #[topic]
        pub number: u64,
        #[topic]
        pub by: Address,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Revoked {
        #[topic]
        pub number: u64,
        #[topic]
        pub by: Address,
    }

    /// A proposal was executed; with a failure, it stays.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Executed {
        #[topic]
        pub number: u64,
        pub failure: Option<Failure>,
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        /// Owners are 1 to 32, each named once, and the threshold is 1 to their number.
        InvalidOwners,
        NotAnOwner,
        NoSuchProposal,
        ArgumentsTooLong,
        /// The time is behind the expiry.
        Expired,
        /// The owners have changed since it was proposed.
        Void,
        /// It may still be executed.
        NotOver,
        AlreadyConfirmed,
        NotConfirmed,
        /// Fewer owners have confirmed than must.
        NotEnough {
            need: u32,
        },
    }

    impl Multisig {
        /// So many of these owners must confirm what is to be done.
        #[init]
        fn new(&mut self, owners: Vec<Address>, threshold: u32) -> Result<(), Error> {
            check_owners(&owners, threshold)?;
            self.set_owners(owners, threshold);
            self.next.set(0);
            Ok(())
        }

        #[query]
        fn owners(&self) -> Vec<Address> {
            self.owners.get()
        }

        /// How many owners must confirm.
        #[query]
        fn threshold(&self) -> u32 {
            self.threshold.get()
        }

        /// One proposal, until it is executed or removed.
        #[query]
        fn proposal(&self, number: u64) -> Option<Proposal> {
            self.proposals.get(&number)
        }

        /// Proposals in their order, `limit` of them behind one.
        #[query]
        fn proposals(&self, after: Option<u64>, limit: u32) -> Vec<(u64, Proposal)> {
            self.proposals.page(after.as_ref(), limit as usize)
        }

        /// Proposes and confirms; for owners. Answers with the proposal's number.
        #[call]
        fn propose(&mut self, cx: &Context, action: Action, expiry_ms: u64) -> Result<u64, Error> {
            self.check_owner(cx)?;
            ensure!(cx.time_ms <= expiry_ms, Error::Expired);
            match &action {
                Action::Transfer { .. } => {}
                Action::Call { arguments, .. } => {
                    ensure!(arguments.len() <= ARGUMENTS_BYTES_MAX, Error::ArgumentsTooLong);
                }
                Action::SetOwners { owners, threshold } => check_owners(owners, *threshold)?,
            }
            let number = self.next.get();
            self.next.set(number + 1);
            let (confirmed_by, epoch) = (vec![cx.caller], self.epoch.get());
            let proposal = Proposal { action, expiry_ms, confirmed_by, epoch, failure: None };
            self.proposals.set(&number, proposal);
            cx.emit(Proposed { number, by: cx.caller });
            Ok(number)
        }

        /// Confirms a proposal; for owners.
        #[call]
        fn confirm(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            self.check_owner(cx)?;
            let mut proposal = self.current(cx, number)?;
            ensure!(!proposal.confirmed_by.contains(&cx.caller), Error::AlreadyConfirmed);
            proposal.confirmed_by.push(cx.caller);
            self.proposals.set(&number, proposal);
            cx.emit(Confirmed { number, by: cx.caller });
            Ok(())
        }

        /// Takes the caller's confirmation back. A proposal without any is removed.
        #[call]
        fn revoke(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let mut proposal = self.proposals.get(&number).ok_or(Error::NoSuchProposal)?;
            ensure!(proposal.confirmed_by.contains(&cx.caller), Error::NotConfirmed);
            proposal.confirmed_by.retain(|owner| *owner != cx.caller);
            if proposal.confirmed_by.is_empty() {
                self.proposals.remove(&number);
            } else {
                self.proposals.set(&number, proposal);
            }
            cx.emit(Revoked { number, by: cx.caller });
            Ok(())
        }

        /// Does what enough owners have confirmed; for everyone. When that fails, the answer says
        /// why, and it can be tried again until the proposal expires.
        #[call]
        fn execute(&mut self, cx: &Context, number: u64) -> Result<Option<Failure>, Error> {
            let mut proposal = self.current(cx, number)?;
            let (have, need) = (proposal.confirmed_by.len(), self.threshold.get());
            ensure!(have >= need as usize, Error::NotEnough { need });
            // Gone before anything runs: whatever that does, nothing is executed twice.
            self.proposals.remove(&number);
            let failure = self.perform(cx, &proposal.action).err();
            if failure.is_some() {
                proposal.failure.clone_from(&failure);
                self.proposals.set(&number, proposal);
            }
            cx.emit(Executed { number, failure: failure.clone() });
            Ok(failure)
        }

        /// Removes a proposal that has expired or is void; for everyone.
        #[call]
        fn discard(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let proposal = self.proposals.get(&number).ok_or(Error::NoSuchProposal)?;
            ensure!(self.check_current(cx, &proposal).is_err(), Error::NotOver);
            self.proposals.remove(&number);
            Ok(())
        }

        fn perform(&mut self, cx: &Context, action: &Action) -> Result<(), Failure> {
            match action {
                Action::Transfer { to, amount } => {
                    cx.transfer(to, *amount).map_err(|_| Failure::InsufficientBalance)
                }
                Action::Call { contract, selector, arguments, value } => {
                    let call = Call::<()>::new(*contract, *selector);
                    let sent = call.arguments_encoded(arguments).value(*value).send_encoded();
                    sent.map(|_| ()).map_err(failure)
                }
                Action::SetOwners { owners, threshold } => {
                    self.set_owners(owners.clone(), *threshold);
                    Ok(())
                }
            }
        }

        fn current(&self, cx: &Context, number: u64) -> Result<Proposal, Error> {
            let proposal = self.proposals.get(&number).ok_or(Error::NoSuchProposal)?;
            self.check_current(cx, &proposal)?;
            Ok(proposal)
        }

        fn check_current(&self, cx: &Context, proposal: &Proposal) -> Result<(), Error> {
            ensure!(cx.time_ms <= proposal.expiry_ms, Error::Expired);
            ensure!(self.epoch.get() == proposal.epoch, Error::Void);
            Ok(())
        }

        fn check_owner(&self, cx: &Context) -> Result<(), Error> {
            ensure!(self.owners.get().contains(&cx.caller), Error::NotAnOwner);
            Ok(())
        }

        fn set_owners(&mut self, owners: Vec<Address>, threshold: u32) {
            self.owners.set(owners);
            self.threshold.set(threshold);
            self.epoch.set(self.epoch.try_get().map_or(0, |epoch| epoch + 1));
        }
    }

    /// Owners and a threshold that can act.
    fn check_owners(owners: &[Address], threshold: u32) -> Result<(), Error> {
        let mut distinct = owners.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let is_valid = distinct.len() == owners.len()
            && owners.len() <= OWNERS_MAX
            && (1..=owners.len()).contains(&(threshold as usize));
        ensure!(is_valid, Error::InvalidOwners);
        Ok(())
    }

    fn failure(error: CallError) -> Failure {
        match error {
            CallError::Reverted(mut error) => {
                error.truncate(ERROR_BYTES_MAX);
                Failure::Reverted(error)
            }
            CallError::Failed | CallError::Malformed => Failure::Failed,
        }
    }
}
