//! What stands in a sentence of a cause: how it reads in each language, and how it travels to another process or a record.
//! Never lets text move a cursor: what is no sentence of boxsync is escaped here.
//! Called by the tables of `cause`.

mod times;

use serde_json::Value as Json;

use super::Cause;
use crate::outside::{self, Outside};
use crate::texts::{TEXTS, filled};

pub use times::{Age, UtcMinute, Wait};

/// The marks around words of a French sentence that are English: unseen characters, which `outside` leaves in no text.
const ENGLISH: (char, char) = ('\u{2}', '\u{3}');
/// Behind the first of them: what follows is a detail of a French sentence, not a sentence in its place.
const DETAIL: char = '\u{4}';

/// A part of a French sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wording {
    /// French, or without a language: a number, a name, a path.
    French(String),
    /// Words that exist in English alone, in the place of a sentence.
    English(String),
    /// The same within a French sentence, which says what they are about.
    Detail(String),
}

/// An argument of a sentence.
pub(super) trait Argument {
    /// In an English sentence.
    fn en(&self) -> String;

    /// In a French one, with marks around what is English.
    fn fr(&self) -> String {
        self.en()
    }

    /// As it travels.
    fn value(&self) -> Json;

    /// As it came; `None` for what this boxsync does not know.
    fn read(value: &Json) -> Option<Self>
    where
        Self: Sized;
}

/// English words for a French sentence.
pub(super) fn english(words: &str) -> String {
    match words.is_empty() {
        true => String::new(),
        false => {
            let words = outside::escaped_lines(words);
            format!("{}{words}{}", ENGLISH.0, ENGLISH.1)
        }
    }
}

/// English words that a French sentence leads to.
fn detail(words: &str) -> String {
    english(words).replacen(ENGLISH.0, &format!("{}{DETAIL}", ENGLISH.0), 1)
}

/// A sentence without the marks.
pub(super) fn unmarked(marked: &str) -> String {
    marked.replace([ENGLISH.0, ENGLISH.1, DETAIL], "")
}

/// A sentence, cut at the marks.
pub(super) fn pieces(marked: &str) -> Vec<Wording> {
    let mut pieces = Vec::new();
    let mut rest = marked;
    while let Some((before, after)) = rest.split_once(ENGLISH.0) {
        let (words, after) = after.split_once(ENGLISH.1).unwrap_or((after, ""));
        if !before.is_empty() {
            pieces.push(Wording::French(before.to_owned()));
        }
        pieces.push(match words.strip_prefix(DETAIL) {
            Some(detail) => Wording::Detail(detail.to_owned()),
            None => Wording::English(words.to_owned()),
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Wording::French(rest.to_owned()));
    }
    pieces
}

/// Text from outside in a sentence: quoted, cut and escaped as soon as it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote(Box<str>);

impl Quote {
    /// Takes a text in; `None` when nothing was said.
    pub fn of(text: &Outside) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.quoted().into()))
    }
}

impl From<&Outside> for Quote {
    fn from(text: &Outside) -> Self {
        Self(text.quoted().into())
    }
}

impl From<&str> for Quote {
    fn from(text: &str) -> Self {
        Self(outside::quoted(text).into())
    }
}

impl Argument for Quote {
    fn en(&self) -> String {
        self.0.to_string()
    }

    fn value(&self) -> Json {
        Json::from(&*self.0)
    }

    fn read(value: &Json) -> Option<Self> {
        outside::requoted(value.as_str()?).map(|text| Self(text.into()))
    }
}

/// The id of a thing: as it is where it is made of the characters of a URI, else quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(Box<str>);

impl Id {
    /// Several of them.
    pub fn all<T: AsRef<str>>(ids: &[T]) -> Vec<Self> {
        ids.iter().map(|id| Self::from(id.as_ref())).collect()
    }
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        Self(outside::id(id).into())
    }
}

impl From<&String> for Id {
    fn from(id: &String) -> Self {
        Self::from(id.as_str())
    }
}

impl Argument for Id {
    fn en(&self) -> String {
        self.0.to_string()
    }

    fn value(&self) -> Json {
        Json::from(&*self.0)
    }

    fn read(value: &Json) -> Option<Self> {
        let id = value.as_str()?;
        match outside::requoted(id) {
            Some(quoted) => Some(Self(quoted.into())),
            None => Some(Self::from(id)),
        }
    }
}

/// What a reader of JSON found; its words may repeat the text that it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFlaw(Box<str>);

impl From<&serde_json::Error> for JsonFlaw {
    fn from(error: &serde_json::Error) -> Self {
        Self(outside::json_flaw(error).into())
    }
}

impl Argument for JsonFlaw {
    fn en(&self) -> String {
        self.0.to_string()
    }

