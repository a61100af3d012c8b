//! Rules of the bearer token: how long it lives, when it is renewed, when its early death means a second holder.
//! Never sees the token itself or a wall clock: ages are on the clock that counts suspend.
//! Called by `uplink`.

use std::time::Duration;

/// Above this a value of `expires` is a moment, below it a lifetime in seconds (protocol 1.3).
const MOMENT: i64 = 1_349_067_600;
/// The life taken for granted when central says a moment but not what time it has.
const UNDATED: Duration = Duration::from_secs(5 * 60);
/// No life is believed to be longer.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// A long life ends this much earlier for us, a short one by a tenth.
const MARGIN: Duration = Duration::from_secs(60);
/// Early deaths within this span belong together.
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// So many early deaths within the window are no accident.
const SHARED: usize = 2;
/// After them the next token is asked for at the earliest after this, twice as long each time.
const REST: Duration = Duration::from_secs(2);
/// No rest is longer: a box that shares its client still comes to its end.
const MAX_REST: Duration = Duration::from_secs(60);

/// How long a token lives: `expires` (protocol 1.1) against the `Date` of the same answer, both by central's clock.
pub fn life(expires: i64, date: Option<i64>) -> Duration {
    let span = match (expires > MOMENT, date) {
        (false, _) => seconds(expires),
        (true, Some(date)) => seconds(expires.saturating_sub(date)),
        (true, None) => UNDATED,
    };
    span.min(MAX_LIFETIME)
}

fn seconds(span: i64) -> Duration {
    Duration::from_secs(u64::try_from(span).unwrap_or(0))
}

/// One token's span of use, on the clock that counts suspend (`words::Now::mono`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    asked: Duration,
    life: Duration,
}

impl Grant {
    /// A token that was asked for at `asked` and lives for `life` from then on, at the least.
    pub fn new(asked: Duration, life: Duration) -> Self {
        Self { asked, life }
    }

    /// Whether it may still be used at `now`: renewal is due 60 s before its end, a tenth of a life shorter than 600 s.
    pub fn fresh(&self, now: Duration) -> bool {
        let margin = MARGIN.min(self.life / 10);
        now < self.asked + (self.life - margin)
    }

    /// Whether central itself still counts it as alive at `now`.
    pub fn alive(&self, now: Duration) -> bool {
        now < self.asked + self.life
    }
}

/// Watches tokens die: central keeps one token per client, so another box with the same client evicts ours
/// (protocol 1.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenWatch {
    /// When a token was last accepted.
    accepted: Option<Duration>,
    /// When tokens were refused before their time, within the window.
    early: Vec<Duration>,
}

impl TokenWatch {
    /// Central took a token.
    pub fn accepted(&mut self, now: Duration) {
        self.accepted = Some(now);
    }

    /// Central refused a token for the first time. Credentials of which no token was accepted within the window
    /// are refused for another reason: they do not count.
    pub fn refused(&mut self, grant: &Grant, now: Duration) {
        let works = self.accepted.is_some_and(|at| now < at + WINDOW);
        if works && grant.alive(now) {
            self.early.push(now);
        }
        self.early.retain(|at| now < *at + WINDOW);
    }

    /// Tokens that died before their time within the ten minutes before `now`.
    pub fn evicted(&self, now: Duration) -> u32 {
        let recent = self.early.iter().filter(|at| now < **at + WINDOW).count();
        u32::try_from(recent).unwrap_or(u32::MAX)
    }

    /// How long to wait before the next token is asked for: nothing after one early death, which any restart of central
    /// explains; then 1 to 2 s, 2 to 4 s … up to 60 s. Each token that is asked for ends the one of the other box.
    pub fn rest(&self, now: Duration, random: u64) -> Duration {
        let evicted = self.evicted(now);
        let Some(over) = (evicted as usize).checked_sub(SHARED) else {
            return Duration::ZERO;
        };
        let span = REST.saturating_mul(1 << over.min(16)).min(MAX_REST);
        // At least half of it: two boxes that began together must not go on together.
        span / 2 + span.mul_f64(random as f64 / u64::MAX as f64 / 2.0)
    }

