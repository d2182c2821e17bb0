//! `quorate backup`: the store, genesis and settings of a home, again and again into one directory.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use archive::backup::{About, Backups, Generation, Made, store_files};
use clap::Subcommand;
use serde_json::json;
use state::Summary;

use super::checkpoint::Checkpoint;
use super::context::Context;
use super::failure::Failure;
use super::output::{bytes, fields, table};
use super::snapshot::next;
use crate::vote_log;

/// What a backup leaves out, for the help.
const WITHOUT: &str = "\
Keys are not in a backup: keep them elsewhere, once. Neither is the vote log: what a validator signs
after the backup is not in it, and with an old one it could sign twice in one view. A validator that
comes back without its vote log follows first, and votes again by itself once enough of the others
are past all that it can have signed.";

#[derive(Debug, Subcommand)]
#[command(after_help = WITHOUT)]
pub enum Backup {
    /// Add a backup to a directory, while the node runs or not. What is there already is not copied
    /// again
    #[command(after_help = WITHOUT)]
    Create {
        directory: PathBuf,
        /// Backups to keep; the oldest beyond go
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
    },
    /// The backups in a directory
    List { directory: PathBuf },
    /// Read the files of a backup again, and compare each with what was backed up
    Verify {
        directory: PathBuf,
        /// Which one [default: all]
        #[arg(long, value_name = "NUMBER")]
        number: Option<u64>,
    },
    /// Make a backup this home's store
    #[command(after_help = WITHOUT)]
    Restore {
        directory: PathBuf,
        /// Which one [default: the newest]
        #[arg(long, value_name = "NUMBER")]
        number: Option<u64>,
        /// Replace the store that is there
        #[arg(long)]
        yes: bool,
    },
}

impl Backup {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::Create { directory, keep } => create(context, &directory, keep as usize),
            Self::List { directory } => list(context, &directory),
            Self::Verify { directory, number } => verify(context, &directory, number),
            Self::Restore { directory, number, yes } => restore(context, &directory, number, yes),
        }
    }
}

fn create(context: &Context, directory: &Path, keep: usize) -> anyhow::Result<()> {
    let genesis = context.home.genesis()?;
    let backups = Backups::open_or_make(directory)?;
    let checkpoint = Checkpoint::take(context)?;
    let mut sources = store_files(&checkpoint.path)?;
    for path in [context.home.genesis_file(), context.home.settings_file()] {
        if let (Some(name), true) = (path.file_name(), path.exists()) {
            sources.push((name.to_string_lossy().into_owned(), path));
        }
    }
    context.out.progress(&format!("reading {} files", sources.len()));
    let about = || {
        context.out.progress("comparing what was read with its checksums");
        let summary = state::verify_files(&checkpoint.path)?;
        let Summary { height, root, floor, .. } = summary;
        ensure!(summary.genesis == genesis.hash(), "the store is another chain's");
        let made = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let made_ms = u64::try_from(made.as_millis())?;
        Ok(About { made_ms, genesis: summary.genesis, height, state_root: root, floor })
    };
    let Made { generation, new_files, new_bytes, removed } = backups.make(&sources, keep, about)?;
    let answer = json!({
        "number": generation.number, "height": generation.about.height,
        "files": generation.files.len(), "bytes": generation.bytes(),
        "newFiles": new_files, "newBytes": new_bytes, "removed": removed,
    });
    context.out.show(&answer, || {
        let all = (generation.files.len(), bytes(generation.bytes()));
        let mut rows = vec![
            ("backup", format!("{} in {}", generation.number, directory.display())),
            ("height", generation.about.height.to_string()),
            ("files", format!("{}, {}", all.0, all.1)),
            ("copied", format!("{new_files}, {}", bytes(new_bytes))),
        ];
        let removed: Vec<_> = removed.iter().map(u64::to_string).collect();
        if !removed.is_empty() {
            rows.push(("removed", removed.join(", ")));
        }
        fields(&rows)
    })
}

