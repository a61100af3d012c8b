//! The benchmarks: the release binary measured beside a floor or its peers, each figure printed with what it is held against.
//! Never asserts, and never measures a debug build.
//! Called by `scripts/bench`.

mod api;
mod appliance;
mod archive;
mod badlink;
mod catalogue;
mod client;
mod download;
mod floor;
mod front;
mod gateway;
mod measure;
mod relay;
mod results;
mod room;
mod site;
mod stick;

use std::process::ExitCode;

/// Whatever stopped a benchmark, in words.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: bench catalogue [TEST-TAKERS] | download [MIB [whole|resume|republished]] | badlink [MIB [timeline]] | room [MIB [well|dies|lies|slow|sick|each|beside]] | gateway [MIB] | results [ITEMS [encrypted]] | api [TEST-TAKERS] | stick [MIB] | appliance";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.first().map(String::as_str) {
        Some("catalogue") => number(&arguments, 10_000).and_then(catalogue::run),
        Some("download") => number(&arguments, 512)
            .and_then(|mib| download::run(mib, arguments.get(2).map(String::as_str))),
        Some("badlink") => match arguments.get(2).map(String::as_str) {
            Some("timeline") => number(&arguments, 24).and_then(badlink::timeline),
            _ => number(&arguments, 48).and_then(badlink::run),
        },
        Some("room") => number(&arguments, 256)
            .and_then(|mib| room::run(mib, arguments.get(2).map(String::as_str))),
        Some("gateway") => number(&arguments, 256).and_then(gateway::run),
        Some("results") => number(&arguments, 500).and_then(|items| {
            let encrypted = arguments.get(2).is_some_and(|word| word == "encrypted");
            results::run(items, encrypted)
        }),
        Some("api") => number(&arguments, 10_000).and_then(api::run),
        Some("stick") => number(&arguments, 256).and_then(stick::run),
        Some("appliance") => appliance::run(),
        Some("measure") => return measure::wrap(&arguments[1..]),
        _ => Err(USAGE.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn number(arguments: &[String], default: usize) -> Result<usize> {
    match arguments.get(1) {
        None => Ok(default),
        Some(text) => Ok(text.parse().map_err(|_| format!("{text} is no number"))?),
    }
}

/// Prints aligned columns: the first to the left, the others to the right.
pub(crate) fn table(title: &str, rows: &[Vec<String>]) {
    println!("\n{title}");
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let width = widths[at];
            line += &if at == 0 {
                format!("  {cell:<width$}")
            } else {
                format!("  {cell:>width$}")
            };
        }
        println!("{}", line.trim_end());
    }
}

/// The cells of a table's row.
pub(crate) fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// The middle one.
pub(crate) fn median<T: Clone>(mut samples: Vec<T>, key: impl Fn(&T) -> f64) -> T {
    samples.sort_by(|a, b| key(a).total_cmp(&key(b)));
    samples[samples.len() / 2].clone()
}
