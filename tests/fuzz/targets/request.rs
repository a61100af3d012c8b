//! The fuzz target `request`: what must hold stands in `checks`.
//! Never more than the way in for libFuzzer.
//! Run by scripts/fuzz.

#![no_main]

#[path = "../checks/request.rs"]
mod check;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::make("request"), |data: &[u8]| check::hold(data));
