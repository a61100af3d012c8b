//! The pure half of boxsync: what is decided here depends on nothing but the arguments.
//! Never a file, socket, clock, thread or random number: time and randomness arrive as values.
//! Called by `agent`, which executes what is decided.

pub mod access;
pub mod api;
pub mod child;
pub mod chunk;
pub mod condition;
pub mod credentials;
pub mod download;
pub mod encryption;
pub mod entity;
pub mod envelope;
pub mod events;
pub mod exam;
pub mod fault;
pub mod feed;
pub mod fingerprint;
pub mod gateway;
pub mod grant;
pub mod guard;
pub mod health;
pub mod identity;
pub mod inflate;
pub mod intake;
pub mod json;
pub mod keep;
pub mod language;
pub mod manifest;
pub mod media;
pub mod organisation;
pub mod outside;
pub mod pace;
pub mod package;
pub mod package_lane;
pub mod php;
pub mod phrase;
pub mod places;
pub mod range;
pub mod rate;
pub mod report;
pub mod resolver;
pub mod retry;
pub mod schedule;
pub mod settings;
pub mod sorted;
pub mod span;
pub mod spool;
pub mod sync;
pub mod time;
pub mod trace;
pub mod wipe;
pub mod words;
pub mod zip;
pub mod zone;

pub use seal;
