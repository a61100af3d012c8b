//! Who may ask the local API for what: accounts by number or name, and roles.
//! Never asks a directory service: a box has its users and groups in its own files, passwd(5) and group(5).
//! Called by the local API, which is told a caller's user and groups by the kernel; used by `settings`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::entity::{EntityType, uri};
use crate::fault::SettingForm;
use crate::intake::ItemKind;

/// A user or a group as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountName {
    /// By its number.
    Number(u32),
    /// By its name.
    Name(String),
}

impl FromStr for AccountName {
    type Err = SettingForm;

    fn from_str(text: &str) -> Result<Self, SettingForm> {
        let expected = || SettingForm::Account;
        if let Ok(number) = text.parse() {
            // The highest number stands for nobody (chown(2)).
            return match number {
                u32::MAX => Err(expected()),
                number => Ok(Self::Number(number)),
            };
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        match begins && text.len() <= 32 && text.bytes().all(fits) {
            true => Ok(Self::Name(text.to_owned())),
            false => Err(expected()),
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whom a list of section `[api]` names: a user, or with `@` before it all members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// `engine`, `33`
    User(AccountName),
    /// `@exam`, `@700`
    Group(AccountName),
}

impl FromStr for Principal {
    type Err = SettingForm;

    fn from_str(text: &str) -> Result<Self, SettingForm> {
        let read = match text.strip_prefix('@') {
            Some(group) => group.parse().map(Self::Group),
            None => text.parse().map(Self::User),
        };
        read.map_err(|_| SettingForm::Principal)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(f),
            Self::Group(group) => write!(f, "@{group}"),
        }
    }
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiRole {
    /// Read catalogue and packages.
    Read,
    /// Hand in what candidates did, and ask what became of it.
    Intake,
    /// Ask for a synchronization, say that an exam runs, order something of the downloads.
    Control,
    /// See the password hashes and keys that entities carry.
    Secrets,
}

impl ApiRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Intake, Self::Control, Self::Secrets];

    /// The key of section `[api]` that grants it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Intake => "intake",
            Self::Control => "control",
            Self::Secrets => "secrets",
        }
    }

    /// What a route of the local API needs, by its path below `/v1/`; `None`: any role will do.
    pub fn of(route: &str) -> Option<Self> {
        let first = route.split('/').next().unwrap_or_default();
        match route {
            "sync" | "exam" | "exam/terminate" | "downloads" => Some(Self::Control),
            _ if first.parse::<ItemKind>().is_ok() => Some(Self::Intake),
            _ if matches!(first, "entities" | "feed" | "packages") => Some(Self::Read),
            _ => None,
        }
    }
}

/// The roles of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApiRoles(u8);

impl ApiRoles {
    /// Every role.
    pub fn all() -> Self {
        ApiRole::ALL.into_iter().fold(Self::default(), Self::with)
    }

    /// These, and one more.
    #[must_use]
    pub fn with(self, role: ApiRole) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// Whether one is among them.
    pub fn has(self, role: ApiRole) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Whether there is none: such a caller may not speak at all.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Who may do what, as the configuration says.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// Users with every role (`[box] allow_uids`).
    pub users: &'a [AccountName],
    /// Groups with every role (`[box] allow_gids`).
    pub groups: &'a [AccountName],
    /// `[api] read`
    pub read: &'a [Principal],
    /// `[api] intake`
    pub intake: &'a [Principal],
    /// `[api] control`
    pub control: &'a [Principal],
    /// `[api] secrets`. Without it those with every role see secrets: they did before there was this key.
    pub secrets: Option<&'a [Principal]>,
}

/// A caller, as the kernel says, and the texts of passwd(5) and group(5).
#[derive(Debug, Clone, Copy)]
pub struct PeerCredentials<'a> {
    /// Its user.
    pub uid: u32,
    /// The groups of its process, the primary one among them.
    pub gids: &'a [u32],
    /// The users of the box.
    pub passwd: &'a str,
    /// The groups of the box.
    pub group: &'a str,
}

