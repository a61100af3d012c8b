//! The fuzz target `intake`: what must hold stands in `checks`.
//! Never more than the way in for libFuzzer.
//! Run by scripts/fuzz.

#![no_main]

#[path = "../checks/intake.rs"]
mod check;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::make("intake"), |data: &[u8]| check::hold(data));
