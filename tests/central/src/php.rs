//! PHP's view of data: values, loose comparison, sorting, `serialize`, `json_encode`.
//! Touches nothing outside its arguments and knows nothing of TAO.
//! Called by every handler that reads a request or prints an answer.

use std::cmp::Ordering;
use std::fmt::Write as _;

use md5::{Digest, Md5};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A PHP value as `json_decode($text, true)` or `$_GET` makes it; maps keep their order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PhpValue {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<PhpValue>),
    Map(Vec<(String, PhpValue)>),
}

impl PhpValue {
    /// `json_decode`: `None` for what PHP calls a syntax error, including an empty text and a byte order mark.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Whether PHP would call this an array.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }

    /// `$value[$key] ?? null` on an array: absent and null are the same.
    pub(crate) fn get(&self, key: &str) -> Option<&PhpValue> {
        self.entry(key).filter(|value| !matches!(value, Self::Null))
    }

    /// `array_key_exists`: a null is there.
    pub(crate) fn entry(&self, key: &str) -> Option<&PhpValue> {
        match self {
            Self::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            Self::List(values) => values.get(key.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// Key and value of every element of an array, nothing for a scalar.
    pub(crate) fn entries(&self) -> Vec<(String, &PhpValue)> {
        match self {
            Self::Map(entries) => entries.iter().map(|(k, v)| (k.clone(), v)).collect(),
            Self::List(values) => values
                .iter()
                .enumerate()
                .map(|(i, v)| (i.to_string(), v))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The text of a string, nothing for any other type.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// `(string)$value` of a scalar.
    pub(crate) fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Int(number) => Some(number.to_string()),
            Self::Float(number) => Some(number.to_string()),
            Self::Bool(true) => Some("1".into()),
            Self::Bool(false) => Some(String::new()),
            _ => None,
        }
    }

    /// `json_encode` with PHP's default flags.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        self.render_into(&mut out);
        out
    }

    fn render_into(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Int(number) => push_display(out, number),
            Self::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                let _ = write!(out, "{number:.1}");
            }
            Self::Float(number) => push_display(out, number),
            Self::Text(text) => quote(out, text),
            Self::List(values) => {
                join(out, '[', ']', values, |out, value| value.render_into(out));
            }
            Self::Map(entries) if is_sequence(entries.iter().map(|(k, _)| k.as_str())) => {
                join(out, '[', ']', entries, |out, (_, value)| {
                    value.render_into(out);
                });
            }
            Self::Map(entries) => join(out, '{', '}', entries, |out, (key, value)| {
                quote(out, key);
                out.push(':');
                value.render_into(out);
            }),
        }
    }

    /// The same value for inspection by tests.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.render()).unwrap_or(serde_json::Value::Null)
    }
}

/// An ordered map of ready JSON texts, printed as PHP prints an array: `[]` when empty or when its keys count from 0.
pub(crate) fn render_map(entries: &[(String, String)]) -> String {
    let mut out =
        String::with_capacity(entries.iter().map(|(k, v)| k.len() * 2 + v.len() + 4).sum());
    if is_sequence(entries.iter().map(|(k, _)| k.as_str())) {
        join(&mut out, '[', ']', entries, |out, (_, value)| {
            out.push_str(value);
        });
    } else {
        join(&mut out, '{', '}', entries, |out, (key, value)| {
            quote(out, key);
            out.push(':');
            out.push_str(value);
        });
    }
    out
}

fn is_sequence<'a>(mut keys: impl Iterator<Item = &'a str>) -> bool {
    let mut expected = 0usize;
    keys.all(|key| {
        let same = key == expected.to_string();
        expected += 1;
        same
    })
}

fn join<T>(
    out: &mut String,
    open: char,
    close: char,
    items: &[T],
    mut one: impl FnMut(&mut String, &T),
) {
    out.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        one(out, item);
    }
    out.push(close);
}

fn push_display(out: &mut String, value: &impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

/// A JSON string as PHP prints it: `/` escaped, everything outside ASCII as `\uXXXX`.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut clean = 0;
    for (at, c) in text.char_indices() {
        if matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '/') {
            continue;
        }
        out.push_str(&text[clean..at]);
        clean = at + c.len_utf8();
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{7f}' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push_str(&text[clean..]);
    out.push('"');
}

/// `is_numeric` of a string, as a number.
pub(crate) fn numeric(text: &str) -> Option<f64> {
    let body = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let unsigned = body.strip_prefix(['+', '-']).unwrap_or(body);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    if !digits(whole) || !digits(fraction) || whole.len() + fraction.len() == 0 || !exponent_fits {
        return None;
    }
    body.parse().ok()
}

