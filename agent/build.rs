//! Lists boxsync's own words: what else stands in a text is somebody else's, and in no support bundle (`health/redact/sieve`).
//! Deflates the description of the API, the completions and what the tables of sentences say.
//! Never reads anything but the sources: the same commit gives the same file.
//! Run by cargo.

#[allow(
    unreachable_pub,
    reason = "the file is one of `logic`, where it is reached"
)]
#[path = "logic/src/health/redact/word.rs"]
mod word;

#[path = "logic/build/tables.rs"]
#[allow(dead_code, reason = "the codes are those of `logic`")]
mod tables;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What speaks to people alone, and says nothing that is in a bundle: its words would only make the list longer.
const NOT_IN_A_BUNDLE: [&str; 4] = [
    "src/cli",
    "src/page",
    "src/gateway",
    "logic/src/fault/french.rs",
];

fn main() {
    let mut words = BTreeSet::new();
    for folder in ["src", "system/src", "uplink/src", "vault/src", "logic/src"] {
        println!("cargo:rerun-if-changed={folder}");
        read(Path::new(folder), &mut words);
    }
    let numbers: BTreeSet<u32> = words.iter().map(|text| word::number(text)).collect();
    let count = numbers.len();
    let list = format!("static VOCABULARY: [u32; {count}] = {numbers:?};")
        .replace('{', "[")
        .replace('}', "]");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder"));
    fs::write(out.join("vocabulary.rs"), list).expect("the folder takes files");
    let told: Vec<_> = words.into_iter().collect();
    fs::write(out.join("vocabulary.txt"), told.join("\n")).expect("the folder takes files");
    let sources = tables::sources(Path::new("src"));
    let tables: Vec<_> = sources
        .iter()
        .flat_map(|path| tables::sentences(path))
        .collect();
    tables::write(&tables);
    deflate(Path::new("src/socket/openapi.json"), &out);
    deflate(Path::new("src/cli/explanations.txt"), &out);
    println!("cargo:rerun-if-changed=completions");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        deflate(
            &Path::new("completions").join(format!("boxsync.{shell}")),
            &out,
        );
    }
}

/// Writes `NAME.deflate` (RFC 1951).
fn deflate(path: &Path, out: &Path) {
    let name = path.file_name().expect("it has a name").to_string_lossy();
    let text = fs::read(path).expect("it is there");
    let deflated = miniz_oxide::deflate::compress_to_vec(&text, 10);
    fs::write(out.join(format!("{name}.deflate")), deflated).expect("the folder takes files");
}

fn read(path: &Path, words: &mut BTreeSet<String>) {
    let place = path.to_string_lossy();
    if NOT_IN_A_BUNDLE.iter().any(|no| place.starts_with(no)) || place.ends_with("tests.rs") {
        return;
    }
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("sources can be read");
        entries.for_each(|entry| read(&entry.expect("sources can be read").path(), words));
    } else if place.ends_with(".rs") {
        let text = fs::read_to_string(path).expect("sources can be read");
        // Tests stand at the end of a file.
        let text = text.split("\n#[cfg(test)]\nmod tests").next();
        source(text.unwrap_or_default(), words);
    }
}

/// Words of the texts in quotes and of public fields: they are what is shown.
fn source(text: &str, words: &mut BTreeSet<String>) {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n").replace("'\"'", "");
    for (nth, piece) in pieces(&code).iter().enumerate() {
        if nth % 2 == 1 {
            let piece = piece
                .replace("\\n", " ")
                .replace("\\r", " ")
                .replace("\\t", " ");
            take(&piece, words);
            continue;
        }
        for line in piece.lines().map(str::trim_start) {
            let field = line
                .strip_prefix("pub ")
                .and_then(|rest| rest.split_once(':'));
            take(field.map_or("", |(name, _)| name), words);
        }
    }
}

/// Code and texts in turn, split at the quotes.
fn pieces(code: &str) -> Vec<String> {
    let (mut pieces, mut escaped) = (vec![String::new()], false);
    for c in code.chars() {
        let inside = pieces.len() % 2 == 0;
        match c {
            '"' if !escaped => pieces.push(String::new()),
            c => pieces.last_mut().expect("one is there").push(c),
        }
        escaped = inside && c == '\\' && !escaped;
    }
    pieces
}

fn take(text: &str, words: &mut BTreeSet<String>) {
    let letters = text.split(|c: char| !c.is_ascii_alphabetic());
    words.extend(
        letters
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase),
    );
}
