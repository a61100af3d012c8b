//! The checksum of an entity as central computes it: MD5 of PHP's `serialize()` over sorted properties (protocol 5.6).
//! Never used for security: it tells a changed entity from an unchanged one.
//! Called by `sync`, which recomputes every checksum that central states.

use std::cmp::Ordering;

use md5::{Digest, Md5};

use crate::entity::{Properties, Value};

/// The checksum over `properties` without the `excluded` predicates: 32 lower-case hex digits.
pub fn checksum(properties: &Properties, excluded: &[&str]) -> String {
    let mut pairs: Vec<(&str, &Value)> = properties
        .iter()
        .filter(|(predicate, _)| !excluded.contains(predicate))
        .collect();
    pairs.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let mut hash = Md5::new();
    hash.update(format!("a:{}:{{", pairs.len()));
    for (predicate, value) in pairs {
        text(&mut hash, predicate);
        match value {
            Value::One(one) => text(&mut hash, one),
            Value::Many(many) => {
                hash.update(format!("a:{}:{{", many.len()));
                for (index, one) in sort(many.iter().collect()).into_iter().enumerate() {
                    hash.update(format!("i:{index};"));
                    text(&mut hash, one);
                }
                hash.update("}");
            }
        }
    }
    hash.update("}");
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A string of PHP's `serialize()`: its length is in bytes.
fn text(hash: &mut Md5, text: &str) {
    hash.update(format!("s:{}:\"", text.len()));
    hash.update(text);
    hash.update("\";");
}

/// PHP's `sort()`: stable. A merge sort of our own, since `compare` is no total order, which `slice::sort_by` may
/// answer with a panic.
fn sort(mut texts: Vec<&str>) -> Vec<&str> {
    let mut spare = texts.clone();
    merge_sort(&mut texts, &mut spare);
    texts
}

/// Sorts `texts`; `spare` is as long, and its content is lost.
fn merge_sort<'a>(texts: &mut [&'a str], spare: &mut [&'a str]) {
    if texts.len() < 2 {
        return;
    }
    let half = texts.len() / 2;
    let (left, right) = texts.split_at_mut(half);
    merge_sort(left, &mut spare[..half]);
    merge_sort(right, &mut spare[half..]);
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    for slot in spare.iter_mut() {
        let from_right = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => compare(a, b) == Ordering::Greater,
            (left, _) => left.is_none(),
        };
        let side = if from_right { &mut right } else { &mut left };
        *slot = side.next().expect("as many texts as places for them");
    }
    texts.copy_from_slice(spare);
}

/// PHP 8's comparison of two strings: as numbers when both are numeric, else by bytes.
fn compare(a: &str, b: &str) -> Ordering {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        _ => a.as_bytes().cmp(b.as_bytes()),
    }
}

/// A PHP numeric string: optional white space around, sign, digits with a fraction, exponent; no `inf`, `nan` or hex.
fn number(text: &str) -> Option<f64> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let plausible = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let any_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    (any_digit && text.bytes().all(plausible))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::{Entity, Texts, uri};

    fn of(pairs: &[(&str, Value)]) -> String {
        let pairs = pairs.iter().map(|(p, v)| ((*p).to_owned(), v.clone()));
        checksum(&pairs.collect(), &[])
    }

    fn one(text: &str) -> Value {
        Value::One(text.into())
    }

    #[test]
    fn the_vectors_of_the_protocol_hold() {
        let kind = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
        let centre = "http://www.tao.lu/Ontologies/TAOTestCenter.rdf#TestCenter";
        assert_eq!(of(&[]), "40cd750bba9870f18aada2478b24840a");
        assert_eq!(
            of(&[
                (uri::LABEL, one("Lyceum A")),
                (kind, one(centre)),
                (uri::ORGANISATION, one("3005"))
            ]),
            "17e3b767be63a39f0372dad72d2505ae"
        );
        assert_eq!(
            of(&[(uri::LABEL, one("Lycée"))]),
            "cdbdc68b86f42ffedb0d51163b4a3c8f"
        );
        let assignment = "http://www.tao.lu/Ontologies/TAOTestCenter#UserAssignment";
        assert_eq!(
            of(&[(assignment, Value::Many(Texts::default()))]),
            "37e5e0231a4ade5453d08562489a6d6c"
        );
        let parent = "http://www.w3.org/2000/01/rdf-schema#subClassOf";
        assert_eq!(
            of(&[
                (uri::LABEL, one("Grade 4")),
                (
                    parent,
                    one("http://www.tao.lu/Ontologies/TAOSubject.rdf#Subject")
                )
            ]),
            "c00d7c6dc0244c1ffa9d925dfc30edee"
        );
    }

    #[test]
    fn lists_are_sorted_as_php_sorts() {
        assert_eq!(
            sort(vec!["10", "9", "1e1", "abc", "2"]),
            ["2", "9", "10", "1e1", "abc"]
        );
        let takers = [
            "https://central.example/tao.rdf#i2202",
            "https://central.example/tao.rdf#i2201",
        ];
        let eligibility = r#"{"id":"https://central.example/tao.rdf#i3001","checksum":"365b51a0d1037b9eb0632e4683e25c0c","properties":{
 "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileDelivery":"https://central.example/tao.rdf#i4001",
 "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileTestCenter":"https://central.example/tao.rdf#i1000",
 "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileTestTaker":["https://central.example/tao.rdf#i2202","https://central.example/tao.rdf#i2201"],
 "http://www.w3.org/1999/02/22-rdf-syntax-ns#type":"http://www.tao.lu/Ontologies/TAOProctor.rdf#DeliveryEligibility"}}"#;
        let entity = Entity::from_json(eligibility.as_bytes()).unwrap();
        assert_eq!(checksum(&entity.properties, &[]), entity.checksum);
        assert_eq!(sort(takers.to_vec())[0], takers[1]);
    }

    #[test]
    fn an_order_that_is_none_does_not_panic() {
        let texts: Vec<String> = (0..200)
            .map(|n: u32| match n % 3 {
                0 => n.to_string(),
                1 => format!("{n}abc"),
                _ => format!("{n}e1"),
            })
            .collect();
        let sorted = sort(texts.iter().map(String::as_str).collect());
        assert_eq!(sorted.len(), 200);
    }
}
