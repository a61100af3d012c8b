//! The half of boxsync that touches the world: sockets, files, clocks, the terminal, the journal.
//! Never decides what `logic` can decide: it executes commands and reports what came of them.
//! Called by the binary `boxsync` and by the contract tests.

pub mod bundle;
pub mod cli;
pub mod connections;
pub mod copies;
pub mod daemon;
pub mod doctor;
pub mod engine;
#[cfg(test)]
mod fixture;
pub mod gateway;
pub mod host;
pub mod intake;
pub mod metrics;
pub mod page;
mod server;
pub mod settings;
pub mod site;
pub mod socket;
mod texts;
pub mod worker;
