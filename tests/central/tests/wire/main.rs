//! The central seen from the other end of a socket: its faults, its data, its doors.
//! Never waits longer than it takes to see that nothing comes.
//! Run by `cargo test -p central`.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where it stopped"
)]

#[path = "../client/mod.rs"]
mod client;
mod data;
mod faults;
mod site;
