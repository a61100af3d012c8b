//! How long to wait before the next attempt: exponential, with full jitter, never shorter than central wished.
//! Never draws a random number: the caller brings one and keeps the next.
//! Called by `sync`, `schedule` and `download`.

use std::time::Duration;

/// The wait before the second attempt is drawn below this.
const BACKOFF_BASE: Duration = Duration::from_secs(2);
/// No wait of our own is longer; a run that nobody waits for sits out a wish of central up to this, and leaves a longer
/// one to the schedule, so that the other lanes of the run come to their end.
pub const MAX_WAIT_IN_RUN: Duration = Duration::from_secs(120);
/// A wish of central that comes alone is believed up to this: a typing error must not park a box for hours.
pub const RETRY_AFTER_BELIEVED: Duration = Duration::from_secs(15 * 60);
/// A wish that is repeated is believed up to this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// How long a wish of central (`Retry-After`) is honoured that follows on `repeated` wishes in a row which were longer
/// than they were believed: twice as long each time.
pub fn believed(wish: Duration, repeated: u32) -> Duration {
    let bound = RETRY_AFTER_BELIEVED.saturating_mul(1 << repeated.min(16));
    wish.min(bound.min(RETRY_AFTER_MAX))
}

/// The wait after `attempt` failed ones (1 = the first): full jitter below the doubled span, at least 100 ms and at
/// least what central asked for, as far as a single wish is believed.
pub fn backoff(attempt: u32, wish: Option<Duration>, random: u64) -> Duration {
    let drawn = jitter(span(attempt), random).max(Duration::from_millis(100));
    // Everybody who was told the same second must not come back in the same second.
    wish.map_or(drawn, |wish| {
        believed(wish, 0) + jitter(BACKOFF_BASE, random)
    })
}

/// Refusals in a row of a central that names a time to come back (503 or 429 with `Retry-After`), as far as one run has
/// met them: what one box can know of how many others wait. After the first the others come back within a moment; whoever
/// is refused again is one of very many, and a crowd of thousands has to be spread over minutes, or most of what central
/// does is to refuse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals(u32);

/// By refusals in a row, what the next attempts of all who were refused are spread over. 10,000 boxes over six minutes are
/// 28 a second that begin, and twice to three times as many requests.
const REFUSED_SPREADS: [Duration; 3] = [
    Duration::from_secs(20),
    Duration::from_secs(240),
    REFUSED_SPREAD,
];
/// Attempts of one call within a run, the first included, where central refuses and names a time: what a run has got so
/// far is asked for once more when it is given up.
pub const REFUSED_ATTEMPTS: u32 = 5;
/// What runs are spread over that were refused to their end.
pub const REFUSED_SPREAD: Duration = Duration::from_secs(360);

impl Refusals {
    /// Central gave an answer of use.
    pub fn served(&mut self) {
        self.0 /= 2;
    }

    /// Central wished to be left alone for `wish`: gives the wait before the next attempt, never shorter than the wish
    /// as far as it is believed.
    pub fn refused(&mut self, wish: Duration, random: u64) -> Duration {
        let spread = REFUSED_SPREADS[(self.0 as usize).min(REFUSED_SPREADS.len() - 1)];
        self.0 = self.0.saturating_add(1);
        believed(wish, 0) + jitter(spread, random)
    }
}

