//! Votes by weight, with delegation, a quorum and a deadline.
#![no_std]

use quorate_sdk::contract;

/// Proposals that voters decide by their weights. Whoever creates the contract chairs it.
///
/// The chair proposes, registers who may vote with which weight, and opens the proposal with a
/// quorum and a deadline. From then on nobody, the chair included, changes who votes. Until the
/// deadline each voter chooses one option, or delegates its weight to another voter, and may change
/// its mind. After the deadline nothing changes any more.
#[contract]
pub mod vote {
    use core::ops::Bound::{Excluded, Included};

    use quorate_sdk::Key;

    /// The most options of a proposal.
    pub const OPTIONS_MAX: usize = 64;

    /// What is voted on.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Proposal {
        /// The text, or the hash of one that is kept elsewhere.
        pub text: String,
        /// What can be chosen. An option is told by its place here, counted from 0.
        pub options: Vec<String>,
    }

    /// How it is voted on.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Terms {
        pub options: u32,
        /// The weight that must have chosen an option for the proposal to be decided.
        pub quorum: u128,
        /// The first time that is too late, in milliseconds since the Unix epoch.
        pub deadline_ms: u64,
    }

    /// What one voter wants.
    #[data]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Choice {
        Option(u32),
        /// Whatever this voter chooses.
        Delegate(Address),
    }

    #[data]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum State {
        /// Voters are being registered.
        Draft,
        Open,
        /// Too little weight has chosen.
        NoQuorum,
        /// Two options or more have the most weight.
        Tied,
        /// This option has won.
        Decided(u32),
    }

    /// How a proposal stands.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Outcome {
        /// Final once it is neither a draft nor open.
        pub state: State,
        /// The weight that each option has.
        pub tallies: Vec<u128>,
        /// The weight of all voters.
        pub electorate: u128,
        /// None for a draft.
        pub terms: Option<Terms>,
    }

    #[storage]
    pub struct Vote {
        chair: Item<Address>,
        /// How many proposals there are, which is the next one's number.
        count: Item<u64>,
        proposals: Map<u64, Proposal>,
        /// Of proposals that were opened; apart from the texts, which no vote has to read.
        terms: Map<u64, Terms>,
        /// All voters' weight, by proposal.
        electorates: Totals<u64>,
        /// A voter's own weight, by proposal.
        weights: Map<(u64, Address), u128>,
        /// A voter's own weight and all that is delegated to it, directly and through others.
        powers: Totals<(u64, Address)>,
        choices: Map<(u64, Address), Choice>,
        /// The weight that an option has, by proposal.
        tallies: Totals<(u64, u32)>,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Proposed {
        #[topic]
        pub proposal: u64,
        pub text: String,
        pub options: Vec<String>,
    }

    /// Who votes is settled, and voting begins.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Opened {
        #[topic]
        pub proposal: u64,
        pub quorum: u128,
        pub deadline_ms: u64,
    }

    /// A voter chose, or took back what it chose before: then there is no choice.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Chosen {
        #[topic]
        pub proposal: u64,
        #[topic]
        pub voter: Address,
        pub choice: Option<Choice>,
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        NotTheChair,
        NoSuchProposal,
        /// A proposal has two options or more, up to `OPTIONS_MAX`.
        BadOptions,
        /// Voting has begun, so that voters and terms are settled.
        Settled,
        /// Voting has not begun.
        NotOpen,
        /// The deadline has passed; for one that is being set, it has to be in the future.
        TooLate,
        /// A quorum is neither 0 nor more than all voters' weight.
        BadQuorum {
            electorate: u128,
        },
        /// All weights together are more than a number can hold.
        TooMuchWeight,
        /// The account has no weight in this proposal.
        NotAVoter,
        NoSuchOption,
        /// The delegation would come back to the voter.
        Cycle,
    }

    /// Whether weight comes or goes.
    #[derive(Clone, Copy)]
    enum Change {
        Add,
        Remove,
    }

    impl Vote {
        #[init]
        fn new(&mut self, cx: &Context) {
            self.chair.set(cx.caller);
            self.count.set(0);
        }

        /// Drafts a proposal and answers with its number; for the chair.
        #[call]
        fn propose(
            &mut self,
            cx: &Context,
            text: String,
            options: Vec<String>,
        ) -> Result<u64, Error> {
            self.check_chair(cx)?;
            ensure!((2..=OPTIONS_MAX).contains(&options.len()), Error::BadOptions);
            let number = self.count.get();
            self.count.set(number + 1);
            let proposal = Proposal { text: text.clone(), options: options.clone() };
            self.proposals.set(&number, proposal);
            cx.emit(Proposed { proposal: number, text, options });
            Ok(number)
        }

        /// Gives voters of a draft their weights, in place of those they had; for the chair. With a
        /// weight of 0 an account is no voter.
        #[call]
        fn register(
            &mut self,
            cx: &Context,
            proposal: u64,
            voters: Vec<(Address, u128)>,
        ) -> Result<(), Error> {
            self.check_chair(cx)?;
            self.draft(proposal)?;
            for (voter, weight) in voters {
                let key = (proposal, voter);
                let before = self.weights.get(&key).unwrap_or(0);
                change(&mut self.electorates, &proposal, before, Change::Remove)?;
                change(&mut self.electorates, &proposal, weight, Change::Add)?;
                if weight == 0 {
                    self.weights.remove(&key);
                    self.powers.remove(&key);
                } else {
                    self.weights.set(&key, weight);
                    self.powers.set(&key, weight);
                }
            }
            Ok(())
        }

        /// Lets the voting on a draft begin; for the chair. Votes count in blocks whose time is
        /// before the deadline, in milliseconds since the Unix epoch.
        #[call]
        fn open(
            &mut self,
            cx: &Context,
            proposal: u64,
            quorum: u128,
            deadline_ms: u64,
        ) -> Result<(), Error> {
            self.check_chair(cx)?;
            let draft = self.draft(proposal)?;
            ensure!(deadline_ms > cx.time_ms, Error::TooLate);
            let electorate = self.electorates.get(&proposal);
            ensure!((1..=electorate).contains(&quorum), Error::BadQuorum { electorate });
            let options = u32::try_from(draft.options.len()).map_err(|_| Error::BadOptions)?;
            self.terms.set(&proposal, Terms { options, quorum, deadline_ms });
            cx.emit(Opened { proposal, quorum, deadline_ms });
            Ok(())
        }

        /// Gives an option the caller's weight, with all that is delegated to it, in place of what
        /// the caller chose before.
        #[call]
        fn vote(&mut self, cx: &Context, proposal: u64, option: u32) -> Result<(), Error> {
            self.choose(cx, proposal, Some(Choice::Option(option)))
        }

        /// Has another voter choose for the caller, and for all who have delegated to the caller,
        /// in place of what the caller chose before. The longer the chain of delegations is, the
        /// more gas it needs, and so does leaving it.
        #[call]
        fn delegate(&mut self, cx: &Context, proposal: u64, to: Address) -> Result<(), Error> {
            self.choose(cx, proposal, Some(Choice::Delegate(to)))
        }

        /// Takes the caller's vote or delegation back.
        #[call]
        fn withdraw(&mut self, cx: &Context, proposal: u64) -> Result<(), Error> {
            self.choose(cx, proposal, None)
        }

        /// Text and options of a proposal.
        #[query]
        fn proposal(&self, proposal: u64) -> Option<Proposal> {
            self.proposals.get(&proposal)
        }

        /// How a proposal stands: after its deadline, how it ended.
        #[query]
        fn outcome(&self, cx: &Context, proposal: u64) -> Result<Outcome, Error> {
            let options = self.proposals.get(&proposal).ok_or(Error::NoSuchProposal)?.options;
            let tallies = (0..).zip(&options).map(|(option, _)| (proposal, option));
            let tallies: Vec<u128> = tallies.map(|key| self.tallies.get(&key)).collect();
            let terms = self.terms.get(&proposal);
            let state = match &terms {
                None => State::Draft,
                Some(terms) if cx.time_ms < terms.deadline_ms => State::Open,
                Some(terms) => decide(&tallies, terms.quorum),
            };
            Ok(Outcome { state, tallies, electorate: self.electorates.get(&proposal), terms })
        }

        /// The voters of a proposal and their own weights, `limit` of them behind one.
        #[query]
        fn voters(
            &self,
            proposal: u64,
            after: Option<Address>,
            limit: u32,
        ) -> Vec<(Address, u128)> {
            let first = Included((proposal, Address::default()));
            let start = after.map_or(first, |after| Excluded((proposal, after)));
            let last = Included((proposal, Address([u8::MAX; 32])));
            let voters = self.weights.range((start, last));
            voters.map(|((_, voter), weight)| (voter, weight)).take(limit as usize).collect()
        }

        /// What a voter chose.
        #[query]
        fn choice(&self, proposal: u64, voter: Address) -> Option<Choice> {
            self.choices.get(&(proposal, voter))
        }

        /// A voter's own weight with all that is delegated to it.
        #[query]
        fn power(&self, proposal: u64, voter: Address) -> u128 {
            self.powers.get(&(proposal, voter))
        }

        fn check_chair(&self, cx: &Context) -> Result<(), Error> {
            ensure!(cx.caller == self.chair.get(), Error::NotTheChair);
            Ok(())
        }

        fn draft(&self, proposal: u64) -> Result<Proposal, Error> {
            ensure!(!self.terms.contains(&proposal), Error::Settled);
            self.proposals.get(&proposal).ok_or(Error::NoSuchProposal)
        }

        fn choose(
            &mut self,
            cx: &Context,
            proposal: u64,
            choice: Option<Choice>,
        ) -> Result<(), Error> {
            let voter = cx.caller;
            let terms = self.terms.get(&proposal).ok_or(Error::NotOpen)?;
            ensure!(cx.time_ms < terms.deadline_ms, Error::TooLate);
            self.check_voter(proposal, voter)?;
            match choice {
                Some(Choice::Option(option)) => {
                    ensure!(option < terms.options, Error::NoSuchOption);
                }
                Some(Choice::Delegate(to)) => self.check_voter(proposal, to)?,
                None => {}
            }
            let key = (proposal, voter);
            let before = self.choices.get(&key);
            self.apply(key, before, Change::Remove)?;
            self.apply(key, choice, Change::Add)?;
            match choice {
                Some(choice) => self.choices.set(&key, choice),
                None => self.choices.remove(&key),
            }
            cx.emit(Chosen { proposal, voter, choice });
            Ok(())
        }

        fn check_voter(&self, proposal: u64, voter: Address) -> Result<(), Error> {
            ensure!(self.weights.contains(&(proposal, voter)), Error::NotAVoter);
            Ok(())
        }

        /// Moves a voter's power to where its choice leads, or away from there: to all along the
        /// delegations, and to the option at their end if there is one. There is an end, since what
        /// would lead back to the voter is refused here.
        fn apply(
            &mut self,
            (proposal, voter): (u64, Address),
            mut choice: Option<Choice>,
            way: Change,
        ) -> Result<(), Error> {
            let power = self.powers.get(&(proposal, voter));
            while let Some(Choice::Delegate(to)) = choice {
                ensure!(to != voter, Error::Cycle);
                change(&mut self.powers, &(proposal, to), power, way)?;
                choice = self.choices.get(&(proposal, to));
            }
            if let Some(Choice::Option(option)) = choice {
                change(&mut self.tallies, &(proposal, option), power, way)?;
            }
            Ok(())
        }
    }

    /// No power and no tally is above the weight of all voters, so that only this one can become
    /// too much.
    fn change<K: Key>(
        totals: &mut Totals<K>,
        key: &K,
        amount: u128,
        way: Change,
    ) -> Result<(), Error> {
        let changed = match way {
            Change::Add => totals.add(key, amount),
            Change::Remove => totals.sub(key, amount),
        };
        changed.map_err(|_| Error::TooMuchWeight)
    }

    fn decide(tallies: &[u128], quorum: u128) -> State {
        let most = tallies.iter().copied().max().unwrap_or(0);
        let mut leading = (0..).zip(tallies).filter(|(_, tally)| **tally == most);
        match (tallies.iter().sum::<u128>() < quorum, leading.next(), leading.next()) {
            (false, Some((option, _)), None) => State::Decided(option),
            (false, _, _) => State::Tied,
            (true, _, _) => State::NoQuorum,
        }
    }
}
