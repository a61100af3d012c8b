//! Deflates what the tables of codes and of sentences say, and numbers the rows: as texts they would be a thirtieth of the
//! program.
//! Never reads anything but the sources: the same commit gives the same file.
//! Run by cargo.

#[path = "build/tables.rs"]
mod tables;

use std::path::Path;

use tables::{codes, french, sentences, sources, tokens, write};

/// The tables of codes in the order in which `fault/code` joins them.
const AREAS: [&str; 6] = ["local", "net", "central", "data", "work", "service"];

fn main() {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src");
    let fault = Path::new("src/fault");
    let french = french(&fault.join("french.rs"));
    let rows = AREAS
        .iter()
        .flat_map(|area| codes(tokens(&fault.join(area).with_extension("rs"))));
    let rows = rows.map(|mut row| {
        row.extend(french.get(&row[0]).cloned().unwrap_or_default());
        row
    });
    let mut tables = vec![("Code".to_owned(), rows.collect())];
    for path in sources(Path::new("src")) {
        tables.extend(sentences(&path));
    }
    write(&tables);
}
