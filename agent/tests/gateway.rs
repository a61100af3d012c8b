//! The gateway as its clients meet it: real sockets, the recorded exchanges, runs over a changing store.
//! Never sleeps, and never looks inside: what counts is what comes over the wire.
//! Called by `cargo test -p agent --test gateway`.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by failing"
)]

#[path = "gateway/bench.rs"]
mod bench;
#[path = "gateway/client.rs"]
mod client;
#[path = "gateway/replay.rs"]
mod replay;
