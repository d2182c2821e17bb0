//! Stopping for a reason. A broken invariant or a failing disk ends the process at once: nothing is signed after
//! it, and the reason is the last thing in the log.

/// Exit status of a node that stopped itself.
pub const EXIT_STATUS: i32 = 70;

/// Ends the process with a reason.
pub fn stop(reason: &str) -> ! {
    tracing::error!("stopping: {reason}");
    std::process::exit(EXIT_STATUS);
}

/// Makes a panic of any thread end the process: a node that has lost a part must not go on with the rest.
pub fn stop_on_panic() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        default(panic);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed").to_owned();
        stop(&format!("the thread {name} broke an invariant: {panic}"));
    }));
}
