//! Feeds of values that publishers sign, the median of each round.
#![no_std]

use quorate_sdk::contract;

/// Values from outside the chain, each signed by several publishers.
///
/// Publishers have keys, not accounts: they sign reports of what they see, and anybody submits
/// them. A round of a feed takes reports by as many publishers as the threshold says at least, and
/// stores their median: as long as fewer than half of the threshold are wrong, it lies between two
/// values that are right, or is one.
///
/// The submitter chooses among the reports of a round, and a round is submitted once.
#[contract]
pub mod oracle {
    use core::ops::Bound::{Excluded, Included};

    /// The most publishers: as many as the host verifies in one batch.
    pub const PUBLISHERS_MAX: u32 = 64;
    /// The longest name of a feed, in bytes.
    pub const FEED_BYTES_MAX: usize = 32;
    /// How many rounds of each feed are kept, the last ones.
    pub const ROUNDS_MAX: u32 = 64;
    /// What each signed message begins with, so that it is mistaken for no other message.
    pub const DOMAIN: &[u8; 24] = b"quorate/oracle/report/1\n";

    /// What one publisher says a feed's value is in a round.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Report {
        /// An Ed25519 key.
        pub publisher: [u8; 32],
        pub value: i128,
        /// When that was, in milliseconds since the Unix epoch, by the publisher's clock.
        pub time_ms: u64,
        /// Of the bytes that `message` answers with, by the key.
        pub signature: [u8; 64],
    }

    /// What came of a round.
    #[data]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Round {
        /// The median of the reported values; of two in the middle, the less.
        pub value: i128,
        /// The median of the reported times.
        pub time_ms: u64,
        /// How many publishers reported.
        pub reports: u32,
    }

    #[storage]
    pub struct Oracle {
        admin: Item<Address>,
        threshold: Item<u32>,
        publishers: Set<[u8; 32]>,
        /// How many publishers there are.
        count: Item<u32>,
        rounds: Map<(String, u64), Round>,
        /// How many rounds of a feed are kept.
        kept: Map<String, u32>,
    }

    /// A feed has a new value.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Updated {
        #[topic]
        pub feed: String,
        pub number: u64,
        pub round: Round,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct PublisherAdded {
        #[topic]
        pub publisher: [u8; 32],
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct PublisherRemoved {
        #[topic]
        pub publisher: [u8; 32],
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        NotTheAdmin,
        /// The threshold is neither 0 nor more than the publishers.
        BadThreshold,
        TooManyPublishers,
        /// The key is a publisher's already.
        Known,
        /// The key is no publisher's.
        Unknown {
            publisher: [u8; 32],
        },
        /// The name of a feed has 1 byte or more, up to `FEED_BYTES_MAX`.
        BadFeed,
        /// The feed has this round already, or a later one.
        Past {
            last: u64,
        },
        TooFewReports {
            threshold: u32,
        },
        /// Reports stand in the order of their publishers' keys, each publisher's once.
        NotInOrder,
        /// One signature at least is not of this report, round, feed, contract and chain.
        BadSignature,
    }

    impl Oracle {
        /// Begins with some publishers, of whom as many as the threshold have to report in a round.
        /// The creator is the admin.
        #[init]
        fn new(
            &mut self,
            cx: &Context,
            publishers: Vec<[u8; 32]>,
            threshold: u32,
        ) -> Result<(), Error> {
            self.admin.set(cx.caller);
            self.threshold.set(threshold);
            self.count.set(0);
            for publisher in publishers {
                self.add(cx, publisher)?;
            }
            ensure!((1..=self.count.get()).contains(&threshold), Error::BadThreshold);
            Ok(())
        }

        /// Lets a key sign reports; for the admin, who has to know that somebody has it: anybody
        /// can sign for some numbers that are no proper keys.
        #[call]
        fn add_publisher(&mut self, cx: &Context, publisher: [u8; 32]) -> Result<(), Error> {
            self.check_admin(cx)?;
            self.add(cx, publisher)
        }

        /// Ends that a key's reports count, those that are signed already too; for the admin. At
        /// least as many publishers as the threshold stay.
        #[call]
        fn remove_publisher(&mut self, cx: &Context, publisher: [u8; 32]) -> Result<(), Error> {
            self.check_admin(cx)?;
            ensure!(self.publishers.remove(&publisher), Error::Unknown { publisher });
            let count = self.count.update(|count| count - 1);
            ensure!(count >= self.threshold.get(), Error::BadThreshold);
            cx.emit(PublisherRemoved { publisher });
            Ok(())
        }

        /// Stores the median of a round's reports. The round is later than all of the feed before,
        /// and the reports stand in the order of their publishers' keys.
        #[call]
        fn submit(
            &mut self,
            cx: &Context,
            feed: String,
            number: u64,
            reports: Vec<Report>,
        ) -> Result<Round, Error> {
            ensure!((1..=FEED_BYTES_MAX).contains(&feed.len()), Error::BadFeed);
            if let Some((last, _)) = self.last(&feed) {
                ensure!(number > last, Error::Past { last });
            }
            self.check(cx, &feed, number, &reports)?;
            let round = Round {
                value: median(reports.iter().map(|report| report.value)),
                time_ms: median(reports.iter().map(|report| report.time_ms)),
                // There are no more than publishers.
                reports: u32::try_from(reports.len()).unwrap_or(PUBLISHERS_MAX),
            };
            self.keep(&feed, number, round);
            cx.emit(Updated { feed, number, round });
            Ok(round)
        }

        /// What a publisher signs. Numbers are little-endian: `quorate/oracle/report/1` and a line
        /// feed (24 bytes), the hash of the chain's genesis (32), the address of this contract (32),
        /// the round (8), the value (16), the time in milliseconds (8), and the feed's name.
        ///
        /// Whoever keeps a key makes them itself, and does not sign what a node says they are.
        #[query]
        fn message(
            &self,
            cx: &Context,
            feed: String,
            number: u64,
            value: i128,
            time_ms: u64,
        ) -> Vec<u8> {
            message(cx, &feed, number, value, time_ms)
        }

        /// A feed's last round and its number.
        #[query]
        fn latest(&self, feed: String) -> Option<(u64, Round)> {
            self.last(&feed)
        }

        /// A feed's last rounds, the last first: `limit` of them before one.
        #[query]
        fn history(&self, feed: String, before: Option<u64>, limit: u32) -> Vec<(u64, Round)> {
            let last = Included((feed.clone(), u64::MAX));
            let end = before.map_or(last, |before| Excluded((feed.clone(), before)));
            let rounds = self.rounds.range_descending((Included((feed, 0)), end));
            rounds.take(limit as usize).map(|((_, number), round)| (number, round)).collect()
        }

        /// The publishers' keys, `limit` of them behind one.
        #[query]
        fn publishers(&self, after: Option<[u8; 32]>, limit: u32) -> Vec<[u8; 32]> {
            self.publishers.page(after.as_ref(), limit as usize)
        }

        /// How many publishers have to report in a round.
        #[query]
        fn threshold(&self) -> u32 {
            self.threshold.get()
        }

        fn check_admin(&self, cx: &Context) -> Result<(), Error> {
            ensure!(cx.caller == self.admin.get(), Error::NotTheAdmin);
            Ok(())
        }

        fn add(&mut self, cx: &Context, publisher: [u8; 32]) -> Result<(), Error> {
            ensure!(self.publishers.insert(&publisher), Error::Known);
            let count = self.count.update(|count| count + 1);
            ensure!(count <= PUBLISHERS_MAX, Error::TooManyPublishers);
            cx.emit(PublisherAdded { publisher });
            Ok(())
        }

        fn last(&self, feed: &str) -> Option<(u64, Round)> {
            self.history(feed.to_owned(), None, 1).pop()
        }

        /// Whether enough publishers have signed, each once.
        fn check(
            &self,
            cx: &Context,
            feed: &str,
            number: u64,
            reports: &[Report],
        ) -> Result<(), Error> {
            let threshold = self.threshold.get();
            ensure!(reports.len() >= threshold as usize, Error::TooFewReports { threshold });
            let in_order = reports.is_sorted_by(|one, next| one.publisher < next.publisher);
            ensure!(in_order, Error::NotInOrder);
            for Report { publisher, .. } in reports {
                let publisher = *publisher;
                ensure!(self.publishers.contains(&publisher), Error::Unknown { publisher });
            }
            let messages = reports
                .iter()
                .map(|report| message(cx, feed, number, report.value, report.time_ms));
            let messages: Vec<Vec<u8>> = messages.collect();
            let signed = reports.iter().zip(&messages).map(|(report, message)| crypto::Signed {
                key: report.publisher,
                message,
                signature: report.signature,
            });
            let signed: Vec<crypto::Signed<'_>> = signed.collect();
            ensure!(crypto::ed25519_verify_all(&signed), Error::BadSignature);
            Ok(())
        }

        /// Stores a round, in place of the first one when there are enough.
        fn keep(&mut self, feed: &String, number: u64, round: Round) {
            let kept = self.kept.get(feed).unwrap_or(0);
            if kept < ROUNDS_MAX {
                self.kept.set(feed, kept + 1);
            } else if let Some((first, _)) = self.rounds.prefix(feed).next() {
                self.rounds.remove(&first);
            }
            self.rounds.set(&(feed.clone(), number), round);
        }
    }

    /// Only the name of the feed, at the end, has no fixed length, so that no two reports have the
    /// same message.
    fn message(cx: &Context, feed: &str, number: u64, value: i128, time_ms: u64) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend_from_slice(&cx.chain.0);
        bytes.extend_from_slice(&cx.contract.0);
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
        bytes.extend_from_slice(&time_ms.to_le_bytes());
        bytes.extend_from_slice(feed.as_bytes());
        bytes
    }

    /// The one in the middle; of two there, the less. Where fewer than half are wrong, not all up
    /// to it are, nor all from it on.
    fn median<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
        let mut values: Vec<T> = values.collect();
        values.sort_unstable();
        let middle = values.len().saturating_sub(1) / 2;
        values.get(middle).copied().unwrap_or_default()
    }
}
