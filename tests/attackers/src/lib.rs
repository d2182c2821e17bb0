//! Validators that break the rules, one file each.
//!
//! An [`Attacker`] sits around an honest [`replica::Replica`]: the replica follows the chain, and an [`Attack`]
//! changes what it says. So an attacker knows everything that a validator knows, signs with a validator's key, and
//! speaks the real protocol up to the point where it lies. The simulator runs attackers as [`replica::Machine`]s
//! among honest ones; the binary `quorate-attacker` is the real node with one of them in the replica's seat.
//!
//! Each attack is named by an [`AttackKind`], which text names too: `"double-voter".parse()`.

mod attacker;
mod context;
mod cut;
mod kind;

mod batch_withholder;
mod certificate_forger;
mod certificate_hoarder;
mod colluders;
mod commit_and_timeout;
mod double_voter;
mod equivocating_proposer;
mod future_flooder;
mod garbage_signer;
mod late_proposer;
mod lying_snapshot_giver;
mod lying_sync_peer;
mod mute;
mod one_sided_voter;
mod replayer;
mod wrong_result;

pub use attacker::{Attack, Attacker};
pub use context::{Context, Side};
pub use cut::Cut;
pub use kind::{AttackKind, UnknownAttack};
