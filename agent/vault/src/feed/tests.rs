//! The feed under cuts, copies and damage, and followers that begin, lag and meet a new epoch at any moment.
//! Never part of the product.
//! Run by `cargo test -p vault`.

use logic::feed::{FeedRequest, FollowerAdmission, admit};
use proptest::prelude::*;

use super::*;

impl Feed {
    fn append_all(&self, step: FeedUpdate, changes: &[FeedChange]) -> Result<(), Fault> {
        self.append(step, changes.iter().cloned().map(Ok))
    }
}

fn change(id: &str, op: Op, generation: u64) -> FeedChange {
    FeedChange {
        kind: EntityType::Proctor,
        id: id.into(),
        op,
        generation,
    }
}

fn put(id: &str, generation: u64) -> FeedChange {
    change(id, Op::Put, generation)
}

fn step(before: u64, generation: u64) -> FeedUpdate {
    FeedUpdate {
        before,
        generation,
        from_empty: before == 0,
        complete: true,
    }
}

/// A feed whose segments and patience are short.
fn small(vault: &Vault) -> Feed {
    Feed {
        kept: 12,
        per_segment: 4,
        ..Feed::of(vault)
    }
}

fn held(feed: &Feed) -> Snapshot {
    feed.snapshot().unwrap().unwrap()
}

fn after(snapshot: &Snapshot, number: u64) -> Vec<(u64, String)> {
    let changes = snapshot.changes(number);
    changes
        .map(|(place, change)| (place.number, change.id))
        .collect()
}

fn named(from: u64, ids: &[&str]) -> Vec<(u64, String)> {
    (from..).zip(ids.iter().map(ToString::to_string)).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn changes_are_numbered_and_a_gap_begins_a_new_epoch() {
    let (_dir, vault) = Vault::fresh();
    let feed = Feed::of(&vault);
    assert!(feed.snapshot().unwrap().is_none());
    feed.append_all(step(0, 1), &[put("a", 1), put("b", 1)])
        .unwrap();
    feed.append_all(step(1, 2), &[put("a", 2)]).unwrap();
    feed.append_all(step(2, 3), &[]).unwrap();
    let first = held(&feed);
    assert_eq!(after(&first, 1), named(2, &["b", "a"]));
    assert_eq!(first.generation(), 3);
    let extent = first.extent();
    assert_eq!((extent.oldest, extent.newest, extent.whole), (1, 3, true));
    feed.append_all(step(7, 8), &[put("c", 8)]).unwrap();
    let second = held(&feed).extent();
    assert_ne!(second.epoch, extent.epoch);
    // What was there before has no numbers, so that 0 is nowhere.
    assert_eq!((second.oldest, second.newest, second.whole), (2, 2, false));
    // Whoever reads the snapshot of before is cut off, and told nothing wrong.
    assert_eq!(after(&first, 0), []);
}

#[test]
fn what_went_unnamed_begins_a_new_epoch() {
    let (_dir, vault) = Vault::fresh();
    let feed = Feed::of(&vault);
    feed.append_all(step(0, 1), &[put("a", 1)]).unwrap();
    let before = held(&feed).extent();
    let unnamed = FeedUpdate {
        complete: false,
        ..step(1, 2)
    };
    feed.append_all(unnamed, &[]).unwrap();
    assert_ne!(held(&feed).extent().epoch, before.epoch);
}

#[test]
fn old_changes_go_and_every_place_that_is_kept_is_found() {
    let (_dir, vault) = Vault::fresh();
    let feed = small(&vault);
    let mut ids = Vec::new();
    for generation in 1..=9 {
        let now: Vec<_> = (0..3)
            .map(|n| put(&format!("{generation}.{n}"), generation))
            .collect();
        ids.extend(now.iter().map(|change| change.id.clone()));
        feed.append_all(step(generation - 1, generation), &now)
            .unwrap();
    }
    let snapshot = held(&feed);
    let extent = snapshot.extent();
    assert_eq!((extent.oldest, extent.newest), (13, 27));
    let tags: std::collections::BTreeSet<u64> = (extent.oldest - 1..=27)
        .map(|number| {
            let rest = after(&snapshot, number);
            assert_eq!(
                rest,
                (number + 1..)
                    .zip(ids[number as usize..].to_vec())
                    .collect::<Vec<_>>()
            );
            let place = snapshot.position(number).unwrap();
            assert_eq!(place.number, number);
            if let Some((behind, _)) = snapshot.changes(number - 1).next()
                && number >= extent.oldest
            {
                assert_eq!(behind, place);
            }
            place.tag
        })
        .collect();
    // One for each publication.
    assert_eq!(tags.len(), 6);
    assert_eq!(snapshot.position(28), None);
    assert_eq!(fs::read_dir(vault.state().join("feed")).unwrap().count(), 5);
}

#[test]
fn what_a_cut_left_behind_the_published_end_is_nobody_s() {
    let (_dir, vault) = Vault::fresh();
    let feed = Feed::of(&vault);
    feed.append_all(step(0, 1), &[put("a", 1)]).unwrap();
    let path = vault.state().join("feed/1.seg");
    let whole = fs::read(&path).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&whole[..whole.len() - 3]).unwrap();
    assert_eq!(after(&held(&feed), 0), named(1, &["a"]));
    feed.append_all(step(1, 2), &[put("b", 2)]).unwrap();
    assert_eq!(after(&held(&feed), 0), named(1, &["a", "b"]));
}