    fn fr(&self) -> String {
        let missing = self.0.strip_prefix(outside::MISSING_FIELD);
        match missing.and_then(|rest| rest.split_once('`')) {
            Some((field, _)) => format!("le champ `{field}` manque"),
            None => detail(&self.0),
        }
    }

    fn value(&self) -> Json {
        Json::from(&*self.0)
    }

    fn read(value: &Json) -> Option<Self> {
        let flaw = value.as_str()?;
        let known = flaw.starts_with(outside::MISSING_FIELD) || outside::requoted(flaw).is_some();
        known.then(|| Self(outside::escaped(flaw).into()))
    }
}

/// Words of a library, which has them in English alone; they may quote what it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryWords(Box<str>);

impl From<&str> for LibraryWords {
    fn from(words: &str) -> Self {
        Self(words.into())
    }
}

impl Argument for LibraryWords {
    fn en(&self) -> String {
        outside::escaped_lines(&self.0).into_owned()
    }

    fn fr(&self) -> String {
        detail(&self.0)
    }

    fn value(&self) -> Json {
        Json::from(&*self.0)
    }

    fn read(value: &Json) -> Option<Self> {
        value.as_str().map(Self::from)
    }
}

impl Argument for String {
    fn en(&self) -> String {
        outside::escaped_lines(self).into_owned()
    }

    fn value(&self) -> Json {
        Json::from(self.as_str())
    }

    fn read(value: &Json) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl Argument for Box<Cause> {
    fn en(&self) -> String {
        Cause::en(self)
    }

    fn fr(&self) -> String {
        self.marked()
    }

    fn value(&self) -> Json {
        Cause::value(self).unwrap_or_else(|| Json::from(Cause::en(self)))
    }

    fn read(value: &Json) -> Option<Self> {
        let said = || value.as_str().map(Cause::from);
        Cause::read(value).or_else(said).map(Box::new)
    }
}

/// Several causes, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Causes(Vec<Cause>);

impl From<Vec<Cause>> for Causes {
    fn from(causes: Vec<Cause>) -> Self {
        Self(causes)
    }
}

impl Argument for Causes {
    fn en(&self) -> String {
        let all: Vec<_> = self.0.iter().map(Cause::en).collect();
        all.join("; ")
    }

    fn fr(&self) -> String {
        let all: Vec<_> = self.0.iter().map(Cause::marked).collect();
        all.join(" ; ")
    }

    fn value(&self) -> Json {
        let value = |cause: &Cause| cause.value().unwrap_or_else(|| Json::from(cause.en()));
        self.0.iter().map(value).collect()
    }

    fn read(value: &Json) -> Option<Self> {
        let read = |value: &Json| Box::<Cause>::read(value).map(|cause| *cause);
        let all: Option<Vec<_>> = value.as_array()?.iter().map(read).collect();
        all.map(Self)
    }
}

/// Where nothing is, nothing stands.
impl<T: Argument> Argument for Option<T> {
    fn en(&self) -> String {
        self.as_ref().map_or_else(String::new, Argument::en)
    }

    fn fr(&self) -> String {
        self.as_ref().map_or_else(String::new, Argument::fr)
    }

    fn value(&self) -> Json {
        self.as_ref().map_or(Json::Null, Argument::value)
    }

    fn read(value: &Json) -> Option<Self> {
        match value {
            Json::Null => Some(None),
            value => T::read(value).map(Some),
        }
    }
}

impl<T: Argument> Argument for Box<T> {
    fn en(&self) -> String {
        (**self).en()
    }

    fn fr(&self) -> String {
        (**self).fr()
    }

    fn value(&self) -> Json {
        (**self).value()
    }

    fn read(value: &Json) -> Option<Self> {
        T::read(value).map(Self::new)
    }
}

/// A list, with commas.
impl<T: Argument> Argument for Vec<T> {
    fn en(&self) -> String {
        let all: Vec<_> = self.iter().map(Argument::en).collect();
        all.join(", ")
    }

    fn fr(&self) -> String {
        let all: Vec<_> = self.iter().map(Argument::fr).collect();
        all.join(", ")
    }

    fn value(&self) -> Json {
        self.iter().map(Argument::value).collect()
    }

    fn read(value: &Json) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl Argument for $type {
            fn en(&self) -> String {
                self.to_string()
            }

            fn value(&self) -> Json {
                Json::from(*self)
            }

            fn read(value: &Json) -> Option<Self> {
                value.as_i64()?.try_into().ok()
            }
        })*
    };
}

numbers!(u8 u16 u32 u64 usize i64);

/// Takes the row of a sentence and its arguments.
pub(super) type SentenceSink<'a> = &'a mut dyn FnMut(usize, &[&dyn Argument]);

