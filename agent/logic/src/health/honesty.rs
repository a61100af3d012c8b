//! Decides whether a part of a package came as it was asked for, or what was done to it on the way (protocol 6.3).
//! Never believes a status: only `Content-Range` and the bytes themselves.
//! Called by `doctor` with the answer to a small range.

use super::message::{PlainNumber, RangeFlaw};
use crate::range::ContentRange;

/// What came for a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangePart<'a> {
    /// The field `Content-Range`.
    pub range: Option<&'a str>,
    /// The content, as far as it was read: a little more than was asked for tells enough.
    pub content: &'a [u8],
    /// The bytes that the box holds of the same place, if it holds the package.
    pub known: Option<&'a [u8]>,
}

/// Judges the part that came for bytes `first` to `last`, both included. Gives the total size of the package.
///
/// # Errors
/// What was done to it.
pub fn judge(part: &RangePart<'_>, first: u64, last: u64) -> Result<u64, RangeFlaw> {
    let length = last - first + 1;
    let got = part.content.len() as u64;
    let Some(field) = part.range else {
        return Err(match got {
            0 => RangeFlaw::Nothing,
            _ if !part.content.starts_with(b"PK") => RangeFlaw::Unsaid,
            _ => RangeFlaw::Ignored,
        });
    };
    let range = ContentRange::parse(field).ok_or(RangeFlaw::Unsaid)?;
    if (range.first, range.last) != (first, last) {
        return Err(RangeFlaw::Shifted {
            first: PlainNumber(first),
            last: PlainNumber(last),
            from: PlainNumber(range.first),
            to: PlainNumber(range.last),
        });
    }
    if got != length {
        let (asked, short) = (PlainNumber(length), got < length);
        let got = PlainNumber(got);
        return Err(match short {
            true => RangeFlaw::Short { asked, got },
            false => RangeFlaw::Long { asked, got },
        });
    }
    if part.known.is_some_and(|known| known != part.content) {
        return Err(RangeFlaw::OtherBytes);
    }
    Ok(range.total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Localized;

    #[test]
    fn what_is_done_to_a_range_is_told() {
        let asked = b"K\x03\x04\x14";
        type RangeCase<'a> = (Option<&'a str>, &'a [u8], Result<u64, &'a str>);
        let table: [RangeCase; 10] = [
            (Some("bytes 1-4/900"), asked, Ok(900)),
            (None, b"PK\x03\x04\x14\0", Err("ignored")),
            (None, asked, Err("does not say")),
            (None, b"", Err("empty")),
            (Some("bytes 0-3/900"), asked, Err("shifted")),
            (Some("bytes 1-4/*"), asked, Err("does not say")),
            (Some("bytes 1-4/900"), b"K\x03", Err("cut")),
            (Some("bytes 1-4/900"), b"K\x03\x04\x14\0", Err("lengthened")),
            (Some("bytes 1-4/900"), b"ABCD", Err("other bytes")),
            (Some("bytes 1-899/900"), asked, Err("shifted")),
        ];
        for (range, content, expected) in table {
            let part = RangePart {
                range,
                content,
                known: Some(asked),
            };
            match (judge(&part, 1, 4), expected) {
                (Ok(total), Ok(wanted)) => assert_eq!(total, wanted),
                (Err(flaw), Err(word)) => {
                    let told = flaw.english();
                    assert!(told.contains(word), "{told}");
                }
                (got, _) => panic!("{range:?}: {got:?}"),
            }
        }
    }
}