#[test]
fn a_segment_that_lost_its_end_and_a_damaged_head_begin_a_new_epoch() {
    let (_dir, vault) = Vault::fresh();
    let feed = Feed::of(&vault);
    for damage in [
        |folder: &Path| {
            let file = OpenOptions::new().write(true).open(folder.join("1.seg"));
            file.unwrap().set_len(9).unwrap();
        },
        |folder: &Path| fs::write(folder.join("head"), "garbage").unwrap(),
    ] {
        let _ = fs::remove_dir_all(vault.state().join("feed"));
        feed.append_all(step(0, 1), &[put("a", 1)]).unwrap();
        let before = held(&feed).extent();
        damage(&vault.state().join("feed"));
        feed.append_all(step(1, 2), &[put("b", 2)]).unwrap();
        let now = held(&feed).extent();
        assert!(now.epoch != before.epoch && !now.whole);
    }
}

#[test]
fn a_folder_that_was_put_back_begins_a_new_epoch() {
    let (dir, vault) = Vault::fresh();
    let feed = Feed::of(&vault);
    let (folder, aside) = (vault.state().join("feed"), dir.path().join("aside"));
    feed.append_all(step(0, 1), &[put("a", 1)]).unwrap();
    copy(&folder, &aside);
    feed.append_all(step(1, 2), &[put("b", 2)]).unwrap();
    let known = held(&feed).extent();
    fs::remove_dir_all(&folder).unwrap();
    copy(&aside, &folder);
    feed.append_all(step(1, 2), &[put("c", 2)]).unwrap();
    assert_ne!(held(&feed).extent().epoch, known.epoch);
}

#[test]
fn a_disk_that_was_put_back_gives_the_numbers_again_but_not_the_cursors() {
    let (_dir, vault) = Vault::fresh();
    let feed = Feed::of(&vault);
    let head = vault.state().join("feed/head");
    feed.append_all(step(0, 1), &[put("a", 1)]).unwrap();
    let snapshot = fs::read(&head).unwrap();
    feed.append_all(step(1, 2), &[put("b", 2)]).unwrap();
    let lost = held(&feed).position(2).unwrap();
    // As a snapshot of the whole disk leaves it: even the files are the same.
    fs::write(&head, snapshot).unwrap();
    feed.append_all(step(1, 2), &[put("c", 2), put("d", 2)])
        .unwrap();
    let now = held(&feed);
    let same = now.position(2).unwrap();
    assert_eq!((same.epoch, same.number), (lost.epoch, lost.number));
    assert_ne!(same.tag, lost.tag);
    assert_eq!(held(&feed).position(1), now.position(1));
}

