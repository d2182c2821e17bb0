//! The binary `quorate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    quorate::main(quorate::honest)
}
