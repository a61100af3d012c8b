//! What central describes: the six entity types and their properties, scalar or list exactly as received (protocol 5.2).
//! Never interprets a property and never reorders what central sent.
//! Called by `api`, `manifest`, `sync` and by whoever shows or serves the catalogue.

mod texts;

pub use texts::Texts;

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Predicates that a rule of boxsync depends on (protocol appendix A.2).
pub mod uri {
    /// Class of a resource.
    pub const TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
    /// Label of a resource.
    pub const LABEL: &str = "http://www.w3.org/2000/01/rdf-schema#label";
    /// Key of an encrypted central: in clear on deliveries, wrapped on users (protocol 13); never stored with a class (5.5).
    pub const APPLICATION_KEY: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#applicationKey";
    /// Organisation of a test centre or of a sync manager.
    pub const ORGANISATION: &str =
        "http://www.taotesting.com/ontologies/synchro.rdf#organisationId";
    /// Login of a user.
    pub const LOGIN: &str = "http://www.tao.lu/Ontologies/generis.rdf#login";
    /// Password hash of a user.
    pub const PASSWORD: &str = "http://www.tao.lu/Ontologies/generis.rdf#password";
}

/// The six types in the order of a synchronisation (protocol 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntityType {
    /// A test centre.
    TestCenter,
    /// A test centre's administrator.
    Administrator,
    /// A proctor.
    Proctor,
    /// A test taker.
    TestTaker,
    /// Who may take what where.
    Eligibility,
    /// A published test; its package comes apart.
    Delivery,
}

impl EntityType {
    /// All types, in order.
    pub const ALL: [Self; 6] = [
        Self::TestCenter,
        Self::Administrator,
        Self::Proctor,
        Self::TestTaker,
        Self::Eligibility,
        Self::Delivery,
    ];

    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::TestCenter => "test-center",
            Self::Administrator => "administrator",
            Self::Proctor => "proctor",
            Self::TestTaker => "test-taker",
            Self::Eligibility => "eligibility",
            Self::Delivery => "delivery",
        }
    }

    /// What central sends with an entity of this type but leaves out of its checksum: the clear key of a delivery alone
    /// (protocol 5.7, 13.4). The wrapped key of a user is a part of it (13.3).
    pub fn outside_checksum(self) -> &'static [&'static str] {
        match self {
            Self::Delivery => &[uri::APPLICATION_KEY],
            _ => &[],
        }
    }

    /// The type of a name on the wire.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One property: a text, or several in the order of central's storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// A scalar on the wire.
    One(String),
    /// A list on the wire, possibly empty.
    Many(Texts),
}

/// Predicate and value in the order received; `[]` on the wire when empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties(Vec<(String, Value)>);

impl Properties {
    /// All predicates with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0
            .iter()
            .map(|(predicate, value)| (predicate.as_str(), value))
    }

    /// The value of a predicate.
    pub fn get(&self, predicate: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(name, _)| name == predicate)
            .map(|(_, value)| value)
    }

    /// All texts of a predicate, whether central sent a scalar or a list.
    pub fn values(&self, predicate: &str) -> impl Iterator<Item = &str> {
        let (one, many) = match self.get(predicate) {
            Some(Value::One(text)) => (Some(text.as_str()), None),
            Some(Value::Many(texts)) => (None, Some(texts)),
            None => (None, None),
        };
        one.into_iter()
            .chain(many.into_iter().flat_map(Texts::iter))
    }

    /// The first text of a predicate.
    pub fn first(&self, predicate: &str) -> Option<&str> {
        self.values(predicate).next()
    }

    /// Forgets a predicate.
    pub fn remove(&mut self, predicate: &str) {
        self.0.retain(|(name, _)| name != predicate);
    }
}

impl FromIterator<(String, Value)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// One entity as `fetchEntityDetails` gives it (protocol 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// URI on central.
    pub id: String,
    /// As central computed it: 32 hex digits.
    pub checksum: String,
    /// As received.
    pub properties: Properties,
}

