//! What boxes of a site say to each other on a proven link, and who may ask what.
//! Never more than the words: what is behind a request is decided by whoever answers it.
//! Called by `agent::site`, by who answers siblings, and by the verb `site`.

use seal::NameHash;
use serde::{Deserialize, Serialize};

use super::link::{LinkKey, LinkTrust};

/// Bytes of a greeting, at most.
pub const GREETING: usize = 4096;

/// What each side says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The box among those that have the proven key (`LinkKey::pseudonym`).
    pub name: String,
    /// Its id; only where the key is that of `key_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub box_id: Option<String>,
    /// Its boxsync.
    pub version: String,
}

impl Greeting {
    /// That of a box.
    pub fn of(key: &LinkKey, box_id: &str, version: &str) -> Self {
        let is_told = key.trust == LinkTrust::KeyFile;
        Self {
            name: key.pseudonym(box_id).to_string(),
            box_id: is_told.then(|| box_id.to_owned()),
            version: version.to_owned(),
        }
    }

    /// As it goes over the link.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data always serialises")
    }

    /// What a sibling said; `None` where it is no greeting.
    pub fn read(key: &LinkKey, bytes: &[u8]) -> Option<Self> {
        let greeting: Self =
            serde_json::from_slice(bytes.get(..bytes.len().min(GREETING))?).ok()?;
        greeting.name.parse::<NameHash>().ok()?;
        let id = greeting.box_id.as_deref();
        let is_own = id.is_none_or(|id| key.pseudonym(id).to_string() == greeting.name);
        let fits = id.is_none_or(|id| id.len() <= 50 && id.bytes().all(|b| b.is_ascii_graphic()));
        (is_own && fits && greeting.version.len() <= 50).then_some(greeting)
    }
}

/// What a path below `/site/1/` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteRequest {
    /// `packages…`: what is held of packages, and ranges of them.
    Packages,
    /// `copies…`: second copies of what is owed.
    Copies,
    /// `standing`: how the box stands.
    Standing,
}

/// What every path begins with.
pub const SITE_PATH: &str = "/site/1/";

impl SiteRequest {
    /// What a path is for; `None` where it is for nothing.
    pub fn of(path: &str) -> Option<Self> {
        let word = path.strip_prefix(SITE_PATH)?.split('/').next()?;
        match word {
            "packages" => Some(Self::Packages),
            "copies" => Some(Self::Copies),
            "standing" => Some(Self::Standing),
            _ => None,
        }
    }

    /// Whether a sibling that proved such a key may ask it.
    ///
    /// | Asked for | key of enrolment | key of `key_file` |
    /// |---|---|---|
    /// | packages | of the organisation that it follows from | of all organisations of the box |
    /// | second copies | no | yes |
    /// | how the box stands | no | yes |
    pub fn is_allowed(self, trust: LinkTrust) -> bool {
        match self {
            Self::Packages => true,
            Self::Copies | Self::Standing => trust == LinkTrust::KeyFile,
        }
    }
}

/// The keys over which a box asks for packages of one organisation; `own`: that of this organisation's enrolment. Whoever knows one
/// of them can forge a range whose CRC-32 is right, and hears by size and end which packages there are.
///
/// | The box has | It asks |
/// |---|---|
/// | a `key_file` | who proves its key, for any organisation |
/// | none | who proves that of this organisation's enrolment |
pub fn believed(mut keys: Vec<LinkKey>, own: Option<LinkKey>) -> Vec<LinkKey> {
    keys.retain(|key| key.trust == LinkTrust::KeyFile);
    if keys.is_empty() {
        keys.extend(own);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::SiteKey;

    #[test]
    fn the_key_of_enrolment_is_good_for_packages_alone() {
        use LinkTrust::{Enrolment, KeyFile};
        let table = [
            ("/site/1/packages", Enrolment, Some(true)),
            ("/site/1/packages/x/1", KeyFile, Some(true)),
            ("/site/1/copies/x", Enrolment, Some(false)),
            ("/site/1/copies", KeyFile, Some(true)),
            ("/site/1/standing", Enrolment, Some(false)),
            ("/site/1/standing", KeyFile, Some(true)),
            ("/site/1/", KeyFile, None),
            ("/site/1/copiesx", KeyFile, None),
            ("/site/2/copies", KeyFile, None),
            ("/v1/status", KeyFile, None),
        ];
        for (path, trust, expected) in table {
            let allowed = SiteRequest::of(path).map(|asked| asked.is_allowed(trust));
            assert_eq!(allowed, expected, "{path} {trust:?}");
        }
    }

    #[test]
    fn a_box_with_a_key_file_believes_nobody_who_has_only_enrolled() {
        let file = || SiteKey::new([1; 32]).of_organisation("1001").link();
        let enrolled = |id: &str| LinkKey::of_enrolment(id, "hash");
        let asked = |keys: Vec<LinkKey>, own: Option<LinkKey>| {
            let asked = believed(keys, own).into_iter();
            asked.map(|key| key.pseudonym("b")).collect::<Vec<_>>()
        };
        let both = || vec![enrolled("1001"), enrolled("2002")];
        let name = |key: LinkKey| key.pseudonym("b");
        let with_file = [vec![file()], both()].concat();
        let own = || Some(enrolled("2002"));
        assert_eq!(asked(with_file, own()), [name(file())]);
        // Of several organisations the one alone whose package it is.
        assert_eq!(asked(both(), own()), [name(enrolled("2002"))]);
        assert_eq!(asked(both(), None), []);
        assert_eq!(asked(vec![], None), []);
    }

    #[test]
    fn a_greeting_tells_a_box_id_to_its_own_site_alone_and_no_other_box_s() {
        let file = SiteKey::new([1; 32]).of_organisation("1001").link();
        let enrolled = LinkKey::of_enrolment("1001", "hash");
        let own = Greeting::of(&file, "b", "0.1.0");
        assert_eq!(own.box_id.as_deref(), Some("b"));
        assert_eq!(Greeting::of(&enrolled, "b", "0.1.0").box_id, None);
        assert_eq!(Greeting::read(&file, &own.bytes()), Some(own.clone()));
        let other = Greeting {
            box_id: Some("c".into()),
            ..own.clone()
        };
        let long = Greeting {
            version: "1".repeat(51),
            ..own.clone()
        };
        let nameless = Greeting {
            name: "x".into(),
            box_id: None,
            ..own
        };
        for foreign in [other, long, nameless] {
            assert_eq!(Greeting::read(&file, &foreign.bytes()), None, "{foreign:?}");
        }
        for text in ["", "{}", "[1]", "GET / HTTP/1.1"] {
            assert_eq!(Greeting::read(&file, text.as_bytes()), None, "{text}");
        }
    }
}
