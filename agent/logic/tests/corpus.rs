//! The inputs that fuzzing found, replayed: each broke something once, and none does any more.
//! Never makes an input up: `scripts/fuzz` does, from these among others; `tests/fuzz/corpus/TARGET` keeps what it found.
//! Run by `cargo test -p logic`, without libFuzzer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "../../../tests/fuzz/checks/answer.rs"]
mod answer;
#[path = "../../../tests/fuzz/checks/carry.rs"]
mod carry;
#[path = "../../../tests/fuzz/checks/header.rs"]
mod header;
#[path = "../../../tests/fuzz/checks/intake.rs"]
mod intake;
#[path = "../../../tests/fuzz/checks/request.rs"]
mod request;
#[path = "../../../tests/fuzz/checks/zip.rs"]
mod zip;

use std::fs;
use std::path::Path;

/// What a target's name stands for.
type CorpusCheck = (&'static str, fn(&[u8]));

#[test]
fn what_fuzzing_found_breaks_nothing_any_more() {
    let checks: [CorpusCheck; 6] = [
        ("answer", answer::hold),
        ("carry", carry::hold),
        ("header", header::hold),
        ("intake", intake::hold),
        ("request", request::hold),
        ("zip", zip::hold),
    ];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    let mut folders: Vec<String> = fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(
        folders,
        checks.map(|(target, _)| target),
        "a folder a target"
    );
    for (target, hold) in checks {
        for entry in fs::read_dir(corpus.join(target)).unwrap() {
            let path = entry.unwrap().path();
            // The harness shows this beside a panic.
            println!("{}", path.display());
            hold(&fs::read(path).unwrap());
        }
    }
}
