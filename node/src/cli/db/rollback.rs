//! `quorate db rollback`: an earlier block becomes the head again.
//!
//! What that means depends on who else does it, and the vote log has to follow:
//!
//! - **This validator alone.** The chain stands. The vote log stays as it is: it knows up to which
//!   view all is decided, nothing is signed in those views again, and the node fetches the same
//!   blocks from the others. Nothing can go wrong.
//! - **All validators.** The blocks are abandoned. With their vote logs kept, all would know of
//!   certificates for blocks that nobody has, wait for these for ever, and sign nothing in the views
//!   in which new blocks must come, since the next block's justification has to reach back to the
//!   head. So each begins its log anew, as if it had never signed, and signs again in views in which
//!   it signed before. That is safe as long as nobody brings back a vote or a block of the abandoned
//!   chain: hence *all*, to one height, before any starts. Whoever holds a certificate of the
//!   abandoned blocks (a client, a backup) can show two blocks of one height; only an epoch of its
//!   own could tell them apart.

use clap::Args;
use primitives::Height;
use serde_json::json;
use state::Summary;

use super::Closed;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::fields;
use crate::vote_log;

#[derive(Debug, Args)]
pub struct Rollback {
    /// The height of the block that shall be the head
    #[arg(long, value_name = "HEIGHT")]
    to: u64,
    /// The chain gives these blocks up: every validator is stopped and rolled back to this height
    /// before any starts. The vote log is begun anew. Never for one validator alone: it could sign
    /// twice in one view
    #[arg(long)]
    all_validators: bool,
    /// Do it
    #[arg(long)]
    yes: bool,
}

impl Rollback {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let closed = Closed::of(context)?;
        let Summary { height: head, floor, .. } = state::summary(&closed.path)?;
        let to = Height(self.to);
        if !self.yes {
            let message = format!("{} Add --yes to do it", self.intention(head, floor));
            return Err(Failure::Usage(message).into());
        }
        state::rollback(&closed.path, to)?;
        // In this order: with an old state and a new log a crash could make the node sign twice.
        let log = context.home.vote_log();
        let aside = if self.all_validators { vote_log::put_aside(&log)? } else { None };
        if self.all_validators {
            vote_log::create(&log)?;
        }
        let kept = if self.all_validators { "begun anew" } else { "kept" };
        let answer = json!({
            "height": to, "before": head, "voteLog": kept, "oldVoteLog": &aside,
        });
        context.out.show(&answer, || {
            let mut rows =
                vec![("height", format!("{to}; it was {head}")), ("vote log", kept.to_owned())];
            rows.extend(aside.map(|path| ("", format!("the old one is {}", path.display()))));
            let next = if self.all_validators {
                "Next: the same on every other validator, to the same height; then start them."
            } else {
                "Next: start the node. It fetches the blocks above from the other validators."
            };
            format!("{}\n\n{next}", fields(&rows))
        })
    }

    fn intention(&self, head: Height, floor: Height) -> String {
        let to = self.to;
        let what = match head.0.checked_sub(to) {
            None => return format!("the head is {head}, below {to}: nothing can be taken back."),
            Some(_) if to < floor.0 => {
                return format!("the lowest height that this store keeps is {floor}, above {to}.");
            }
            Some(0) => format!("the head is {to} already."),
            Some(1) => format!("this takes back block {head}."),
            Some(_) => format!("this takes back the blocks {} to {head}.", to + 1),
        };
        if self.all_validators {
            format!(
                "{what} The chain gives them up: what they committed is undone, for good. Every \
                 validator must be stopped, and rolled back like this one, before any starts."
            )
        } else {
            format!(
                "{what} The node fetches them again from the other validators. If all validators \
                 are to give these blocks up, say --all-validators: otherwise they wait for each \
                 other."
            )
        }
    }
}
