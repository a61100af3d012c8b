//! The languages that boxsync speaks to people, which one a person gets, and sentences that no language lacks.
//! Never reads the environment: what stands there is an argument; never translates a text that was written elsewhere.
//! Called by every edge that speaks to a person: command line, status page, doctor.

pub mod figure;

use std::net::IpAddr;

use crate::texts::{TextRow, filled};

/// A language of boxsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// en; what everything is written in that machines read.
    #[default]
    English,
    /// fr
    French,
}

/// What the environment says of the language (gettext manual, 2.3; setlocale(3)); unset is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Locale<'a> {
    /// `LANGUAGE`: languages in the order of preference, between colons.
    pub language: &'a str,
    /// `LC_ALL`.
    pub lc_all: &'a str,
    /// `LC_MESSAGES`.
    pub lc_messages: &'a str,
    /// `LANG`.
    pub lang: &'a str,
}

impl Language {
    /// What a terminal is spoken to in, as gettext chooses: the locale is the first that is set of `LC_ALL`,
    /// `LC_MESSAGES` and `LANG`; `LANGUAGE` goes before it, but only where a locale is set that is neither `C` nor
    /// `POSIX`. Whatever else is wanted gets English.
    pub fn of_locale(locale: Locale<'_>) -> Self {
        let set = [locale.lc_all, locale.lc_messages, locale.lang];
        let Some(name) = set.into_iter().find(|name| !name.is_empty()) else {
            return Self::English;
        };
        // `C.UTF-8` is C with other characters.
        if matches!(parts(name).0, "C" | "POSIX") {
            return Self::English;
        }
        let wanted = locale.language.split(':').filter(|name| !name.is_empty());
        let chosen = wanted.chain([name]).find_map(Self::of_name);
        chosen.unwrap_or_default()
    }

    /// The language of a locale such as `fr_LU.UTF-8@euro`, if boxsync speaks it.
    fn of_name(name: &str) -> Option<Self> {
        match parts(name).0.to_ascii_lowercase().as_str() {
            "fr" => Some(Self::French),
            "en" | "c" | "posix" => Some(Self::English),
            _ => None,
        }
    }

    /// What a browser likes best (RFC 9110, section 12.5.4) of what there is; English when it likes neither.
    pub fn of_browser(accepted: &str) -> Self {
        let mut best = (0, Self::English);
        for range in accepted.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1000, thousandths);
            let primary = tag.split('-').next().unwrap_or_default();
            let language = match primary.to_ascii_lowercase().as_str() {
                "en" | "*" => Self::English,
                "fr" => Self::French,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// As in `lang` and `Content-Language` (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// Whether so many take the plural (CLDR: French counts none as one).
    pub fn is_plural(self, count: u64) -> bool {
        match self {
            Self::English => count != 1,
            Self::French => count > 1,
        }
    }
}

/// The language of a locale, and what follows it.
fn parts(name: &str) -> (&str, &str) {
    let end = name.find(['_', '.', '@']).unwrap_or(name.len());
    name.split_at(end)
}

/// A weight of RFC 9110, section 12.4.2; what is none is the least.
fn thousandths(text: &str) -> u32 {
    let weight = text.trim().parse::<f64>().unwrap_or(0.0);
    (weight.clamp(0.0, 1.0) * 1000.0) as u32
}

/// French with the blanks that never break a line: narrow before `;`, `?` and `!`, whole before `:` and within « ».
pub fn typeset(french: &str) -> String {
    let mut out = french.replace("« ", "«\u{a0}").replace(" »", "\u{a0}»");
    out = out.replace(" :", "\u{a0}:");
    for (mark, set) in [
        (" ;", "\u{202f};"),
        (" ?", "\u{202f}?"),
        (" !", "\u{202f}!"),
    ] {
        out = out.replace(mark, set);
    }
    out
}

/// The same with ordinary blanks: for terminals, whose fonts may lack others, for files and for machines.
pub fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

/// What can be told to a person in each language.
pub trait Localized {
    /// The words for it; blanks that may not break a line are U+00A0 or U+202F.
    fn localized(&self, language: Language) -> String;

