//! DNS messages on the wire: one question out, the addresses of one answer in (RFC 1035 4, RFC 3596).
//! Never believes an answer that is not to the question: id, name and type must be its own.
//! Called by `uplink::names`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest label and longest name in text form (RFC 1035 2.3.4).
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 253;
/// A chain of aliases in one answer is followed so far.
const MAX_ALIASES: usize = 16;
/// So many pointers may a compressed name have; each leads backwards.
const MAX_POINTERS: usize = 64;
/// No host has more addresses worth trying.
const MAX_ADDRESSES: usize = 32;

pub(super) const CLASS_IN: u16 = 1;
const TYPE_CNAME: u16 = 5;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses (RFC 3596).
    Aaaa,
}

impl RecordType {
    /// Its number on the wire.
    fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
        }
    }
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsReply {
    /// At least one address.
    Addresses(Vec<IpAddr>),
    /// The name exists without an address of this type.
    NoData,
    /// The name does not exist (NXDOMAIN).
    NoName,
    /// Any other response code.
    Refused(u8),
    /// It did not fit (TC): the addresses that did.
    Truncated(Vec<IpAddr>),
}

/// The message that asks for one type of address of a name; `None` where the text is no host name.
pub fn query(id: u16, name: &str, kind: RecordType) -> Option<Vec<u8>> {
    if name.is_empty() || name.len() > MAX_NAME || !name.is_ascii() {
        return None;
    }
    let mut message = Vec::with_capacity(name.len() + 18);
    message.extend(id.to_be_bytes());
    // Recursion desired; one question.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    put_name(&mut message, name)?;
    message.extend(kind.number().to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    Some(message)
}

/// Appends a name; `None` where a label of it is empty or too long.
pub(super) fn put_name(message: &mut Vec<u8>, name: &str) -> Option<()> {
    for label in name.split('.') {
        if label.is_empty() || label.len() > MAX_LABEL {
            return None;
        }
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    Some(())
}

/// Reads an answer; `None` when it is not one to this question, or cannot be read: then the right one may still come.
pub fn reply(message: &[u8], id: u16, name: &str, kind: RecordType) -> Option<DnsReply> {
    let mut reader = MessageReader { message, at: 0 };
    let (its_id, flags) = (reader.number()?, reader.number()?);
    let (questions, answers) = (reader.number()?, reader.number()?);
    reader.at = 12;
    let (response, opcode, truncated) = (flags & 0x8000 != 0, flags >> 11 & 15, flags & 0x200 != 0);
    if its_id != id || !response || opcode != 0 {
        return None;
    }
    let code = (flags & 15) as u8;
    match questions {
        1 => {
            let asked = (reader.name()?, reader.number()?, reader.number()?);
            if asked != (name.to_ascii_lowercase(), kind.number(), CLASS_IN) {
                return None;
            }
        }
        // A server that could not even read the question does not repeat it.
        0 if code != 0 => {}
        _ => return None,
    }
    match code {
        0 => {}
        3 => return Some(DnsReply::NoName),
        code => return Some(DnsReply::Refused(code)),
    }
    let found = addresses(&mut reader, answers, name, kind);
    match (truncated, found) {
        (true, found) => Some(DnsReply::Truncated(found.unwrap_or_default())),
        (false, Some(found)) if found.is_empty() => Some(DnsReply::NoData),
        (false, found) => found.map(DnsReply::Addresses),
    }
}

/// The addresses that stand by the name or by what it is an alias of.
fn addresses(
    reader: &mut MessageReader<'_>,
    answers: u16,
    name: &str,
    kind: RecordType,
) -> Option<Vec<IpAddr>> {
    let (mut aliases, mut found) = (Vec::new(), Vec::new());
    for _ in 0..answers {
        let owner = reader.name()?;
        let (record, class) = (reader.number()?, reader.number()?);
        reader.take(4)?;
        let length = usize::from(reader.number()?);
        let data_at = reader.at;
        let data = reader.take(length)?;
        if class != CLASS_IN {
            continue;
        }
        if record == TYPE_CNAME {
            let mut inside = MessageReader {
                message: reader.message,
                at: data_at,
            };
            aliases.push((owner, inside.name()?));
        } else if record == kind.number()
            && let Some(address) = address(kind, data)
        {
            found.push((owner, address));
        }
    }
    let mut names = BTreeSet::from([name.to_ascii_lowercase()]);
    for _ in 0..MAX_ALIASES {
        let targets = aliases.iter().filter(|(owner, _)| names.contains(owner));
        let targets: Vec<String> = targets.map(|(_, target)| target.clone()).collect();
        let before = names.len();
        names.extend(targets);
        if names.len() == before {
            break;
        }
    }
    let own = found.into_iter().filter(|(owner, _)| names.contains(owner));
    Some(
        own.map(|(_, address)| address)
            .take(MAX_ADDRESSES)
            .collect(),
    )
}

fn address(kind: RecordType, data: &[u8]) -> Option<IpAddr> {
    Some(match kind {
        RecordType::A => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into(),
        RecordType::Aaaa => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into(),
    })
}

pub(super) struct MessageReader<'a> {
    pub(super) message: &'a [u8],
    pub(super) at: usize,
}

impl<'a> MessageReader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.message.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A name in lower case, without its last dot, with its compression undone (RFC 1035 4.1.4).
    pub(super) fn name(&mut self) -> Option<String> {
        let (mut name, mut at, mut after) = (String::new(), self.at, None);
        let mut pointers = 0;
        loop {
            let length = usize::from(*self.message.get(at)?);
            if length & 0xc0 == 0xc0 {
                let low = usize::from(*self.message.get(at + 1)?);
                after.get_or_insert(at + 2);
                let target = (length & 0x3f) << 8 | low;
                pointers += 1;
                if target >= at || pointers > MAX_POINTERS {
                    return None;
                }
                at = target;
                continue;
            }
            if length > MAX_LABEL {
                return None;
            }
            at += 1;
            if length == 0 {
                break;
            }
            let label = self.message.get(at..at + length)?;
            if !name.is_empty() {
                name.push('.');
            }
            // A byte that is no ASCII cannot equal a name that was asked for; it only must not be taken for one.
            name.extend(label.iter().map(|byte| match byte {
                b'.' | 0x80.. => '\u{fffd}',
                byte => byte.to_ascii_lowercase() as char,
            }));
            if name.len() > 4 * MAX_NAME {
                return None;
            }
            at += length;
        }
        self.at = after.unwrap_or(at);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer to the question: flags, then records as owner (a pointer to the question's name, or text), type, data.
    fn answer(
        name: &str,
        kind: RecordType,
        flags: u16,
        records: &[(&str, u16, Vec<u8>)],
    ) -> Vec<u8> {
        let mut message = query(7, name, kind).unwrap();
        message[2..4].copy_from_slice(&(0x8000 | flags).to_be_bytes());
        message[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        for (owner, record, data) in records {
            match *owner {
                "" => message.extend([0xc0, 12]),
                owner => message.extend(labels(owner)),
            }
            message.extend(record.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 9]);
            message.extend((data.len() as u16).to_be_bytes());
            message.extend(data);
        }
        message
    }

    fn labels(name: &str) -> Vec<u8> {
        let whole = query(0, name, RecordType::A).unwrap();
        whole[12..whole.len() - 4].to_vec()
    }

    fn read(message: &[u8]) -> Option<DnsReply> {
        reply(message, 7, "Host.test", RecordType::A)
    }

    #[test]
    fn addresses_of_the_name_and_of_its_aliases_count_and_no_others() {
        let records = [
            ("", 5, labels("Front.example")),
            ("front.example", 5, labels("node.example")),
            ("other.example", 1, vec![192, 0, 2, 66]),
            ("node.example", 1, vec![192, 0, 2, 1]),
            ("node.example", 28, vec![0; 16]),
            ("node.example", 1, vec![192, 0, 2]),
        ];
        let message = answer("host.test", RecordType::A, 0x180, &records);
        assert_eq!(
            read(&message),
            Some(DnsReply::Addresses(vec!["192.0.2.1".parse().unwrap()]))
        );
    }

    #[test]
    fn what_is_not_to_the_question_is_no_answer() {
        let good = answer("host.test", RecordType::A, 0, &[("", 1, vec![1, 2, 3, 4])]);
        assert!(matches!(read(&good), Some(DnsReply::Addresses(_))));
        assert_eq!(reply(&good, 8, "host.test", RecordType::A), None);
        assert_eq!(reply(&good, 7, "host.tess", RecordType::A), None);
        assert_eq!(reply(&good, 7, "host.test", RecordType::Aaaa), None);
        let mut question = good.clone();
        question[2] &= 0x7f;
        assert_eq!(read(&question), None);
    }

    #[test]
    fn every_response_code_has_a_meaning() {
        let coded = |code| read(&answer("host.test", RecordType::A, code, &[]));
        assert_eq!(coded(0), Some(DnsReply::NoData));
        assert_eq!(coded(3), Some(DnsReply::NoName));
        for code in [1, 2, 4, 5, 9] {
            assert_eq!(coded(code), Some(DnsReply::Refused(code as u8)));
        }
        // FORMERR without the question, as old servers send it.
        assert_eq!(
            read(&[0, 7, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
            Some(DnsReply::Refused(1))
        );
    }

    #[test]
    fn a_truncated_answer_gives_what_it_has() {
        let one = [("", 1, vec![192, 0, 2, 1])];
        let message = answer("host.test", RecordType::A, 0x200, &one);
        let found = vec!["192.0.2.1".parse().unwrap()];
        assert_eq!(read(&message), Some(DnsReply::Truncated(found)));
        let cut = &message[..message.len() - 2];
        assert_eq!(read(cut), Some(DnsReply::Truncated(Vec::new())));
    }

    #[test]
    fn a_name_that_points_at_itself_ends() {
        let mut message = answer("host.test", RecordType::A, 0, &[("", 1, vec![1, 2, 3, 4])]);
        let at = message.len() - 16;
        message[at..at + 2].copy_from_slice(&[0xc0, at as u8]);
        assert_eq!(read(&message), None);
    }

    #[test]
    fn a_text_that_is_no_host_name_is_not_asked_for() {
        let long = "a".repeat(64);
        for name in [
            "",
            ".",
            "a..b",
            &long,
            &format!("{}a", "a.".repeat(127)),
            "é",
        ] {
            assert_eq!(query(1, name, RecordType::A), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..600), code in 0u16..0x1000) {
            let _ = read(&bytes);
            let mut message = answer("host.test", RecordType::A, code, &[]);
            message[7] = 9;
            message.extend(&bytes);
            let _ = read(&message);
        }
    }
}
