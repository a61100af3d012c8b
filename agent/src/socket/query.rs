//! The query of a request: parameters by name, each at most once, none that the route does not know.
//! Never guesses: what is not understood is refused with its name.
//! Called by the routes.

use std::collections::BTreeMap;

use logic::fault::{Code, Fault};
use logic::outside;
use percent_encoding::percent_decode_str;

/// The parameters of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads `name=value&…`, form encoded.
    pub(super) fn read(text: Option<&str>, known: &[&str]) -> Result<Self, Fault> {
        let mut found = BTreeMap::new();
        for pair in text
            .unwrap_or_default()
            .split('&')
            .filter(|p| !p.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| decode(&text.replace('+', " "));
            let (name, value) = (plain(name)?, plain(value)?);
            if !known.contains(&name.as_str()) {
                return Err(flaw(&format!(
                    "unknown parameter {}, expected {}",
                    outside::quoted(&name),
                    if known.is_empty() {
                        "none".into()
                    } else {
                        known.join(", ")
                    }
                )));
            }
            if found.insert(name.clone(), value).is_some() {
                return Err(flaw(&format!(
                    "parameter {} is given twice",
                    outside::quoted(&name)
                )));
            }
        }
        Ok(Self(found))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Ok(Some(number)),
            _ => Err(flaw(&format!(
                "parameter `{name}`: expected a whole number"
            ))),
        }
    }
}

/// Undoes percent encoding.
pub(super) fn decode(text: &str) -> Result<String, Fault> {
    percent_decode_str(text)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| flaw("the request's address is not UTF-8"))
}

/// A request that can never succeed as it is.
pub(super) fn flaw(reason: &str) -> Fault {
    Fault::new(Code::ApiRequest, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_unknown_ones_named() {
        let query =
            Query::read(Some("id=https%3A%2F%2Fx%23a+b&since=12"), &["id", "since"]).unwrap();
        assert_eq!(query.text("id"), Some("https://x#a b"));
        assert_eq!(query.number("since"), Ok(Some(12)));
        assert_eq!(query.number("most"), Ok(None));
        for bad in ["what=1", "id=1&id=2", "id=%ff"] {
            assert_eq!(
                Query::read(Some(bad), &["id"]).unwrap_err().code,
                Code::ApiRequest
            );
        }
        let query = Query::read(Some("since=+1"), &["since"]).unwrap();
        assert!(query.number("since").is_err());
    }
}
