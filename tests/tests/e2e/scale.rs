//! What grows with the size of a test centre grows with it, and no faster.
//! Never times anything: memory is what the kernel accounts to children that ended, twice, so that their own size drops out.
//! Called by nobody.

use nix::sys::resource::{UsageWho, getrusage};

use e2e::{Site, options};

/// Bytes that a run may have resident at its height for each test taker. Measured are 490 in the debug build, and 746 where
/// trees of records, every id and a second edition were held.
const EACH: i64 = 600;
/// The same in the file that ships, whose libc gives less back: measured are 1,353 to 1,417, and 1,309 before.
const EACH_SHIPPED: i64 = 1_700;

/// The largest resident set of any child that ended so far, in bytes.
fn peak() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() * 1024
}

#[test]
fn a_first_run_holds_little_for_each_test_taker() {
    let (few, many) = (2_000, 14_000);
    let height = |test_takers| {
        let site = Site::enrolled(options(test_takers, 1, (40_000, 40_000)));
        site.sync_with(&["--data"]).exits(0);
        peak()
    };
    let (small, large) = (height(few), height(many));
    let each = (large - small) / (many - few) as i64;
    eprintln!("{small} and {large} bytes: {each} for each test taker");
    let most = match std::env::var_os("E2E_BINARY") {
        Some(_) => EACH_SHIPPED,
        None => EACH,
    };
    assert!(each <= most, "{each} bytes for each test taker");
}
