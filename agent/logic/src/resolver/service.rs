//! The other boxes of a network by DNS-SD over multicast DNS (RFC 6763 4, RFC 6762): one question, and who answers it with what.
//! Never says more of a box than that one is there and its port: the name of an instance is random, and there is no key in its TXT record.
//! Called by `agent::site::found`, which sends and receives.
//!
//! | Comes | Then |
//! |---|---|
//! | a question for the service from port 5353 | all records by multicast, of 120 s (RFC 6762 6) |
//! | the same from another port: a one-shot query | the same to the asker alone, its id and question repeated, of 10 s (RFC 6762 6.7) |
//! | an answer to the box's own question | the port of the instance; its address is that which it came from |
//! | anything else | nothing |

use std::net::Ipv4Addr;

use super::message::{CLASS_IN, MessageReader, put_name};

/// The service of every box.
pub const SERVICE: &str = "_boxsync._tcp.local";
/// Where multicast DNS is spoken (RFC 6762 3).
pub const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);
/// Bytes of a message, at most.
pub const MESSAGE: usize = 1500;
/// Questions and records of one message that are looked at.
const ENTRIES: u16 = 32;

const A: u16 = 1;
const PTR: u16 = 12;
const TXT: u16 = 16;
const SRV: u16 = 33;
const OPT: u16 = 41;
/// An option of OPT.
const PADDING: u16 = 12;
const ANY: u16 = 255;
/// In a question: an answer to the asker alone is welcome; in a record: it replaces others (RFC 6762 5.4, 10.2).
const TOP: u16 = 0x8000;

/// Where the service's name stands in each message, and the last label of it.
const SERVICE_AT: u16 = 12;
const LOCAL_AT: u16 = SERVICE_AT + (SERVICE.len() - "local".len()) as u16;
/// A name that goes on elsewhere (RFC 1035 4.1.4).
const POINTER: u16 = 0xc000;
/// Bytes of a question and of what is answered to who asks with one: nobody is sent more than was sent in his name.
const QUESTION: usize = 160;

fn head(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let mut message = Vec::with_capacity(QUESTION);
    put(&mut message, &[id, flags]);
    put(&mut message, &counts);
    message
}

