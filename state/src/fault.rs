//! The steps of what changes the disk, by name, so that a test can end the process at each of them.
//!
//! Without the feature `fault-points` a step is nothing, and the compiler sees it. With it, each step is told to the
//! one who [`watch`]es; what happens there is the watcher's business. The harness is `tests/crash`.

/// Whether steps are told. A program that anybody relies on asserts at compile time that they are not.
pub const TOLD: bool = cfg!(feature = "fault-points");

/// Every step. Those of a new database come first, in their order.
pub const POINTS: [&str; 17] = [
    "open: directory made",
    "open: database made",
    "begin: genesis written",
    "open: database closed",
    "place: taken",
    "place: synced",
    "commit: prepared",
    "commit: written",
    "commit: published",
    "commit: files below the floor freed",
    "compact: done",
    "checkpoint: made",
    "restore: begun with what the database holds",
    "restore: piece written",
    "restore: head written",
    "place: freed",
    "rollback: written",
];

#[cfg(feature = "fault-points")]
static WATCHER: std::sync::OnceLock<fn(&'static str)> = std::sync::OnceLock::new();

/// From now on each step of this process is told to `watcher`, in the thread that does it. Only the first call counts.
#[cfg(feature = "fault-points")]
pub fn watch(watcher: fn(&'static str)) {
    let _ = WATCHER.set(watcher);
}

/// Says that a step of [`POINTS`] is done.
#[inline]
pub(crate) fn point(name: &'static str) {
    #[cfg(feature = "fault-points")]
    if let Some(watcher) = WATCHER.get() {
        watcher(name);
    }
    #[cfg(not(feature = "fault-points"))]
    let _ = name;
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::POINTS;

    /// The names in all calls of [`super::point`] in the files below `folder`.
    fn called(folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                names.extend(called(&path));
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let calls = text.split("fault::point(\"").skip(1);
                names.extend(calls.filter_map(|call| Some(call.split_once('"')?.0.to_owned())));
            }
        }
        names
    }

    #[test]
    fn the_list_names_each_step_that_the_code_names_once() {
        let mut called = called(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        called.sort();
        let mut listed = POINTS.to_vec();
        listed.sort_unstable();
        assert_eq!(called, listed);
    }
}
