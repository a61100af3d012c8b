//! The binary `boxsync`.
//! Never more than the way into the command line.
//! Called by systemd, an operator or a technician.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent::cli::main()
}
