//! Holds what a technician sees against the files of tests/fixtures/screens (`BOXSYNC_SNAPSHOTS=1` writes them anew), and
//! makes an empty store.
//! Never a part of the binary.
//! Called by the tests of `cli`, `engine`, `gateway` and `page`.

use std::path::Path;

const HINT: &str = "BOXSYNC_SNAPSHOTS=1 writes it anew";

/// Holds a text against the file of that name.
#[track_caller]
pub(crate) fn held(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/screens");
    let file = folder.join(name);
    if std::env::var_os("BOXSYNC_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    // The whole of a page would hide the line that matters.
    for (at, pair) in text.lines().zip(known.lines()).enumerate() {
        assert_eq!(pair.0, pair.1, "{name}:{}: {HINT}", at + 1);
    }
    assert_eq!(text.len(), known.len(), "{name}: {HINT}");
}

/// The vault of an empty folder, and the folder that goes with it.
pub(crate) fn fresh_vault() -> (tempfile::TempDir, vault::Vault) {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault::Vault::open(&system::root::Root::new(folder.path())).unwrap();
    (folder, vault)
}