    /// Whether another holder of the same client is the explanation: finding `auth.shared`.
    pub fn shared(&self, now: Duration) -> bool {
        self.evicted(now) as usize >= SHARED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_moment_is_measured_by_the_clock_of_central_and_a_lifetime_is_taken() {
        // Exchange 018: `expires` 1795450184, Date Mon, 23 Nov 2026 15:09:44 GMT.
        assert_eq!(life(1_795_450_184, Some(1_795_446_584)), HOUR);
        assert_eq!(life(1_795_450_184, None), UNDATED);
        assert_eq!(life(3600, Some(1_795_446_584)), HOUR);
        assert_eq!(life(1_795_446_000, Some(1_795_446_584)), Duration::ZERO);
        assert_eq!(life(-5, None), Duration::ZERO);
        assert_eq!(life(i64::MAX, Some(0)), MAX_LIFETIME);
    }

    #[test]
    fn renewal_comes_a_minute_before_the_end_or_a_tenth_of_a_short_life() {
        let long = Grant::new(at(100), HOUR);
        assert!(long.fresh(at(100 + 3539)) && !long.fresh(at(100 + 3540)));
        assert!(long.alive(at(100 + 3599)) && !long.alive(at(100 + 3600)));
        let short = Grant::new(at(100), at(100));
        assert!(short.fresh(at(189)) && !short.fresh(at(190)));
        assert!(!Grant::new(at(100), Duration::ZERO).fresh(at(100)));
    }

    #[test]
    fn two_boxes_with_one_client_are_noticed_on_the_second_eviction() {
        let mut watch = TokenWatch::default();
        let mut now = at(1000);
        for evicted in 1..=2 {
            let grant = Grant::new(now, HOUR);
            watch.accepted(now);
            assert!(!watch.shared(now));
            now += at(90);
            watch.refused(&grant, now);
            assert_eq!(watch.evicted(now), evicted);
        }
        assert!(watch.shared(now));
        assert!(
            !watch.shared(now + WINDOW),
            "what stays quiet for ten minutes is over"
        );
    }

    #[test]
    fn two_boxes_with_one_client_ask_for_few_tokens() {
        let mut watch = TokenWatch::default();
        let (mut now, mut tokens) = (at(1000), 1);
        // The other one evicts each token within a second.
        while now < at(1048) {
            let grant = Grant::new(now, HOUR);
            watch.accepted(now);
            now += at(1);
            watch.refused(&grant, now);
            now += watch.rest(now, 0);
            tokens += 1;
        }
        assert!(tokens <= 8, "{tokens} tokens in 48 s");
        assert_eq!(TokenWatch::default().rest(now, u64::MAX), Duration::ZERO);
        for _ in 0..20 {
            watch.accepted(now);
            watch.refused(&Grant::new(now, HOUR), now);
        }
        assert_eq!(watch.rest(now, u64::MAX), MAX_REST);
        assert_eq!(watch.rest(now, 0), MAX_REST / 2);
    }

    #[test]
    fn a_token_that_lived_its_life_and_credentials_that_never_work_accuse_nobody() {
        let mut watch = TokenWatch::default();
        for round in 0..5 {
            watch.refused(&Grant::new(at(round), HOUR), at(round));
        }
        watch.accepted(at(10));
        for round in 0..5 {
            watch.refused(&Grant::new(at(10), at(5)), at(20 + round));
        }
        assert_eq!(watch.evicted(at(30)), 0);
    }

    #[test]
    fn one_eviction_an_hour_is_a_central_that_restarts() {
        let mut watch = TokenWatch::default();
        for hour in 1..10 {
            let now = HOUR * hour;
            watch.accepted(now - at(60));
            watch.refused(&Grant::new(now - at(120), HOUR), now);
            assert!(!watch.shared(now));
        }
    }

    proptest! {
        #[test]
        fn a_fresh_token_is_alive(asked in 0u64..1 << 40, expires in any::<i64>(), date in any::<Option<i64>>(), age in 0u64..200_000) {
            let grant = Grant::new(at(asked), life(expires, date));
            let now = at(asked + age);
            prop_assert!(!grant.fresh(now) || grant.alive(now));
            prop_assert!(!grant.alive(now) || age < 86_400);
        }
    }
}
