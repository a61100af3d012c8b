//! Decides whether central takes back within hours what it said of an entity: one old server behind a balancer does.
//! Never hides or edits back while it changes its mind; what it says for the first time always counts.
//! Called by `guard`, whose memory keeps the statements between runs.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::entity::Checksum;

/// A statement that was last heard longer ago (seconds of running time) is no reversal when it comes again.
pub const REVERSAL_WINDOW: u64 = 24 * 60 * 60;
/// One reversal is believed when lists say the same for so long (seconds of running time): somebody undid a mistake.
const UNDONE_AFTER: u64 = 60 * 60;
/// A second one is believed only when nothing else was said for so long, seconds of running time.
const SETTLED_AFTER: u64 = REVERSAL_WINDOW;
/// Fewer lists in a row prove nothing, however far apart: an old server of three may answer twice.
const SETTLED_LISTS: u32 = 3;
/// Statements kept of one entity.
const STATEMENTS_KEPT: usize = 12;

/// What lists said of one entity, in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Statement {
    /// The checksum; `None`: not named.
    state: Option<Checksum>,
    /// Second of running time at which it was first heard.
    from: u64,
    /// Second of running time at which it was last heard.
    until: u64,
    /// Lists that said so.
    lists: u32,
}

/// What central lately said of one entity, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statements {
    list: Vec<Statement>,
    /// What it said for the first time last.
    newest: Option<Checksum>,
}

/// The statements about one entity in one small piece of memory, a third of their open form: when central edits
/// everything, there are as many as entities. Stored like `Statements`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Packed(Box<[u8]>);

impl Packed {
    /// Packs them.
    pub(super) fn of(statements: &Statements) -> Self {
        let bytes = postcard::to_allocvec(statements).expect("plain data always serialises");
        Self(bytes.into_boxed_slice())
    }

    /// Opens them.
    pub(super) fn open(&self) -> Statements {
        postcard::from_bytes(&self.0).expect("`of` packed them")
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.open().fmt(f)
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.open().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Statements::deserialize(deserializer).map(|statements| Self::of(&statements))
    }
}

impl Statements {
    /// Begins with what was known until the last list, and heard there.
    pub(super) fn new(state: Option<Checksum>, until: u64) -> Self {
        let first = Statement {
            state,
            from: until,
            until,
            lists: 1,
        };
        Self {
            list: vec![first],
            newest: state,
        }
    }

    /// Takes what a list says.
    pub(super) fn say(&mut self, state: Option<Checksum>, running: u64) {
        for statement in &mut self.list {
            // A counter that lost its end in a power cut: what lies ahead of it was just heard.
            statement.from = statement.from.min(running);
            statement.until = statement.until.min(running);
        }
        if state.is_some() && !self.list.iter().any(|earlier| earlier.state == state) {
            self.newest = state;
        }
        match self.list.last_mut() {
            Some(last) if last.state == state => {
                last.until = running;
                last.lists = last.lists.saturating_add(1);
            }
            _ => self.list.push(Statement {
                state,
                from: running,
                until: running,
                lists: 1,
            }),
        }
        let outdated = |statement: &Statement| running - statement.until > REVERSAL_WINDOW;
        let kept = self.list.iter().position(|each| !outdated(each));
        let most = self.list.len().saturating_sub(STATEMENTS_KEPT);
        self.list.drain(..kept.unwrap_or(0).max(most));
    }

    /// Whether nothing but the present statement counts any more.
    pub(super) fn is_settled(&self) -> bool {
        self.list.len() < 2
    }

    /// How often central came back to what it had said before.
    fn reversals(&self) -> usize {
        let again = |at: usize| {
            let state = self.list[at].state;
            self.list[..at].iter().any(|earlier| earlier.state == state)
        };
        (0..self.list.len()).filter(|at| again(*at)).count()
    }

