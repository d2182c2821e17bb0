//! The binary `quorate-attacker`: the node as it is shipped, with an attacker around its replica.
//!
//! `QUORATE_ATTACK` names the attack, and `QUORATE_ATTACKERS` the indices of all who attack, with commas. `QUORATE_CUT`
//! names the file that says whom the node does not hear; with it alone the node is honest. Everything else is as with
//! `quorate`. It is a package of its own, so that no feature of the product can bring an attacker in.

use std::process::ExitCode;

use attackers::{AttackKind, Attacker, Context, Cut};
use primitives::ValidatorIndex;
use replica::{Machine, Now, Options, Replica};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    quorate::main(seat)
}

fn seat(replica: Replica, options: &Options, now: Now) -> Box<dyn Machine> {
    let Some(file) = std::env::var_os("QUORATE_CUT") else {
        return attacker(replica, options, now);
    };
    let machine = match std::env::var_os("QUORATE_ATTACK") {
        Some(_) => attacker(replica, options, now),
        None => Box::new(replica),
    };
    Box::new(Cut::new(machine, file.into()))
}

fn attacker(replica: Replica, options: &Options, now: Now) -> Box<dyn Machine> {
    let kind: AttackKind = variable("QUORATE_ATTACK");
    let all: String = variable("QUORATE_ATTACKERS");
    let indices = all.split(',').map(|index| match index.parse() {
        Ok(index) => ValidatorIndex(index),
        Err(error) => {
            panic!("QUORATE_ATTACKERS is a list of indices, and holds {index:?}: {error}")
        }
    });
    let context = Context::new(options, indices.collect(), now);
    Box::new(Attacker::new(replica, context, kind.attack()))
}

/// A variable of the environment; an attacker without it would be an honest node unnoticed.
fn variable<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str) -> T {
    let text = std::env::var(name).unwrap_or_default();
    text.parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}
