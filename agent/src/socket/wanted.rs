//! What a `Range` field asks of a package (RFC 9110 14.1.2).
//! Never more than is there, and names nothing of HTTP: the fuzzer reads it as it stands here.
//! Called by `content`.

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WantedRange {
    /// Everything: there is no range, or one that this server does not do, which RFC 9110 14.2 lets it ignore.
    All,
    /// From the first to before the second.
    Part(u64, u64),
    /// Nothing that is there.
    Outside,
}

impl WantedRange {
    /// Reads the field, of a whole of so many bytes.
    pub(super) fn read(text: &str, size: u64) -> Self {
        let Some((first, last)) = text
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
        else {
            return Self::All;
        };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
        };
        match (number(first), number(last)) {
            (Some(first), Some(last)) if last < first => Self::All,
            (Some(first), _) if first >= size => match last.is_empty() || number(last).is_some() {
                true => Self::Outside,
                false => Self::All,
            },
            (Some(first), Some(last)) => Self::Part(first, last.saturating_add(1).min(size)),
            (Some(first), None) if last.is_empty() => Self::Part(first, size),
            (None, Some(0)) if first.is_empty() => Self::Outside,
            (None, Some(_)) if first.is_empty() && size == 0 => Self::Outside,
            (None, Some(count)) if first.is_empty() => Self::Part(size.saturating_sub(count), size),
            _ => Self::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let table = [
            ("bytes=0-9", WantedRange::Part(0, 10)),
            ("bytes=90-", WantedRange::Part(90, 100)),
            ("bytes=90-400", WantedRange::Part(90, 100)),
            ("bytes=-10", WantedRange::Part(90, 100)),
            ("bytes=-400", WantedRange::Part(0, 100)),
            (
                "bytes=99-99999999999999999999999",
                WantedRange::Part(99, 100),
            ),
            ("bytes=100-", WantedRange::Outside),
            ("bytes=100-200", WantedRange::Outside),
            ("bytes=-0", WantedRange::Outside),
            ("bytes=9-0", WantedRange::All),
            ("bytes=0-1,5-6", WantedRange::All),
            ("bytes=", WantedRange::All),
            ("bytes=-", WantedRange::All),
            ("bytes=a-b", WantedRange::All),
            ("items=0-1", WantedRange::All),
        ];
        for (text, wanted) in table {
            assert_eq!(WantedRange::read(text, 100), wanted, "{text}");
        }
        assert_eq!(WantedRange::read("bytes=-5", 0), WantedRange::Outside);
    }
}