#[test]
fn nothing_of_it_is_readable_and_a_flipped_bit_ends_the_list() {
    let (_dir, vault) = Vault::fresh();
    let feed = Feed::of(&vault);
    let ids = ["first-id", "second-id", "third-id"];
    feed.append_all(step(0, 1), &ids.map(|id| put(id, 1)))
        .unwrap();
    let path = vault.state().join("feed/1.seg");
    let mut bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(3).any(|piece| piece == b"-id"));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let snapshot = held(&feed);
    assert_eq!(after(&snapshot, 0), named(1, &["first-id"]));
    assert_eq!(after(&snapshot, 1), []);
    assert_eq!(snapshot.position(2), None);
}

/// One who follows: what it believes the catalogue to be, and where it stands.
#[derive(Default)]
struct FeedFollower {
    by_cursor: bool,
    at: Option<Position>,
    knows: BTreeMap<String, u64>,
}

impl FeedFollower {
    /// Asks once, as the route of the feed answers.
    fn poll(&mut self, stage: &FeedStage, limit: usize) {
        let catalogue = &stage.catalogue;
        let leads_here = |held: &Snapshot| held.generation() == stage.generation;
        let Some(snapshot) = stage.feed.snapshot().unwrap().filter(leads_here) else {
            // Nothing to follow: all that there is.
            self.knows.clone_from(catalogue);
            self.at = Some(Position {
                epoch: 0,
                number: 0,
                tag: 0,
            });
            return;
        };
        let asked = match self.at {
            None => FeedRequest::Since(None, 0),
            Some(at) if self.by_cursor => FeedRequest::Cursor(at),
            Some(at) => FeedRequest::Since(Some(at.epoch), at.number),
        };
        let from = match admit(asked, snapshot.extent()) {
            FollowerAdmission::After(number) => snapshot.position(number),
            FollowerAdmission::AfterTagged(number, tag) => {
                snapshot.position(number).filter(|place| place.tag == tag)
            }
            FollowerAdmission::Gone | FollowerAdmission::NeedsEpoch => None,
        };
        let newest = snapshot.extent().newest;
        let unread = |from: &Position| from.number < newest;
        let changes = from.and_then(|from| {
            let mut changes = snapshot.changes(from.number).peekable();
            (!unread(&from) || changes.peek().is_some()).then_some((from, changes))
        });
        let Some((from, changes)) = changes else {
            self.at = snapshot.position(newest);
            self.knows.clone_from(catalogue);
            return;
        };
        if self.at.is_none() {
            self.knows.clear();
        }
        self.at = Some(from);
        for (place, change) in changes.take(limit) {
            self.at = Some(place);
            match change.op {
                Op::Put => self.knows.insert(change.id, change.generation),
                Op::Remove => self.knows.remove(&change.id),
            };
        }
    }
}

#[derive(Debug, Clone)]
enum FeedAct {
    /// A run puts and removes these.
    Publish(Vec<(u8, bool)>),
    /// The power goes after the catalogue was renamed into place, before the feed was written.
    PublishCut(Vec<(u8, bool)>),
    /// The same once the changes were written, before the head was renamed into place.
    HeadCut(Vec<(u8, bool)>),
    /// The head does not open any more.
    Damage,
    /// A copy is made; the copy is put back.
    Copy,
    PutBack,
    /// A follower asks, for so many changes at most; a new one begins.
    Poll(usize, usize),
    Begin(bool),
}

fn act() -> impl Strategy<Value = FeedAct> {
    let changes = || prop::collection::vec((0..9u8, any::<bool>()), 0..7);
    prop_oneof![
        8 => changes().prop_map(FeedAct::Publish),
        1 => changes().prop_map(FeedAct::PublishCut),
        1 => changes().prop_map(FeedAct::HeadCut),
        1 => Just(FeedAct::Damage),
        2 => Just(FeedAct::Copy),
        2 => Just(FeedAct::PutBack),
        8 => (0..4usize, 1..9usize).prop_map(|(who, limit)| FeedAct::Poll(who, limit)),
        2 => any::<bool>().prop_map(FeedAct::Begin),
    ]
}