impl Access<'_> {
    /// Whether nobody is named, so that files of users need not be read.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
            && self.groups.is_empty()
            && [self.read, self.intake, self.control]
                .iter()
                .all(|list| list.is_empty())
            && self.secrets.is_none_or(<[_]>::is_empty)
    }

    /// The roles of a caller that is neither root nor the user of boxsync.
    pub fn roles(&self, caller: &PeerCredentials<'_>) -> ApiRoles {
        let names = caller.names();
        let groups = caller.groups(&names);
        let is_user = |user: &AccountName| match user {
            AccountName::Number(number) => *number == caller.uid,
            AccountName::Name(name) => names.contains(name.as_str()),
        };
        let in_group = |group: &AccountName| groups.iter().any(|one| one.is(group));
        let is_named = |list: &[Principal]| {
            list.iter().any(|one| match one {
                Principal::User(user) => is_user(user),
                Principal::Group(group) => in_group(group),
            })
        };
        let all = self.users.iter().any(is_user) || self.groups.iter().any(in_group);
        let grants = |role: ApiRole| match (role, self.secrets) {
            // Who may see secrets reads them in the catalogue.
            (ApiRole::Read, _) => all || is_named(self.read) || self.secrets.is_some_and(is_named),
            (ApiRole::Intake, _) => all || is_named(self.intake),
            (ApiRole::Control, _) => all || is_named(self.control),
            (ApiRole::Secrets, None) => all,
            (ApiRole::Secrets, Some(list)) => is_named(list),
        };
        let granted = ApiRole::ALL.into_iter().filter(|role| grants(*role));
        granted.fold(ApiRoles::default(), ApiRoles::with)
    }
}

/// A group that a caller is in.
struct Membership<'a> {
    number: u32,
    /// By what name the box knows it.
    name: Option<&'a str>,
}

impl Membership<'_> {
    fn is(&self, group: &AccountName) -> bool {
        match group {
            AccountName::Number(number) => *number == self.number,
            AccountName::Name(name) => self.name == Some(name.as_str()),
        }
    }
}

impl<'a> PeerCredentials<'a> {
    /// What the box calls this user.
    fn names(&self) -> BTreeSet<&'a str> {
        let named = self.passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let (name, number) = (fields.next()?, fields.nth(1)?);
            (number.parse() == Ok(self.uid)).then_some(name)
        });
        named.collect()
    }

    /// The groups of its process, and those that the box has its user in.
    fn groups(&self, names: &BTreeSet<&str>) -> Vec<Membership<'a>> {
        let own = self.gids.iter().map(|number| Membership {
            number: *number,
            name: None,
        });
        let of_file = self.group.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, number, members] = fields[..] else {
                return None;
            };
            let number = number.parse().ok()?;
            let member = members.split(',').any(|one| names.contains(one.trim()));
            let name = Some(name);
            (member || self.gids.contains(&number)).then_some(Membership { number, name })
        });
        own.chain(of_file).collect()
    }
}

