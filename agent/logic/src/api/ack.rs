//! Reads what central acknowledges: results, log rows, test sessions (protocol 7.2, 8.1, 8.3).
//! Never takes an entry for acknowledged that does not say so in its own words.
//! Called by `spool`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Reply;
use super::answer::{PhpMap, parse};
use crate::fault::{Expected, Fault};

/// What central said about one group of log rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsAck {
    /// Whether the group was taken at all.
    pub success: bool,
    /// Ids of the rows that were stored, as text; `None` from a central that names none (before taoSync 1.4.0).
    pub stored: Option<Vec<String>>,
}

impl RowsAck {
    /// Nothing of the group was stored, as of an execution that central does not know.
    pub fn is_unmapped(&self) -> bool {
        self.success && self.stored.as_ref().is_some_and(Vec::is_empty)
    }
}

/// By execution id whether central took the entry; an entry that says something else is left out.
///
/// # Errors
/// The trouble that the reply means; `central.foreign` when it is no map.
pub fn entries(reply: &Reply) -> Result<BTreeMap<String, bool>, Fault> {
    Ok(read(reply)?
        .into_iter()
        .filter_map(|(id, entry)| Some((id, success(&entry)?)))
        .collect())
}

/// By execution id what central said about its rows; what cannot be read is left out.
///
/// # Errors
/// As `entries`.
pub fn rows(reply: &Reply) -> Result<BTreeMap<String, RowsAck>, Fault> {
    Ok(read(reply)?
        .into_iter()
        .filter_map(|(id, entry)| {
            let stored = match entry.get("logsSynced") {
                None => None,
                Some(Json::Array(ids)) => Some(ids.iter().map(text).collect()),
                Some(_) => return None,
            };
            let success = success(&entry)?;
            Some((id, RowsAck { success, stored }))
        })
        .collect())
}

fn read(reply: &Reply) -> Result<Vec<(String, Json)>, Fault> {
    let PhpMap(pairs) = parse(reply, Expected::Acknowledgements)?;
    let entry = |raw: &str| serde_json::from_slice(raw.as_bytes()).unwrap_or(Json::Null);
    Ok(pairs
        .into_iter()
        .map(|(id, raw)| (id.into_owned(), entry(raw.get())))
        .collect())
}

fn success(entry: &Json) -> Option<bool> {
    match entry.get("success")? {
        Json::Bool(success) => Some(*success),
        number => match number.as_i64()? {
            1 => Some(true),
            0 => Some(false),
            _ => None,
        },
    }
}

/// Row ids come back as they were sent: as a text or as a number.
fn text(id: &Json) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 200,
            body: body.into(),
            ..Reply::default()
        }
    }

    #[test]
    fn only_its_own_words_acknowledge_an_entry() {
        let body = r#"{"a":{"success":1,"deliveryId":"x"},"b":{"success":0},"c":{"success":"1"},"d":{},"e":7,"f":{"success":2}}"#;
        let acks = entries(&reply(body)).unwrap();
        assert_eq!(acks, [("a".into(), true), ("b".into(), false)].into());
        assert_eq!(entries(&reply("[]")).unwrap(), BTreeMap::new());
        assert_eq!(
            entries(&reply("[1]")).unwrap_err().code,
            Code::CentralForeign
        );
    }

    #[test]
    fn rows_are_named_as_they_were_sent() {
        let body = r#"{"a":{"success":1,"logsSynced":[41,"42"]},"b":{"success":0},"c":{"success":1},"d":{"success":1,"logsSynced":7}}"#;
        let acks = rows(&reply(body)).unwrap();
        assert_eq!(acks["a"].stored, Some(vec!["41".into(), "42".into()]));
        assert!(!acks["b"].success);
        assert_eq!(acks["c"].stored, None);
        assert!(!acks.contains_key("d"));
    }
}
