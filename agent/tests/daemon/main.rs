//! The daemon as systemd and its neighbours meet it: the built program, real signals, real sockets.
//! Never a part of it in this process.
//! Run by `cargo test`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod access;
mod api;
mod events;
mod follow;
mod gate;
mod house;
mod life;
mod package;
mod places;
#[allow(dead_code, reason = "most of it lies for other tests")]
#[path = "../../logic/tests/zip/writer.rs"]
mod writer;
