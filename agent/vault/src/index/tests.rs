//! The store opened, shared, damaged and rebuilt.
//! Never part of the product.
//! Run by `cargo test -p vault`.

use super::*;
use logic::entity::Checksum;
use logic::fault::{Code, Fault};

const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

fn open(vault: &Vault) -> IndexStore {
    IndexStore::open(vault, OPEN_TIMEOUT, &|_| Probed::Opens).unwrap()
}

fn row() -> EntityLocation {
    EntityLocation {
        checksum: Checksum([1; 16]),
        segment: 3,
        offset: 5,
        length: 9,
    }
}

fn report(sync_id: u64) -> Report {
    let params = logic::words::SyncParams {
        organisation_id: "1".into(),
        sync_id,
        box_id: "b".into(),
        tao_version: "2022.11".into(),
    };
    Report::new(&params, 3)
}

fn quarantined(vault: &Vault) -> usize {
    fs::read_dir(vault.state().join("quarantine")).map_or(0, Iterator::count)
}

#[test]
fn staged_rows_survive_a_close_and_are_forgotten_together() {
    let (_dir, vault) = Vault::fresh();
    let index = open(&vault);
    index
        .stage(EntityType::Proctor, &[(NameHash([2; 16]), row())])
        .unwrap();
    index.close().unwrap();
    let index = open(&vault);
    assert_eq!(
        index.staged(EntityType::Proctor).unwrap(),
        EntityRows::from([(NameHash([2; 16]), row())])
    );
    assert_eq!(
        index.staged(EntityType::Delivery).unwrap(),
        EntityRows::new()
    );
    index.unstage().unwrap();
    assert_eq!(
        index.staged(EntityType::Proctor).unwrap(),
        EntityRows::new()
    );
}

#[test]
fn rows_that_the_first_release_staged_are_read_and_newer_ones_count() {
    let (_dir, vault) = Vault::fresh();
    let index = open(&vault);
    let kind = EntityType::Proctor;
    let named = |number| NameHash([number; 16]);
    let older = EntityLocation {
        segment: 1,
        ..row()
    };
    for number in [1, 2] {
        let key = [index.prefix(kind), named(number).0].concat();
        let sealed = index.seal("staged", &key, &older);
        index.tree("staged").unwrap().insert(key, sealed).unwrap();
    }
    for segment in [7, 8] {
        let newer = EntityLocation { segment, ..row() };
        index
            .stage(kind, &[(named(2), newer), (named(3), newer)])
            .unwrap();
    }
    index.close().unwrap();
    let index = open(&vault);
    let newest = EntityLocation {
        segment: 8,
        ..row()
    };
    let expected = [(named(1), older), (named(2), newest), (named(3), newest)];
    assert_eq!(index.staged(kind).unwrap(), EntityRows::from(expected));
    index.unstage().unwrap();
    assert_eq!(index.staged(kind).unwrap(), EntityRows::new());
}

#[test]
fn a_store_of_another_format_is_dropped_and_that_is_told_once() {
    let (_dir, vault) = Vault::fresh();
    let as_format =
        |format| IndexStore::open_as(format, &vault, OPEN_TIMEOUT, &|_| Probed::Opens).unwrap();
    let rows = [(NameHash([2; 16]), row())];
    let first = as_format(1);
    assert_eq!(first.rebuilt, None);
    first.stage(EntityType::Proctor, &rows).unwrap();
    first.close().unwrap();
    let second = as_format(2);
    let told = second.rebuilt.as_deref().unwrap();
    assert!(
        told.contains("format 1") && told.contains("writes 2"),
        "{told}"
    );
    assert_eq!(
        second.staged(EntityType::Proctor).unwrap(),
        EntityRows::new()
    );
    second.stage(EntityType::Proctor, &rows).unwrap();
    second.close().unwrap();
    let again = as_format(2);
    assert_eq!(again.rebuilt, None);
    assert_eq!(
        again.staged(EntityType::Proctor).unwrap(),
        EntityRows::from(rows)
    );
    // Back to an older boxsync: as if it were damaged.
    again.close().unwrap();
    assert!(as_format(1).rebuilt.is_some());
}

