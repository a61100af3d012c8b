//! What a person has ordered of the downloads: a pause, another rate, one package first; how long each lasts, what ends it.
//! Never lets a pause last longer than a day, and never keeps one over a boot.
//! Called by the local API, which takes orders, and by the gate of the package lane.
//!
//! | Order | Lasts | A start of the daemon | A boot |
//! |---|---|---|---|
//! | `pause` | as long as is said, else two hours; a day at most | goes on | ends it |
//! | `rate` for a time | as long as is said | goes on | ends it |
//! | `rate` | until the daemon starts | ends it | ends it |
//! | `packages first` | until that package is held, or no longer named | goes on | goes on |
//! | `resume` | ends all at once | | |

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::waiting::{WaitReason, Waiting};
use crate::fault::ParameterFlaw;
use crate::json::{bytes_per_second, ttl_seconds};
use crate::rate::RateOverride;
use crate::time::Uptime;

/// A pause of which nothing else is said.
pub const DEFAULT_PAUSE: Duration = Duration::from_secs(2 * 3600);
/// No pause is longer: one that was forgotten must not leave a box without its exams.
pub const MAX_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// What is ordered: the body of `POST /v1/downloads`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum DownloadOrder {
    /// No package comes for a time.
    Pause {
        /// Seconds.
        #[serde(default, deserialize_with = "ttl_seconds")]
        ttl_seconds: Option<u64>,
    },
    /// Packages come at another rate than the configured one.
    Rate {
        /// At most so many, 0 for no limit.
        #[serde(deserialize_with = "bytes_per_second")]
        bytes_per_second: u64,
        /// Seconds.
        #[serde(default, deserialize_with = "ttl_seconds")]
        ttl_seconds: Option<u64>,
    },
    /// The package of this delivery comes before the others.
    First {
        /// URI.
        delivery: String,
    },
    /// Packages come as they are configured to.
    Resume {},
}

/// Why an order is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderFlaw {
    /// It would last no time.
    NoTime,
    /// A pause of more than a day.
    TooLong,
}

impl From<OrderFlaw> for ParameterFlaw {
    fn from(flaw: OrderFlaw) -> Self {
        match flaw {
            OrderFlaw::NoTime => Self::NoTime,
            OrderFlaw::TooLong => Self::PauseTooLong,
        }
    }
}

/// The orders in force, as they are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadOrders {
    /// The end of the pause.
    paused: Option<Uptime>,
    rate: Option<OrderedRate>,
    /// URI of the delivery whose package comes first; an older boxsync wrote none.
    #[serde(deserialize_with = "crate::fault::or_none")]
    first: Option<String>,
}

/// A rate that was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct OrderedRate {
    bytes_per_second: u64,
    /// When it was ordered.
    at: Uptime,
    /// Seconds since that boot at which it ends; `None`: with the daemon.
    until: Option<u64>,
}

/// The orders in force, as they are told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrdersInForce {
    /// Seconds until the pause is over; `None` without one.
    pub pause_seconds_left: Option<u64>,
    /// The rate that was ordered, 0 for no limit; `None`: the configured one is in force.
    pub bytes_per_second: Option<u64>,
    /// Seconds until the configured rate is in force again; `None` where that is when the daemon starts.
    pub rate_seconds_left: Option<u64>,
    /// URI of the delivery whose package comes before the others.
    #[serde(default)]
    pub first: Option<String>,
}

impl DownloadOrders {
    /// Takes an order.
    ///
    /// # Errors
    /// Nothing has changed then.
    pub fn take(&mut self, order: &DownloadOrder, now: Uptime) -> Result<(), OrderFlaw> {
        match order {
            DownloadOrder::Pause { ttl_seconds } => {
                let lasts = ttl_seconds.unwrap_or(DEFAULT_PAUSE.as_secs());
                match lasts {
                    0 => return Err(OrderFlaw::NoTime),
                    lasts if lasts > MAX_PAUSE.as_secs() => return Err(OrderFlaw::TooLong),
                    _ => {}
                }
                self.paused = Some(Uptime {
                    seconds: now.seconds + lasts,
                    ..now
                });
            }
            DownloadOrder::Rate {
                bytes_per_second,
                ttl_seconds,
            } => {
                if *ttl_seconds == Some(0) {
                    return Err(OrderFlaw::NoTime);
                }
                self.rate = Some(OrderedRate {
                    bytes_per_second: *bytes_per_second,
                    at: now,
                    until: ttl_seconds.map(|lasts| now.seconds.saturating_add(lasts)),
                });
            }
            DownloadOrder::First { delivery } => self.first = Some(delivery.clone()),
            DownloadOrder::Resume {} => *self = Self::default(),
        }
        Ok(())
    }

    /// The package of this delivery is held, or its delivery is no longer named. Gives whether an order ends with that.
    pub fn first_over(&mut self, delivery: &str) -> bool {
        let ends = self.first().is_some_and(|first| first == delivery);
        if ends {
            self.first = None;
        }
        ends
    }

