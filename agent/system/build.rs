//! States when this program was built: no certificate that matters was valid only before.
//! Never reads the clock when `SOURCE_DATE_EPOCH` says the time: the same commit gives the same file.
//! Run by cargo.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo:rerun-if-changed=build.rs");
    let clock = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    };
    let stated = env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|text| text.parse().ok());
    println!("cargo:rustc-env=BUILT={}", stated.unwrap_or_else(clock));
}
