//! Which key opens, whatever was cut, replaced or left behind.
//! Never a key or a folder of the machine: everything lies in temporary folders.
//! Run by `cargo test -p agent`.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use logic::fault::Code;
use system::root::fuse;

fn code(result: Result<Keyring, Fault>) -> Code {
    result.unwrap_err().code
}

#[test]
fn a_key_is_made_once_and_only_in_an_empty_folder() {
    let dir = tempfile::tempdir().unwrap();
    let made = Keyring::open(dir.path()).unwrap();
    let again = Keyring::open(dir.path()).unwrap();
    assert_eq!(made.name("a", "b"), again.name("a", "b"));
    fs::write(dir.path().join("credentials"), "x").unwrap();
    fs::remove_file(dir.path().join("data.key")).unwrap();
    assert_eq!(code(Keyring::open(dir.path())), Code::KeySealed);
    fs::remove_file(dir.path().join(KEY_NAME)).unwrap();
    assert_eq!(code(Keyring::open(dir.path())), Code::KeySealed);
}

#[test]
fn many_that_meet_a_new_folder_at_once_have_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let state = dir.path().to_owned();
            std::thread::spawn(move || Keyring::open(&state).unwrap().name("a", "b"))
        })
        .collect();
    let mut names: Vec<_> = openers.into_iter().map(|o| o.join().unwrap()).collect();
    names.dedup();
    assert_eq!(names.len(), 1);
}

#[test]
fn another_key_is_named_and_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    Keyring::open(dir.path()).unwrap();
    fs::write(dir.path().join(KEY_NAME), [9; 32]).unwrap();
    assert_eq!(code(Keyring::open(dir.path())), Code::KeyWrong);
    fs::write(dir.path().join(KEY_NAME), "short").unwrap();
    assert_eq!(code(Keyring::open(dir.path())), Code::KeyMalformed);
}

#[test]
fn a_credential_opens_under_either_name_and_a_replaced_one_wraps_anew() {
    let (state, creds) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let open = || Keyring::open_with(state.path(), Some(creds.path().to_owned()));
    let put = |name: &str, byte: u8| fs::write(creds.path().join(name), [byte; 32]).unwrap();
    let drop = |name: &str| fs::remove_file(creds.path().join(name)).unwrap();
    put(SEALED_NAME, 1);
    let name = open().unwrap().name("a", "b");
    assert!(!state.path().join(KEY_NAME).exists());
    drop(SEALED_NAME);
    put(KEY_NAME, 1);
    assert_eq!(open().unwrap().name("a", "b"), name);
    // Replaced by a sealed one, the old one beside it once.
    drop(KEY_NAME);
    put(SEALED_NAME, 2);
    assert_eq!(code(open()), Code::KeyWrong);
    put("boxsync.key.old", 1);
    assert_eq!(open().unwrap().name("a", "b"), name);
    drop("boxsync.key.old");
    assert_eq!(open().unwrap().name("a", "b"), name);
    drop(SEALED_NAME);
    assert_eq!(code(open()), Code::KeySealed);
}

#[test]
fn a_credential_takes_the_place_of_the_file() {
    let (state, creds) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let open = || Keyring::open_with(state.path(), Some(creds.path().to_owned()));
    let name = open().unwrap().name("a", "b");
    let file = state.path().join(KEY_NAME);
    fs::write(creds.path().join(SEALED_NAME), [5; 32]).unwrap();
    let keys = open().unwrap();
    assert_eq!(keys.name("a", "b"), name);
    assert_eq!(
        keys.rotate(state.path()).unwrap_err().code,
        Code::KeyElsewhere
    );
    // The file is left to a person, and opens nothing: a disk without the credential is sealed.
    assert!(file.exists());
    assert_eq!(code(Keyring::open(state.path())), Code::KeyWrong);
    fs::remove_file(file).unwrap();
    assert_eq!(open().unwrap().name("a", "b"), name);
    assert_eq!(code(Keyring::open(state.path())), Code::KeySealed);
}

