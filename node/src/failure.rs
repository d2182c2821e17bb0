//! Stopping for a reason. A broken invariant or a failing disk ends the process at once: nothing is signed after
//! it, and the reason is the last thing in the log.

use thiserror::Error;

/// Exit status of a node that stopped itself.
pub const EXIT_STATUS: u8 = 70;

/// Why a node stopped itself, or did not start, in good order: nothing is broken, and it could not go on.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Stopped(pub String);

/// Ends the process with a reason.
pub fn stop(reason: &str) -> ! {
    tracing::error!("stopping: {reason}");
    std::process::exit(i32::from(EXIT_STATUS));
}

/// Makes a panic of any thread end the process: a node that has lost a part must not go on with the rest. Those that
/// the execution of contracts holds, since all validators meet them alike, are told and no more.
pub fn stop_on_panic() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        default(panic);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed").to_owned();
        if vm::holds_panics() {
            tracing::error!(
                "a bug in what contracts can ask for: {panic}. The call has failed; please report it"
            );
            return;
        }
        stop(&format!("the thread {name} broke an invariant: {panic}"));
    }));
}