/// The box: its catalogue and its feed, and a copy of both.
struct FeedStage {
    feed: Feed,
    folder: PathBuf,
    aside: PathBuf,
    generation: u64,
    catalogue: BTreeMap<String, u64>,
    copied: Option<(u64, BTreeMap<String, u64>)>,
}

impl FeedStage {
    fn publish(&mut self, wanted: &[(u8, bool)], cut: bool) {
        let step = FeedUpdate {
            from_empty: self.catalogue.is_empty(),
            ..step(self.generation, self.generation + 1)
        };
        self.generation += 1;
        let mut changes = Vec::new();
        for (id, puts) in wanted {
            let id = id.to_string();
            if *puts {
                changes.push(change(&id, Op::Put, self.generation));
                self.catalogue.insert(id, self.generation);
            } else if self.catalogue.remove(&id).is_some() {
                changes.push(change(&id, Op::Remove, self.generation));
            }
        }
        if !cut {
            self.feed.append_all(step, &changes).unwrap();
        }
    }

    fn obey(&mut self, act: FeedAct, followers: &mut Vec<FeedFollower>) {
        match act {
            FeedAct::Publish(wanted) => self.publish(&wanted, false),
            FeedAct::PublishCut(wanted) => self.publish(&wanted, true),
            FeedAct::HeadCut(wanted) => {
                let head = self.folder.join("head");
                let before = fs::read(&head);
                self.publish(&wanted, false);
                match before {
                    Ok(before) => fs::write(head, before).unwrap(),
                    Err(_) => fs::remove_file(head).unwrap(),
                }
            }
            FeedAct::Damage if self.folder.exists() => {
                fs::write(self.folder.join("head"), "x").unwrap();
            }
            FeedAct::Copy if self.folder.exists() => {
                let _ = fs::remove_dir_all(&self.aside);
                copy(&self.folder, &self.aside);
                self.copied = Some((self.generation, self.catalogue.clone()));
            }
            FeedAct::PutBack => {
                if let Some((generation, catalogue)) = self.copied.clone() {
                    fs::remove_dir_all(&self.folder).unwrap();
                    copy(&self.aside, &self.folder);
                    (self.generation, self.catalogue) = (generation, catalogue);
                }
            }
            FeedAct::Poll(who, limit) => {
                if let Some(follower) = followers.get_mut(who) {
                    follower.poll(self, limit);
                }
            }
            FeedAct::Begin(by_cursor) => followers.push(FeedFollower {
                by_cursor,
                ..FeedFollower::default()
            }),
            FeedAct::Damage | FeedAct::Copy => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_follower_ends_with_the_catalogue(acts in prop::collection::vec(act(), 1..40)) {
        let (dir, vault) = Vault::fresh();
        let mut stage = FeedStage {
            feed: small(&vault),
            folder: vault.state().join("feed"),
            aside: dir.path().join("aside"),
            generation: 0,
            catalogue: BTreeMap::new(),
            copied: None,
        };
        let mut followers = vec![FeedFollower::default(), FeedFollower { by_cursor: true, ..FeedFollower::default() }];
        for act in acts {
            stage.obey(act, &mut followers);
        }
        for follower in &mut followers {
            for _ in 0..40 {
                follower.poll(&stage, 3);
            }
            prop_assert_eq!(&follower.knows, &stage.catalogue);
        }
        // Whatever was cut is healed by the next run.
        stage.publish(&[(1, true), (2, false)], false);
        for follower in &mut followers {
            for _ in 0..40 {
                follower.poll(&stage, 3);
            }
            prop_assert_eq!(&follower.knows, &stage.catalogue);
        }
    }
}
