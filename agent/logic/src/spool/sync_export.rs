//! The text of a file that central's own import takes (protocol 11.1): the manifest and the one member with all results.
//! Never makes two members of results: central's import keeps the last one alone, and loses the others.
//! Called by `results export-tao`, and by `results confirm --all-of`, which reads the ids again.
//!
//! The member is `{"results":{…}}`, of which each entry is a line, so that no part of it has to be held whole.

use serde_json::json;

use crate::words::SyncParams;

/// What the member of results begins with.
pub const BEGIN: &[u8] = b"{\"results\":{\n";
/// What it ends with.
pub const END: &[u8] = b"}}\n";
/// The name of the manifest.
pub const MANIFEST: &str = "manifest.json";

/// The manifest, of which central wants all three keys.
pub fn manifest(params: &SyncParams) -> Vec<u8> {
    let keys = json!({
        "organisation_id": params.organisation_id, "box_id": params.box_id, "tao_version": params.tao_version,
    });
    format!("{keys:#}\n").into_bytes()
}

/// The name of the member of results; `at` is in Unix seconds.
pub fn results_name(at: i64) -> String {
    format!("results_{}.0000.json", at.max(0))
}

/// The line of one result; all but the first stand behind a comma. The content is what intake wrote: a line break in it can
/// only stand between its tokens.
pub fn entry(id: &str, payload: &[u8], is_first: bool) -> Vec<u8> {
    let mut line = Vec::with_capacity(payload.len() + id.len() + 8);
    if !is_first {
        line.push(b',');
    }
    line.extend_from_slice(json!(id).to_string().as_bytes());
    line.push(b':');
    let flat = |byte: &u8| {
        if matches!(byte, b'\n' | b'\r') {
            b' '
        } else {
            *byte
        }
    };
    line.extend(payload.iter().map(flat));
    line.push(b'\n');
    line
}

/// The id of an entry's line; `None` for any other line.
pub fn line_id(line: &[u8]) -> Option<String> {
    let line = line.strip_prefix(b",").unwrap_or(line);
    let mut escaped = false;
    let quoted = line.strip_prefix(b"\"")?.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    let (id, rest) = line.split_at(quoted + 2);
    rest.strip_prefix(b":")?;
    serde_json::from_slice(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    #[test]
    fn what_is_written_is_one_document_and_its_ids_are_read_again() {
        let ids = ["https://box.example/tao.rdf#i1", "a\"b\\", "", "é\n"];
        let mut text = BEGIN.to_vec();
        for (at, id) in ids.iter().enumerate() {
            text.extend(entry(id, b"{\n \"deliveryId\":\r\n \"d\"\n}", at == 0));
        }
        text.extend(END);
        let document: Json = serde_json::from_slice(&text).unwrap();
        let results = document["results"].as_object().unwrap();
        assert_eq!(results.len(), ids.len());
        assert!(
            ids.iter()
                .all(|id| results[*id] == json!({ "deliveryId": "d" }))
        );
        let read: Vec<_> = text
            .split(|byte| *byte == b'\n')
            .filter_map(line_id)
            .collect();
        assert_eq!(read, ids);
        let none: Json = serde_json::from_slice(&[BEGIN, END].concat()).unwrap();
        assert_eq!(none, json!({ "results": {} }));
    }

    #[test]
    fn the_manifest_has_the_three_keys_that_central_wants_and_no_other() {
        let params = SyncParams {
            organisation_id: "3005".into(),
            sync_id: 7,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let read: Json = serde_json::from_slice(&manifest(&params)).unwrap();
        assert_eq!(
            read,
            json!({ "organisation_id": "3005", "box_id": "b", "tao_version": "2022.11" })
        );
        assert_eq!(results_name(-3), "results_0.0000.json");
    }
}