/// Whether a property of an entity is kept from a caller without the role `Secrets`: the password hash, and the keys of an
/// encrypted central, which a password of few bits wraps (protocol 13.2).
pub fn is_secret(kind: EntityType, predicate: &str) -> bool {
    let user = matches!(
        kind,
        EntityType::Administrator | EntityType::Proctor | EntityType::TestTaker
    );
    match predicate {
        uri::PASSWORD => user,
        uri::APPLICATION_KEY => user || kind == EntityType::Delivery,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nengine:x:33:33::/:\nother:x:34:34::/:\nsecond:x:33:33::/:\n";
    const GROUP: &str = "root:x:0:\nengine:x:33:\nexam:x:700:x, engine\nodd\nbad:x:y:engine\nengines:x:701:engines\n";

    fn list<T: FromStr<Err = SettingForm>>(words: &str) -> Vec<T> {
        let words = words.split_whitespace();
        words.map(|word| word.parse().unwrap()).collect()
    }

    fn caller<'a>(uid: u32, gids: &'a [u32]) -> PeerCredentials<'a> {
        PeerCredentials {
            uid,
            gids,
            passwd: PASSWD,
            group: GROUP,
        }
    }

    const NOBODY: Access<'_> = Access {
        users: &[],
        groups: &[],
        read: &[],
        intake: &[],
        control: &[],
        secrets: None,
    };

    #[test]
    fn whom_allow_uids_and_allow_gids_name_has_every_role() {
        let table = [
            // users, groups, uid, gids, named
            ("", "33", 33, &[33][..], true),
            ("", "700", 33, &[33], true),
            ("", "exam", 33, &[33], true),
            ("", "engine", 33, &[33], true),
            ("", "exam", 34, &[34], false),
            ("", "700", 34, &[34], false),
            // The process has taken another primary group, or was given one beside it: the kernel says so.
            ("", "exam", 34, &[700], true),
            ("", "exam", 34, &[34, 5, 700], true),
            ("", "900", 34, &[34, 900], true),
            // Of nobody that the files know.
            ("", "900", 90, &[900], true),
            ("", "exam", 90, &[900], false),
            // A name that only begins alike.
            ("", "engines", 33, &[33], false),
            ("", "bad", 33, &[33], false),
            ("engine", "", 33, &[33], true),
            ("second", "", 33, &[33], true),
            ("33", "", 33, &[33], true),
            ("other", "", 33, &[33], false),
            // A user is not a group of the same name or number.
            ("exam", "", 33, &[33], false),
            ("700", "", 34, &[700], false),
            ("", "", 33, &[33], false),
        ];
        for (users, groups, uid, gids, named) in table {
            let (users, groups) = (list(users), list(groups));
            let access = Access {
                users: &users,
                groups: &groups,
                ..NOBODY
            };
            let roles = if named {
                ApiRoles::all()
            } else {
                ApiRoles::default()
            };
            let found = access.roles(&caller(uid, gids));
            assert_eq!(found, roles, "{users:?} {groups:?} {uid} {gids:?}");
        }
        let exam = list("exam");
        let access = Access {
            groups: &exam,
            ..NOBODY
        };
        let unread = PeerCredentials {
            passwd: "",
            group: "",
            ..caller(33, &[33])
        };
        assert!(access.roles(&unread).is_empty(), "no files name nobody");
    }

    #[test]
    fn a_role_is_granted_alone_and_secrets_once_the_key_is_there() {
        let engine = list("engine");
        let (one, of_group, none) = (
            list::<Principal>("engine"),
            list::<Principal>("@exam"),
            list::<Principal>("other @root"),
        );
        let (all, legacy) = (
            Access {
                users: &engine,
                ..NOBODY
            },
            NOBODY,
        );
        let table = [
            (
                Access {
                    read: &one,
                    ..legacy
                },
                "read",
            ),
            (
                Access {
                    intake: &of_group,
                    ..legacy
                },
                "intake",
            ),
            (
                Access {
                    control: &one,
                    read: &of_group,
                    ..legacy
                },
                "read control",
            ),
            (
                Access {
                    control: &none,
                    read: &none,
                    intake: &none,
                    ..legacy
                },
                "",
            ),
            (
                Access {
                    secrets: Some(&one),
                    ..legacy
                },
                "read secrets",
            ),
            (
                Access {
                    secrets: Some(&none),
                    read: &one,
                    ..legacy
                },
                "read",
            ),
            (all, "read intake control secrets"),
            (
                Access {
                    secrets: Some(&[]),
                    ..all
                },
                "read intake control",
            ),
            (
                Access {
                    secrets: Some(&none),
                    ..all
                },
                "read intake control",
            ),
            (
                Access {
                    secrets: Some(&of_group),
                    ..all
                },
                "read intake control secrets",
            ),
        ];
        for (access, wanted) in table {
            let roles = access.roles(&caller(33, &[33]));
            let found = ApiRole::ALL.into_iter().filter(|role| roles.has(*role));
            let found: Vec<&str> = found.map(ApiRole::word).collect();
            assert_eq!(found.join(" "), wanted, "{access:?}");
            assert!(!access.is_empty());
        }
        assert!(NOBODY.is_empty());
        assert!(
            !Access {
                secrets: Some(&none),
                ..NOBODY
            }
            .is_empty()
        );
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for odd in ["", "a b", "-x", "exam:", "é", "4294967295", "@exam"] {
            assert!(odd.parse::<AccountName>().is_err(), "{odd}");
        }
        for odd in ["@", "@@exam", "@4294967295", "a b"] {
            assert!(odd.parse::<Principal>().is_err(), "{odd}");
        }
        for text in ["engine", "@exam", "33", "@700"] {
            let read = text.parse::<Principal>().unwrap();
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn every_route_needs_the_role_that_it_is_for() {
        let table = [
            ("entities", Some(ApiRole::Read)),
            ("feed", Some(ApiRole::Read)),
            ("packages", Some(ApiRole::Read)),
            ("packages/content", Some(ApiRole::Read)),
            ("packages/a/members/b", Some(ApiRole::Read)),
            ("results", Some(ApiRole::Intake)),
            ("results/i1", Some(ApiRole::Intake)),
            ("logs/i1", Some(ApiRole::Intake)),
            ("sessions", Some(ApiRole::Intake)),
            ("lti-users/a", Some(ApiRole::Intake)),
            ("sync", Some(ApiRole::Control)),
            ("exam", Some(ApiRole::Control)),
            ("downloads", Some(ApiRole::Control)),
            ("sync/events", None),
            ("status", None),
            ("metrics", None),
            ("openapi.json", None),
            ("nothing", None),
        ];
        for (route, role) in table {
            assert_eq!(ApiRole::of(route), role, "{route}");
        }
    }

    #[test]
    fn secrets_are_hashes_and_keys() {
        assert!(is_secret(EntityType::TestTaker, uri::PASSWORD));
        assert!(is_secret(EntityType::Proctor, uri::APPLICATION_KEY));
        assert!(is_secret(EntityType::Delivery, uri::APPLICATION_KEY));
        assert!(!is_secret(EntityType::TestTaker, uri::LOGIN));
        assert!(!is_secret(EntityType::TestCenter, uri::PASSWORD));
    }
}
