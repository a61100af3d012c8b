//! Who gets in where many want to: connections by caller, and places by what a request is for.
//! Never lets one caller, or one kind of request, take what another one needs.
//! Called by the doors of the local API, the status page and the gateway.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::intake::ItemKind;
use crate::small_map::SmallMap;

/// Documents up to this are taken by the daemon itself, bytes.
pub const SMALL_DOCUMENT: u64 = 256 << 10;

/// Whoever connects, as far as it can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// Everybody who may not speak here, together.
    Denied,
    /// A user of this machine.
    User(u32),
    /// A machine; of IPv6 its network, since it has all addresses of that.
    Machine(IpAddr),
}

impl Caller {
    /// The machine at an address.
    pub fn at(address: IpAddr) -> Self {
        Self::Machine(match address.to_canonical() {
            IpAddr::V6(six) => {
                let network = u128::from(six) & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from(network))
            }
            four => four,
        })
    }
}

/// What a request is for. Each class has places of its own: readers never keep a result from being handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlaceClass {
    /// What candidates did, in a document that the daemon takes itself.
    Intake,
    /// The same in a large document: a process of its own takes it.
    LargeIntake,
    /// How the box stands, and what it is asked to do.
    Control,
    /// What the box holds.
    Reader,
    /// Events, until one side hangs up.
    Stream,
}

/// Places of a class: all of them, and how many one caller may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacePool {
    /// Requests answered at once.
    pub places: usize,
    /// Requests of one caller answered at once.
    pub each: usize,
}

impl PlaceClass {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Intake,
        Self::LargeIntake,
        Self::Control,
        Self::Reader,
        Self::Stream,
    ];

    /// As status names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::LargeIntake => "large_intake",
            Self::Control => "control",
            Self::Reader => "reading",
            Self::Stream => "events",
        }
    }

    /// What a request of the local API is for: the path below `/v1/`, its query, whether it only
    /// reads, and how long its content says it is.
    pub fn of(route: &str, query: &str, reads: bool, length: Option<u64>) -> Self {
        let first = route.split('/').next().unwrap_or_default();
        match route {
            _ if reads && first == ItemKind::Results.word() => Self::Reader,
            _ if first.parse::<ItemKind>().is_ok() => match length {
                Some(length) if length <= SMALL_DOCUMENT => Self::Intake,
                _ => Self::LargeIntake,
            },
            // It may wait for long, and reads little: no reader waits for it.
            "feed" if query.split('&').any(|pair| pair.starts_with("wait=")) => Self::Stream,
            "entities" | "feed" | "packages" => Self::Reader,
            _ if first == "packages" => Self::Reader,
            "sync/events" | "events" | "exam/terminate" => Self::Stream,
            _ => Self::Control,
        }
    }

    /// How long a request waits for a place before it is sent away.
    pub fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Intake | Self::LargeIntake | Self::Control => 5,
            Self::Reader | Self::Stream => 1,
        })
    }

    /// The places of a class. What one caller may not have is left for others, root's commands among them.
    pub fn pool(self) -> PlacePool {
        let (places, each) = match self {
            // Each may hold a document in memory, or a process.
            Self::Intake => (24, 20),
            Self::LargeIntake => (4, 3),
            Self::Control => (24, 16),
            Self::Reader => (48, 40),
            Self::Stream => (72, 64),
        };
        PlacePool { places, each }
    }

    /// When a request that found no place is worth repeating.
    pub fn retry_after(self) -> Duration {
        Duration::from_secs(match self {
            Self::Intake | Self::Control => 1,
            Self::LargeIntake | Self::Reader => 5,
            Self::Stream => 30,
        })
    }
}

/// The places that are taken.
#[derive(Debug, Clone, Default)]
pub struct TakenPlaces {
    by: SmallMap<(PlaceClass, Caller), usize>,
}