#[test]
fn another_shape_of_a_row_is_another_format() {
    let mut report = report(2);
    report.entity(EntityType::Delivery).created = 4;
    let words = "p: w is damaged or was sealed with another key";
    report.find(&Fault::new(Code::StoreDamaged, words));
    let crc = |bytes: &[u8]| crc32fast::hash(bytes);
    // Another figure: `FORMAT` grows.
    let row = postcard::to_allocvec(&row()).unwrap();
    assert_eq!((FORMAT, crc(&row)), (1, 2_989_936_175));
    // Another figure: `last` and the history in an older box's store need a way to be read.
    assert_eq!(crc(&postcard::to_allocvec(&report).unwrap()), 2_642_096_501);
}

#[test]
fn a_store_that_does_not_open_is_moved_aside() {
    let (_dir, vault) = Vault::fresh();
    let rows = [(NameHash([2; 16]), row())];
    // Dropped without its close: an unclean end.
    open(&vault).stage(EntityType::Proctor, &rows).unwrap();
    let probe = |_: &Path| Probed::Damaged;
    let index = IndexStore::open(&vault, OPEN_TIMEOUT, &probe).unwrap();
    let told = index.rebuilt.as_deref().unwrap();
    assert!(told.contains("quarantine"), "{told}");
    assert_eq!(
        index.staged(EntityType::Proctor).unwrap(),
        EntityRows::new()
    );
    assert_eq!(quarantined(&vault), 1);
}

#[test]
fn a_store_in_use_is_busy_and_never_damaged_whatever_a_probe_says() {
    let (_dir, vault) = Vault::fresh();
    let rows = [(NameHash([2; 16]), row())];
    let held = open(&vault);
    held.stage(EntityType::Proctor, &rows).unwrap();
    // The mark of an open store lies there, and sled's own lock fails every probe.
    for probed in [Probed::Damaged, Probed::Busy, Probed::Unreadable] {
        let busy = IndexStore::open(&vault, Duration::ZERO, &|_| probed)
            .err()
            .unwrap();
        assert_eq!(busy.code, Code::StateBusy);
    }
    assert_eq!(super::probe(&vault.state().join("index")), Probed::Busy);
    assert_eq!(quarantined(&vault), 0);
    held.close().unwrap();
    assert_eq!(
        open(&vault).staged(EntityType::Proctor).unwrap(),
        EntityRows::from(rows)
    );
}

#[test]
fn a_probe_that_knows_nothing_moves_nothing_aside() {
    let (_dir, vault) = Vault::fresh();
    drop(open(&vault));
    for (probed, code) in [
        (Probed::Busy, Code::StateBusy),
        (Probed::Unreadable, Code::StateIo),
    ] {
        let told = IndexStore::open(&vault, Duration::ZERO, &|_| probed)
            .err()
            .unwrap();
        assert_eq!(told.code, code);
    }
    assert_eq!(quarantined(&vault), 0);
    for (wait, probed) in [
        (0, Probed::Opens),
        (1 << 8, Probed::Damaged),
        (101 << 8, Probed::Damaged),
        (6 << 8, Probed::Busy),
        (7 << 8, Probed::Unreadable),
        (6, Probed::Damaged),
        (9, Probed::Unreadable),
        (15, Probed::Unreadable),
    ] {
        assert_eq!(Probed::of(ExitStatus::from_raw(wait)), probed, "{wait}");
    }
}

#[test]
fn what_an_older_boxsync_kept_is_read_once() {
    let (_dir, vault) = Vault::fresh();
    let index = open(&vault);
    for sync_id in [1u64, 2] {
        let key = sync_id.to_be_bytes();
        let value = index.seal("history", &key, &report(sync_id));
        index.tree("history").unwrap().insert(key, value).unwrap();
    }
    index.tree("feed").unwrap().insert(b"head", b"x").unwrap();
    index.close().unwrap();
    let index = open(&vault);
    assert!(index.has_old());
    assert_eq!(index.old_history().unwrap(), [report(1), report(2)]);
    index.forget_old().unwrap();
    assert!(!index.has_old());
}
