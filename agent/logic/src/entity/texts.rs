//! Several texts in two pieces of memory: an eligibility may name 200,000 test takers, and a piece each is twice as much.
//! Never reorders, joins or drops a text; the stored form is that of a list of texts.
//! Called by `entity`, whose properties are lists as often as not.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// Texts in order.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// One behind the other.
    joined: String,
    /// Where each ends in `joined`, in bytes.
    ends: Vec<usize>,
}

impl Texts {
    /// Appends a text.
    pub fn push(&mut self, text: &str) {
        self.joined.push_str(text);
        self.ends.push(self.joined.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at a place, counted from 0; `None` behind the last one.
    pub fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.joined.get(begin..end)
    }

    /// The texts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at).unwrap_or_default())
    }
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text.as_ref()));
        all
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Texts;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Texts, A::Error> {
                let mut texts = Texts::default();
                while seq.next_element_seed(Next(&mut texts))?.is_some() {}
                Ok(texts)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// Reads one text to the end of others: none is owned in between.
struct Next<'a>(&'a mut Texts);

impl<'de> serde::de::DeserializeSeed<'de> for Next<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Next<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.push(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The list is the model: the same content, the same stored bytes and the same JSON, either way.
        #[test]
        fn they_are_the_list_that_they_stand_for(list in proptest::collection::vec(".{0,9}", 0..9)) {
            let texts: Texts = list.iter().collect();
            prop_assert!(texts.iter().eq(list.iter()));
            prop_assert_eq!(texts.len(), list.len());
            prop_assert_eq!(texts.get(list.len()), None);
            let stored = postcard::to_allocvec(&list).unwrap();
            prop_assert_eq!(&postcard::to_allocvec(&texts).unwrap(), &stored);
            prop_assert_eq!(&postcard::from_bytes::<Texts>(&stored).unwrap(), &texts);
            let json = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(&serde_json::to_string(&texts).unwrap(), &json);
            prop_assert_eq!(&serde_json::from_str::<Texts>(&json).unwrap(), &texts);
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let error = serde_json::from_str::<Texts>(r#"["a",1]"#).unwrap_err();
        assert!(error.to_string().contains("expected a text"), "{error}");
    }
}
