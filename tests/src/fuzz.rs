//! Fuzzing of every decoder that reads bytes from a peer or from disk: valid encodings, damaged with the structure of
//! the format in mind, and three promises.
//!
//! * No input makes a decoder panic.
//! * What it allocates is bounded by what it was given.
//! * One value has one encoding: what is accepted is encoded as the very bytes it was read from.
//!
//! Execution i of a seed is a function of seed, decoder and i alone, so that any failure is replayed by its number.

pub mod allocation;
mod decoders;
mod mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

pub use decoders::{Decoder, Outcome, decoders};

/// What came of fuzzing one decoder.
#[derive(Clone, Debug)]
pub struct Report {
    pub decoder: &'static str,
    pub executions: u64,
    pub accepted: u64,
    pub took: Duration,
    /// Most bytes allocated at once, and the length of the input that brought it about.
    pub worst: (usize, usize),
    /// The first broken promise: in which execution, and what.
    pub failure: Option<(u64, String)>,
}

/// How long to go on.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    For(Duration),
    /// So many executions from this one on.
    Executions {
        first: u64,
        count: u64,
    },
}

/// Fuzzes one decoder until the span is over or a promise is broken. Allocations are seen where
/// [`allocation::Counting`] is the program's allocator.
pub fn fuzz(decoder: &Decoder, seed: u64, span: Span) -> Report {
    let began = Instant::now();
    let (first, count) = match span {
        Span::For(_) => (0, u64::MAX),
        Span::Executions { first, count } => (first, count),
    };
    let mut report = Report {
        decoder: decoder.name,
        executions: 0,
        accepted: 0,
        took: Duration::ZERO,
        worst: (0, 0),
        failure: None,
    };
    for number in first..first.saturating_add(count) {
        if let Span::For(limit) = span
            && number % 64 == 0
            && began.elapsed() >= limit
        {
            break;
        }
        let input = mutation::input(decoder, seed, number);
        report.executions += 1;
        match execute(decoder, &input, &mut report.worst) {
            Ok(accepted) => report.accepted += u64::from(accepted),
            Err(what) => {
                report.failure = Some((number, what));
                break;
            }
        }
    }
    report.took = began.elapsed();
    report
}

/// Runs one input; whether it is accepted, or which promise it breaks.
fn execute(decoder: &Decoder, input: &[u8], worst: &mut (usize, usize)) -> Result<bool, String> {
    let counted = allocation::count(|| catch_unwind(AssertUnwindSafe(|| (decoder.run)(input))));
    let (outcome, peak) = counted;
    // A panic allocates for its own report, so it is judged first.
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            return Err(format!("it panicked: {}", text.unwrap_or_default()));
        }
    };
    *worst = (*worst).max((peak, input.len()));
    let bound = decoder.allowance + decoder.factor * input.len();
    if peak > bound {
        let length = input.len();
        return Err(format!(
            "{peak} bytes were allocated for an input of {length}: at most {bound}"
        ));
    }
    match outcome {
        Outcome::Refused => Ok(false),
        Outcome::Accepted(None) => Ok(true),
        Outcome::Accepted(Some(again)) if again == input => Ok(true),
        Outcome::Accepted(Some(again)) => {
            let (read, written) = (input.len(), again.len());
            Err(format!("{read} bytes were accepted and are encoded as other {written}"))
        }
    }
}
