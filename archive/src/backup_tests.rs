use super::*;

fn about() -> anyhow::Result<About> {
    let (genesis, state_root) = (Hash([1; 32]), Hash([2; 32]));
    Ok(About { made_ms: 1, genesis, height: Height(7), state_root, floor: Height(0) })
}

/// A store of these files, by name and content.
fn sources(directory: &Path, files: &[(&str, &str)]) -> Vec<(String, PathBuf)> {
    let mut sources = Vec::new();
    for (name, content) in files {
        let path = directory.join(name);
        fs::write(&path, content).unwrap();
        sources.push((format!("db/{name}"), path));
    }
    sources
}

fn contents(backups: &Backups) -> usize {
    fs::read_dir(backups.files()).unwrap().count()
}

#[test]
fn a_further_generation_copies_only_what_is_new_and_old_ones_go() {
    let directory = tempfile::tempdir().unwrap();
    let backups = Backups::open_or_make(&directory.path().join("to")).unwrap();
    let first = sources(directory.path(), &[("1.sst", "one"), ("2.sst", "two"), ("M", "a")]);
    let made = backups.make(&first, 2, about).unwrap();
    assert_eq!((made.generation.number, made.new_files, made.new_bytes), (1, 3, 7));

    let second = sources(directory.path(), &[("2.sst", "two"), ("3.sst", "three"), ("M", "b")]);
    let made = backups.make(&second, 2, about).unwrap();
    assert_eq!((made.generation.number, made.new_files, made.new_bytes), (2, 2, 6));
    assert_eq!(contents(&backups), 5);

    let made = backups.make(&second, 2, about).unwrap();
    assert_eq!((made.new_files, made.removed), (0, vec![1]));
    assert_eq!(contents(&backups), 3, "what only the first one had is gone");
    for (_, generation) in backups.all().unwrap() {
        assert_eq!(backups.verify(&generation.unwrap()), Vec::<String>::new());
    }
}

#[test]
fn a_backup_that_fails_leaves_the_last_one_whole() {
    let directory = tempfile::tempdir().unwrap();
    let backups = Backups::open_or_make(&directory.path().join("to")).unwrap();
    let files = sources(directory.path(), &[("1.sst", "one")]);
    backups.make(&files, 1, about).unwrap();
    let more = sources(directory.path(), &[("2.sst", "two")]);
    assert!(backups.make(&more, 1, || bail!("the copy is damaged")).is_err());
    // What a crash in the middle of a copy leaves.
    fs::write(backups.files().join("unfinished"), "tw").unwrap();
    assert_eq!(backups.newest().unwrap(), 1);
    assert_eq!(backups.verify(&backups.generation(1).unwrap()), Vec::<String>::new());
    backups.make(&more, 1, about).unwrap();
    assert_eq!(contents(&backups), 1);
}

#[test]
fn damage_is_named_and_nothing_damaged_is_restored() {
    let directory = tempfile::tempdir().unwrap();
    let backups = Backups::open_or_make(&directory.path().join("to")).unwrap();
    let files = sources(directory.path(), &[("1.sst", "one"), ("2.sst", "two")]);
    let generation = backups.make(&files, 1, about).unwrap().generation;
    fs::write(backups.content(&generation.files[1].hash), "tow").unwrap();
    assert_eq!(backups.verify(&generation), ["db/2.sst is damaged"]);
    let restored = directory.path().join("db");
    let error = backups.restore(&generation, &restored, |_| None).unwrap_err();
    assert!(error.to_string().contains("db/2.sst"), "{error}");
    assert!(!restored.exists());

    let manifest = backups.manifest(1);
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"height\": 7", "\"height\": 8")).unwrap();
    let error = backups.generation(1).unwrap_err();
    assert!(error.to_string().contains("seal"), "{error}");
}

#[test]
fn a_directory_with_other_files_is_left_alone_and_names_stay_inside() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mine"), "").unwrap();
    assert!(Backups::open_or_make(directory.path()).is_err());
    assert!(Backups::open(directory.path()).is_err());
    for (name, safe) in [
        ("db/000012.sst", true),
        ("genesis.toml", true),
        ("../x", false),
        ("db/../x", false),
        ("db/.x", false),
        ("/etc/x", false),
        ("db/", false),
    ] {
        assert_eq!(is_safe(name), safe, "{name}");
    }
}