fn list(context: &Context, directory: &Path) -> anyhow::Result<()> {
    let all = Backups::open(directory)?.all()?;
    let answer: Vec<_> = all
        .iter()
        .map(|(number, generation)| match generation {
            Ok(Generation { about, files, .. }) => {
                json!({ "number": number, "about": about, "files": files.len() })
            }
            Err(error) => json!({ "number": number, "error": format!("{error:#}") }),
        })
        .collect();
    context.out.show(&answer, || {
        let head = ["backup", "made", "height", "files", "size"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(all.iter().map(|(number, generation)| match generation {
            Ok(generation) => vec![
                number.to_string(),
                ago(generation.about.made_ms),
                generation.about.height.to_string(),
                generation.files.len().to_string(),
                bytes(generation.bytes()),
            ],
            Err(error) => vec![number.to_string(), format!("{error:#}")],
        }));
        table(&rows)
    })
}

/// How long ago something was, to about a tenth.
fn ago(made_ms: u64) -> String {
    let made = UNIX_EPOCH + Duration::from_millis(made_ms);
    let seconds = SystemTime::now().duration_since(made).unwrap_or_default().as_secs();
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn verify(context: &Context, directory: &Path, number: Option<u64>) -> anyhow::Result<()> {
    let backups = Backups::open(directory)?;
    let all = match number {
        Some(number) => vec![(number, backups.generation(number))],
        None => backups.all()?,
    };
    let (mut rows, mut answer, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
    for (number, generation) in all {
        context.out.progress(&format!("reading backup {number}"));
        let problems = match generation {
            Ok(generation) => backups.verify(&generation),
            Err(error) => vec![format!("{error:#}")],
        };
        if !problems.is_empty() {
            damaged.push(number.to_string());
        }
        answer.push(json!({ "number": number, "problems": problems }));
        let told = if problems.is_empty() { "whole".to_owned() } else { problems.join("; ") };
        rows.push(vec![number.to_string(), told]);
    }
    context.out.show(&answer, || table(&rows))?;
    if damaged.is_empty() {
        return Ok(());
    }
    let message = format!(
        "damaged: {}. Make a new backup in a new directory, and look after this disk",
        damaged.join(", ")
    );
    Err(Failure::Damaged(message).into())
}

fn restore(
    context: &Context,
    directory: &Path,
    number: Option<u64>,
    yes: bool,
) -> anyhow::Result<()> {
    let backups = Backups::open(directory)?;
    let number = number.map_or_else(|| backups.newest(), Ok)?;
    let generation = backups.generation(number)?;
    let (home, place) = (&context.home, context.home.database());
    if place.exists() && !yes {
        let message = format!(
            "{} exists, and backup {number} of height {} would take its place: add --yes to do it",
            place.display(),
            generation.about.height
        );
        return Err(Failure::Usage(message).into());
    }
    home.create()?;
    let _lock = home.lock()?;
    let is_there = |name: &str| home.root().join(name).exists();
    let (has_genesis, has_settings) = (is_there("genesis.toml"), is_there("node.toml"));
    if has_genesis {
        let (own, theirs) = (home.genesis()?.hash(), generation.about.genesis);
        ensure!(own == theirs, "the backup is of the chain {theirs}, and this home's is {own}");
    }
    let unfinished = place.with_extension("backup");
    context.out.progress(&format!("copying {}", bytes(generation.bytes())));
    let restored = backups.restore(&generation, &unfinished, |name| match name {
        "genesis.toml" => (!has_genesis).then(|| home.genesis_file()),
        "node.toml" => (!has_settings).then(|| home.settings_file()),
        _ => None,
    });
    if let Err(error) = restored {
        let message =
            format!("backup {number} cannot be restored: {error:#}. The store is as it was");
        return Err(Failure::Damaged(message).into());
    }
    state::put_in_place(&unfinished, &place)?;
    let log = vote_log::after_restore(&home.vote_log())?;
    let height = generation.about.height;
    let answer = json!({ "number": number, "height": height, "voteLog": log.name() });
    let validators = home.genesis()?.validators.len();
    context.out.show(&answer, || {
        let rows = [
            ("backup", number.to_string()),
            ("height", height.to_string()),
            ("vote log", log.name().to_owned()),
        ];
        format!("{}\n\n{}", fields(&rows), next(&log, validators, height))
    })
}
