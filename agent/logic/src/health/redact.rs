//! Takes secrets and people out of a text: known ones by value, unknown ones by their shape.
//! Never lets a bundle out that still holds a known secret: `remains` is asked about the finished bytes.
//! Called by the support bundle.

pub mod sieve;
pub mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::seal::Key;

/// A shorter secret would be found everywhere; a box has none that short, but a file of one character may exist.
const SHORTEST: usize = 5;
/// A shorter name is part of too many words to be looked for.
const SHORTEST_NAME: usize = 3;
/// Words of labels and logins such as "Test taker 12", which are words of every report too.
const NO_NAMES: [&str; 20] = [
    "test",
    "taker",
    "tester",
    "proctor",
    "administrator",
    "admin",
    "user",
    "candidate",
    "student",
    "teacher",
    "center",
    "centre",
    "school",
    "sync",
    "manager",
    "box",
    "delivery",
    "room",
    "the",
    "and",
];
/// Names of values that are secret.
const SECRET_NAMES: [&str; 11] = [
    "password",
    "passwd",
    "secret",
    "client_secret",
    "access_token",
    "refresh_token",
    "token",
    "api_key",
    "authorization",
    "bearer",
    "basic",
];
/// Hex digits in a row that are no name of a file or client of boxsync any more (those have 32).
const HEX: usize = 40;
/// Letters and digits in a row that no word of a report has.
const LONG: usize = 60;

/// What is to be taken out, and the key of the pseudonyms.
#[derive(Debug)]
pub struct Redactor {
    /// Every form in which a secret may be written, with what it is.
    secrets: BTreeMap<Vec<u8>, &'static str>,
    /// Hashes of what names people: of 200,000 test takers there are a million words. A word that falls on one of them by
    /// accident is taken out, too.
    people: BTreeSet<u64>,
    key: Key,
}

impl Redactor {
    /// `random`: new for each bundle, so that pseudonyms of two bundles cannot be joined.
    pub fn new(random: [u8; 32]) -> Self {
        Self {
            secrets: BTreeMap::new(),
            people: BTreeSet::new(),
            key: Key::new(random),
        }
    }

    /// A secret, in all forms in which it may be written: as it is, escaped for JSON and URLs, base64, hex.
    pub fn secret(&mut self, what: &'static str, value: &[u8]) {
        if value.len() < SHORTEST {
            return;
        }
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![
            value.to_vec(),
            hex.to_uppercase().into_bytes(),
            hex.into_bytes(),
            STANDARD.encode(value).trim_end_matches('=').into(),
            URL_SAFE_NO_PAD.encode(value).into_bytes(),
        ];
        if let Ok(text) = std::str::from_utf8(value) {
            forms.push(
                utf8_percent_encode(text, NON_ALPHANUMERIC)
                    .to_string()
                    .into(),
            );
            let json = serde_json::Value::from(text).to_string();
            forms.push(json.trim_matches('"').into());
        }
        for form in forms {
            self.secrets.insert(form, what);
        }
    }

    /// Whatever names a person: a login, a name of several words, an address, a URI.
    pub fn person(&mut self, value: &str) {
        // Where the mail is read names nobody: it may be central's own place.
        let value = match value.rsplit_once('@') {
            Some((user, _)) if is_address(value) => user,
            _ => value,
        };
        let words = value
            .split(|c: char| !is_name(c))
            .chain(value.split(|c: char| !c.is_alphanumeric()));
        for word in words.map(trimmed) {
            let name = word.to_lowercase();
            let telling = word.chars().count() >= SHORTEST_NAME
                && !word.chars().all(|c| c.is_ascii_digit())
                && !NO_NAMES.contains(&name.as_str());
            if telling {
                self.people.insert(hash(&name));
            }
        }
    }

    /// The URI of a person: only as a whole, since its parts are those of all URIs.
    pub fn person_uri(&mut self, uri: &str) {
        if let Some((_, fragment)) = uri.rsplit_once('#') {
            self.people.insert(hash(&fragment.to_lowercase()));
        }
    }

    /// The text without secrets, with pseudonyms instead of people.
    pub fn redact(&self, text: &str) -> String {
        self.words(&self.without_secrets(text))
    }

    fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // The longest first: a form may be a part of another one.
        let mut forms: Vec<_> = self.secrets.iter().collect();
        forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        for (form, what) in forms {
            if let Ok(form) = std::str::from_utf8(form)
                && text.contains(form)
            {
                text = text.replace(form, &format!("[{what}]"));
            }
        }
        let text = named_values(&text);
        let text = user_information(&text);
        password_hashes(&text)
    }

    /// What is still there of a known secret, by what it is.
    pub fn remains(&self, bytes: &[u8]) -> Option<&'static str> {
        self.secrets
            .iter()
            .find(|(form, _)| bytes.windows(form.len()).any(|window| window == &form[..]))
            .map(|(_, what)| *what)
    }

    /// Word by word: addresses, people, values too long for a word.
    fn words(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let same = is_name(first);
            let end = rest.find(|c| is_name(c) != same).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            if same {
                self.name(piece, &mut out);
            } else {
                out.push_str(piece);
            }
            rest = after;
        }
        out
    }

    /// A run of characters as they stand in logins and addresses.
    fn name(&self, piece: &str, out: &mut String) {
        let core = trimmed(piece);
        if core.is_empty() {
            return out.push_str(piece);
        }
        let at = piece.find(core).unwrap_or(0);
        let (before, after) = (&piece[..at], &piece[at + core.len()..]);
        out.push_str(before);
        if is_address(core) {
            out.push_str(&self.pseudonym("mail", core));
        } else if self.is_person(core) {
            out.push_str(&self.pseudonym("person", core));
        } else {
            let mut rest = core;
            while let Some(first) = rest.chars().next() {
                let same = first.is_alphanumeric();
                let end = rest
                    .find(|c: char| c.is_alphanumeric() != same)
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                out.push_str(&self.word(word));
                rest = after;
            }
        }
        out.push_str(after);
    }

    fn word(&self, word: &str) -> String {
        if self.is_person(word) {
            return self.pseudonym("person", word);
        }
        let hex = word
            .split(|c: char| !c.is_ascii_hexdigit())
            .map(str::len)
            .max();
        if word.len() >= LONG || hex.is_some_and(|length| length >= HEX) {
            return "[long value]".into();
        }
        word.to_owned()
    }

    fn is_person(&self, word: &str) -> bool {
        self.people.contains(&hash(&word.to_lowercase()))
    }

    fn pseudonym(&self, kind: &str, value: &str) -> String {
        let hash = self.key.name(kind, &value.to_lowercase()).to_string();
        format!("{kind}-{}", &hash[..8])
    }
}

fn hash(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+')
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

/// An e-mail address: something, one @, a name with a dot.
fn is_address(word: &str) -> bool {
    word.split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && !host.contains('@') && host.contains('.'))
}

/// Values behind names that say they are secret, and credentials of an `Authorization`.
fn named_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let same = first.is_ascii_alphanumeric() || first == '_';
        let end = rest
            .find(|c: char| (c.is_ascii_alphanumeric() || c == '_') != same)
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        out.push_str(piece);
        rest = after;
        let lower = piece.to_ascii_lowercase();
        if !SECRET_NAMES.contains(&lower.as_str()) {
            continue;
        }
        let scheme = matches!(lower.as_str(), "bearer" | "basic");
        let gap = rest
            .find(|c: char| !matches!(c, '"' | '\'' | '\\' | ':' | '=' | ' '))
            .unwrap_or(rest.len());
        let between = &rest[..gap];
        let assigned = between.contains([':', '=']) || (scheme && between == " ");
        let value = &rest[gap..];
        let length = value
            .find(|c: char| {
                c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '&' | ',' | ';' | '}' | ')')
            })
            .unwrap_or(value.len());
        // Prose has short words behind "basic"; `authorization: Bearer x` is met again at its scheme.
        let word = value[..length].to_ascii_lowercase();
        let telling = length >= if scheme { 12 } else { 1 };
        if assigned
            && telling
            && !SECRET_NAMES.contains(&word.as_str())
            && !value.starts_with(['[', '{'])
            && !["true", "false", "null"].contains(&word.as_str())
        {
            out.push_str(between);
            out.push_str("[secret]");
            rest = &value[length..];
        }
    }
    out
}

/// `scheme://user:password@host`.
fn user_information(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''))
            .unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                out.push_str("[user]");
                &after[at..]
            }
            None => after,
        };
    }
    out + rest
}

