//! `quorate dev` and a folder to work in, by the command line alone: as whoever writes a contract
//! has them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::{env, fs};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::process::binary;

/// A chain for development. Dropping it ends it.
#[derive(Debug)]
pub struct Dev {
    node: Child,
    home: PathBuf,
    greeting: Value,
    /// Last, so that the node ends before its home does.
    folder: TempDir,
}

impl Dev {
    /// Starts it, and waits until it serves.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("quorate-dev-test-").tempdir()?;
        let home = folder.path().join("home");
        let mut node = Command::new(binary("quorate")?)
            .args(["dev", "--json", "--dir"])
            .arg(&home)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log"))?)
            .spawn()?;
        let said = node.stdout.take().context("its output is piped")?;
        // It says where it serves in one JSON document, whose last line is a lone brace.
        let mut greeting = String::new();
        for line in BufReader::new(said).lines() {
            let line = line?;
            greeting.push_str(&line);
            if line == "}" {
                break;
            }
        }
        let greeting = serde_json::from_str(&greeting).with_context(|| {
            let log = fs::read_to_string(folder.path().join("log"));
            format!("it does not serve: {}", log.unwrap_or_default())
        })?;
        Ok(Self { node, home, greeting, folder })
    }

    /// Where commands run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The node's RPC address.
    pub fn rpc(&self) -> &str {
        self.greeting.get("rpc").and_then(Value::as_str).unwrap_or_default()
    }

    /// The seed of a funded key, in hex.
    pub fn seed(&self, name: &str) -> Option<&str> {
        let accounts = self.greeting.get("accounts")?.as_array()?;
        let account = accounts.iter().find(|account| account.get("name") == Some(&name.into()))?;
        account.get("seed")?.as_str()
    }

    /// Runs `quorate` with these words, as a shell would split them: what stands in single quotes
    /// is one. Alice signs, unless another key is named.
    pub fn try_run(&self, line: &str) -> anyhow::Result<Output> {
        let mut command = Command::new(binary("quorate")?);
        // Cargo's settings for the test are none of the contract's.
        for (name, _) in env::vars_os() {
            let is_cargos = name.to_string_lossy().starts_with("CARGO");
            if is_cargos && name != "CARGO_HOME" {
                command.env_remove(name);
            }
        }
        command.arg("--home").arg(&self.home).current_dir(self.folder());
        if !line.contains("--key") {
            command.args(["--key", "alice"]);
        }
        let parts = line.split('\'').enumerate();
        for (index, part) in parts {
            match index % 2 {
                0 => command.args(part.split_whitespace()),
                _ => command.arg(part),
            };
        }
        Ok(command.output()?)
    }

    /// Runs a command that must succeed, and answers with its JSON.
    pub fn run(&self, line: &str) -> anyhow::Result<Value> {
        let output = self.try_run(&format!("--json {line}"))?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "quorate {line}: {complaint}");
        serde_json::from_slice(&output.stdout).with_context(|| format!("quorate {line}"))
    }

    /// Runs a command that must fail, and answers with what it says.
    pub fn refused(&self, line: &str) -> anyhow::Result<String> {
        let output = self.try_run(line)?;
        ensure!(!output.status.success(), "quorate {line} succeeded");
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Ended already, or ended here.
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}
