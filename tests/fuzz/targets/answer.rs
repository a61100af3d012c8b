//! The fuzz target `answer`: what must hold stands in `checks`.
//! Never more than the way in for libFuzzer.
//! Run by scripts/fuzz.

#![no_main]

#[path = "../checks/answer.rs"]
mod check;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::make("answer"), |data: &[u8]| check::hold(data));
