//! The query of a request: parameters by name, each at most once, none that the route does not know.
//! Never guesses: what is not understood is refused with its name.
//! Called by the routes.

use std::collections::BTreeMap;
use std::time::Duration;

use logic::fault::{ApiCause, Code, Fault, ParameterFlaw};
use percent_encoding::percent_decode_str;

/// The parameters of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query(BTreeMap<String, Vec<String>>);

/// Behind the name of a parameter that may be given several times.
const MANY: char = '*';

impl Query {
    /// Reads `name=value&…`, form encoded. A known name that ends with `*` may be given several times.
    pub(super) fn read(text: Option<&str>, known: &[&str]) -> Result<Self, Fault> {
        let mut found = BTreeMap::<String, Vec<String>>::new();
        for pair in text
            .unwrap_or_default()
            .split('&')
            .filter(|p| !p.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| decode(&text.replace('+', " "));
            let (name, value) = (plain(name)?, plain(value)?);
            let names = |known: &&&str| known.trim_end_matches(MANY) == name;
            let Some(known) = known.iter().find(names) else {
                let known = known.join(", ").replace(MANY, "");
                let name = name.as_str().into();
                return Err(flaw(match known.is_empty() {
                    true => ApiCause::NoParameters { name },
                    false => ApiCause::NoParameter { name, known },
                }));
            };
            let values = found.entry(name).or_default();
            values.push(value);
            if values.len() > 1 && !known.ends_with(MANY) {
                let name = (*known).to_owned();
                return Err(flaw(ApiCause::Twice { name }));
            }
        }
        Ok(Self(found))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// All values of a parameter, in order.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// A time in whole seconds, written `60s`.
    pub(super) fn seconds(&self, name: &str, most: Duration) -> Result<Option<Duration>, Fault> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let digits = text.strip_suffix('s').filter(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let time = digits.and_then(|number| Some(Duration::from_secs(number.parse().ok()?)));
        match time.filter(|time| *time <= most) {
            Some(time) => Ok(Some(time)),
            None => {
                let most = most.as_secs();
                Err(parameter(name, ParameterFlaw::Seconds { most }))
            }
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Ok(Some(number)),
            _ => Err(parameter(name, ParameterFlaw::Number)),
        }
    }
}

/// Undoes percent encoding.
pub(super) fn decode(text: &str) -> Result<String, Fault> {
    percent_decode_str(text)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| flaw(ApiCause::NotUtf8))
}

/// A request that can never succeed as it is.
pub(super) fn flaw(cause: ApiCause) -> Fault {
    Fault::new(Code::ApiRequest, cause)
}

/// A parameter that cannot be what it is.
pub(super) fn parameter(name: &str, flaw: ParameterFlaw) -> Fault {
    let name = name.to_owned();
    self::flaw(ApiCause::Parameter { name, flaw })
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
        let many = Query::read(Some("id=1&id=2&wait=60s"), &["id*", "wait"]).unwrap();
        assert_eq!(many.all("id"), ["1", "2"]);
        let most = Duration::from_secs(60);
        assert_eq!(many.seconds("wait", most), Ok(Some(most)));
        for odd in ["61s", "s", "60", "+1s", "1m", "99999999999999999999s"] {
            let query = format!("wait={}", odd.replace('+', "%2B"));
            let query = Query::read(Some(&query), &["wait"]).unwrap();
            assert!(query.seconds("wait", most).is_err(), "{odd}");
        }
        let unknown = Query::read(Some("id*=1"), &["id*"]).unwrap_err();
        assert!(unknown.reason().ends_with("expected id"), "{unknown:?}");
        let query = Query::read(Some("since=+1"), &["since"]).unwrap();
        assert!(query.number("since").is_err());
    }
}
