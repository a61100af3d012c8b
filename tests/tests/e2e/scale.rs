//! What grows with the size of a test centre grows with it, and no faster.
//! Never times anything, and never takes its own size for a verb's: the kernel accounts to a process what the one that
//! started it had resident, and this one holds a whole central. A small one stands between.
//! Called by nobody.

use std::process::{Command, Stdio};

use central::Kind;
use e2e::{Site, options};
use serde_json::Value;

const FEW: usize = 2_000;
const MANY: usize = 14_000;

/// What is measured, and the bytes that it may have resident at its height for each test taker: in the debug build, and in
/// the file that ships, whose allocator is another one.
const BOUNDS: [(&str, f64, f64); 6] = [
    ("a first run", 450.0, 420.0),
    ("a run that finds nothing new", 200.0, 200.0),
    ("a run that brings everybody anew", 550.0, 550.0),
    ("the run after it", 400.0, 380.0),
    ("a second such run", 600.0, 650.0),
    ("a support bundle", 320.0, 150.0),
];

/// The largest resident set of a verb that ends well, in bytes.
fn height(site: &Site, arguments: &[&str]) -> f64 {
    let account = site.path("account.json");
    let verb = site.command(arguments);
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("measure")
        .arg(verb.get_program())
        .args(verb.get_args())
        .env_clear()
        .env("BENCH_ACCOUNT", &account)
        // glibc gives large pieces back only below a threshold that it raises with each that it met.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {words}");
    let told: Value = serde_json::from_slice(&std::fs::read(account).unwrap()).unwrap();
    told["rss"].as_f64().unwrap() * 1024.0 * 1024.0
}

/// The heights of all that is measured, in a box of so many test takers.
fn heights(test_takers: usize) -> [f64; 6] {
    let site = Site::enrolled(options(test_takers, 1, (40_000, 40_000)));
    let run = || height(&site, &["sync", "--data"]);
    let edit = || {
        let edited = site.central.touch("1001", Kind::TestTaker, test_takers);
        assert_eq!(edited.len(), test_takers);
    };
    let (first, unchanged) = (run(), run());
    edit();
    let (edited, after) = (run(), run());
    edit();
    let again = run();
    let bundle = site.path("bundle.tar");
    let bundle = height(
        &site,
        &["doctor", "--offline", "--bundle", bundle.to_str().unwrap()],
    );
    [first, unchanged, edited, after, again, bundle]
}

/// A height also tells how the threads met, by up to a fifth: the least of so many is the program's own. The first run of the file
/// that ships is met in one of two heights, 900 kB apart, about as often (measured 2026-11-29); the others hardly need a second attempt.
const ATTEMPTS: usize = 16;

#[test]
fn a_box_holds_little_for_each_test_taker() {
    let shipped = std::env::var_os("E2E_BINARY").is_some();
    let (mut small, mut large) = ([f64::MAX; 6], [f64::MAX; 6]);
    let mut over = Vec::new();
    for _ in 0..ATTEMPTS {
        small = least(small, heights(FEW));
        large = least(large, heights(MANY));
        over.clear();
        for ((what, debug, ships), (small, large)) in BOUNDS.iter().zip(small.iter().zip(large)) {
            let each = (large - small) / (MANY - FEW) as f64;
            let most = if shipped { *ships } else { *debug };
            eprintln!(
                "{what}: {small} and {large} bytes, {each:.0} for each test taker, at most {most}"
            );
            if each > most {
                over.push(what);
            }
        }
        if over.is_empty() {
            return;
        }
    }
    panic!("over in each of {ATTEMPTS} attempts: {over:?}");
}

/// The lesser of each pair.
fn least(one: [f64; 6], other: [f64; 6]) -> [f64; 6] {
    std::array::from_fn(|at| one[at].min(other[at]))
}
