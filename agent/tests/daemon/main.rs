//! The daemon as systemd and its neighbours meet it: the built program, real signals, real sockets.
//! Never a part of it in this process.
//! Run by `cargo test`.

mod api;
mod house;
mod life;
