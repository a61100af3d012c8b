//! When a delivery may be sat: the begin of its period, as central names it (protocol 5.2).
//! Never says that an exam runs: `exam` does.
//! Called by whoever looks ahead to the next one.

use crate::entity::Properties;

/// The property with the first second of the period, in Unix seconds as a text.
const START: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#PeriodStart";

/// When the period of a delivery begins, Unix seconds; `None` where it has no begin, or one that is no number.
pub fn start(delivery: &Properties) -> Option<i64> {
    delivery.first(START)?.trim().parse().ok()
}

/// The earlier of two begins, of those that are ahead of `now`:
///
/// | known | another | is |
/// |---|---|---|
/// | none | ahead | the other |
/// | ahead | none, over, or later | the known one |
/// | ahead | ahead, and earlier | the other |
pub fn nearer(known: Option<i64>, another: Option<i64>, now: i64) -> Option<i64> {
    let another = another.filter(|at| *at > now);
    match (known, another) {
        (Some(known), Some(another)) => Some(known.min(another)),
        (known, another) => known.or(another),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Entity;

    #[test]
    fn the_begin_of_a_period_is_read_as_central_writes_it() {
        let of = |value: &str| {
            let wire = format!(r#"{{"id":"a","checksum":"c","properties":{{"{START}":{value}}}}}"#);
            start(&Entity::from_json(wire.as_bytes()).unwrap().properties)
        };
        assert_eq!(of(r#""1767225600""#), Some(1_767_225_600));
        assert_eq!(of(r#"["1767225600"]"#), Some(1_767_225_600));
        for none in [r#""""#, r#""soon""#, "[]", r#""99999999999999999999""#] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn the_nearest_begin_ahead_counts() {
        let table = [
            (None, None, None),
            (None, Some(99), None),
            (None, Some(100), None),
            (None, Some(101), Some(101)),
            (Some(200), Some(101), Some(101)),
            (Some(200), Some(300), Some(200)),
            (Some(200), Some(99), Some(200)),
            (Some(200), None, Some(200)),
        ];
        for (known, another, is) in table {
            assert_eq!(nearer(known, another, 100), is, "{known:?} {another:?}");
        }
    }
}