/// A sentence in a language.
pub(super) fn said(
    told: &dyn Fn(SentenceSink),
    is_french: bool,
    argument: fn(&dyn Argument) -> String,
) -> String {
    let mut out = String::new();
    told(&mut |row, arguments| {
        let text = TEXTS.row(row).sentence(is_french, false);
        let value = |place| arguments.get(place).map(|value| argument(*value));
        out = filled(text, &|place| value(place).unwrap_or_default());
    });
    out
}

/// What stands for an argument where a sentence is compiled as a format.
macro_rules! place {
    ($field:ident) => {
        &str
    };
}
pub(super) use place;

/// A sentence as it travels.
pub(super) fn travels(told: &dyn Fn(SentenceSink)) -> Json {
    let mut value = Json::Null;
    told(&mut |row, arguments| {
        let name = Json::from(TEXTS.row(row).name());
        let arguments = arguments.iter().map(|argument| argument.value());
        value = std::iter::once(name).chain(arguments).collect();
    });
    value
}

/// Which of the rows from `first` on has the name of a value, and the arguments.
pub(super) fn read(value: &Json, first: usize, count: usize) -> Option<(usize, &[Json])> {
    let (name, arguments) = value.as_array()?.split_first()?;
    let name = name.as_str()?;
    let row = (first..first + count).find(|row| TEXTS.row(*row).name() == name)?;
    Some((row - first, arguments))
}

/// One enumeration of sentences: a variant with its arguments, in English and in French. A variant without one of the two
/// does not compile, nor does a sentence that leaves an argument out.
macro_rules! sentences {
    ($(#[$meta:meta])* $name:ident {
        $($variant:ident $({ $($field:ident: $type:ty),+ })? => $en:literal, $fr:literal;)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the sentence of a variant says what its arguments are")]
        pub enum $name {
            $(#[doc = $en] $variant $({ $($field: $type),+ })?,)+
        }

        $(const _: () = assert!($crate::texts::is_filled_in($en) && $crate::texts::is_filled_in($fr));)+
        $($(
            // Neither sentence leaves an argument out.
            const _: fn($($crate::fault::cause::argument::place!($field)),+) = |$($field),+| drop(format!($en));
            const _: fn($($crate::fault::cause::argument::place!($field)),+) = |$($field),+| drop(format!($fr));
        )?)+

        const _: () = {
            use $crate::fault::cause::argument::{self, Argument, SentenceSink};

            /// Their places among the rows of the table.
            enum CauseRow {
                $($variant,)+
            }

            const FIRST: usize = $crate::texts::rows::$name;
            const COUNT: usize = [$(CauseRow::$variant),+].len();

            impl $name {
                /// Hands over the sentence with its arguments: code for each would be a twentieth of the program.
                fn told(&self, tell: SentenceSink) {
                    match self {
                        $(Self::$variant $({ $($field),+ })? => {
                            tell(FIRST + CauseRow::$variant as usize, &[$($($field),+)?]);
                        })+
                    }
                }
            }

            impl Argument for $name {
                fn en(&self) -> String {
                    argument::said(&|tell| self.told(tell), false, |argument| argument.en())
                }

                fn fr(&self) -> String {
                    argument::said(&|tell| self.told(tell), true, |argument| argument.fr())
                }

                fn value(&self) -> serde_json::Value {
                    argument::travels(&|tell| self.told(tell))
                }

                fn read(value: &serde_json::Value) -> Option<Self> {
                    let (place, arguments) = argument::read(value, FIRST, COUNT)?;
                    let mut arguments = arguments.iter();
                    let read = match place {
                        $(place if place == CauseRow::$variant as usize => Self::$variant $({
                            $($field: Argument::read(arguments.next()?)?),+
                        })?,)+
                        _ => return None,
                    };
                    arguments.next().is_none().then_some(read)
                }
            }

            #[cfg(test)]
            impl $name {
                /// What the build wrote of each row, and what stands here.
                fn texts() -> Vec<[Vec<String>; 2]> {
                    vec![$([
                        $crate::texts::TEXTS
                            .row(FIRST + CauseRow::$variant as usize)
                            .in_source(&[$($(stringify!($field)),+)?]),
                        [stringify!($variant), $en, $fr]
                            .map(|text| text.replace("{{", "{").replace("}}", "}"))
                            .to_vec(),
                    ]),+]
                }
            }
        };

        #[cfg(test)]
        #[test]
        #[allow(non_snake_case, reason = "a test for each enumeration")]
        fn $name() {
            for [built, written] in $name::texts() {
                assert_eq!(built, written);
            }
        }
    };
}
pub(super) use sentences;
