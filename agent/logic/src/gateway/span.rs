//! Which bytes of a package a `Range` names, by the rule of central (protocol 6.3).
//! Never clamps: what is not wholly inside the file is nothing at all, as on central.
//! Called for `getDeliveryTest` and for the bandwidth files.

#![deny(clippy::arithmetic_side_effects)]

/// More parts than this in one field are taken as unsatisfiable.
const MAX_PARTS: usize = 64;

/// The spans that a `Range` field names, `(first, last)` inclusive; `None` when it cannot be satisfied.
pub fn spans(value: &str, size: u64) -> Option<Vec<(u64, u64)>> {
    let value = value.trim();
    let parts: Vec<&str> = value
        .strip_prefix("bytes=")
        .unwrap_or(value)
        .split(',')
        .collect();
    if parts.len() > MAX_PARTS {
        return None;
    }
    parts
        .into_iter()
        .map(|part| span(part.trim(), size))
        .collect()
}

fn span(part: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = part.split_once('-')?;
    let end = size.checked_sub(1)?;
    match (first, last) {
        ("", count) => {
            let count = digits(count).filter(|count| (1..=size).contains(count))?;
            Some((size.checked_sub(count)?, end))
        }
        (first, "") => {
            let first = digits(first).filter(|first| *first < size)?;
            Some((first, end))
        }
        (first, last) => {
            let (first, last) = (digits(first)?, digits(last)?);
            (first <= last && last < size).then_some((first, last))
        }
    }
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_of_the_protocol_holds() {
        let size = 1_639_949;
        let one = |first, last| Some(vec![(first, last)]);
        for (value, expected) in [
            ("bytes=0-99", one(0, 99)),
            ("bytes=0-", one(0, size - 1)),
            ("bytes=1639948-", one(size - 1, size - 1)),
            ("bytes=-100", one(size - 100, size - 1)),
            ("0-9", one(0, 9)),
            ("bytes=0-9, -10", Some(vec![(0, 9), (size - 10, size - 1)])),
            ("bytes=0-1640049", None),
            ("bytes=1639949-", None),
            ("bytes=-0", None),
            ("bytes=-1639950", None),
            ("bytes=20-10", None),
            ("bytes=abc", None),
            ("items=0-9", None),
            ("", None),
            ("bytes=0-9,", None),
            ("bytes=+1-2", None),
            ("bytes=0-99999999999999999999", None),
        ] {
            assert_eq!(spans(value, size), expected, "{value}");
        }
        assert_eq!(spans("bytes=0-", 0), None);
    }

    proptest! {
        #[test]
        fn whatever_is_named_lies_inside(value in "(bytes=)?[0-9, -]{0,12}", size in 0u64..2000) {
            for (first, last) in spans(&value, size).unwrap_or_default() {
                prop_assert!(first <= last && last < size);
            }
        }
    }
}