/// A wait in words: the largest whole unit.
pub fn words(wait: Duration) -> String {
    let seconds = wait.as_secs();
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        _ => (seconds / 3600, "hour"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The longest wait after so many failures.
fn span(attempt: u32) -> Duration {
    BACKOFF_BASE
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(MAX_WAIT_IN_RUN)
}

/// Failures of attempts that run side by side, counted in rounds: what one event broke at once is one failure, and what
/// comes over any of them is progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rounds {
    failed: u32,
    /// What was asked before this belongs to the last round: all of them may have waited as long as one may.
    until: Option<Duration>,
    /// Bytes that have come since.
    came: u64,
}

impl Rounds {
    /// Bytes of content that count as progress.
    pub const PROGRESS: u64 = 4 << 10;

    /// Bytes have come over any connection.
    pub fn came(&mut self, bytes: u64) {
        self.came += bytes;
        if self.came >= Self::PROGRESS {
            self.failed = 0;
        }
    }

    /// An attempt that was made at `asked` failed at `now` (both since boot) and brought nothing worth naming. Gives the
    /// failed rounds in a row, this one included.
    pub fn failed(&mut self, asked: Duration, now: Duration) -> u32 {
        if self.failed == 0 || self.until.is_none_or(|until| asked >= until) {
            self.failed += 1;
            self.until = Some(now + span(self.failed));
            self.came = 0;
        }
        self.failed
    }
}

/// A span drawn evenly from zero to `most`.
pub fn jitter(most: Duration, random: u64) -> Duration {
    most.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
}

/// The next number of a sequence without visible pattern (splitmix64).
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_is_bounded_and_honours_the_wish(attempt in 0u32..200, wish in prop::option::of(0u64..90_000), random in any::<u64>()) {
            let wish = wish.map(Duration::from_secs);
            let wait = backoff(attempt, wish, random);
            let believed = wish.map(|wish| wish.min(RETRY_AFTER_BELIEVED));
            prop_assert!(wait >= believed.unwrap_or(Duration::from_millis(100)));
            prop_assert!(wait <= believed.map_or(MAX_WAIT_IN_RUN, |wish| wish + BACKOFF_BASE));
        }
    }

    #[test]
    fn who_is_refused_again_comes_back_over_a_longer_span() {
        let wish = Duration::from_secs(30);
        let mut refusals = Refusals::default();
        let longest = |refusals: &mut Refusals| refusals.refused(wish, u64::MAX).as_secs_f64();
        let mut met = Vec::new();
        for _ in 0..4 {
            met.push(longest(&mut refusals).round());
        }
        assert_eq!(met, [50.0, 270.0, 390.0, 390.0]);
        // Half of it is forgotten with each answer.
        refusals.served();
        assert_eq!(longest(&mut refusals).round(), 390.0);
        for _ in 0..2 {
            refusals.served();
        }
        assert_eq!(longest(&mut refusals).round(), 50.0);
        assert_eq!(Refusals::default().refused(wish, 0), wish);
        let hours = Duration::from_secs(36_000);
        assert_eq!(Refusals::default().refused(hours, 0), RETRY_AFTER_BELIEVED);
    }

    #[test]
    fn a_long_wish_is_believed_when_it_repeats() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let table = [
            (1, 0, 1),
            (15, 0, 15),
            (16, 0, 15),
            (1440, 0, 15),
            (1440, 1, 30),
            (20, 1, 20),
            (1440, 2, 60),
            (1440, u32::MAX, 60),
        ];
        for (wish, repeated, honoured) in table {
            let told = believed(minutes(wish), repeated);
            assert_eq!(told, minutes(honoured), "{wish} min, repeated {repeated}");
        }
    }

    #[test]
    fn the_jitter_is_full() {
        let mut seed = 1;
        let waits: Vec<u128> = (0..1000)
            .map(|_| {
                seed = mix(seed);
                backoff(4, None, seed).as_millis()
            })
            .collect();
        assert!(waits.iter().any(|ms| *ms < 2_000) && waits.iter().any(|ms| *ms > 14_000));
    }

    #[test]
    fn what_one_event_broke_is_one_failure() {
        let seconds = Duration::from_secs;
        let mut rounds = Rounds::default();
        rounds.came(Rounds::PROGRESS);
        // Sixteen connections, asked one after the other, are reset at once.
        for asked in 0..16 {
            assert_eq!(rounds.failed(seconds(asked), seconds(20)), 1);
        }
        // Each comes back and fails again: one by one, nothing else comes.
        for round in 2..6 {
            let (asked, now) = (seconds(60 * round), seconds(60 * round + 19));
            assert_eq!(rounds.failed(asked, now), round as u32);
            assert_eq!(rounds.failed(asked + seconds(1), now), round as u32);
        }
    }

    #[test]
    fn many_connections_that_are_refused_at_once_are_as_patient_as_one() {
        let given_up_after = |lanes: usize| {
            let (mut rounds, mut seed) = (Rounds::default(), 7);
            let mut next = vec![Duration::ZERO; lanes];
            loop {
                let now = *next.iter().min().unwrap();
                let lane = next.iter_mut().find(|at| **at == now).unwrap();
                let failed = rounds.failed(now, now);
                if failed >= 5 {
                    return now;
                }
                seed = mix(seed);
                *lane += backoff(failed, None, seed);
            }
        };
        for lanes in [1, 4, 16] {
            let after = given_up_after(lanes);
            assert!(after >= Duration::from_secs(14), "{lanes}: {after:?}");
        }
    }

    #[test]
    fn what_comes_over_another_connection_is_progress() {
        let seconds = Duration::from_secs;
        let mut rounds = Rounds::default();
        for round in 1..100 {
            assert_eq!(rounds.failed(seconds(round), seconds(round)), 1, "{round}");
            rounds.came(Rounds::PROGRESS / 2);
            rounds.came(Rounds::PROGRESS / 2);
        }
        assert_eq!(rounds.failed(seconds(200), seconds(200)), 1);
        rounds.came(Rounds::PROGRESS - 1);
        assert_eq!(
            rounds.failed(seconds(202), seconds(202)),
            2,
            "too little to count"
        );
    }
}
