//! Building again, to compare.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::compile::{BuildError, Built, Lock, Options, Project, build, file_error};

/// What a build leaves in a project, or is none of its source.
const NOT_SOURCE: [&str; 2] = ["target", ".git"];

/// Builds a project from its source alone, in the empty folder `scratch`: nothing that was built
/// before is used, and where the project stands does not matter. A project that is a workspace of
/// its own is copied first; a member of a larger one is built where it is.
///
/// The lock file must be there and fit; `target_dir` of the options is not used.
pub fn reproduce(
    project_dir: &Path,
    scratch: &Path,
    options: &Options,
) -> Result<Built, BuildError> {
    let project_dir = &fs::canonicalize(project_dir).map_err(file_error(project_dir))?;
    let target_dir = Some(scratch.join("target"));
    let options = Options { target_dir, lock: Lock::Frozen, ..options.clone() };
    if !Project::read(project_dir)?.is_workspace {
        return build(project_dir, &options);
    }
    let copied = scratch.join("source");
    copy(project_dir, &copied)?;
    build(&copied, &options)
}

/// Copies the source of a project. Links are followed, so that the copy stands by itself.
fn copy(from: &Path, to: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(to).map_err(file_error(to))?;
    for entry in fs::read_dir(from).map_err(file_error(from))? {
        let path = entry.map_err(file_error(from))?.path();
        let name = path.file_name().unwrap_or_default();
        if NOT_SOURCE.iter().any(|other| name == OsStr::new(other)) {
            continue;
        }
        let copied = to.join(name);
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            fs::copy(&path, &copied).map_err(file_error(&path))?;
        }
    }
    Ok(())
}
