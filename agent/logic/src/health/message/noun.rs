//! Things that are counted or listed in sentences: entities by type, what is owed by kind, names, flaws of packages.
//! Never a sentence of its own.
//! Used by the messages, by `status` and by the page.

use serde::{Deserialize, Serialize};

use super::super::seen::ReportedFault;
use super::super::standing::told_by_type;
use crate::entity::EntityType;
use crate::intake::ItemKind;
use crate::language::{Language, Localized, Quantity};

/// Names that need no translation, in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl Names {
    /// From anything that has a text.
    pub fn of<T: ToString>(names: impl IntoIterator<Item = T>) -> Self {
        Self(names.into_iter().map(|name| name.to_string()).collect())
    }
}

impl Localized for Names {
    fn localized(&self, _: Language) -> String {
        self.0.join(", ")
    }
}

/// Numbers of entities by type: `300 test-takers, 1 delivery`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByType(pub Vec<(String, u64)>);

impl ByType {
    /// Each with its noun.
    pub fn each(&self, language: Language) -> Vec<String> {
        match language {
            Language::English => told_by_type(&self.0),
            Language::French => {
                let french =
                    |(word, count): &(String, u64)| format!("{count} {}", noun(word, *count));
                self.0.iter().map(french).collect()
            }
        }
    }
}

/// What people call so many of a type, in French; a type that is not known keeps its word.
fn noun(word: &str, count: u64) -> String {
    let (one, several) = match EntityType::of(word) {
        Some(EntityType::TestCenter) => ("centre de test", "centres de test"),
        Some(EntityType::Administrator) => ("administrateur", "administrateurs"),
        Some(EntityType::Proctor) => ("surveillant", "surveillants"),
        Some(EntityType::TestTaker) => ("candidat", "candidats"),
        Some(EntityType::Eligibility) => ("éligibilité", "éligibilités"),
        Some(EntityType::Delivery) => ("épreuve", "épreuves"),
        None => (word, word),
    };
    let noun = if Language::French.is_plural(count) {
        several
    } else {
        one
    };
    noun.to_owned()
}

impl Localized for ByType {
    fn localized(&self, language: Language) -> String {
        self.each(language).join(", ")
    }
}

/// The same where English keeps the words of the wire: `300 test-taker, 1 delivery`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireCounts(pub Vec<(String, u64)>);

impl Localized for WireCounts {
    fn localized(&self, language: Language) -> String {
        match language {
            Language::English => {
                let words = self.0.iter().map(|(word, count)| format!("{count} {word}"));
                words.collect::<Vec<_>>().join(", ")
            }
            Language::French => ByType(self.0.clone()).localized(language),
        }
    }
}

/// So many items of a kind: `3 results`, `1 LTI user`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindCount {
    /// Of which kind.
    pub kind: ItemKind,
    /// How many.
    pub count: u64,
}

impl Quantity for KindCount {
    fn count(&self) -> u64 {
        self.count
    }
}

impl Localized for KindCount {
    fn localized(&self, language: Language) -> String {
        let Self { kind, count } = *self;
        if language == Language::English {
            return kind.counted(count);
        }
        let (one, several) = match kind {
            ItemKind::Results => ("résultat", "résultats"),
            ItemKind::Logs => ("journal", "journaux"),
            ItemKind::Sessions => ("session de test", "sessions de test"),
            ItemKind::LtiUsers => ("utilisateur LTI", "utilisateurs LTI"),
        };
        let noun = if language.is_plural(count) {
            several
        } else {
            one
        };
        format!("{} {noun}", count.localized(language))
    }
}

/// Why a package that is held is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageFlaw {
    /// A check found it damaged before.
    Known,
    /// So many members are damaged.
    Members(u64),
    /// It does not open.
    Told(ReportedFault),
}

crate::sentences! {
    /// The words for it.
    enum FlawWords {
        Known: "a check found it damaged", "un contrôle l’a trouvé endommagé";
        Members { count: u64 } by count:
            "{count} damaged member" | "{count} damaged members",
            "{count} membre endommagé" | "{count} membres endommagés";
    }
}

impl Localized for PackageFlaw {
    fn localized(&self, language: Language) -> String {
        match self {
            Self::Known => FlawWords::Known.localized(language),
            Self::Members(count) => FlawWords::Members { count: *count }.localized(language),
            Self::Told(told) => told.localized(language),
        }
    }
}
