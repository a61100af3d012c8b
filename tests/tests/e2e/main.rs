//! The real binary, real sockets, scripted faults: what design 1 promises, held end to end.
//! Never rolls a fault and never pauses but in `wait_until`.
//! Run by `scripts/test`, which builds the binary before.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod answer;
mod caller;
mod carried;
mod catalogue;
mod command;
mod completions;
mod confirm;
mod copies;
mod credentials;
mod daemon;
mod delta;
mod demo;
mod doctor;
mod encrypted;
mod encrypted_gateway;
mod encrypted_rest;
mod engine;
mod exam;
mod flags;
mod fleet;
mod full;
mod gateway;
mod guard;
mod handover;
mod homes;
mod hostile;
mod keys;
mod lanes;
mod language;
mod line;
mod metrics;
mod names;
mod open;
mod oracle;
mod orders;
mod organisations;
mod outside;
mod package;
mod packaging;
mod page;
mod power;
mod preview;
mod readers;
mod results;
mod resume;
mod room;
mod scale;
mod sick;
mod start;
mod state;
mod stick;
mod swarm;
mod time;
mod token;
mod trace;
mod trouble;
mod unit;
mod update;
mod verbs;
mod verdict;
mod ways;
mod wipe;