/// `$a == $b` of two strings: two numeric ones compare as numbers (PHP 8).
pub(crate) fn loosely_equal(a: &str, b: &str) -> bool {
    match (numeric(a), numeric(b)) {
        (Some(x), Some(y)) => x == y,
        _ => a == b,
    }
}

/// `sort()` with default flags (protocol 5.6, step 4).
pub(crate) fn sort(values: &mut [String]) {
    let numbers = values.iter().filter(|v| numeric(v).is_some()).count();
    if numbers == 0 {
        values.sort();
        return;
    }
    // The mixed order of PHP is not transitive, which the standard sort refuses: insert one by one, as PHP does.
    for i in 1..values.len() {
        let mut at = i;
        while at > 0 && compare(&values[at - 1], &values[at]) == Ordering::Greater {
            values.swap(at - 1, at);
            at -= 1;
        }
    }
}

fn compare(a: &str, b: &str) -> Ordering {
    match (numeric(a), numeric(b)) {
        (Some(x), Some(y)) => x.partial_cmp(&y).unwrap_or(Ordering::Equal),
        _ => a.cmp(b),
    }
}

/// One value of a collapsed property map: a scalar or a list (protocol 5.2).
pub(crate) enum Collapsed<'a> {
    One(&'a str),
    Many(Vec<&'a str>),
}

/// The collapse rule of protocol 5.2: repeats of the current scalar vanish, after that everything is kept.
pub(crate) fn collapse(values: &[String]) -> Collapsed<'_> {
    let mut many: Vec<&str> = Vec::with_capacity(values.len());
    for value in values {
        match many.as_slice() {
            [only] if loosely_equal(only, value) => {}
            _ => many.push(value),
        }
    }
    match many.as_slice() {
        [only] => Collapsed::One(only),
        _ => Collapsed::Many(many),
    }
}