/// The name that the keys of a folder give to one thing: another data key gives another one.
fn named(state: &Path) -> NameHash {
    Keyring::open(state).unwrap().name("a", "b")
}

fn copied(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The names in a folder but those that every folder has.
fn beside_the_keys(state: &Path) -> Vec<String> {
    let entries = fs::read_dir(state).unwrap().map(Result::unwrap);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| ![KEY_NAME, WRAPPED_NAME, "lock"].contains(&name.as_str()))
        .collect()
}

/// A folder in memory, where there is one: what is cut here is a process, and thousands of flushes take their time.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Does something that is cut before its nth change; whether it was.
fn cut(nth: u64, act: impl FnOnce()) -> bool {
    fuse::set(Some(nth));
    act();
    let cut = fuse::is_blown();
    fuse::set(None);
    cut
}

fn rotates(state: &Path) {
    if let Ok(keys) = Keyring::open(state) {
        let _ = keys.rotate(state);
    }
}

#[test]
fn every_cut_in_a_rotation_and_every_cut_in_its_healing_leaves_a_folder_that_opens() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("box")).unwrap();
    let name = named(&at("box"));
    copied(&at("box"), &at("first"));
    let mut cuts = 0;
    for first in 1.. {
        copied(&at("box"), &at("first"));
        let ended = !cut(first, || rotates(&at("first")));
        // The healing alone, and the healing that another rotation begins with.
        let heals: [fn(&Path); 2] = [|state| drop(Keyring::open(state)), rotates];
        for heals in heals {
            for second in 1.. {
                copied(&at("first"), &at("second"));
                let ended = !cut(second, || heals(&at("second")));
                let told = format!("cut before change {first}, then {second}");
                assert_eq!(named(&at("second")), name, "{told}");
                assert_eq!(beside_the_keys(&at("second")), [""; 0], "{told}");
                Keyring::open(&at("second"))
                    .unwrap()
                    .rotate(&at("second"))
                    .unwrap();
                assert_eq!(named(&at("second")), name, "{told}");
                cuts += 1;
                if ended {
                    break;
                }
            }
        }
        if ended {
            break;
        }
    }
    println!("{cuts} pairs of cuts");
    assert!(cuts > 100, "{cuts}");
}

#[test]
fn thousands_of_random_cuts_one_upon_the_other_lose_no_key() {
    let dir = folder();
    let name = named(dir.path());
    let seed = 20_261_128u64;
    let mut state = seed;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let files = Files::new(dir.path(), None);
    for round in 0..5_000 {
        let rotate = random(4) > 0;
        cut(1 + random(24), || match rotate {
            true => rotates(dir.path()),
            false => drop(Keyring::open(dir.path())),
        });
        assert!(
            files.look().unwrap().files.opens(),
            "lost in round {round} of seed {seed}"
        );
    }
    assert_eq!(named(dir.path()), name);
    assert_eq!(beside_the_keys(dir.path()), [""; 0]);
}

#[test]
fn a_first_start_cut_anywhere_makes_one_key_in_the_end() {
    let dir = folder();
    for first in 1.. {
        for second in 1.. {
            let state = dir.path().join(format!("{first}-{second}"));
            fs::create_dir(&state).unwrap();
            let ended = !cut(first, || drop(Keyring::open(&state)));
            let healed = !cut(second, || drop(Keyring::open(&state)));
            let name = named(&state);
            assert_eq!(named(&state), name);
            assert_eq!(beside_the_keys(&state), [""; 0], "{first}, {second}");
            if ended {
                return;
            }
            if healed {
                break;
            }
        }
    }
}

