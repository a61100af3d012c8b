//! The fuzz target `carry`: what must hold stands in `checks`.
//! Never more than the way in for libFuzzer.
//! Run by scripts/fuzz.

#![no_main]

#[path = "../checks/carry.rs"]
mod check;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::make("carry"), |data: &[u8]| check::hold(data));
