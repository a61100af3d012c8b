//! Decides whether an image that is being tried has shown that it works.
//! Never asks anything: what the daemon says of its runs is an argument, and that the state opens is the caller's to find.
//! Called by the verb `update health`, which stands before the blessing of a boot.

use crate::words::Outcome;

/// What a boot has shown so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootHealth {
    /// It may be blessed.
    Works,
    /// It may still come.
    NotYet,
    /// Central does not support what it says of itself: the image before it is to come back.
    Refused,
}

impl BootHealth {
    /// As machines read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::NotYet => "not_yet",
            Self::Refused => "refused",
        }
    }

    /// Of a box whose state opened: `ended` is how the runs since the start of the daemon ended, `None` where it does not
    /// answer; `on_boot` whether the first run comes with the boot.
    ///
    /// | daemon | runs that ended | is |
    /// |---|---|---|
    /// | does not answer | | not yet |
    /// | answers | one finished, failed, unauthorized or offline: an honest word, for which the link need not be there | works |
    /// | answers | unsupported ones alone | refused |
    /// | answers | none, or stopped ones alone | not yet; works where no run comes with the boot |
    pub fn of(ended: Option<&[String]>, on_boot: bool) -> Self {
        let Some(ended) = ended else {
            return Self::NotYet;
        };
        let has = |outcome: Outcome| ended.iter().any(|word| word == outcome.word());
        let honest = [
            Outcome::Finished,
            Outcome::Failed,
            Outcome::Unauthorized,
            Outcome::Offline,
        ];
        match () {
            () if honest.into_iter().any(has) => Self::Works,
            () if has(Outcome::Unsupported) => Self::Refused,
            () if on_boot => Self::NotYet,
            () => Self::Works,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_the_table() {
        use BootHealth::{NotYet, Refused, Works};
        let table: [(Option<&[&str]>, bool, BootHealth); 11] = [
            (None, true, NotYet),
            (None, false, NotYet),
            (Some(&[]), true, NotYet),
            (Some(&[]), false, Works),
            (Some(&["stopped"]), true, NotYet),
            (Some(&["finished"]), true, Works),
            (Some(&["failed"]), true, Works),
            (Some(&["unauthorized"]), true, Works),
            (Some(&["offline", "stopped"]), true, Works),
            (Some(&["unsupported"]), false, Refused),
            (Some(&["offline", "unsupported"]), true, Works),
        ];
        for (ended, on_boot, is) in table {
            let words: Option<Vec<String>> =
                ended.map(|ended| ended.iter().map(|word| (*word).to_owned()).collect());
            let found = BootHealth::of(words.as_deref(), on_boot);
            assert_eq!(found, is, "{ended:?} {on_boot}");
        }
    }
}