#[test]
fn what_an_earlier_release_left_half_done_is_healed() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path();
    let name = named(state);
    let at = |name: &str| state.join(name);
    let read = |name: &str| fs::read(at(name)).unwrap();
    let (old, wrapped) = (read(KEY_NAME), read(WRAPPED_NAME));
    Keyring::open(state).unwrap().rotate(state).unwrap();
    let (new, rewrapped) = (read(KEY_NAME), read(WRAPPED_NAME));
    assert_ne!(old, new);
    let next = "boxsync.key.next";
    // Cut after the new envelope, after the wrapped key, in the middle of either, and a second rotation that died
    // between the envelope of the first and its own wrapped key.
    for (key, data, left) in [
        (&old, &wrapped, vec![(next, &new)]),
        (&old, &rewrapped, vec![(next, &new)]),
        (&old, &wrapped, vec![("boxsync.key.next.new", &vec![1])]),
        (
            &old,
            &wrapped,
            vec![(next, &new), ("data.key.new", &vec![1; 7])],
        ),
        (&new, &wrapped, vec![("data.key.new", &rewrapped)]),
    ] {
        for rotate in [false, true] {
            fs::write(at(KEY_NAME), key).unwrap();
            fs::write(at(WRAPPED_NAME), data).unwrap();
            for (name, content) in &left {
                fs::write(at(name), content).unwrap();
            }
            let keys = Keyring::open(state).unwrap();
            assert_eq!(keys.name("a", "b"), name, "{left:?}");
            if rotate {
                keys.rotate(state).unwrap();
            }
            assert_eq!(named(state), name);
            for path in beside_the_keys(state) {
                assert_eq!(path, "data.key.aside-1", "{left:?}");
                // Whoever has its key may still want it.
                assert_eq!(read(&path), wrapped);
                fs::remove_file(at(&path)).unwrap();
            }
        }
    }
}

#[test]
fn a_rotation_that_cannot_replace_the_wrapped_key_overwrites_no_copy() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path();
    let name = named(state);
    // The wrapped key is replaced, but not yet the envelope: the successor is the only one that opens.
    let (key, next) = (state.join(KEY_NAME), state.join("boxsync.key.next"));
    let old = fs::read(&key).unwrap();
    Keyring::open(state).unwrap().rotate(state).unwrap();
    fs::rename(&key, &next).unwrap();
    fs::write(&key, old).unwrap();
    let only = fs::read(&next).unwrap();
    // From now on every write of the wrapped key fails, whatever comes before it.
    for nth in 1..16 {
        cut(nth, || rotates(state));
        let left = [&key, &next].map(|path| fs::read(path).unwrap_or_default());
        let opens = Files::new(state, None).look().unwrap().files.opens();
        assert!(opens, "cut before change {nth}: {:?}", left.contains(&only));
    }
    assert_eq!(named(state), name);
}

#[test]
fn of_two_rotations_at_once_each_waits_or_is_refused_and_no_key_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let name = named(dir.path());
    let rotated = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let keys = Keyring::open(dir.path()).unwrap();
                    assert_eq!(keys.name("a", "b"), name);
                    match keys.rotate(dir.path()) {
                        Ok(()) => _ = rotated.fetch_add(1, Ordering::Relaxed),
                        Err(trouble) => assert_eq!(trouble.code, Code::StateBusy, "{trouble}"),
                    }
                }
            });
        }
    });
    assert!(rotated.into_inner() > 0);
    assert_eq!(named(dir.path()), name);
    assert_eq!(beside_the_keys(dir.path()), [""; 0]);
}

#[test]
fn a_key_opens_though_nothing_can_be_healed() {
    let dir = tempfile::tempdir().unwrap();
    let name = named(dir.path());
    fs::write(dir.path().join("boxsync.key.next"), [7; 32]).unwrap();
    let held = Lock::of(dir.path(), Duration::ZERO).unwrap();
    assert_eq!(named(dir.path()), name);
    assert_eq!(beside_the_keys(dir.path()), ["boxsync.key.next"]);
    drop(held);
    assert_eq!(named(dir.path()), name);
    assert_eq!(beside_the_keys(dir.path()), [""; 0]);
}