impl TakenPlaces {
    /// Takes a place, if there is one for this caller.
    #[must_use]
    pub fn take(&mut self, class: PlaceClass, caller: Caller) -> bool {
        let pool = class.pool();
        let all: usize = self
            .by
            .iter()
            .filter(|((held, _), _)| *held == class)
            .map(|(_, count)| count)
            .sum();
        let own = self.by.entry((class, caller)).or_default();
        let free = all < pool.places && *own < pool.each;
        *own += usize::from(free);
        if *own == 0 {
            self.by.remove(&(class, caller));
        }
        free
    }

    /// Gives a place back.
    pub fn free(&mut self, class: PlaceClass, caller: Caller) {
        if let Some(own) = self.by.get_mut(&(class, caller)) {
            *own -= 1;
            if *own == 0 {
                self.by.remove(&(class, caller));
            }
        }
    }
}

/// How many connections a door bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// All together.
    pub most: usize,
    /// Of one caller.
    pub each: usize,
    /// Of those who may not speak here: enough to be told so.
    pub denied: usize,
}

/// A connection, by a number that is not used again.
pub type ConnectionId = u64;

#[derive(Debug, Clone, Copy)]
struct PlaceConnection {
    caller: Caller,
    /// Requests whose right is shown and that are being answered.
    busy: usize,
}

/// The connections of one door, in the order in which they came.
#[derive(Debug, Clone)]
pub struct ConnectionTable {
    room: ConnectionLimits,
    next: ConnectionId,
    open: SmallMap<ConnectionId, PlaceConnection>,
}

/// What becomes of one who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryDecision {
    /// It is let in.
    In(ConnectionId),
    /// It is let in, in the place of one that asks for nothing.
    InPlaceOf(ConnectionId, ConnectionId),
    /// There is no room, and all who are in are being answered.
    Full,
}

impl ConnectionTable {
    /// An empty room.
    pub fn new(room: ConnectionLimits) -> Self {
        Self {
            room,
            next: 0,
            open: SmallMap::new(),
        }
    }

    /// Somebody comes. Whoever has too many connections makes room among its own; where all together are too many, the
    /// caller that has most does. The oldest that is not being answered goes.
    pub fn enter(&mut self, caller: Caller) -> EntryDecision {
        let mut counts = SmallMap::<Caller, usize>::new();
        for connection in self.open.values() {
            *counts.entry(connection.caller).or_default() += 1;
        }
        let most = match caller {
            Caller::Denied => self.room.denied,
            _ => self.room.each,
        };
        let crowded = if counts.get(&caller).is_some_and(|own| *own >= most) {
            Some(caller)
        } else if self.open.len() >= self.room.most {
            let largest = counts.iter().max_by_key(|(_, count)| **count);
            largest.map(|(caller, _)| *caller)
        } else {
            None
        };
        let out = crowded.map(|crowded| {
            let idle = |(_, one): &(&ConnectionId, &PlaceConnection)| {
                one.caller == crowded && one.busy == 0
            };
            self.open.iter().find(idle).map(|(id, _)| *id)
        });
        if out == Some(None) {
            return EntryDecision::Full;
        }
        let id = self.next;
        self.next += 1;
        self.open.insert(id, PlaceConnection { caller, busy: 0 });
        match out.flatten() {
            Some(out) => {
                self.open.remove(&out);
                EntryDecision::InPlaceOf(id, out)
            }
            None => EntryDecision::In(id),
        }
    }

    /// A request of this connection is being answered, or no longer.
    pub fn busy(&mut self, id: ConnectionId, is: bool) {
        if let Some(connection) = self.open.get_mut(&id) {
            connection.busy = match is {
                true => connection.busy + 1,
                false => connection.busy.saturating_sub(1),
            };
        }
    }

