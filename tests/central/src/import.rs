//! Central's own import of a package of results, as an operator starts it (protocol 11.1), with its traps.
//! Never mends a package: what TAO's import loses or dies of is lost here, too.
//! Called by `Central::import`.

use std::collections::BTreeMap;

use crate::php::PhpValue;
use crate::results::{IntakeOutcome, Results};

/// The files at the top of a zip, in the order of its directory.
///
/// # Errors
/// What is wrong with it.
pub fn unpack(zip: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let number = |at: usize, length: usize| {
        let bytes = zip.get(at..at + length).ok_or("the zip is cut")?;
        Ok::<usize, String>(
            bytes
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    };
    let end = zip.windows(4).rposition(|four| four == b"PK\x05\x06");
    let end = end.ok_or("it is no zip, or its end is missing")?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    let mut files = Vec::new();
    for _ in 0..count {
        if zip.get(at..at + 4) != Some(b"PK\x01\x02") {
            return Err("an entry of the directory is damaged".into());
        }
        let (method, crc32) = (number(at + 10, 2)?, number(at + 16, 4)?);
        let (packed, name) = (number(at + 20, 4)?, number(at + 28, 2)?);
        let place = number(at + 42, 4)?;
        let begin = place + 30 + number(place + 26, 2)? + number(place + 28, 2)?;
        let data = zip.get(begin..begin + packed).ok_or("a member is cut")?;
        let content = match method {
            0 => data.to_vec(),
            8 => {
                miniz_oxide::inflate::decompress_to_vec(data).map_err(|error| error.to_string())?
            }
            other => return Err(format!("method {other}")),
        };
        if crc32fast::hash(&content) as usize != crc32 {
            return Err("a member does not have its CRC-32".into());
        }
        let text = zip
            .get(at + 46..at + 46 + name)
            .ok_or("the directory is cut")?;
        let text = String::from_utf8_lossy(text).into_owned();
        if !text.contains('/') {
            files.push((text, content));
        }
        at += 46 + name + number(at + 30, 2)? + number(at + 32, 2)?;
    }
    Ok(files)
}

/// The task `ImportSynchronizationPackage`: acknowledgements by execution id, in order.
///
/// # Errors
/// What the report of the failed task says; entries before the offender are stored.
pub(crate) fn import(zip: &[u8], results: &mut Results) -> Result<Vec<(String, bool)>, String> {
    let mut merged: BTreeMap<String, PhpValue> = BTreeMap::new();
    let mut has_manifest = false;
    for (name, content) in unpack(zip)? {
        let document = PhpValue::parse(&content).ok_or(format!("{name} is no JSON"))?;
        if name == "manifest.json" {
            let keys = ["organisation_id", "box_id", "tao_version"];
            has_manifest = keys.iter().all(|key| document.get(key).is_some());
            continue;
        }
        // `array_merge`: of two files with one key the last one stays.
        for (key, value) in document.entries() {
            merged.insert(key, value.clone());
        }
    }
    if !has_manifest {
        return Err("the manifest lacks a key".into());
    }
    if let Some(key) = merged.keys().find(|key| *key != "results") {
        return Err(format!("{key} importer is not configured"));
    }
    let Some(entries) = merged.get("results") else {
        return Ok(Vec::new());
    };
    match results.intake(entries, None) {
        IntakeOutcome::Acknowledged(acks) => {
            let success = |ack: &str| ack.starts_with("{\"success\":1");
            Ok(acks
                .into_iter()
                .map(|(id, ack)| (id, success(&ack)))
                .collect())
        }
        IntakeOutcome::TypeError | IntakeOutcome::Crashed => Err("TypeError".into()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::zip::{Member, write};

    fn zip(files: &[(&str, &str)], deflate: bool) -> Vec<u8> {
        let member = |(path, content): &(&str, &str)| Member {
            path: (*path).to_owned(),
            content: Bytes::copy_from_slice(content.as_bytes()),
            deflate,
        };
        write(&files.iter().map(member).collect::<Vec<_>>())
    }

    const MANIFEST: &str = r#"{"organisation_id":"1","box_id":"b","tao_version":"v"}"#;

    fn results(id: &str) -> String {
        format!(
            r#"{{"results":{{"{id}":{{"deliveryId":"d","deliveryExecutionId":"{id}","details":{{"identifier":"{id}","label":"","test-taker":"t","starttime":"","finishtime":null,"state":"s"}},"variables":[]}}}}}}"#
        )
    }

    #[test]
    fn of_two_files_of_results_the_last_one_alone_is_imported() {
        for deflate in [false, true] {
            let (a, b) = (results("a"), results("b"));
            let files = [
                ("manifest.json", MANIFEST),
                ("results_1.json", &a),
                ("results_2.json", &b),
            ];
            let mut held = Results::new(None);
            let acks = import(&zip(&files, deflate), &mut held).unwrap();
            assert_eq!(acks, [("b".to_owned(), true)]);
            assert!(held.mapped("a").is_none() && held.mapped("b").is_some());
        }
    }

    #[test]
    fn what_the_import_does_not_take_is_told() {
        let a = results("a");
        let table = [
            (
                zip(&[("results_1.json", &a)], false),
                "the manifest lacks a key",
            ),
            (
                zip(
                    &[
                        ("manifest.json", r#"{"organisation_id":"1"}"#),
                        ("r.json", &a),
                    ],
                    false,
                ),
                "the manifest lacks a key",
            ),
            (
                zip(
                    &[("manifest.json", MANIFEST), ("logs.json", r#"{"logs":[]}"#)],
                    false,
                ),
                "logs importer is not configured",
            ),
            (
                zip(&[("manifest.json", MANIFEST), ("r.json", "{")], false),
                "r.json is no JSON",
            ),
            (b"half".to_vec(), "it is no zip, or its end is missing"),
        ];
        for (zip, expected) in table {
            let mut held = Results::new(None);
            assert_eq!(import(&zip, &mut held).unwrap_err(), expected);
            assert!(held.executions.is_empty());
        }
        let none = zip(&[("manifest.json", MANIFEST)], false);
        assert_eq!(import(&none, &mut Results::new(None)), Ok(Vec::new()));
    }
}
