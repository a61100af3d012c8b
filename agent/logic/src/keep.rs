//! Which editions of packages stay readable once another one has taken their place.
//! Never longer than an exam and a grace time need, and never at the cost of room for results.
//! Called by the local API, whose readers name editions.

/// Seconds that an edition stays after it was named last, outside of exams.
pub const EDITION_GRACE: u64 = 2 * 3600;

/// How the box stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionState {
    /// An exam runs.
    pub exam: bool,
    /// The disk has no more than what is kept free for results.
    pub scarce: bool,
}

/// Whether an edition stays that was named so many seconds ago.
pub fn stays(ago: u64, now: RetentionState) -> bool {
    now.exam || (!now.scarce && ago < EDITION_GRACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exam_keeps_all_a_grace_time_most_and_scarcity_none() {
        let now = |exam, scarce| RetentionState { exam, scarce };
        let table = [
            (0, now(false, false), true),
            (EDITION_GRACE - 1, now(false, false), true),
            (EDITION_GRACE, now(false, false), false),
            (0, now(false, true), false),
            (EDITION_GRACE * 9, now(true, false), true),
            (EDITION_GRACE * 9, now(true, true), true),
        ];
        for (ago, now, wanted) in table {
            assert_eq!(stays(ago, now), wanted, "{ago} {now:?}");
        }
    }
}