    /// Whether the present statement takes back what was said for the first time later, and has not been said for
    /// long enough to be believed: then it takes no effect.
    pub(super) fn takes_back(&self, running: u64) -> bool {
        let Some(last) = self.list.last() else {
            return false;
        };
        if last.state.is_some() && last.state == self.newest {
            return false;
        }
        let settles = match self.reversals() {
            0 => return false,
            1 => UNDONE_AFTER,
            _ => SETTLED_AFTER,
        };
        last.lists < SETTLED_LISTS || running.saturating_sub(last.from) < settles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;

    /// `-` not named, a letter: named with that checksum; one list every quarter of an hour, unless told.
    fn said(script: &str, every: u64) -> (Statements, u64) {
        let state = |letter: char| (letter != '-').then_some(Checksum([letter as u8; 16]));
        let mut letters = script.chars();
        let mut now = 1_000_000;
        let mut statements = Statements::new(state(letters.next().unwrap()), now);
        for letter in letters {
            now += every;
            statements.say(state(letter), now);
        }
        (statements, now)
    }

    #[test]
    fn what_is_taken_back_within_hours_takes_no_effect() {
        let quarter = 15 * MINUTE;
        let table = [
            // What is said for the first time counts at once.
            ("a", quarter, false),
            ("ab", quarter, false),
            ("abc", quarter, false),
            ("-a", quarter, false),
            ("a-", quarter, false),
            // Named again: shown again.
            ("a-a", quarter, false),
            ("aa--a", quarter, false),
            // Edited back, and what was only just made is gone.
            ("aba", quarter, true),
            ("-a-", quarter, true),
            ("abca", quarter, true),
            ("abcb", quarter, true),
            // A second time the newest counts, the old one does not.
            ("abab", quarter, false),
            ("ababa", quarter, true),
            ("a-a-", quarter, true),
            // Said for an hour and in three lists: somebody undid it.
            ("abaaa", quarter, true),
            ("abaaaaa", quarter, false),
            ("-a-----", quarter, false),
            ("aba", 2 * HOUR, true),
            ("abaaa", 2 * HOUR, false),
            // Not so after a second reversal: a day of the same is wanted.
            ("ababaaaaa", quarter, true),
            ("a-a-------", quarter, true),
            ("a-a-------", 4 * HOUR, false),
            // A day lies between: no reversal.
            ("aba", 25 * HOUR, false),
            ("a-a-", 25 * HOUR, false),
        ];
        for (script, every, held) in table {
            let (statements, now) = said(script, every);
            assert_eq!(statements.takes_back(now), held, "{script} every {every} s");
        }
    }

    #[test]
    fn what_is_packed_is_what_was_said_and_is_stored_as_before() {
        for script in ["a", "ab", "a-a", "abababab", &"ab-".repeat(9)] {
            let (statements, _) = said(script, MINUTE);
            let packed = Packed::of(&statements);
            assert_eq!(packed.open(), statements);
            let stored = postcard::to_allocvec(&statements).unwrap();
            assert_eq!(postcard::to_allocvec(&packed).unwrap(), stored);
            assert_eq!(postcard::from_bytes::<Packed>(&stored).unwrap(), packed);
        }
    }

    #[test]
    fn the_newest_stays_the_newest_however_long_it_flips() {
        let (statements, now) = said(&"ab".repeat(300), 15 * MINUTE);
        assert!(!statements.takes_back(now));
        let (statements, now) = said(&format!("{}a", "ab".repeat(300)), 15 * MINUTE);
        assert!(statements.takes_back(now));
        assert!(statements.list.len() <= STATEMENTS_KEPT);
    }

    #[test]
    fn a_counter_that_fell_back_settles_nothing() {
        let (mut statements, _) = said("ababaa", HOUR);
        let back = 100;
        statements.say(Some(Checksum([b'a'; 16])), back);
        assert!(statements.takes_back(back));
        assert!(statements.takes_back(back + SETTLED_AFTER - 1));
        assert!(!statements.takes_back(back + SETTLED_AFTER));
    }
}
