//! Decides when the figures are pushed to a Pushgateway, and when a failure of it is told.
//! Never pushes, and never lets a gateway that is away be asked more than every few minutes for the same.
//! Called by the daemon's keeper of the metrics, after each look at the box.

use std::time::Duration;

use super::verdict::Word;

/// The path of a box's group below the URL of its job (README of the Pushgateway, "URL"): a label that is more than
/// letters, digits, dots and hyphens goes as base64.
pub fn group(box_id: &str) -> String {
    use base64::Engine;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    // A path without "." and "..": they would be another one's.
    match box_id.bytes().all(is_plain) && !box_id.starts_with('.') {
        true => format!("instance/{box_id}"),
        false => {
            let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
            format!("instance@base64/{}", engine.encode(box_id))
        }
    }
}

/// What failed is pushed again after this, where nothing new came meanwhile: as often as the box is looked at.
const AGAIN: Duration = Duration::from_secs(290);

/// What a push tells that is worth one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushReason {
    /// The verdict.
    pub verdict: Word,
    /// Runs ended since the daemon started, and the end of the last that is remembered.
    pub runs: (u64, Option<i64>),
    /// Where to.
    pub to: String,
}

/// What is to be told of pushes: on the edge, not each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushNews {
    /// The first that failed.
    Fails,
    /// The first that arrived after some that failed.
    Arrives,
}

/// What was pushed so far.
///
/// | last try | since then | follows |
/// |---|---|---|
/// | none | – | push |
/// | is under way | whatever | nothing; when it has ended, look again where something new came |
/// | arrived | a run ended, the verdict or the place is another | push |
/// | arrived | nothing of that | nothing |
/// | failed | a run ended, the verdict or the place is another | push |
/// | failed | nothing of that | push once `AGAIN` is over |
#[derive(Debug, Clone, Default)]
pub struct PushPlan {
    tried: Option<PushReason>,
    /// When the last one failed, by the clock that counts suspend; `None` where it arrived.
    failed: Option<Duration>,
    under_way: bool,
    missed: bool,
    fails: bool,
}

impl PushPlan {
    /// Whether to push now; a push that is due counts as begun.
    pub fn begin(&mut self, reason: &PushReason, now: Duration) -> bool {
        let is_new = self.tried.as_ref() != Some(reason);
        if self.under_way {
            self.missed |= is_new;
            return false;
        }
        let is_late = self
            .failed
            .is_some_and(|at| now.saturating_sub(at) >= AGAIN);
        let due = is_new || is_late;
        if due {
            self.tried = Some(reason.clone());
            self.under_way = true;
        }
        due
    }

    /// It has ended; what is to be told, and whether the box is to be looked at again, since something new came meanwhile.
    pub fn end(&mut self, arrived: bool, now: Duration) -> (Option<PushNews>, bool) {
        self.under_way = false;
        self.failed = (!arrived).then_some(now);
        let news = match (self.fails, arrived) {
            (false, false) => Some(PushNews::Fails),
            (true, true) => Some(PushNews::Arrives),
            _ => None,
        };
        self.fails = !arrived;
        (news, std::mem::take(&mut self.missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(runs: u64) -> PushReason {
        PushReason {
            verdict: Word::Ready,
            runs: (runs, None),
            to: "https://push.example".into(),
        }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn each_run_and_each_change_is_pushed_once() {
        let mut plan = PushPlan::default();
        assert!(plan.begin(&reason(1), at(0)));
        assert_eq!(plan.end(true, at(1)), (None, false));
        assert!(!plan.begin(&reason(1), at(100_000)), "nothing is new");
        assert!(plan.begin(&reason(2), at(100_001)));
        let _ = plan.end(true, at(100_002));
        for other in [
            PushReason {
                verdict: Word::NotReady,
                ..reason(2)
            },
            PushReason {
                to: "https://other.example".into(),
                ..reason(2)
            },
        ] {
            let mut plan = plan.clone();
            assert!(plan.begin(&other, at(100_003)), "{other:?}");
        }
    }

    #[test]
    fn what_failed_is_told_once_and_tried_again_after_minutes() {
        let mut plan = PushPlan::default();
        assert!(plan.begin(&reason(1), at(0)));
        assert_eq!(plan.end(false, at(10)), (Some(PushNews::Fails), false));
        assert!(!plan.begin(&reason(1), at(299)));
        assert!(plan.begin(&reason(1), at(300)));
        assert_eq!(plan.end(false, at(310)), (None, false));
        // Something new does not wait for that.
        assert!(plan.begin(&reason(2), at(311)));
        assert_eq!(plan.end(true, at(312)), (Some(PushNews::Arrives), false));
        assert!(!plan.begin(&reason(2), at(9_999)));
    }

    #[test]
    fn a_box_has_a_group_of_its_own_whatever_its_id() {
        assert_eq!(group("5e0b1c2d3f4a5"), "instance/5e0b1c2d3f4a5");
        // As its README encodes it: base64url of the bytes.
        assert_eq!(group("a/b"), "instance@base64/YS9i");
        assert_eq!(group(".."), "instance@base64/Li4");
    }

    #[test]
    fn one_is_under_way_at_a_time_and_what_came_meanwhile_follows() {
        let mut plan = PushPlan::default();
        assert!(plan.begin(&reason(1), at(0)));
        assert!(!plan.begin(&reason(1), at(1)), "it is being told");
        assert!(!plan.begin(&reason(2), at(2)));
        assert_eq!(plan.end(true, at(3)), (None, true));
        assert!(plan.begin(&reason(2), at(4)));
        assert_eq!(plan.end(true, at(5)), (None, false));
    }
}