    /// In English with ordinary blanks, as machines read it.
    fn english(&self) -> String {
        plain(&self.localized(Language::English))
    }
}

impl Localized for str {
    fn localized(&self, _: Language) -> String {
        self.to_owned()
    }
}

impl Localized for String {
    fn localized(&self, _: Language) -> String {
        self.clone()
    }
}

impl Localized for IpAddr {
    fn localized(&self, _: Language) -> String {
        self.to_string()
    }
}

impl Localized for u64 {
    fn localized(&self, language: Language) -> String {
        figure::integer(language, *self)
    }
}

impl<T: Localized + ?Sized> Localized for Box<T> {
    fn localized(&self, language: Language) -> String {
        (**self).localized(language)
    }
}

impl<T: Localized + ?Sized> Localized for &T {
    fn localized(&self, language: Language) -> String {
        (**self).localized(language)
    }
}

/// What a sentence agrees with in number.
pub trait Quantity {
    /// How many there are.
    fn count(&self) -> u64;
}

impl Quantity for u64 {
    fn count(&self) -> u64 {
        *self
    }
}

/// Sentences with their values, as an enum that is told in each language: a variant without its French does not compile.
///
/// A row is `Variant { value: Type, … } by count: "English" | "English of several", "French" | "French of several";`
/// where the values and everything from `by` or `|` on may be left out. Values are told in the same language.
///
/// A place for a value that holds a sentence itself is told in the same language.
#[macro_export]
#[allow(clippy::crate_in_macro_def, reason = "each crate has texts of its own")]
macro_rules! sentences {
    ($(#[$outer:meta])* $vis:vis enum $name:ident { $(
        $variant:ident $({ $($field:ident: $type:ty),* $(,)? })? $(by $count:ident)?:
            $en:literal $(| $several:literal)?, $fr:literal $(| $plusieurs:literal)?;
    )* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        $vis enum $name { $(
            #[doc = $en]
            $variant $({ $(#[doc = concat!("As `{", stringify!($field), "}`.")] $field: $type,)* })?,
        )* }

        $(const _: () = assert!($crate::texts::is_filled_in($en) && $crate::texts::is_filled_in($fr)
            $(&& $crate::texts::is_filled_in($several))? $(&& $crate::texts::is_filled_in($plusieurs))?);)*

        const _: () = {
            use $crate::language::{Language, Localized};

            /// Their places among the rows of the table.
            enum RowPlace {
                $($variant,)*
            }

            const FIRST: usize = crate::texts::rows::$name;

            impl Localized for $name {
                fn localized(&self, language: Language) -> String {
                    let told = |place, count, values: &[&dyn Localized]| {
                        $crate::language::told(crate::texts::TEXTS.row(FIRST + place as usize), language, count, values)
                    };
                    match self { $(
                        Self::$variant $({ $($field),* })? => {
                            told(RowPlace::$variant, None::<u64> $(.or(Some($crate::language::Quantity::count($count))))?, &[$($($field),*)?])
                        }
                    )* }
                }
            }

            #[cfg(test)]
            impl $name {
                /// What the build wrote of each row, and what stands here.
                fn texts() -> Vec<[Vec<String>; 2]> {
                    vec![$([
                        crate::texts::TEXTS
                            .row(FIRST + RowPlace::$variant as usize)
                            .in_source(&[$($(stringify!($field)),*)?]),
                        [stringify!($variant), $en, $fr $(, $several)? $(, $plusieurs)?]
                            .map(|text| text.replace("{{", "{").replace("}}", "}"))
                            .to_vec(),
                    ]),*]
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

/// The sentence of a row in a language, in the plural where its number takes it.
pub fn told(
    row: TextRow,
    language: Language,
    count: Option<u64>,
    values: &[&dyn Localized],
) -> String {
    let is_plural = count.is_some_and(|count| language.is_plural(count));
    let text = row.sentence(language == Language::French, is_plural);
    let value = |place: usize| values.get(place).map(|value| value.localized(language));
    let told = filled(text, &|place| value(place).unwrap_or_default());
    match language {
        Language::English => told,
        Language::French => typeset(&told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_spoken_to_as_gettext_chooses() {
        use Language::{English, French};
        // LANGUAGE, LC_ALL, LC_MESSAGES, LANG
        let table = [
            (["", "", "", ""], English),
            (["", "", "", "fr_FR.UTF-8"], French),
            (["", "", "", "fr"], French),
            (["", "", "", "fr_LU@euro"], French),
            (["", "", "", "de_DE.UTF-8"], English),
            (["", "", "", "frp_FR"], English),
            (["", "", "", "C"], English),
            (["", "", "", "POSIX"], English),
            // The first that is set is the locale.
            (["", "", "fr_FR", "en_GB"], French),
            (["", "en_GB", "fr_FR", "fr_FR"], English),
            (["", "C", "fr_FR", "fr_FR"], English),
            // LANGUAGE goes before it, where a locale is set that is not C.
            (["fr", "", "", ""], English),
            (["fr", "", "", "C"], English),
            (["fr", "", "", "C.UTF-8"], English),
            (["fr", "POSIX", "", "fr_FR"], English),
            (["fr", "", "", "en_GB.UTF-8"], French),
            (["fr:en", "", "", "de_DE.UTF-8"], French),
            (["de:fr_BE:en", "", "", "de_DE.UTF-8"], French),
            (["en:fr", "", "", "fr_FR.UTF-8"], English),
            (["de:", "", "", "fr_FR.UTF-8"], French),
            (["C", "", "", "fr_FR.UTF-8"], English),
        ];
        for ([language, lc_all, lc_messages, lang], expected) in table {
            let locale = Locale {
                language,
                lc_all,
                lc_messages,
                lang,
            };
            assert_eq!(Language::of_locale(locale), expected, "{locale:?}");
        }
    }

    #[test]
    fn a_browser_chooses() {
        for (accepted, language) in [
            ("", Language::English),
            ("fr", Language::French),
            ("fr-LU,fr;q=0.9,en;q=0.8", Language::French),
            ("en-GB,fr;q=0.9", Language::English),
            ("de-LU, fr;q=0.7, en;q=0.3", Language::French),
            ("fr;q=0, en;q=0.1", Language::English),
            ("de", Language::English),
            ("*", Language::English),
            ("FR-be", Language::French),
            ("fr;q=nonsense", Language::English),
        ] {
            assert_eq!(Language::of_browser(accepted), language, "{accepted:?}");
        }
    }

    #[test]
    fn french_marks_are_not_left_alone_at_the_beginning_of_a_line() {
        assert_eq!(
            typeset("prête ? « oui » : non ; si !"),
            "prête\u{202f}? «\u{a0}oui\u{a0}»\u{a0}: non\u{202f}; si\u{202f}!"
        );
        assert_eq!(plain(&typeset("a : b ; c")), "a : b ; c");
    }

    sentences! {
        /// For the test.
        enum Sample {
            Still: "still", "immobile";
            Files { count: u64, size: figure::Bytes } by count:
                "{count} file of {size}" | "{count} files of {size}",
                "{count} fichier de {size} : bon" | "{count} fichiers de {size} : bons";
        }
    }

    #[test]
    fn a_sentence_agrees_with_its_number_in_each_language() {
        let of = |count| Sample::Files {
            count,
            size: figure::Bytes(1_200_000),
        };
        assert_eq!(of(1).english(), "1 file of 1.2 MB");
        assert_eq!(of(0).english(), "0 files of 1.2 MB");
        let french = |count| plain(&of(count).localized(Language::French));
        assert_eq!(french(0), "0 fichier de 1,2 Mo : bon");
        assert_eq!(french(2), "2 fichiers de 1,2 Mo : bons");
        assert_eq!(Sample::Still.localized(Language::French), "immobile");
    }
}
