//! Reads the tables of sentences out of sources: what `sentences!`, the tables of codes and `french!` have.
//! Never what a table means: a row is its texts, and a test compares them with what the compiler reads.
//! Called by the build scripts of `logic` and `agent`, which deflate the texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// Between the columns of a row, and between rows: no text has them.
pub(crate) const COLUMN: char = '\u{1f}';
pub(crate) const ROW: char = '\u{1e}';
/// Before the number of a place (`0` is the first), where the source has its name in braces.
pub(crate) const PLACE: char = '\u{1a}';

/// The name of an enumeration and the columns of each of its rows.
pub(crate) type Table = (String, Vec<Vec<String>>);

/// Writes `texts.deflate`, and `rows.rs` with the number of each table's first row.
pub(crate) fn write(tables: &[Table]) {
    let (mut texts, mut rows, mut count) = (String::new(), String::new(), 0);
    for (name, table) in tables {
        rows += &format!("pub const {name}: usize = {count};\n");
        count += table.len();
        for row in table {
            texts += &row.join(&COLUMN.to_string());
            texts.push(ROW);
        }
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder"));
    let deflated = miniz_oxide::deflate::compress_to_vec(texts.as_bytes(), 10);
    fs::write(out.join("texts.deflate"), deflated).expect("the folder takes files");
    fs::write(out.join("rows.rs"), rows).expect("the folder takes files");
}

/// All sources of a folder, in the order of their names.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("sources can be read");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("sources can be read").path())
        .collect();
    paths.sort();
    let found = paths.into_iter().flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    found
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

pub(crate) fn tokens(path: &Path) -> TokenStream {
    let text = fs::read_to_string(path).expect("sources can be read");
    text.parse().expect("a source is made of tokens")
}

/// What `NAME! { … }` holds, each time.
pub(crate) fn called(name: &str, tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
        let is_called = matches!(before(2), Some(TokenTree::Ident(ident)) if ident == name)
            && is_punct(before(1), '!')
            && group.delimiter() == Delimiter::Brace;
        match is_called {
            true => found.push(group.stream().into_iter().collect()),
            false => found.extend(called(name, group.stream())),
        }
    }
    found
}

/// The tables of sentences of a source. A row has the name of its variant, English, French, and both in the plural where
/// there is one.
pub(crate) fn sentences(path: &Path) -> Vec<Table> {
    let tables = called("sentences", tokens(path)).into_iter();
    tables
        .map(|table| {
            let [.., TokenTree::Ident(name), TokenTree::Group(rows)] = &table[..] else {
                panic!("{}: a table is a name and its rows", path.display());
            };
            let rows = split(rows.stream(), ';').map(|row| sentence(&row));
            (name.to_string(), rows.collect())
        })
        .collect()
}

fn sentence(row: &[TokenTree]) -> Vec<String> {
    let variant = row.first().expect("a row has a variant").to_string();
    let fields = match row.get(1) {
        Some(TokenTree::Group(fields)) => fields_of(fields.stream()),
        _ => Vec::new(),
    };
    let mut languages = [Vec::new(), Vec::new()];
    let mut language = 0;
    for token in &row[1..] {
        match token {
            TokenTree::Literal(_) => languages[language].push(placed(&text(token), &fields)),
            TokenTree::Punct(mark) if mark.as_char() == ',' => language += 1,
            _ => {}
        }
    }
    let [mut english, mut french] = languages.map(Vec::into_iter);
    let mut columns = vec![variant];
    while english.len() + french.len() > 0 {
        columns.extend([&mut english, &mut french].map(|texts| texts.next().unwrap_or_default()));
    }
    columns
}

/// The names before single colons.
fn fields_of(tokens: TokenStream) -> Vec<String> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut fields = Vec::new();
    let mut is_first = true;
    for pair in tokens.windows(2) {
        match pair {
            [TokenTree::Ident(name), TokenTree::Punct(mark)]
                if is_first && mark.as_char() == ':' && mark.spacing() == Spacing::Alone =>
            {
                fields.push(name.to_string());
            }
            _ => {}
        }
        is_first = is_punct(pair.first(), ',');
    }
    fields
}

/// A text with numbers for the names of its places, and single braces for double ones.
fn placed(text: &str, fields: &[String]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or(from.strip_prefix("}}")) {
            out.push_str(&from[..1]);
            rest = after;
            continue;
        }
        let (name, after) = from[1..].split_once('}').expect("a place ends");
        let number = fields.iter().position(|field| field == name);
        let number = number.unwrap_or_else(|| panic!("{text:?}: no argument {name}"));
        out.push(PLACE);
        out.push(char::from_digit(number as u32, 10).expect("a sentence has ten places at most"));
        rest = after;
    }
    out + rest
}

/// The codes of an area's table in their order: a row has variant, title and remedy.
pub(crate) fn codes(tokens: TokenStream) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let tokens: Vec<_> = tokens.into_iter().collect();
    for row in tokens.windows(7) {
        if let [
            TokenTree::Ident(code),
            TokenTree::Literal(_),
            TokenTree::Group(_),
            title @ TokenTree::Literal(_),
            TokenTree::Literal(_),
            remedy @ TokenTree::Literal(_),
            TokenTree::Punct(_),
        ] = row
        {
            rows.push(vec![code.to_string(), text(title), text(remedy)]);
        }
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            rows.extend(codes(group.stream()));
        }
    }
    rows
}

/// Title and remedy in French of each code: a row may have the remedy of another one.
pub(crate) fn french(path: &Path) -> BTreeMap<String, [String; 2]> {
    let mut found: BTreeMap<String, [String; 2]> = BTreeMap::new();
    let mut shared = Vec::new();
    let rows: TokenStream = called("french", tokens(path))
        .into_iter()
        .flatten()
        .collect();
    for row in split(rows, ';') {
        let code = row[0].to_string();
        match &row[..] {
            [_, title, _, TokenTree::Ident(other)] => {
                shared.push((code.clone(), other.to_string()));
                found.insert(code, [text(title), String::new()]);
            }
            [_, title, remedy] => {
                found.insert(code, [text(title), text(remedy)]);
            }
            _ => panic!("{code}: a title and a remedy"),
        }
    }
    for (code, other) in shared {
        let [_, remedy] = found[&other].clone();
        found.get_mut(&code).expect("it is there")[1] = remedy;
    }
    found
}

fn split(tokens: TokenStream, mark: char) -> impl Iterator<Item = Vec<TokenTree>> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let parts: Vec<_> = tokens
        .split(|token| is_punct(Some(token), mark))
        .filter(|part| !part.is_empty())
        .map(<[TokenTree]>::to_vec)
        .collect();
    parts.into_iter()
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// What a literal says.
fn text(literal: &TokenTree) -> String {
    let text: syn::LitStr =
        syn::parse2(literal.clone().into()).unwrap_or_else(|_| panic!("{literal} is no text"));
    let text = text.value();
    assert!(!text.contains([COLUMN, ROW, PLACE]), "{text:?}");
    text
}
