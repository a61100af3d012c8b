//! Disk and database in the client state, in the words and the unit of central (protocol 9.2).
//! Never measures.
//! Called by `report`.

use serde_json::{Value as Json, json};

use super::node;

/// A node for one of them; `None` is what could not be evaluated.
pub(super) fn space(title: &str, key: &str, bytes: Option<(u64, u64)>) -> Json {
    match bytes {
        Some((used, free)) => {
            let message = format!(
                "{title}: {} used, {} still available.",
                size(used),
                size(free)
            );
            node(
                "info",
                &message,
                &json!({ key: { "used": used, "free": free } }),
            )
        }
        None => node(
            "info",
            &format!("{title}: Cannot be evaluated."),
            &Json::Null,
        ),
    }
}

/// Bytes as TAO writes them: the largest of `''`, Kb, Mb, Gb, Tb, two decimals, trailing zeros dropped (protocol 9.2).
fn size(bytes: u64) -> String {
    if bytes == 0 {
        return "0".into();
    }
    let units = ["", "Kb", "Mb", "Gb", "Tb"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < units.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} {}", units[unit]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_central_writes_them() {
        let table = [
            (0, "0"),
            (512, "512"),
            (2_097_152_000, "1.95 Gb"),
            (40_000_000_000, "37.25 Gb"),
            (92_483_840, "88.2 Mb"),
        ];
        for (bytes, text) in table {
            assert_eq!(size(bytes), text);
        }
    }
}