    /// The delivery whose package comes before the others.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// The daemon starts. Gives whether an order ends with that.
    pub fn daemon_starts(&mut self) -> bool {
        let ends = self.rate.is_some_and(|rate| rate.until.is_none());
        if ends {
            self.rate = None;
        }
        ends
    }

    /// How long the pause still takes.
    pub fn pause(&self, now: Uptime) -> Option<Duration> {
        let is_same = |until: &Uptime| until.boot == now.boot || until.boot == 0 || now.boot == 0;
        let until = self.paused.filter(is_same)?;
        let left = Duration::from_secs(until.seconds.checked_sub(now.seconds)?);
        // Without ids of boots one that would last longer than any can is of another boot.
        (!left.is_zero() && left <= MAX_PAUSE).then_some(left)
    }

    /// The rate that is in force instead of the configured one.
    pub fn rate(&self, now: Uptime) -> Option<RateOverride> {
        let rate = self.rate.filter(|rate| rate.at.boot == now.boot)?;
        let lasts = rate.until.is_none_or(|until| until > now.seconds);
        lasts.then(|| RateOverride {
            most: rate.bytes_per_second,
            until: rate.until.map(Duration::from_secs),
        })
    }

    /// All of them, to be told.
    pub fn in_force(&self, now: Uptime) -> OrdersInForce {
        let rate = self.rate(now);
        let until = rate.and_then(|rate| rate.until);
        OrdersInForce {
            pause_seconds_left: self.pause(now).map(|left| left.as_secs()),
            bytes_per_second: rate.map(|rate| rate.most),
            rate_seconds_left: until.map(|until| until.as_secs().saturating_sub(now.seconds)),
            first: self.first.clone(),
        }
    }

