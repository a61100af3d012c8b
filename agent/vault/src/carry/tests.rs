//! Cuts before each change of a stick, what is changed on one, and what is left of former keys.
//! Never looks at anything but the folder.
//! Run by `cargo test -p vault`.

use super::*;
use logic::carry::{StickEntities, entities_name};
use logic::entity::EntityType;
use logic::site::SiteKey;
use system::root::fuse;

fn key(of: u8) -> OrganisationKey {
    SiteKey::new([of; 32]).of_organisation("1001")
}

/// A head of this number, and the objects that it names: one for each of the texts.
fn export(key: &OrganisationKey, number: u64, texts: &[&str]) -> (FoundHead, Objects) {
    let object = |text: &&str| {
        let body = text.repeat(1000).into_bytes();
        let name = entities_name(key, &body);
        let object = SiteObject {
            kind: ObjectKind::Entities,
            box_id: "b".into(),
            generation: number,
            at: 7,
            body,
        };
        (name, object)
    };
    let objects: Objects = texts.iter().map(object).collect();
    let head = StickHead {
        complete_at: number as i64,
        types: vec![StickEntities {
            kind: EntityType::TestTaker,
            count: 1,
            bodies: objects.iter().map(|(name, _)| *name).collect(),
        }],
        ..StickHead::default()
    };
    let found = FoundHead {
        number,
        box_id: "b".into(),
        at: 7,
        head,
    };
    (found, objects)
}

type Objects = Vec<(NameHash, SiteObject)>;

fn lacking(stick: &StickFolder) -> Option<(u64, usize)> {
    let found = stick.head().unwrap()?;
    let lacking = stick.unwhole(&found.head, &mut |_| {}).unwrap();
    Some((found.number, lacking.len()))
}

/// Pulled before each change of the stick, until no cut comes: the data before or its successor is whole on it, and the same
/// export again brings the successor and leaves nothing else.
#[test]
fn a_stick_that_is_pulled_has_the_data_before_or_its_successor_whole() {
    let (mut cuts, mut before, mut after) = (0, 0, 0);
    for changes in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let stick = StickFolder::new(dir.path(), key(1));
        let (first, objects) = export(stick.key(), 1, &["a", "b", "c"]);
        stick.write(&objects).unwrap();
        stick.place(&first).unwrap();
        let (second, objects) = export(stick.key(), 2, &["b", "d", "e"]);
        let act = || {
            stick.clean();
            let mut missing = objects.clone();
            missing.retain(|(name, _)| !stick.holds(*name, None).unwrap());
            stick.write(&missing)?;
            stick.place(&second)
        };
        fuse::set(Some(changes));
        let done = act();
        let cut = fuse::is_blown();
        fuse::set(None);
        assert_eq!(done.is_err(), cut, "after {changes} changes");
        let (number, lacking_here) = lacking(&stick).unwrap();
        assert_eq!(lacking_here, 0, "after {changes} changes");
        before += u64::from(number == 1);
        after += u64::from(number == 2);
        // Cut again in the healing.
        fuse::set(Some(3));
        let _ = act();
        fuse::set(None);
        assert_eq!(lacking(&stick).unwrap().1, 0, "after {changes} changes");
        act().unwrap();
        assert_eq!(lacking(&stick), Some((2, 0)));
        let files = fs::read_dir(&stick.folder).unwrap().count();
        assert_eq!(files, 4, "one head and three objects");
        if !cut {
            break;
        }
        cuts = changes;
    }
    assert!(
        cuts > 8 && before > 5 && after > 1,
        "{cuts} {before} {after}"
    );
}

#[test]
fn what_was_changed_swapped_or_lost_is_named_and_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let stick = StickFolder::new(dir.path(), key(1));
    assert_eq!(lacking(&stick), None);
    let (found, objects) = export(stick.key(), 1, &["a", "b", "c", "d"]);
    stick.write(&objects).unwrap();
    stick.place(&found).unwrap();
    assert_eq!(lacking(&stick), Some((1, 0)));
    // Another site's box reads nothing, and finds nothing.
    let foreign = StickFolder::new(dir.path(), key(2));
    assert!(!foreign.exists());
    let path = |n: usize| stick.path(objects[n].0);
    let mut bytes = fs::read(path(0)).unwrap();
    bytes[900] ^= 1;
    fs::write(path(0), bytes).unwrap();
    fs::copy(path(3), path(1)).unwrap();
    fs::remove_file(path(2)).unwrap();
    let lacking = stick.unwhole(&found.head, &mut |_| {}).unwrap();
    let mut expected: Vec<NameHash> = objects[..3].iter().map(|(name, _)| *name).collect();
    expected.sort();
    assert_eq!(lacking, expected);
    // More than any memory: it is not read.
    fs::File::create(path(0)).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(stick.body(ObjectKind::Entities, objects[0].0), Ok(None));
    // An object of another kind under a name of its own.
    assert_eq!(stick.body(ObjectKind::Span, objects[3].0), Ok(None));
    assert!(stick.holds(objects[3].0, None).unwrap());
    assert!(!stick.holds(objects[3].0, Some(1000)).unwrap());
}

#[test]
fn of_two_exports_at_once_the_second_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let stick = StickFolder::new(dir.path(), key(1));
    let first = stick.claim().unwrap();
    assert_eq!(stick.claim().unwrap_err().code, Code::CarryMedium);
    drop(first);
    assert!(stick.claim().unwrap().is_some());
    let none = StickFolder::new(&dir.path().join("none"), key(1));
    assert_eq!(none.claim().unwrap_err().code, Code::CarryMedium);
}

#[test]
fn a_newer_head_that_does_not_open_leaves_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let stick = StickFolder::new(dir.path(), key(1));
    let (first, objects) = export(stick.key(), 1, &["a"]);
    stick.write(&objects).unwrap();
    stick.place(&first).unwrap();
    let other = stick.path(head_names(stick.key())[head_place(2)]);
    fs::copy(stick.path(head_names(stick.key())[head_place(1)]), &other).unwrap();
    assert_eq!(stick.head().unwrap(), Some(first));
}

#[test]
fn what_a_former_key_sealed_goes_when_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let former = StickFolder::new(dir.path(), key(1));
    let (found, objects) = export(former.key(), 1, &["a"]);
    former.write(&objects).unwrap();
    former.place(&found).unwrap();
    fs::write(former.folder.join("note.txt"), "of a person").unwrap();
    former.leave().unwrap();
    assert_eq!(lacking(&former), None);
    assert_eq!(fs::read_dir(&former.folder).unwrap().count(), 1);
}

/// FAT keeps a new folder with what lies in it alone: its entry has to be flushed by itself.
#[test]
fn a_new_folder_is_durable_before_anything_lies_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let stick = StickFolder::new(dir.path(), key(1));
    fuse::set(Some(0));
    let cut = stick.write(&[]);
    fuse::set(None);
    assert_eq!(cut.unwrap_err().code, Code::CarryMedium);
    stick.write(&[]).unwrap();
}

/// A link in the place of the folder would have an export remove what lies where it leads: second copies, say.
#[test]
fn a_link_in_the_place_of_the_folder_is_not_followed() {
    let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stick = StickFolder::new(dir.path(), key(1));
    std::os::unix::fs::symlink(copies.path(), &stick.folder).unwrap();
    assert_eq!(stick.claim().unwrap_err().code, Code::CarryMedium);
    assert!(!stick.exists(), "one of a former key is left alone");
}