fn put(message: &mut Vec<u8>, numbers: &[u16]) {
    message.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

fn put_label(message: &mut Vec<u8>, label: &str, then: u16) {
    message.push(label.len() as u8);
    message.extend(label.as_bytes());
    put(message, &[POINTER | then]);
}

/// The question for all boxes of a network, with padding behind it (RFC 7830).
pub fn browse(id: u16) -> Vec<u8> {
    let mut message = head(id, 0, [1, 0, 0, 1]);
    put_name(&mut message, SERVICE);
    put(&mut message, &[PTR, CLASS_IN | TOP]);
    message.push(0);
    let padding = (QUESTION - message.len() - 14) as u16;
    put(
        &mut message,
        &[OPT, MESSAGE as u16, 0, 0, padding + 4, PADDING, padding],
    );
    message.resize(QUESTION, 0);
    message
}

/// The id of a message that asks for the boxes of the network.
pub fn asks(message: &[u8]) -> Option<u16> {
    let mut reader = MessageReader { message, at: 0 };
    let (id, flags, questions) = (reader.number()?, reader.number()?, reader.number()?);
    reader.at = 12;
    // Neither an answer, nor anything but a plain query.
    if flags & 0xf800 != 0 {
        return None;
    }
    for _ in 0..questions.min(ENTRIES) {
        let (name, kind, class) = (reader.name()?, reader.number()?, reader.number()?);
        if name == SERVICE && [PTR, ANY].contains(&kind) && class & !TOP == CLASS_IN {
            return Some(id);
        }
    }
    None
}

/// What a box answers: `id` is that of a one-shot query; without one the answer goes to all. An instance has one label.
pub fn announce(id: Option<u16>, instance: &str, port: u16, address: Ipv4Addr) -> Vec<u8> {
    let (seconds, unique) = match id {
        Some(_) => (10, CLASS_IN),
        None => (120, CLASS_IN | TOP),
    };
    let mut message = head(id.unwrap_or(0), 0x8400, [u16::from(id.is_some()), 1, 0, 3]);
    put_name(&mut message, SERVICE);
    if id.is_some() {
        put(&mut message, &[PTR, CLASS_IN, POINTER | SERVICE_AT]);
    }
    let length = instance.len() as u16 + 3;
    put(&mut message, &[PTR, CLASS_IN, 0, seconds, length]);
    let own = message.len() as u16;
    put_label(&mut message, instance, SERVICE_AT);
    let own_srv = [
        POINTER | own,
        SRV,
        unique,
        0,
        seconds,
        length + 6,
        0,
        0,
        port,
    ];
    put(&mut message, &own_srv);
    let host = message.len() as u16;
    put_label(&mut message, instance, LOCAL_AT);
    // An empty one (RFC 6763 6.1).
    put(&mut message, &[POINTER | own, TXT, unique, 0, seconds, 1]);
    message.push(0);
    put(&mut message, &[POINTER | host, A, unique, 0, seconds, 4]);
    message.extend(address.octets());
    message
}

/// The port of the box that answers the question with this id.
pub fn announced(message: &[u8], id: u16) -> Option<u16> {
    let mut reader = MessageReader { message, at: 0 };
    let (its_id, flags, questions) = (reader.number()?, reader.number()?, reader.number()?);
    let records = reader.number()?;
    let more = [reader.number()?, reader.number()?];
    if its_id != id || flags & 0xf80f != 0x8000 {
        return None;
    }
    for _ in 0..questions.min(ENTRIES) {
        reader.name()?;
        reader.take(4)?;
    }
    let records = more.into_iter().fold(records, u16::saturating_add);
    let mut instance = None;
    for _ in 0..records.min(ENTRIES) {
        let (owner, kind, class) = (reader.name()?, reader.number()?, reader.number()?);
        reader.take(4)?;
        let length = usize::from(reader.number()?);
        let mut data = MessageReader {
            message,
            at: reader.at,
        };
        reader.take(length)?;
        match kind {
            _ if class & !TOP != CLASS_IN => {}
            PTR if owner == SERVICE => instance = Some(data.name()?),
            SRV if Some(&owner) == instance.as_ref() => {
                data.take(4)?;
                return data.number().filter(|port| *port > 0);
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

    #[test]
    fn who_asks_for_the_service_is_answered_and_nobody_else() {
        assert_eq!(asks(&browse(7)), Some(7));
        let told = announce(Some(7), "a1b2", 7382, ADDRESS);
        assert_eq!(asks(&told), None, "an answer is no question");
        let mut other = browse(7);
        other[14] ^= 1;
        assert_eq!(asks(&other), None, "of another service");
        for at in 0..SERVICE_AT as usize + SERVICE.len() + 6 {
            assert_eq!(asks(&browse(7)[..at]), None);
        }
        // As others ask: the class without its top bit, any type.
        let mut plain = browse(0);
        let end = SERVICE_AT as usize + SERVICE.len() + 2;
        plain[end + 2] &= 0x7f;
        assert_eq!(asks(&plain), Some(0));
        plain[end + 1] = 255;
        assert_eq!(asks(&plain), Some(0));
    }

    #[test]
    fn an_answer_gives_the_port_to_who_asked() {
        let told = announce(Some(7), "a1b2", 7382, ADDRESS);
        assert_eq!(announced(&told, 7), Some(7382));
        assert_eq!(announced(&told, 8), None, "to another question");
        assert_eq!(announced(&announce(None, "a1b2", 9, ADDRESS), 0), Some(9));
        assert_eq!(announced(&announce(Some(7), "a1b2", 0, ADDRESS), 7), None);
        assert_eq!(announced(&browse(7), 7), None);
        let longest = announce(Some(7), "0123456789abcdef", 7382, ADDRESS);
        assert_eq!(announced(&longest, 7), Some(7382));
        assert!(longest.len() <= browse(7).len(), "{}", longest.len());
    }

    proptest! {
        #[test]
        fn no_packet_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..200, byte: u8) {
            let _ = (asks(&bytes), announced(&bytes, 7));
            let mut told = announce(Some(7), "a1b2", 7382, ADDRESS);
            let at = at % told.len();
            told[at] = byte;
            let _ = (asks(&told), announced(&told, 7));
            told.splice(12..12, bytes);
            let _ = (asks(&told), announced(&told, 7));
        }
    }
}
