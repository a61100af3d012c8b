//! Which groups a user is in, as passwd(5) and group(5) say.
//! Never asks a directory service: a box has its users in its own files.
//! Called by the local API, which is told a caller's user and primary group by the kernel.

use std::str::FromStr;

/// A group as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// By its number.
    Number(u32),
    /// By its name.
    Name(String),
}

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        match begins && text.len() <= 32 && text.bytes().all(fits) {
            true => Ok(Self::Name(text.to_owned())),
            false => Err("the number or the name of a group".to_owned()),
        }
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether a user whose process has this primary group is in one of the groups.
pub fn is_in(groups: &[Group], uid: u32, gid: u32, passwd: &str, group: &str) -> bool {
    let user = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then_some(name)
    });
    let is_one = |name: &str, number: u32| {
        groups.iter().any(|group| match group {
            Group::Number(wanted) => *wanted == number,
            Group::Name(wanted) => wanted == name,
        })
    };
    let of_file = group.lines().any(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, number, members] = fields[..] else {
            return false;
        };
        let Ok(number) = number.parse() else {
            return false;
        };
        let member = user.is_some_and(|user| members.split(',').any(|one| one.trim() == user));
        (member || number == gid) && is_one(name, number)
    });
    of_file || groups.contains(&Group::Number(gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nengine:x:33:33::/:\nother:x:34:34::/:\n";
    const GROUP: &str = "root:x:0:\nengine:x:33:\nexam:x:700:x, engine\nodd\nbad:x:y:engine\nengines:x:701:engines\n";

    #[test]
    fn the_groups_of_a_user_count_as_its_primary_one_does() {
        let number = |number| vec![Group::Number(number)];
        let name = |name: &str| vec![Group::Name(name.to_owned())];
        let table = [
            (number(33), 33, 33, true),
            (number(700), 33, 33, true),
            (name("exam"), 33, 33, true),
            (name("engine"), 33, 33, true),
            (name("exam"), 34, 34, false),
            (number(700), 34, 34, false),
            // The process has taken another primary group: the kernel says so.
            (name("exam"), 34, 700, true),
            // Of nobody that the files know.
            (number(900), 90, 900, true),
            (name("exam"), 90, 900, false),
            // A name that only begins alike.
            (name("engines"), 33, 33, false),
            (name("bad"), 33, 33, false),
            (Vec::new(), 33, 33, false),
        ];
        for (groups, uid, gid, wanted) in table {
            assert_eq!(
                is_in(&groups, uid, gid, PASSWD, GROUP),
                wanted,
                "{groups:?} {uid} {gid}"
            );
        }
        assert!(!is_in(&name("exam"), 33, 33, "", ""));
        for odd in ["", "a b", "-x", "exam:", "é"] {
            assert!(odd.parse::<Group>().is_err(), "{odd}");
        }
    }
}