impl Entity {
    /// Reads one entity of the wire.
    ///
    /// # Errors
    /// What is wrong, with the predicate that is.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let entity: Self = serde_json::from_slice(json)?;
        if entity.id.is_empty() {
            return Err(de::Error::custom("`id` is empty"));
        }
        Ok(entity)
    }
}

/// A checksum as the index keeps it: the 16 bytes of an MD5, or a hash of whatever else central sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Checksum(pub [u8; 16]);

impl Checksum {
    /// Takes the text of the wire.
    pub fn of(text: &str) -> Self {
        let mut bytes = [0; 16];
        let digits = text.as_bytes();
        let hex = digits.len() == 32
            && digits
                .iter()
                .all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f'));
        if hex {
            for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
            }
        } else {
            bytes.copy_from_slice(&Sha256::digest(digits)[..16]);
        }
        Self(bytes)
    }
}

fn nibble(digit: u8) -> u8 {
    if digit.is_ascii_digit() {
        digit - b'0'
    } else {
        digit - b'a' + 10
    }
}

/// A map on the wire, pairs in the store.
impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        if self.0.is_empty() {
            return serializer.serialize_seq(Some(0))?.end();
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (predicate, value) in &self.0 {
            match value {
                Value::One(text) => map.serialize_entry(predicate, text)?,
                Value::Many(texts) => map.serialize_entry(predicate, texts)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PropertiesVisitor;
        impl<'de> Visitor<'de> for PropertiesVisitor {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map of predicates, or an empty list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut pairs: Vec<(String, Value)> = Vec::new();
                while let Some(predicate) = map.next_key::<String>()? {
                    let WireValue(value) = map
                        .next_value()
                        .map_err(|error| de::Error::custom(format!("`{predicate}`: {error}")))?;
                    pairs.push((predicate, value));
                }
                Ok(Properties(pairs))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Properties, A::Error> {
                match seq.next_element::<de::IgnoredAny>()? {
                    None => Ok(Properties::default()),
                    Some(_) => Err(de::Error::invalid_type(de::Unexpected::Seq, &self)),
                }
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(PropertiesVisitor)
        } else {
            Vec::deserialize(deserializer).map(Self)
        }
    }
}

struct WireValue(Value);

impl<'de> Deserialize<'de> for WireValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PropertyVisitor;
        impl<'de> Visitor<'de> for PropertyVisitor {
            type Value = WireValue;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WireValue, E> {
                Ok(WireValue(Value::One(text.to_owned())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<WireValue, E> {
                Ok(WireValue(Value::One(text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<WireValue, A::Error> {
                let texts = Texts::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
                Ok(WireValue(Value::Many(texts)))
            }
        }
        deserializer.deserialize_any(PropertyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &str =
        r#"{"id":"a#1","checksum":"c","properties":{"z":"1","b":["2","1"],"e":[],"a":"é"}}"#;

    #[test]
    fn properties_stay_as_received_on_the_wire_and_in_the_store() {
        let entity = Entity::from_json(WIRE.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&entity).unwrap(), WIRE);
        let stored = postcard::to_allocvec(&entity).unwrap();
        assert_eq!(postcard::from_bytes::<Entity>(&stored).unwrap(), entity);
        assert_eq!(
            entity.properties.values("b").collect::<Vec<_>>(),
            ["2", "1"]
        );
    }

    #[test]
    fn no_properties_are_an_empty_list() {
        let wire = r#"{"id":"a","checksum":"c","properties":[]}"#;
        let entity = Entity::from_json(wire.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&entity).unwrap(), wire);
    }

    #[test]
    fn an_odd_value_is_named_with_its_predicate() {
        for odd in ["7", "null", "true", "{}", "[1]", "[[]]"] {
            let wire = format!(r#"{{"id":"a","checksum":"c","properties":{{"p#q":{odd}}}}}"#);
            let error = Entity::from_json(wire.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("`p#q`"), "{odd}: {error}");
        }
    }

    #[test]
    fn a_checksum_of_another_form_is_still_compared() {
        let md5 = Checksum::of("40cd750bba9870f18aada2478b24840a");
        assert_eq!(md5.0[..2], [0x40, 0xcd]);
        assert_ne!(Checksum::of("v2"), Checksum::of("v3"));
    }
}
