//! What may stand in a support bundle, word by word: boxsync's own words, numbers, and shapes that name nobody.
//! Never lets a word through because it looks harmless: what is on no list here becomes a pseudonym, in any language, whether
//! the box knows the person or not.
//! Called by `bundle`.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::word::number;
use super::{Redactor, SECRET_NAMES, is_address, is_name, trimmed};
use crate::outside;

/// A longer number may be somebody's: a login, a telephone.
const DIGITS: usize = 7;
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
const HTTP_DATE: usize = 29;
/// Interfaces that the kernel names itself.
const INTERFACES: [&str; 6] = ["eth", "wlan", "wwan", "usb", "br", "veth"];

/// A positive list of words.
#[derive(Debug)]
pub struct Sieve<'a> {
    redactor: &'a Redactor,
    /// Sorted numbers of the words of boxsync's sentences and names.
    vocabulary: &'a [u32],
    /// Words of this box's configuration that a supporter needs: where central is.
    places: BTreeSet<String>,
}

impl<'a> Sieve<'a> {
    /// `vocabulary`: sorted; `places`: texts whose words may stand in a bundle unless they are a person's.
    pub fn new(redactor: &'a Redactor, vocabulary: &'a [u32], places: &[String]) -> Self {
        let words = places
            .iter()
            .flat_map(|place| place.split(|c: char| !c.is_alphanumeric()));
        Self {
            redactor,
            vocabulary,
            places: words.map(str::to_lowercase).collect(),
        }
    }

    /// A value with all that is in it: numbers stay, names of fields and texts are sieved.
    pub fn json(&self, value: &Json) -> Json {
        self.value("", value)
    }

    fn value(&self, key: &str, value: &Json) -> Json {
        match value {
            Json::String(text) => self
                .shaped(key, text)
                .unwrap_or_else(|| self.text(text))
                .into(),
            Json::Array(items) => items.iter().map(|item| self.value(key, item)).collect(),
            Json::Object(fields) => {
                let each = fields
                    .iter()
                    .map(|(name, value)| (self.text(name), self.value(name, value)));
                Json::Object(each.collect::<Map<_, _>>())
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
        }
    }

    /// The values that are no sentences, each by the shape that it has where it names nobody.
    fn shaped(&self, key: &str, text: &str) -> Option<String> {
        let hex = |text: &str, from: usize| {
            text.len() >= from
                && text.len() <= 64
                && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        };
        let digits = |most: usize| {
            !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit())
        };
        let stays = match key.to_ascii_lowercase().as_str() {
            key if SECRET_NAMES.contains(&key) => return Some("[secret]".into()),
            "box_id" | "copied_from" => hex(text, 16),
            "message_id" => hex(text, 32) && text.len() == 32,
            "organisation_id" | "organisation_ids" | "organisation" => digits(12),
            "__realtime_timestamp" | "_pid" | "sync_id" | "bytes" | "wait_ms" => digits(20),
            // uname(2); made by whoever built the kernel.
            "kernel" | "machine" => {
                text.len() <= 64
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-._+~".contains(&b))
            }
            "delivery" | "entity" | "id" => return Some(self.delivery(text)),
            _ => return None,
        };
        match stays && !self.redactor.is_person(text) {
            true => Some(text.to_owned()),
            false => Some(self.redactor.pseudonym("id", text)),
        }
    }

