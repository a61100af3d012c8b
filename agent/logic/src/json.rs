//! Reads whole numbers as JSON knows them: one kind of number, so `60.0` is a whole one (RFC 8259 section 6).
//! Never takes a fraction or a negative one; what is beyond the greatest exact one counts as that.
//! Called by the bodies of the local API, by the name of the field, and by whoever reads a value.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// Reads a value. What is read from text is read by the same code: another reader would stand in the program once more.
///
/// # Errors
/// What does not fit.
pub fn of_value<T: serde::de::DeserializeOwned>(
    value: &serde_json::Value,
) -> serde_json::Result<T> {
    serde_json::from_slice(value.to_string().as_bytes())
}

/// The greatest whole number that every JSON program holds exactly: 2^53 - 1 (RFC 8259 section 6).
pub const LARGEST_WHOLE: u64 = (1 << 53) - 1;

/// The field `ttl_seconds`, absent or null for `None`.
///
/// # Errors
/// The field, what was expected and what was found.
pub fn ttl_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    let seconds = number.map(|number| whole(&number).ok_or_else(|| odd("ttl_seconds", &number)));
    seconds.transpose()
}

/// The field `count`.
///
/// # Errors
/// The field, what was expected and what was found.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    whole(&number).ok_or_else(|| odd("count", &number))
}

/// The field `bytes_per_second`.
///
/// # Errors
/// The field, what was expected and what was found.
pub fn bytes_per_second<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    whole(&number).ok_or_else(|| odd("bytes_per_second", &number))
}

fn whole(number: &Number) -> Option<u64> {
    let written = || {
        let float = number.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0)?;
        Some(float as u64)
    };
    let whole = number.as_u64().or_else(written)?;
    Some(whole.min(LARGEST_WHOLE))
}

fn odd<E: Error>(field: &str, number: &Number) -> E {
    E::custom(format!(
        "`{field}`: expected a whole number of at least 0, found {number}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_one_in_any_writing_and_has_a_greatest() {
        for (text, read) in [
            ("0", Some(0)),
            ("60", Some(60)),
            ("60.0", Some(60)),
            ("6e1", Some(60)),
            ("-0.0", Some(0)),
            ("9007199254740991", Some(LARGEST_WHOLE)),
            ("9007199254740992", Some(LARGEST_WHOLE)),
            ("3521781593682279940489216", Some(LARGEST_WHOLE)),
            ("18446744073709551615", Some(LARGEST_WHOLE)),
            ("1e300", Some(LARGEST_WHOLE)),
            ("0.5", None),
            ("-1", None),
            ("-1.0", None),
        ] {
            let number = serde_json::from_str(text).unwrap();
            assert_eq!(whole(&number), read, "{text}");
        }
    }
}
