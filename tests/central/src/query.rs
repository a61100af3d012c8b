//! Query strings and form bodies as PHP reads and writes them (protocol 0.4, 4.4).
//! Touches nothing outside its arguments.
//! Called by `wire`, `token`, `fetch` and `fault`.

use std::fmt::Write as _;

use crate::php::PhpValue;

/// `parse_str`: nested brackets become arrays, a later equal name wins.
pub(crate) fn parse_query(query: &str) -> PhpValue {
    let mut root = Vec::new();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (unescape(name), unescape(value));
        let (base, path) = match name.find('[') {
            Some(at) if at > 0 => (&name[..at], &name[at..]),
            _ => (name.as_str(), ""),
        };
        let mut keys = vec![base.replace(['.', ' '], "_")];
        let mut rest = path;
        while let Some(inner) = rest.strip_prefix('[') {
            let Some(end) = inner.find(']') else { break };
            keys.push(inner[..end].to_owned());
            rest = &inner[end + 1..];
        }
        insert(&mut root, &keys, PhpValue::Text(value));
    }
    PhpValue::Map(root)
}

fn insert(map: &mut Vec<(String, PhpValue)>, keys: &[String], value: PhpValue) {
    let [first, rest @ ..] = keys else { return };
    let key = if first.is_empty() {
        map.len().to_string()
    } else {
        first.clone()
    };
    let at = match map.iter().position(|(k, _)| *k == key) {
        Some(at) => at,
        None => {
            map.push((key, PhpValue::Null));
            map.len() - 1
        }
    };
    let slot = &mut map[at].1;
    if rest.is_empty() {
        *slot = value;
        return;
    }
    if !matches!(slot, PhpValue::Map(_)) {
        *slot = PhpValue::Map(Vec::new());
    }
    if let PhpValue::Map(inner) = slot {
        insert(inner, rest, value);
    }
}

/// `urldecode`; what is no UTF-8 afterwards is replaced.
pub(crate) fn unescape(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

/// `http_build_query` of an array.
pub(crate) fn build_query(map: &PhpValue) -> String {
    let mut out = String::new();
    for (key, value) in map.entries() {
        build_pair(&mut out, &escape(&key), value);
    }
    out
}

fn build_pair(out: &mut String, name: &str, value: &PhpValue) {
    if value.is_array() {
        for (key, inner) in value.entries() {
            build_pair(out, &format!("{name}%5B{}%5D", escape(&key)), inner);
        }
    } else if let Some(text) = match value {
        PhpValue::Bool(false) => Some("0".into()),
        other => other.scalar(),
    } {
        if !out.is_empty() {
            out.push('&');
        }
        let _ = write!(out, "{name}={}", escape(&text));
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// What happens to a top-level string parameter of a GET request (protocol 0.4).
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#039;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' => {}
            _ => out.push(c),
        }
    }
    out.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\0'])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_round_trip() {
        let value = parse_query("type=a%26b&params%5Bx%5D=1&params[y][0]=q+r&params[y][]=s");
        assert_eq!(
            build_query(&value),
            "type=a%26b&params%5Bx%5D=1&params%5By%5D%5B0%5D=q+r&params%5By%5D%5B1%5D=s"
        );
        assert_eq!(value.get("type").and_then(PhpValue::text), Some("a&b"));
    }
}