    /// A URI that TAO made (`…#i` and digits) keeps its end; any other id becomes a pseudonym.
    fn delivery(&self, id: &str) -> String {
        let end = id.rsplit_once('#').map_or("", |(_, end)| end);
        let number = end.strip_prefix('i').unwrap_or_default();
        let made =
            (1..=40).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_hexdigit());
        match made && !self.redactor.is_person(end) {
            true => format!("#{end}"),
            false => self.redactor.pseudonym("id", id),
        }
    }

    /// A sentence: what central or a caller said is gone, and each word that is on no list.
    pub fn text(&self, text: &str) -> String {
        let text = self.redactor.without_secrets(&outside::without(text));
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            // A date of RFC 9110 5.6.7 as a whole: its words alone may be names.
            if let Some((date, after)) = rest.split_at_checked(HTTP_DATE)
                && httpdate::parse_http_date(date).is_ok()
            {
                out.push_str(date);
                rest = after;
                continue;
            }
            let same = is_name(first);
            let end = rest.find(|c| is_name(c) != same).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            match same {
                true if is_address(trimmed(piece)) => {
                    out.push_str(&self.redactor.pseudonym("mail", piece))
                }
                true => self.words(piece, &mut out),
                false => out.extend(piece.chars().filter(|c| is_mark(*c))),
            }
            rest = after;
        }
        out
    }

    fn words(&self, piece: &str, out: &mut String) {
        let core = trimmed(piece);
        if !core.is_empty() && self.redactor.is_person(core) {
            return out.push_str(&self.redactor.pseudonym("person", core));
        }
        let mut rest = piece;
        while let Some(first) = rest.chars().next() {
            let same = first.is_alphanumeric();
            let end = rest
                .find(|c: char| c.is_alphanumeric() != same)
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            match same {
                false => out.push_str(word),
                true if self.redactor.is_person(word) => {
                    out.push_str(&self.redactor.pseudonym("person", word));
                }
                true if self.is_own(word) => out.push_str(word),
                true => out.push_str(&self.redactor.pseudonym("x", word)),
            }
            rest = after;
        }
    }

    /// Whether a word is boxsync's: of its sentences or its names, a number, a number with a unit, a time.
    fn is_own(&self, word: &str) -> bool {
        let listed = |word: &str| self.vocabulary.binary_search(&number(word)).is_ok();
        let is_number = |text: &str| {
            !text.is_empty() && text.len() <= DIGITS && text.bytes().all(|b| b.is_ascii_digit())
        };
        if !word.is_ascii() {
            return false;
        }
        if word.bytes().all(|b| b.is_ascii_alphabetic()) {
            return listed(word) || self.places.contains(&word.to_lowercase());
        }
        let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let unit = letters.len() <= 3 && listed(letters);
        let figure = &word[..word.len() - letters.len()];
        let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let interface = INTERFACES.contains(&name) && word.len() - name.len() <= 2;
        // RFC 3339: 28T21, 00Z.
        let time = |mark: char| {
            word.split_once(mark)
                .is_some_and(|(a, b)| is_number(a) && (b.is_empty() || is_number(b)))
        };
        is_number(word)
            || (is_number(figure) && unit)
            || interface
            || time('T')
            || time('Z')
            || self.places.contains(&word.to_lowercase())
    }
}

/// Marks of sentences, paths and numbers; what else is no letter and no digit is left out.
fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation() || matches!(c, ' ' | '\n' | '“' | '”' | '…' | '’')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sieved(text: &str) -> String {
        let mut own: Vec<u32> =
            "central answered with the status of a test package and says held back ms mib mail x"
                .split(' ')
                .map(number)
                .collect();
        own.sort_unstable();
        let mut redactor = Redactor::new([7; 32]);
        redactor.person("Status Dupont");
        let places = ["https://tao.lycee.example/".to_owned()];
        Sieve::new(&redactor, &own, &places).text(text)
    }

    #[test]
    fn what_is_on_no_list_becomes_a_pseudonym() {
        for name in [
            "Li",
            "Bo",
            "O",
            "Ng",
            "Zoé",
            "Владимир",
            "王小明",
            "محمد",
            "Åse",
            "x7",
            "20231234",
            "0612345678",
            "D'Arc",
            "i4711",
            "user12",
            "Nguyễn",
            "देवनागरी",
            "👩‍🎓",
        ] {
            let told = sieved(&format!("central answered {name} with 12 of 5"));
            assert!(!told.contains(name), "{told}");
            assert!(
                told.starts_with("central answered ") && told.ends_with(" with 12 of 5"),
                "{told}"
            );
        }
        // A word of boxsync that is the name of somebody it holds.
        assert!(!sieved("the status").contains("status"));
        let same = "central answered with the package, held_back: 12 MiB 7ms 2026-11-28T21:00:00Z at tao.lycee.example";
        assert_eq!(
            sieved(same).replace("x-", ""),
            same.replace(" at ", &format!(" {} ", &sieved("at")[2..]))
        );
        assert_eq!(
            sieved("central says “Zoé with the test”"),
            "central says “…”"
        );
        assert!(sieved("a.b@c.example").starts_with("mail-"));
        assert_eq!(sieved("Zoé"), sieved("zoé"), "one pseudonym for one word");
    }

    #[test]
    fn values_pass_by_their_shape_alone() {
        let redactor = Redactor::new([7; 32]);
        let own = [
            number("code"),
            number("id"),
            number("entity"),
            number("kernel"),
            number("box"),
            number("secret"),
        ];
        let mut own = own.to_vec();
        own.sort_unstable();
        let sieve = Sieve::new(&redactor, &own, &[]);
        let told = sieve.json(&json!({
            "box_id": "1367cd5ca7a85bf413c4", "kernel": "6.1.0-18-cloud-amd64", "entity": "https://c/tao.rdf#i17ab",
            "secret": "x", "id": "Zoé", "Zoé": [1, 2.5, true, null, "Zoé"],
        }));
        assert_eq!(told["box_id"], "1367cd5ca7a85bf413c4");
        assert_eq!(told["kernel"], "6.1.0-18-cloud-amd64");
        assert_eq!(told["entity"], "#i17ab");
        assert_eq!(told["secret"], "[secret]");
        assert!(told["id"].as_str().unwrap().starts_with("id-"));
        assert!(!told.to_string().contains("Zo"), "{told}");
        let odd = sieve.json(&json!({ "box_id": "zoe", "entity": "https://c/#Zoe" }));
        assert!(!odd.to_string().to_lowercase().contains("zoe"), "{odd}");
    }
}
