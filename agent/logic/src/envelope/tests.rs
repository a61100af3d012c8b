//! The table of steps, and a model of a disk that is cut before every change, with what was not synced lost.
//! Never a real file: keys are numbers, a wrapped key is the number of the key that opens it.
//! Run by `cargo test -p logic`.

use super::*;
use std::collections::BTreeSet;

const QUIET: KeyFiles = KeyFiles {
    credential: Absent,
    old_credential: Absent,
    key: Opens,
    next: Absent,
    spare: false,
    leftovers: false,
};

#[test]
fn what_opens_decides_what_goes() {
    let unread = KeyCopy::Unread;
    let table = [
        (QUIET, RotationStep::Done),
        (
            KeyFiles {
                leftovers: true,
                ..QUIET
            },
            RotationStep::RemoveLeftovers,
        ),
        (
            KeyFiles {
                next: Other,
                ..QUIET
            },
            RotationStep::RemoveNext,
        ),
        (
            KeyFiles {
                next: Opens,
                ..QUIET
            },
            RotationStep::RemoveNext,
        ),
        (
            KeyFiles {
                next: unread,
                ..QUIET
            },
            RotationStep::Leave,
        ),
        (
            KeyFiles {
                key: Other,
                next: Opens,
                ..QUIET
            },
            RotationStep::NextBecomesKey,
        ),
        (
            KeyFiles {
                key: Absent,
                next: Opens,
                ..QUIET
            },
            RotationStep::NextBecomesKey,
        ),
        (
            KeyFiles {
                key: Other,
                next: Opens,
                spare: true,
                ..QUIET
            },
            RotationStep::NextBecomesKey,
        ),
        (
            KeyFiles {
                key: unread,
                next: Opens,
                ..QUIET
            },
            RotationStep::Leave,
        ),
        (
            KeyFiles {
                key: Other,
                next: Other,
                ..QUIET
            },
            RotationStep::Locked,
        ),
        (
            KeyFiles {
                key: Other,
                next: Other,
                spare: true,
                ..QUIET
            },
            RotationStep::SpareBecomesWrapped,
        ),
        (
            KeyFiles {
                key: Absent,
                ..QUIET
            },
            RotationStep::Locked,
        ),
        (
            KeyFiles {
                key: unread,
                ..QUIET
            },
            RotationStep::Locked,
        ),
        (
            KeyFiles {
                credential: Opens,
                ..QUIET
            },
            RotationStep::Done,
        ),
        (
            KeyFiles {
                credential: Opens,
                key: Other,
                ..QUIET
            },
            RotationStep::Done,
        ),
        (
            KeyFiles {
                credential: Opens,
                key: Other,
                next: Other,
                ..QUIET
            },
            RotationStep::RemoveNext,
        ),
        (
            KeyFiles {
                credential: Other,
                ..QUIET
            },
            RotationStep::WrapWithCredential,
        ),
        (
            KeyFiles {
                credential: Other,
                key: Other,
                next: Opens,
                ..QUIET
            },
            RotationStep::WrapWithCredential,
        ),
        (
            KeyFiles {
                credential: Other,
                old_credential: Opens,
                key: Absent,
                ..QUIET
            },
            RotationStep::WrapWithCredential,
        ),
        (
            KeyFiles {
                credential: unread,
                ..QUIET
            },
            RotationStep::Done,
        ),
        (
            KeyFiles {
                old_credential: Opens,
                key: Absent,
                ..QUIET
            },
            RotationStep::Done,
        ),
        (
            KeyFiles {
                credential: Other,
                key: Other,
                ..QUIET
            },
            RotationStep::Locked,
        ),
    ];
    for (files, step) in table {
        assert_eq!(files.step(), step, "{files:?}");
    }
}

/// A folder: the keys at each place, and for `data.key` and a copy of it the key that opens them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Folder {
    credential: Option<u8>,
    key: Option<u8>,
    next: Option<u8>,
    data: u8,
    spare: Option<u8>,
}

/// The folder as it is read, and as it was when it was synced last; any mixture of both may be what a cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EnvelopeDisk {
    seen: Folder,
    synced: Folder,
}

impl Folder {
    fn files(&self) -> KeyFiles {
        let held = |key: Option<u8>| match key {
            None => Absent,
            Some(key) if key == self.data => Opens,
            Some(_) => Other,
        };
        let keys = [self.credential, self.key, self.next];
        KeyFiles {
            credential: held(self.credential),
            old_credential: Absent,
            key: held(self.key),
            next: held(self.next),
            spare: self.spare.is_some() && keys.contains(&self.spare),
            leftovers: self.spare.is_some(),
        }
    }
}

impl EnvelopeDisk {
    fn whole(folder: Folder) -> Self {
        Self {
            seen: folder,
            synced: folder,
        }
    }

    fn sync(&mut self) {
        self.synced = self.seen;
    }

    /// What a power cut may leave: each name is the old or the new one. A rename changes two names at once.
    fn after_a_power_cut(&self) -> Vec<Folder> {
        let (old, new) = (self.synced, self.seen);
        let mut left = Vec::new();
        for keys in [old, new] {
            for data in [old, new] {
                for spare in [old, new] {
                    left.push(Folder {
                        credential: new.credential,
                        key: keys.key,
                        next: keys.next,
                        data: data.data,
                        spare: spare.spare,
                    });
                }
            }
        }
        left
    }
}