    /// What packages wait for, where `kept` is what they waited for when that was last written down. `wall`: Unix seconds.
    pub fn waiting(&self, kept: Option<Waiting>, now: Uptime, wall: i64) -> Option<Waiting> {
        match self.pause(now) {
            Some(left) => Some(Waiting {
                reason: WaitReason::Pause,
                until: Some(wall.saturating_add_unsigned(left.as_secs())),
            }),
            None => kept.filter(|waiting| waiting.reason != WaitReason::Pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::LARGEST_WHOLE;

    fn at(boot: u128, seconds: u64) -> Uptime {
        Uptime { boot, seconds }
    }

    fn ordered(orders: &[DownloadOrder]) -> DownloadOrders {
        let mut kept = DownloadOrders::default();
        for order in orders {
            kept.take(order, at(1, 100)).unwrap();
        }
        kept
    }

    fn pause(ttl_seconds: Option<u64>) -> DownloadOrder {
        DownloadOrder::Pause { ttl_seconds }
    }

    fn rate(bytes_per_second: u64, ttl_seconds: Option<u64>) -> DownloadOrder {
        DownloadOrder::Rate {
            bytes_per_second,
            ttl_seconds,
        }
    }

    fn first(delivery: &str) -> DownloadOrder {
        let delivery = delivery.to_owned();
        DownloadOrder::First { delivery }
    }

    #[test]
    fn an_order_ends_by_itself_with_a_boot_and_by_another_one() {
        let left = |kept: &DownloadOrders, now| kept.pause(now).map(|left| left.as_secs());
        for (ttl, lasts) in [(None, 7200), (Some(1), 1), (Some(86_400), 86_400)] {
            let kept = ordered(&[pause(ttl)]);
            assert_eq!(left(&kept, at(1, 100)), Some(lasts));
            assert_eq!(left(&kept, at(1, 99 + lasts)), Some(1));
            assert_eq!(left(&kept, at(1, 100 + lasts)), None);
            assert_eq!(left(&kept, at(2, 100)), None, "a boot");
        }
        // Where no boot has an id, none is paused for longer than a pause can last.
        let mut kept = DownloadOrders::default();
        kept.take(&pause(None), at(0, 2_000_000)).unwrap();
        assert_eq!(left(&kept, at(0, 2_000_100)), Some(7100));
        assert_eq!(
            left(&kept, at(1, 2_000_100)),
            Some(7100),
            "it may be the same"
        );
        assert_eq!(left(&kept, at(0, 50)), None, "a boot");
        let kept = ordered(&[pause(None), pause(Some(60))]);
        assert_eq!(left(&kept, at(1, 100)), Some(60), "the last word counts");
        for order in [pause(Some(0)), pause(Some(86_401)), rate(5, Some(0))] {
            let mut same = kept.clone();
            assert!(same.take(&order, at(1, 100)).is_err());
            assert_eq!(same, kept);
        }
        let resume = DownloadOrder::Resume {};
        let all = ordered(&[pause(None), rate(5, None), first("a"), resume]);
        assert_eq!(all.in_force(at(1, 100)), OrdersInForce::default());
    }

    #[test]
    fn what_comes_first_ends_with_that_package_alone() {
        let mut kept = ordered(&[first("a"), first("b"), pause(None)]);
        assert_eq!(kept.first(), Some("b"), "the last word counts");
        assert!(!kept.daemon_starts());
        assert!(!kept.first_over("a"));
        // Neither a start nor a boot changes what has to come.
        assert_eq!(kept.in_force(at(2, 5)).first.as_deref(), Some("b"));
        assert!(kept.first_over("b") && !kept.first_over("b"));
        assert_eq!(kept.first(), None);
        assert!(kept.pause(at(1, 100)).is_some(), "the pause goes on");
    }

    #[test]
    fn orders_outlive_an_upgrade_and_the_way_back() {
        /// As a boxsync kept them that brought no package first.
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct OldOrders {
            paused: Option<Uptime>,
            rate: Option<OrderedRate>,
        }
        let kept = ordered(&[pause(Some(60)), rate(500, Some(90))]);
        let old = OldOrders {
            paused: kept.paused,
            rate: kept.rate,
        };
        let row = postcard::to_allocvec(&old).unwrap();
        let read: DownloadOrders = postcard::from_bytes(&row).unwrap();
        assert_eq!(read, kept);
        let new = ordered(&[pause(Some(60)), rate(500, Some(90)), first("a")]);
        let row = postcard::to_allocvec(&new).unwrap();
        assert_eq!(postcard::from_bytes::<DownloadOrders>(&row).unwrap(), new);
        assert_eq!(postcard::from_bytes::<OldOrders>(&row).unwrap(), old);
    }

    #[test]
    fn a_rate_without_a_time_ends_with_the_daemon_one_with_a_time_does_not() {
        let most = |kept: &DownloadOrders, now| kept.rate(now).map(|rate| rate.most);
        let mut kept = ordered(&[rate(0, None), pause(None)]);
        assert_eq!(most(&kept, at(1, 9_000_000)), Some(0));
        assert_eq!(most(&kept, at(2, 100)), None);
        assert!(kept.daemon_starts() && !kept.daemon_starts());
        assert_eq!(most(&kept, at(1, 100)), None);
        assert!(kept.pause(at(1, 100)).is_some(), "the pause goes on");
        let mut kept = ordered(&[rate(500, Some(60))]);
        assert!(!kept.daemon_starts());
        assert_eq!(most(&kept, at(1, 159)), Some(500));
        assert_eq!(kept.in_force(at(1, 130)).rate_seconds_left, Some(30));
        assert_eq!(most(&kept, at(1, 160)), None);
        assert_eq!(most(&kept, at(2, 100)), None);
    }

    #[test]
    fn what_is_shown_is_the_pause_as_long_as_it_lasts() {
        let of = |reason| {
            Some(Waiting {
                reason,
                until: None,
            })
        };
        let kept = ordered(&[pause(Some(60))]);
        let shown = kept.waiting(of(WaitReason::Window), at(1, 110), 1000);
        let until = Some(1050);
        let reason = WaitReason::Pause;
        assert_eq!(shown, Some(Waiting { reason, until }));
        let after = at(1, 160);
        assert_eq!(kept.waiting(of(WaitReason::Pause), after, 0), None);
        let window = of(WaitReason::Window);
        assert_eq!(kept.waiting(window, after, 0), window);
    }

    #[test]
    fn an_order_is_read_as_it_is_described() {
        let read = |text| serde_json::from_str::<DownloadOrder>(text);
        assert_eq!(read(r#"{"act":"pause"}"#).unwrap(), pause(None));
        let order = read(r#"{"act":"rate","bytes_per_second":9,"ttl_seconds":3}"#);
        assert_eq!(order.unwrap(), rate(9, Some(3)));
        let order = read(r#"{"act":"rate","bytes_per_second":9.0,"ttl_seconds":null}"#);
        assert_eq!(order.unwrap(), rate(9, None));
        let order = read(r#"{"act":"rate","bytes_per_second":3521781593682279940489216}"#);
        assert_eq!(order.unwrap(), rate(LARGEST_WHOLE, None));
        assert_eq!(
            read(r#"{"act":"resume"}"#).unwrap(),
            DownloadOrder::Resume {}
        );
        let order = read(r#"{"act":"first","delivery":"https://x/#i1"}"#);
        assert_eq!(order.unwrap(), first("https://x/#i1"));
        for odd in [
            r#"{"act":"first"}"#,
            r#"{"act":"stop"}"#,
            r#"{"act":"pause","ttl":5}"#,
            r#"{"act":"rate"}"#,
            r#"{"act":"resume","ttl_seconds":1}"#,
            r#"{"act":"pause","ttl_seconds":-1}"#,
            r#"{"act":"rate","bytes_per_second":0.5}"#,
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }
}
