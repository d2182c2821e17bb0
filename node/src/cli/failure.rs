//! How commands fail, and with which exit code.

use std::process::ExitCode;

use state::OpenError;
use thiserror::Error;

use crate::config::layers::ConfigError;
use crate::failure::{EXIT_STATUS, Stopped};

/// The help's part on exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed for a reason that has no code of its own
  2  the command line or the settings are wrong
  3  no node answered
  4  the chain refused it: rejected, failed, reverted or expired
  5  there is no such thing on the chain
  6  it was still pending when the wait ended; ask `quorate tx status`
  7  a proof, a certificate or a genesis is not what it should be
  8  a store, a snapshot or a backup is damaged
 70  the node stopped itself, and said why";

/// Failures that have an exit code of their own.
#[derive(Debug, Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    NoNode(String),
    #[error("{message}")]
    Refused { code: String, message: String },
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Pending(String),
    #[error("{0}")]
    Unproved(String),
    #[error("{0}")]
    Damaged(String),
}

impl Failure {
    pub fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused { code: code.into(), message: message.into() }
    }

    fn exit(&self) -> (u8, &str) {
        match self {
            Self::Usage(_) => (2, "USAGE"),
            Self::NoNode(_) => (3, "NO_NODE"),
            Self::Refused { code, .. } => (4, code),
            Self::NotFound(_) => (5, "NOT_FOUND"),
            Self::Pending(_) => (6, "PENDING"),
            Self::Unproved(_) => (7, "UNPROVED"),
            Self::Damaged(_) => (8, "DAMAGED"),
        }
    }
}

/// Tells the person or program that a command failed, on standard error.
pub fn report(error: &anyhow::Error, json: bool) -> ExitCode {
    let of_failure = error.chain().find_map(|cause| cause.downcast_ref::<Failure>());
    let of_settings = error.chain().any(|cause| cause.is::<ConfigError>());
    let of_node = error.chain().any(|cause| cause.is::<Stopped>());
    let of_damage = error
        .chain()
        .any(|cause| matches!(cause.downcast_ref::<OpenError>(), Some(OpenError::Damaged { .. })));
    let (exit, code) = match of_failure {
        Some(failure) => failure.exit(),
        None if of_settings => (2, "SETTINGS"),
        None if of_damage => (8, "DAMAGED"),
        None if of_node => (EXIT_STATUS, "STOPPED"),
        None => (1, "FAILED"),
    };
    if json {
        let message = format!("{error:#}");
        eprintln!("{}", serde_json::json!({ "error": { "code": code, "message": message } }));
    } else {
        eprintln!("error: {error:#}");
    }
    ExitCode::from(exit)
}
