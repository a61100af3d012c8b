//! What the grid of sealed records promises, on a real folder.
//! Never a sleep.
//! Run with the library's own tests.

use super::*;
use logic::fault::Code;

const SIZE: u64 = RECORD as u64 * 2 + 100;

fn packages() -> (tempfile::TempDir, PackageStore) {
    let (dir, vault) = Vault::fresh();
    let packages = PackageStore::open(&vault).unwrap();
    (dir, packages)
}

fn plain(meta: &Meta, index: u64) -> Vec<u8> {
    vec![index as u8 + 1; meta.length(index)]
}

fn fill(part: &mut PartialPackage, indices: impl IntoIterator<Item = u64>) {
    for index in indices {
        let mut buffer = PartialPackage::buffer();
        buffer.extend(plain(&part.meta().clone(), index));
        part.write(index, &mut buffer).unwrap();
    }
}

#[test]
fn what_is_whole_is_kept_and_nothing_else() {
    let (_dir, packages) = packages();
    let mut part = packages.begin("d", SIZE, Some([1; 32]), 0).unwrap();
    fill(&mut part, [0, 2]);
    let (path, slot) = (part.content.path.clone(), part.meta().slot(2));
    drop(part);
    let meta = packages.coming("d").unwrap().unwrap();
    assert_eq!(
        packages.resume(meta.clone(), |_, _| ()).unwrap().have(),
        [true, false, true]
    );
    // A torn write of the last record, and a lost one of the first.
    let mut bytes = fs::read(&path).unwrap();
    bytes[slot as usize + 50..].fill(0);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(
        packages.resume(meta.clone(), |_, _| ()).unwrap().have(),
        [true, false, false]
    );
    fs::write(&path, &bytes[..10]).unwrap();
    assert_eq!(
        packages.resume(meta.clone(), |_, _| ()).unwrap().have(),
        [false, false, false]
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(
        packages.resume(meta, |_, _| ()).unwrap().have(),
        [false, false, false]
    );
}

#[test]
fn records_of_another_edition_or_place_do_not_open() {
    let (_dir, packages) = packages();
    let mut part = packages.begin("d", SIZE, Some([1; 32]), 0).unwrap();
    fill(&mut part, [0, 1, 2]);
    let old = fs::read(&part.content.path).unwrap();
    drop(part);
    let part = packages.begin("d", SIZE, Some([2; 32]), 0).unwrap();
    fs::write(&part.content.path, &old).unwrap();
    let meta = part.meta().clone();
    drop(part);
    assert_eq!(
        packages.resume(meta, |_, _| ()).unwrap().have(),
        [false, false, false]
    );
}

#[test]
fn a_package_is_visible_only_when_published_and_replaces_the_one_before() {
    let (_dir, packages) = packages();
    for tail in [1, 2] {
        let mut part = packages.begin("d", SIZE, Some([tail; 32]), 0).unwrap();
        fill(&mut part, 0..3);
        if tail == 1 {
            assert_eq!(packages.held("d").unwrap(), None);
        }
        part.publish(false, None).unwrap();
        let meta = packages.held("d").unwrap().unwrap();
        assert_eq!(
            (meta.tail, packages.coming("d").unwrap()),
            (Some([tail; 32]), None)
        );
        let content = packages.content(&meta).unwrap();
        for index in 0..3 {
            assert_eq!(
                content.record(index, &mut Vec::new()).unwrap(),
                plain(&meta, index)
            );
        }
        assert_eq!(content.from(u64::from(RECORD) - 1, 10).unwrap(), [1]);
        assert_eq!(content.from(SIZE - 5, 10).unwrap(), [3; 5]);
    }
    assert_eq!(packages.files().unwrap().len(), 2);
    assert_eq!(packages.collect(&|_| true).unwrap(), 0);
    assert_eq!(packages.collect(&|_| false).unwrap(), 1);
    assert_eq!(packages.files().unwrap().len(), 0);
}

#[test]
fn the_reserve_stays_free() {
    let (_dir, packages) = packages();
    let error = packages.begin("d", 10, None, u64::MAX / 2).err().unwrap();
    assert_eq!(error.code, Code::DiskFull);
    assert_eq!(packages.files().unwrap().len(), 0);
}

#[test]
fn a_package_without_a_length_grows_and_ends_where_it_ends() {
    let (_dir, packages) = packages();
    let record = u64::from(RECORD);
    for size in [
        100,
        record - 1,
        record,
        record + 1,
        3 * record,
        3 * record + 7,
    ] {
        let mut part = packages.begin("d", record, None, 0).unwrap();
        let mut index = 0;
        while (index + 1) * record <= size {
            if index == part.meta().records() {
                part.grow(record, 0).unwrap();
            }
            fill(&mut part, [index]);
            index += 1;
        }
        if index == part.meta().records() && size > index * record {
            part.grow(record, 0).unwrap();
        }
        part.end_at(size).unwrap();
        if size > index * record {
            fill(&mut part, [index]);
        }
        part.identify([7; 32]).unwrap();
        let meta = part.publish(false, None).unwrap();
        assert_eq!(
            (meta.size, packages.held("d").unwrap()),
            (size, Some(meta.clone()))
        );
        packages.glance(&meta).unwrap();
        let content = packages.content(&meta).unwrap();
        let mut buffer = Vec::new();
        for index in 0..meta.records() {
            assert_eq!(
                content.record(index, &mut buffer).unwrap(),
                plain(&meta, index)
            );
        }
    }
    let mut part = packages.begin("d", record, None, 0).unwrap();
    let trouble = part.grow(record << 30, 0).unwrap_err();
    assert_eq!(trouble.code, Code::DiskFull);
    assert_eq!(part.meta().size, record);
}

#[test]
fn a_size_is_known_without_room_and_goes_with_its_package_or_its_delivery() {
    let (_dir, packages) = packages();
    let (old, new) = (Checksum::of("1"), Checksum::of("2"));
    packages.note_size("d", 1 << 40, Some(old)).unwrap();
    packages.note_size("e", 7, None).unwrap();
    let noted = |entity| packages.noted_size("d", entity);
    assert_eq!(
        (noted(Some(old)), noted(None)),
        (Some(1 << 40), Some(1 << 40))
    );
    assert_eq!(noted(Some(new)), None, "another package since, perhaps");
    let state = packages.state("d").unwrap();
    assert_eq!((state.word, state.bytes), ("missing", 1 << 40));
    packages.collect(&|delivery| delivery == "d").unwrap();
    assert_eq!(packages.noted_size("e", None), None);
    // What has come of it counts from then on.
    let mut part = packages.begin("d", SIZE, Some([1; 32]), 0).unwrap();
    fill(&mut part, [0, 2]);
    assert_eq!(packages.left("d").unwrap(), Some(u64::from(RECORD)));
    fill(&mut part, [1]);
    part.publish(false, None).unwrap();
    assert_eq!((noted(None), packages.left("d").unwrap()), (None, None));
}