/// The changes of one step, each as executed by `vault::key`.
fn changes(step: RotationStep) -> Vec<fn(&mut EnvelopeDisk)> {
    match step {
        RotationStep::NextBecomesKey => {
            vec![
                |disk| disk.seen.key = disk.seen.next.take(),
                EnvelopeDisk::sync,
            ]
        }
        RotationStep::RemoveNext => vec![|disk| disk.seen.next = None, EnvelopeDisk::sync],
        RotationStep::WrapWithCredential => vec![
            |disk| disk.seen.data = disk.seen.credential.unwrap_or(u8::MAX),
            EnvelopeDisk::sync,
        ],
        RotationStep::SpareBecomesWrapped => vec![
            |disk| disk.seen.data = disk.seen.spare.take().unwrap_or(u8::MAX),
            EnvelopeDisk::sync,
        ],
        RotationStep::RemoveLeftovers => vec![|disk| disk.seen.spare = None, EnvelopeDisk::sync],
        RotationStep::Done | RotationStep::Leave | RotationStep::Locked => vec![],
    }
}

/// Does everything that follows from this disk, cut at every place: by a kill, which loses nothing, and by a power cut.
fn explore(disk: EnvelopeDisk, cuts: u8, fresh: u8, seen: &mut BTreeSet<(EnvelopeDisk, u8, u8)>) {
    if !seen.insert((disk, cuts, fresh)) {
        return;
    }
    assert!(disk.seen.files().opens(), "lost: {disk:?}");
    if cuts > 0 {
        explore(disk, cuts - 1, fresh, seen);
        for left in disk.after_a_power_cut() {
            assert!(
                left.files().opens(),
                "lost by a cut of the power: {left:?} of {disk:?}"
            );
            explore(EnvelopeDisk::whole(left), cuts - 1, fresh, seen);
        }
    }
    // What a process before this one left unsynced is synced before anything is decided by it.
    let mut now = disk;
    now.sync();
    let step = now.seen.files().step();
    let changes = match step {
        RotationStep::Done if fresh < 4 && now.seen.credential.is_none() => {
            return rotate(now, cuts, fresh, seen);
        }
        step => changes(step),
    };
    run(now, &changes, cuts, fresh, seen);
}

/// A rotation, from a folder in which nothing is half done.
fn rotate(disk: EnvelopeDisk, cuts: u8, fresh: u8, seen: &mut BTreeSet<(EnvelopeDisk, u8, u8)>) {
    let mut disk = disk;
    let steps: [fn(&mut EnvelopeDisk, u8); 4] = [
        |disk, fresh| disk.seen.next = Some(fresh),
        |disk, _| disk.sync(),
        |disk, fresh| disk.seen.data = fresh,
        |disk, _| disk.sync(),
    ];
    for step in steps {
        step(&mut disk, fresh);
        explore(disk, cuts, fresh + 1, seen);
    }
}

fn run(
    disk: EnvelopeDisk,
    changes: &[fn(&mut EnvelopeDisk)],
    cuts: u8,
    fresh: u8,
    seen: &mut BTreeSet<(EnvelopeDisk, u8, u8)>,
) {
    let mut disk = disk;
    for change in changes {
        change(&mut disk);
        explore(disk, cuts, fresh, seen);
    }
}

#[test]
fn three_cuts_in_rotations_and_in_their_healing_lose_no_key() {
    let whole = Folder {
        credential: None,
        key: Some(0),
        next: None,
        data: 0,
        spare: None,
    };
    let starts = [
        whole,
        // What releases before this one left: cut after the successor, after the wrapped key, between two rotations.
        Folder {
            next: Some(1),
            ..whole
        },
        Folder {
            next: Some(0),
            key: Some(1),
            ..whole
        },
        Folder {
            spare: Some(9),
            ..whole
        },
        // A credential is given to a box with a file, before or in the middle of a rotation.
        Folder {
            credential: Some(7),
            ..whole
        },
        Folder {
            credential: Some(7),
            next: Some(0),
            key: Some(1),
            ..whole
        },
        Folder {
            credential: Some(7),
            next: Some(1),
            ..whole
        },
    ];
    let mut seen = BTreeSet::new();
    for start in starts {
        explore(EnvelopeDisk::whole(start), 3, 2, &mut seen);
    }
    assert!(seen.len() > 100, "{}", seen.len());
}

#[test]
fn healing_ends() {
    let held = [Absent, Opens, Other, KeyCopy::Unread];
    let pairs = || held.into_iter().flat_map(|a| held.map(|b| (a, b)));
    for ((key, next), (credential, old_credential)) in
        pairs().flat_map(|files| pairs().map(move |credentials| (files, credentials)))
    {
        for (spare, leftovers) in [(false, false), (false, true), (true, true)] {
            heal(KeyFiles {
                credential,
                old_credential,
                key,
                next,
                spare,
                leftovers,
            });
        }
    }
}

/// Does each step as it is meant to end, until there is none.
fn heal(mut files: KeyFiles) {
    let begun = files;
    for _ in 0..6 {
        match files.step() {
            RotationStep::Done | RotationStep::Leave => return assert!(files.opens(), "{begun:?}"),
            RotationStep::Locked => return assert!(!begun.opens() && !begun.spare, "{begun:?}"),
            RotationStep::NextBecomesKey => (files.key, files.next) = (files.next, Absent),
            RotationStep::RemoveNext => files.next = Absent,
            RotationStep::RemoveLeftovers => files.leftovers = false,
            RotationStep::WrapWithCredential => {
                let lost = |held| if held == Opens { Other } else { held };
                (files.key, files.next) = (lost(files.key), lost(files.next));
                files.old_credential = lost(files.old_credential);
                files.credential = Opens;
            }
            RotationStep::SpareBecomesWrapped => (files.key, files.spare) = (Opens, false),
        }
    }
    panic!("no end: {begun:?}");
}