/// `$2y$10$…`, `$argon2id$…`, `$6$…` (crypt(5)).
fn password_hashes(text: &str) -> String {
    const KINDS: [&str; 8] = [
        "$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$argon2",
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if KINDS.iter().any(|kind| after.starts_with(kind)) {
            let end = after
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\'))
                .unwrap_or(after.len());
            out.push_str("[password hash]");
            rest = &after[end..];
        } else {
            out.push('$');
            rest = &after[1..];
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::new([7; 32]);
        redactor.secret("client secret", b"s3cr\"et/value");
        redactor.secret("key", &[0xfe; 32]);
        redactor.person("Jeanne d'Arc");
        redactor.person("jean.dupont-7");
        redactor.person_uri("https://central.example/tao.rdf#i17");
        redactor
    }

    #[test]
    fn shapes_of_secrets_are_taken_out() {
        let redactor = redactor();
        let table = [
            (
                "Authorization: Bearer abcdef0123456789",
                "Authorization: Bearer [secret]",
            ),
            (
                "{\"access_token\":\"abc\",\"expires\":7}",
                "{\"access_token\":\"[secret]\",\"expires\":7}",
            ),
            (
                "client_secret=abc&grant_type=x",
                "client_secret=[secret]&grant_type=x",
            ),
            ("http://user:pw@proxy:3128/x", "http://[user]@proxy:3128/x"),
            ("hash $2y$10$abcdefghijkl end", "hash [password hash] end"),
            (
                "QvAzrRTx5p9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 is",
                "[long value] is",
            ),
            (
                "32 digits stay: 0123456789abcdef0123456789abcdef",
                "32 digits stay: 0123456789abcdef0123456789abcdef",
            ),
            (
                "the token was refused, basic checks",
                "the token was refused, basic checks",
            ),
            ("costs $5 and $6", "costs $5 and $6"),
            (
                "{\"token_elsewhere\":{\"value\":false}}",
                "{\"token_elsewhere\":{\"value\":false}}",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(redactor.redact(text), expected);
        }
    }

    #[test]
    fn known_secrets_are_taken_out_in_every_form() {
        let redactor = redactor();
        let json = serde_json::json!({ "x": "s3cr\"et/value" }).to_string();
        for text in [
            "s3cr\"et/value".to_owned(),
            json,
            STANDARD.encode("s3cr\"et/value"),
            "s3cr%22et%2Fvalue".into(),
            "fe".repeat(32),
            "FE".repeat(32),
            STANDARD.encode([0xfe; 32]),
        ] {
            assert!(redactor.remains(text.as_bytes()).is_some(), "{text}");
            let clean = redactor.redact(&text);
            assert_eq!(redactor.remains(clean.as_bytes()), None, "{clean}");
        }
        assert_eq!(redactor.remains(&[0xfe; 40]), Some("key"));
    }

    #[test]
    fn people_have_one_pseudonym_each_and_keep_it() {
        let redactor = redactor();
        let told =
            redactor.redact("JEANNE logged in; Jeanne left. a.b@c.org, jean.dupont-7, #i17, #i178");
        assert!(!told.to_lowercase().contains("jeanne") && !told.contains("dupont"));
        let names: Vec<&str> = told
            .split(|c: char| c.is_whitespace() || ",;.#".contains(c))
            .collect();
        assert_eq!(names[0], names[4]);
        assert!(names[0].starts_with("person-") && told.contains("mail-"));
        assert!(told.ends_with("#i178") && !told.contains("#i17,"));
        let mut other = Redactor::new([8; 32]);
        other.person("jeanne");
        assert_ne!(other.redact("jeanne"), redactor.redact("jeanne"));
    }

    proptest! {
        #[test]
        fn no_known_secret_survives(secret in "[a-zA-Z0-9/+\"\\\\ ]{5,40}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
            let mut redactor = Redactor::new([1; 32]);
            redactor.secret("secret", secret.as_bytes());
            let clean = redactor.redact(&format!("{before} {secret} {after}"));
            // The words that stand for a secret may hold a short one themselves: then the bundle is refused.
            if !["[secret]", "[user]", "[long value]", "[password hash]"].iter().any(|w| w.contains(&secret)) {
                prop_assert_eq!(redactor.remains(clean.as_bytes()), None);
            }
        }

        #[test]
        fn json_stays_json(name in "\\PC{0,30}", value in "\\PC{0,30}") {
            let redactor = redactor();
            let text = serde_json::json!({ name: value, "password": "x y" }).to_string();
            let clean = redactor.redact(&text);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{}", clean);
        }
    }
}
