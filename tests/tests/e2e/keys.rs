//! Rotations of the envelope key beside each other, killed at any moment, and on a disk that does not take them.
//! Never a second look at the key files: what counts is that the box opens and is the one it was.
//! How many kills: `BOXSYNC_KILLS`; drawn by `BOXSYNC_SEED`.

use std::fs;
use std::time::{Duration, Instant};

use e2e::{Ran, Site, options};

const IDENTITY: [&str; 2] = ["identity", "--json"];
const ROTATE: [&str; 3] = ["key", "rotate", "--json"];

fn tiny() -> Site {
    Site::new(options(1, 1, (4_000, 4_000)))
}

#[track_caller]
fn box_id(site: &Site) -> String {
    let who = site.run(&IDENTITY).exits(0).object();
    who["box_id"].as_str().unwrap().to_owned()
}

/// Begins again with an empty state folder; gives the id of the box that is made in it.
fn fresh(site: &Site) -> String {
    let _ = fs::remove_dir_all(site.state(""));
    box_id(site)
}

/// Holds that a rotation was made, or refused because another process was at work.
#[track_caller]
fn assert_made_or_refused(ran: Ran) {
    match ran.exit {
        Some(0) => {}
        _ => _ = ran.exits(1).code("state.busy"),
    }
}

#[test]
fn two_rotations_at_once_lose_no_box() {
    let site = tiny();
    for _ in 0..10 {
        let id = fresh(&site);
        for _ in 0..3 {
            let pair = [0; 2].map(|_| site.start(&ROTATE));
            let reader = site.start(&IDENTITY);
            for running in pair {
                assert_made_or_refused(running.end());
            }
            let ran = reader.end().exits(0);
            assert_eq!(ran.object()["box_id"], id.as_str(), "beside two rotations");
            assert_eq!(box_id(&site), id);
        }
    }
}

#[test]
fn first_starts_at_once_make_one_box() {
    let site = tiny();
    for _ in 0..10 {
        let _ = fs::remove_dir_all(site.state(""));
        let ids = [0; 3].map(|_| site.start(&IDENTITY)).map(|running| {
            let ran = running.end().exits(0);
            ran.object()["box_id"].as_str().unwrap().to_owned()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(box_id(&site), ids[0]);
    }
}

#[test]
fn rotations_killed_at_any_moment_lose_no_box() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let kills = number("BOXSYNC_KILLS").unwrap_or(40);
    let seed = number("BOXSYNC_SEED").unwrap_or(1);
    println!("BOXSYNC_KILLS={kills} BOXSYNC_SEED={seed}");
    let site = tiny();
    let id = fresh(&site);
    let whole = (0..3).map(|_| site.run(&ROTATE).exits(0).took);
    let longest = whole.max().unwrap_or_default();
    let (mut state, mut killed) = (seed, 0);
    for round in 0..kills {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let moment = longest.mul_f64((state >> 33) as f64 / (1u64 << 31) as f64);
        let running = site.start(&ROTATE);
        let begun = Instant::now();
        // Not a pause of the scheduler's length: the moments lie microseconds apart.
        while begun.elapsed() < moment {
            std::hint::spin_loop();
        }
        killed += usize::from(running.kill().exit.is_none());
        // Every other time the next rotation is the one that heals.
        if round % 2 == 0 {
            assert_eq!(box_id(&site), id, "after kill {round} of seed {seed}");
        }
    }
    assert_eq!(box_id(&site), id);
    site.run(&ROTATE).exits(0);
    assert_eq!(box_id(&site), id);
    println!("{killed} of {kills} rotations were killed, within {longest:?} each; none lost");
    assert!(killed > 0 && longest > Duration::ZERO);
}

#[test]
fn a_rotation_that_the_disk_does_not_take_overwrites_no_only_copy() {
    let site = tiny();
    let id = fresh(&site);
    // First the envelope cannot be replaced: its successor is the only key that opens. Then the wrapped key cannot.
    let script = "mount -t tmpfs tmpfs /mnt; cp -a \"$3\"/. /mnt/; mount --move /mnt \"$3\"; \
                  for name in boxsync.key data.key data.key; do \
                    mount --bind \"$3/$name\" \"$3/$name\"; \
                    if \"$1\" --root \"$2\" key rotate; then exit 91; fi; \
                    umount \"$3/$name\"; \
                  done; \
                  \"$1\" --root \"$2\" identity --json; \
                  \"$1\" --root \"$2\" key rotate; \
                  \"$1\" --root \"$2\" identity --json";
    let Some(ran) = site.in_own_mounts(script) else {
        eprintln!("skipped: a file that cannot be replaced needs root and mount namespaces");
        return;
    };
    let ran = ran.exits(0);
    for told in ran.objects() {
        assert_eq!(told["box_id"], id.as_str(), "{}", ran.story());
    }
    assert_eq!(ran.objects().len(), 2, "{}", ran.story());
}

#[test]
fn a_rotation_on_a_full_disk_changes_nothing() {
    let site = tiny();
    let id = fresh(&site);
    let script = "mount -t tmpfs -o size=1m tmpfs /mnt; cp -a \"$3\"/. /mnt/; mount --move /mnt \"$3\"; \
                  dd if=/dev/zero of=\"$3/full\" bs=4096 2>/dev/null || true; \
                  for n in 1 2 3; do if \"$1\" --root \"$2\" key rotate; then exit 91; fi; done; \
                  rm \"$3/full\"; \
                  \"$1\" --root \"$2\" identity --json; \
                  \"$1\" --root \"$2\" key rotate; \
                  \"$1\" --root \"$2\" identity --json; \
                  ls \"$3\" | grep -c new >&2 && exit 92; true";
    let Some(ran) = site.in_own_mounts(script) else {
        eprintln!("skipped: a small file system of its own needs root and mount namespaces");
        return;
    };
    let ran = ran.exits(0);
    for told in ran.objects() {
        assert_eq!(told["box_id"], id.as_str(), "{}", ran.story());
    }
    assert_eq!(ran.objects().len(), 2, "{}", ran.story());
}