/// `md5(serialize($map))` of a collapsed map whose keys are already ascending; lists are sorted here (protocol 5.6).
pub(crate) fn checksum(map: &[(&str, Collapsed<'_>)]) -> String {
    let mut hash = Md5::new();
    hash.update(serialize(map).as_bytes());
    hex(&hash.finalize())
}

fn serialize(map: &[(&str, Collapsed<'_>)]) -> String {
    let mut out = String::new();
    let _ = write!(out, "a:{}:{{", map.len());
    for (key, value) in map {
        serialize_text(&mut out, key);
        match value {
            Collapsed::One(text) => serialize_text(&mut out, text),
            Collapsed::Many(texts) => {
                let mut texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
                sort(&mut texts);
                let _ = write!(out, "a:{}:{{", texts.len());
                for (i, text) in texts.iter().enumerate() {
                    let _ = write!(out, "i:{i};");
                    serialize_text(&mut out, text);
                }
                out.push('}');
            }
        }
    }
    out.push('}');
    out
}

fn serialize_text(out: &mut String, text: &str) {
    let _ = write!(out, "s:{}:\"{text}\";", text.len());
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

impl<'de> Deserialize<'de> for PhpValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = PhpValue;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<PhpValue, E> {
                Ok(PhpValue::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<PhpValue, E> {
                Ok(PhpValue::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<PhpValue, E> {
                Ok(PhpValue::Int(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<PhpValue, E> {
                Ok(i64::try_from(value).map_or(PhpValue::Float(value as f64), PhpValue::Int))
            }
            fn visit_f64<E>(self, value: f64) -> Result<PhpValue, E> {
                Ok(PhpValue::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<PhpValue, E> {
                Ok(PhpValue::Text(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<PhpValue, E> {
                Ok(PhpValue::Text(value))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<PhpValue, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(PhpValue::List(values))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PhpValue, A::Error> {
                let mut entries: Vec<(String, PhpValue)> = Vec::new();
                let mut seen = std::collections::HashMap::new();
                while let Some((key, value)) = map.next_entry::<String, PhpValue>()? {
                    match seen.get(&key) {
                        Some(&at) => {
                            let slot: &mut (String, PhpValue) = &mut entries[at];
                            slot.1 = value;
                        }
                        None => {
                            seen.insert(key.clone(), entries.len());
                            entries.push((key, value));
                        }
                    }
                }
                Ok(PhpValue::Map(entries))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(properties: &[(&str, &[&str])]) -> String {
        let owned: Vec<(&str, Vec<String>)> = properties
            .iter()
            .map(|(p, vs)| (*p, vs.iter().map(|v| (*v).to_owned()).collect()))
            .collect();
        let mut map: Vec<_> = owned.iter().map(|(p, vs)| (*p, collapse(vs))).collect();
        map.sort_by_key(|(p, _)| *p);
        checksum(&map)
    }

    const LABEL: &str = "http://www.w3.org/2000/01/rdf-schema#label";
    const TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";

    #[test]
    fn checksums_of_protocol_5_6() {
        assert_eq!(sum(&[]), "40cd750bba9870f18aada2478b24840a");
        assert_eq!(
            sum(&[
                (LABEL, &["Lyceum A"]),
                (
                    TYPE,
                    &["http://www.tao.lu/Ontologies/TAOTestCenter.rdf#TestCenter"]
                ),
                (
                    "http://www.taotesting.com/ontologies/synchro.rdf#organisationId",
                    &["3005"]
                ),
            ]),
            "17e3b767be63a39f0372dad72d2505ae"
        );
        assert_eq!(
            sum(&[(LABEL, &["Lycée"])]),
            "cdbdc68b86f42ffedb0d51163b4a3c8f"
        );
        assert_eq!(
            sum(&[(
                "http://www.tao.lu/Ontologies/TAOTestCenter#UserAssignment",
                &[]
            )]),
            "37e5e0231a4ade5453d08562489a6d6c"
        );
        assert_eq!(
            sum(&[
                (LABEL, &["Grade 4"]),
                (
                    "http://www.w3.org/2000/01/rdf-schema#subClassOf",
                    &["http://www.tao.lu/Ontologies/TAOSubject.rdf#Subject"]
                ),
            ]),
            "c00d7c6dc0244c1ffa9d925dfc30edee"
        );
        assert_eq!(
            sum(&[
                (
                    "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileDelivery",
                    &["https://central.example/tao.rdf#i4001"]
                ),
                (
                    "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileTestCenter",
                    &["https://central.example/tao.rdf#i1000"]
                ),
                (
                    "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileTestTaker",
                    &[
                        "https://central.example/tao.rdf#i2202",
                        "https://central.example/tao.rdf#i2201"
                    ]
                ),
                (
                    TYPE,
                    &["http://www.tao.lu/Ontologies/TAOProctor.rdf#DeliveryEligibility"]
                ),
            ]),
            "365b51a0d1037b9eb0632e4683e25c0c"
        );
        assert_eq!(
            sum(&[
                (
                    "http://www.tao.lu/Ontologies/TAODelivery.rdf#Maxexec",
                    &["1"]
                ),
                (
                    "http://www.tao.lu/Ontologies/TAODelivery.rdf#PeriodEnd",
                    &["1893456000"]
                ),
                (
                    "http://www.tao.lu/Ontologies/TAODelivery.rdf#PeriodStart",
                    &["1767225600"]
                ),
                (
                    "http://www.tao.lu/Ontologies/TAODelivery.rdf#ProctorAccessible",
                    &["http://www.tao.lu/Ontologies/TAODelivery.rdf#ComplyEnabled"]
                ),
                (
                    "http://www.taotesting.com/ontologies/synchro.rdf#OriginTestPackage",
                    &["file://synchronisation/i4001%2Fexport.zip"]
                ),
                (
                    TYPE,
                    &["http://www.tao.lu/Ontologies/TAODelivery.rdf#AssembledDelivery"]
                ),
                (LABEL, &["Algebra B1"]),
            ]),
            "cc3495d594e192b7663927a6b098a5cf"
        );
    }

    #[test]
    fn lists_sort_as_in_php() {
        let mut mixed: Vec<String> = ["10", "9", "1e1", "abc", "2"].map(String::from).into();
        sort(&mut mixed);
        assert_eq!(mixed, ["2", "9", "10", "1e1", "abc"]);
    }

    #[test]
    fn repeats_collapse_as_in_5_2() {
        let owned = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        let texts = |values: &[&str]| match collapse(&owned(values)) {
            Collapsed::One(one) => vec![one.to_owned()],
            Collapsed::Many(many) => many.iter().map(|v| (*v).to_owned()).collect(),
        };
        assert_eq!(texts(&["A", "A"]), ["A"]);
        assert_eq!(texts(&["A", "B", "A"]), ["A", "B", "A"]);
        assert_eq!(texts(&["A", "A", "B"]), ["A", "B"]);
        assert_eq!(texts(&["1", "1.0"]), ["1"]);
    }

    #[test]
    fn json_prints_as_php_prints_it() {
        let value = PhpValue::parse(
            "{\"a/b\":[],\"é\":{},\"n\":[1,1.5,null,true],\"𝄞\":\"x\\ty\"}".as_bytes(),
        )
        .unwrap();
        assert_eq!(
            value.render(),
            r#"{"a\/b":[],"\u00e9":[],"n":[1,1.5,null,true],"\ud834\udd1e":"x\ty"}"#
        );
        assert_eq!(PhpValue::parse(b"\xef\xbb\xbf{}"), None);
        assert_eq!(PhpValue::parse(b""), None);
    }
}