    /// A connection has ended.
    pub fn leave(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: Caller = Caller::User(33);
    const ROOT: Caller = Caller::User(0);

    #[test]
    fn no_class_takes_a_place_of_another_and_no_caller_all_of_one() {
        let classes = PlaceClass::ALL;
        let mut taken = TakenPlaces::default();
        for class in classes {
            let pool = class.pool();
            let got = (0..1000).filter(|_| taken.take(class, ENGINE)).count();
            assert_eq!(got, pool.each, "{class:?}");
            let others = (0..1000).filter(|_| taken.take(class, ROOT)).count();
            assert_eq!(others, pool.places - pool.each, "{class:?}");
            assert!(others > 0, "{class:?}");
        }
        taken.free(PlaceClass::Reader, ENGINE);
        assert!(taken.take(PlaceClass::Reader, ENGINE) && !taken.take(PlaceClass::Reader, ENGINE));
        for class in classes {
            (0..1000).for_each(|_| taken.free(class, ENGINE));
            (0..1000).for_each(|_| taken.free(class, ROOT));
        }
        assert!(taken.by.is_empty());
    }

    #[test]
    fn a_request_has_the_class_of_its_route() {
        let table = [
            (
                "results/https%3A%2F%2Fb%23i1",
                Some(900),
                PlaceClass::Intake,
            ),
            ("results", Some(SMALL_DOCUMENT), PlaceClass::Intake),
            (
                "sessions",
                Some(SMALL_DOCUMENT + 1),
                PlaceClass::LargeIntake,
            ),
            ("lti-users", None, PlaceClass::LargeIntake),
            ("status", None, PlaceClass::Control),
            ("exam", Some(20), PlaceClass::Control),
            ("sync", Some(2), PlaceClass::Control),
            ("nothing", None, PlaceClass::Control),
            ("feed", None, PlaceClass::Reader),
            ("packages/content", None, PlaceClass::Reader),
            ("packages/d/members/results", None, PlaceClass::Reader),
            ("sync/events", None, PlaceClass::Stream),
        ];
        for (route, length, class) in table {
            assert_eq!(PlaceClass::of(route, "", false, length), class, "{route}");
        }
        let feed = |query| PlaceClass::of("feed", query, true, None);
        assert_eq!(feed("epoch=7&since=3&wait=60s"), PlaceClass::Stream);
        assert_eq!(
            PlaceClass::of("results/i1", "", true, Some(0)),
            PlaceClass::Reader
        );
        assert_eq!(feed("cursor=await=1"), PlaceClass::Reader);
    }

    const CONNECTION_LIMITS: ConnectionLimits = ConnectionLimits {
        most: 6,
        each: 4,
        denied: 2,
    };

    #[test]
    fn whoever_floods_a_door_loses_its_own_idle_connections() {
        let mut crowd = ConnectionTable::new(CONNECTION_LIMITS);
        let nobody = Caller::Denied;
        let seen: Vec<EntryDecision> = (0..4).map(|_| crowd.enter(nobody)).collect();
        let wanted = [
            EntryDecision::In(0),
            EntryDecision::In(1),
            EntryDecision::InPlaceOf(2, 0),
            EntryDecision::InPlaceOf(3, 1),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(crowd.enter(ROOT), EntryDecision::In(4));
        // The engine may have four; then its oldest idle one goes, never one that is being answered.
        for id in 5..8 {
            assert_eq!(crowd.enter(ENGINE), EntryDecision::In(id));
        }
        crowd.busy(5, true);
        assert_eq!(crowd.enter(ENGINE), EntryDecision::InPlaceOf(8, 6));
        for id in [7, 8] {
            crowd.busy(id, true);
        }
        assert_eq!(crowd.enter(ENGINE), EntryDecision::Full);
        // All together are too many: root comes in as long as anybody with more is idle.
        crowd.busy(8, false);
        assert_eq!(crowd.enter(ROOT), EntryDecision::InPlaceOf(9, 8));
        crowd.leave(7);
        assert_eq!(crowd.enter(ENGINE), EntryDecision::In(10));
        crowd.busy(77, true);
        crowd.leave(77);
    }

    #[test]
    fn a_machine_is_one_caller_whatever_address_of_its_network_it_takes() {
        let at = |text: &str| Caller::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::2:3"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.2"), at("10.0.0.1"));
    }
}
