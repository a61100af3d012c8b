//! How long to wait before the next attempt: exponential, with full jitter, never shorter than central wished.
//! Never draws a random number: the caller brings one and keeps the next.
//! Called by `sync`, `schedule` and `package`.

use std::time::Duration;

/// The wait before the second attempt is drawn below this.
const FIRST: Duration = Duration::from_secs(2);
/// No wait of our own is longer.
const LONGEST: Duration = Duration::from_secs(120);

/// The wait after `attempt` failed ones (1 = the first): full jitter below the doubled span, at least 100 ms and at
/// least what central asked for.
pub fn backoff(attempt: u32, wish: Option<Duration>, random: u64) -> Duration {
    let span = FIRST
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(LONGEST);
    let drawn = jitter(span, random).max(Duration::from_millis(100));
    // Everybody who was told the same second must not come back in the same second.
    wish.map_or(drawn, |wish| wish + jitter(FIRST, random))
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
            prop_assert!(wait >= wish.unwrap_or(Duration::from_millis(100)));
            prop_assert!(wait <= wish.map_or(LONGEST, |wish| wish + FIRST));
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
}
