//! An amount of bytes as people write it: `1GiB`, `500kB`, `0`.
//! Never rounds: what is printed is parsed back to the same number of bytes.
//! Called by `settings` and by whoever shows a configured amount.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount of bytes, or of bytes a second where the key says so.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Size(pub u64);

/// Largest first within each family; binary first, so that `1MiB` is not printed in bytes.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl Size {
    /// The amount in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = ();

    /// Reads a whole number and an optional unit, case and one run of blanks between them ignored.
    /// A bare `K`, `M` or `G` is refused: it means 1000 to some and 1024 to others.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let unit = unit.trim_start();
        let factor = match unit {
            "" => Some(1),
            _ => UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .map(|(_, factor)| *factor),
        };
        let amount = digits.parse::<u64>().ok();
        match (amount, factor) {
            (Some(amount), Some(factor)) => amount.checked_mul(factor).map(Size),
            _ => None,
        }
        .ok_or(())
    }
}

impl fmt::Display for Size {
    /// The unit that gives the shortest whole number; `0` has none.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = UNITS
            .iter()
            .filter(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor))
            .min_by_key(|(_, factor)| self.0 / factor);
        match best {
            Some((unit, factor)) => write!(out, "{}{unit}", self.0 / factor),
            None => out.write_str("0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("1GiB", 1 << 30),
            ("8MiB", 8 << 20),
            ("8 mib", 8 << 20),
            ("500kB", 500_000),
            ("500 KB", 500_000),
            ("7B", 7),
            (" 2TB ", 2_000_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in [
            "",
            "GiB",
            "1G",
            "1.5GiB",
            "-1",
            "+1",
            "1_000",
            "10Mbit/s",
            "1GiBB",
            "99999999999TiB",
            "18446744073709551616",
            "٣MB",
        ] {
            assert_eq!(text.parse::<Size>(), Err(()), "{text}");
        }
    }

    #[test]
    fn the_shortest_whole_number_is_printed() {
        for (bytes, text) in [
            (0, "0"),
            (1, "1B"),
            (1000, "1kB"),
            (1024, "1KiB"),
            (1536, "1536B"),
            (1 << 30, "1GiB"),
            (1_024_000, "1000KiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn printing_loses_nothing(bytes in any::<u64>()) {
            prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }

        #[test]
        fn round_amounts_come_back_too(amount in 0u64..5000, unit in 0usize..9) {
            let size = Size(amount * UNITS[unit].1);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
}
