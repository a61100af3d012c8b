//! The link between two boxes of a site: who proves which key, and the records that what follows is sealed in.
//! Never draws a nonce or a key of an exchange, never knows what time it is, and never says why a proof fails.
//! Called by `agent::site`, which moves the bytes (design 4.5).
//!
//! # The proof
//!
//! Two messages of fixed length and one record; each side is fresh by its own nonce, so nothing depends on a clock.
//!
//! | Message | Bytes | What |
//! |---|---|---|
//! | offer, from who connects | 168 | magic and version (8), nonce (32), key of an exchange by X25519 (32; RFC 7748), six tags (16 each) |
//! | answer | 80 | nonce (32), key of an exchange (32), tag (16) |
//! | first record of who connected | | its greeting: with it the key is proven by both sides, and who answers sends its own |
//!
//! A tag of the offer is HMAC-SHA-256 of all before it with one of the keys that the box has; tags of keys that it lacks are
//! random. Whoever has none of these keys gets no answer, and the answer is shorter than the offer. All that follows is
//! sealed with keys of HKDF-SHA-256 (RFC 5869; salt: SHA-256 of offer and answer; secret: the proven key and that of the
//! exchange), one each way: a message that is sent back opens nowhere, one of another link neither, and who gets the site key
//! later cannot read what went before. The tag of the answer is made with a third such key.
//!
//! # A record
//!
//! Its length (2, big endian; that of what follows), AES-256-GCM of at most 16 KiB, tag (16). The nonce is the number of the record, the length is
//! bound to it. An empty record ends a direction: a stream that ends without it was cut.

use seal::{Key, NONCE, NameHash, OVERHEAD, Sealer};
use sha2::{Digest, Sha256};

use super::{OrganisationKey, hkdf};

const LINK_MAGIC: [u8; 8] = *b"BOXLINK\x01";
/// Bytes of a nonce of the proof, and of the public half of an exchange.
pub const EXCHANGE: usize = 32;
const PROOF_TAG: usize = 16;
/// Keys that a box offers at most.
pub const LINK_KEYS: usize = 6;
const BEFORE_TAGS: usize = LINK_MAGIC.len() + 2 * EXCHANGE;
/// Bytes of an offer.
pub const OFFER: usize = BEFORE_TAGS + LINK_KEYS * PROOF_TAG;
/// Bytes of an answer: fewer than those of an offer.
pub const OFFER_ANSWER: usize = 2 * EXCHANGE + PROOF_TAG;
/// Bytes of content in one record, at most.
pub const RECORD_CONTENT: usize = 16 << 10;
/// Bytes of a record's length.
pub const RECORD_HEAD: usize = 2;
const RECORD_TAG: usize = OVERHEAD - NONCE;

/// What a proven key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkTrust {
    /// It follows from enrolment: any TAO box of the organisation, and every client of a gateway, could know it.
    Enrolment,
    /// It is that of `key_file`.
    KeyFile,
}

impl LinkTrust {
    /// As status names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::KeyFile => "key_file",
        }
    }
}

/// A key that a link can be proven with.
#[derive(Debug, Clone)]
pub struct LinkKey {
    key: Key,
    /// What it is good for.
    pub trust: LinkTrust,
}

impl OrganisationKey {
    /// The key of its links.
    pub fn link(&self) -> LinkKey {
        LinkKey {
            key: self.links.clone(),
            trust: LinkTrust::KeyFile,
        }
    }
}

impl LinkKey {
    /// That which follows from enrolment: HKDF-SHA-256 of the sync manager's stored password hash with the organisation's id.
    pub fn of_enrolment(organisation: &str, password_hash: &str) -> Self {
        let info = [b"boxsync site 1 enrolment\0", organisation.as_bytes()].concat();
        Self {
            key: hkdf([0; 32], password_hash.as_bytes(), &info),
            trust: LinkTrust::Enrolment,
        }
    }

    /// The key that ranges of packages are sealed with between boxes that have it.
    pub fn ranges(&self) -> Key {
        self.key.derive(b"boxsync site 1 ranges")
    }

    /// What a box is called among those that have this key; tells a stranger nothing.
    pub fn pseudonym(&self, box_id: &str) -> NameHash {
        self.key.name("link box", box_id)
    }

    fn tag(&self, before: &[u8]) -> [u8; PROOF_TAG] {
        tag(&self.key, &[b"boxsync link 1 offer\0", before].concat())
    }

    /// The key of a link and the tag of its answer.
    fn agreed(&self, shared: &[u8], offer: &[u8; OFFER], answer: &[u8]) -> (Key, [u8; PROOF_TAG]) {
        let transcript = [&offer[..], answer].concat();
        let salt = Sha256::digest(transcript).into();
        let secret = [self.key.expose(), shared].concat();
        let key = hkdf(salt, &secret, b"boxsync link 1");
        let proof = tag(&key.derive(b"answer"), b"");
        (key, proof)
    }
}

fn tag(key: &Key, message: &[u8]) -> [u8; PROOF_TAG] {
    let whole = key.derive(message);
    let mut tag = [0; PROOF_TAG];
    tag.copy_from_slice(&whole.expose()[..PROOF_TAG]);
    tag
}

/// Equal in a time that does not depend on where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// What a box that connects sends first: a fresh nonce, its half of an exchange, and `fill`, random bytes for the tags of keys
/// that it lacks.
pub fn offer(
    keys: &[LinkKey],
    nonce: &[u8; EXCHANGE],
    public: &[u8; EXCHANGE],
    fill: &[u8; LINK_KEYS * PROOF_TAG],
) -> [u8; OFFER] {
    let mut offer = [0; OFFER];
    let (before, tags) = offer.split_at_mut(BEFORE_TAGS);
    before.copy_from_slice(&[&LINK_MAGIC[..], nonce, public].concat());
    tags.copy_from_slice(fill);
    for (place, key) in tags.chunks_exact_mut(PROOF_TAG).zip(keys) {
        place.copy_from_slice(&key.tag(before));
    }
    offer
}

/// The half of an exchange in an offer, and the key that it is answered with: the first of the box's own that it proves.
/// `None`: it gets no answer.
pub fn answering<'a>(
    keys: &'a [LinkKey],
    offer: &[u8; OFFER],
) -> Option<(&'a LinkKey, [u8; EXCHANGE])> {
    let (before, tags) = offer.split_at(BEFORE_TAGS);
    if !before.starts_with(&LINK_MAGIC) {
        return None;
    }
    let proven = |key: &&LinkKey| {
        let own = key.tag(before);
        tags.chunks_exact(PROOF_TAG).any(|tag| is_same(tag, &own))
    };
    let key = keys.iter().find(proven)?;
    let public = before[BEFORE_TAGS - EXCHANGE..].try_into().ok()?;
    Some((key, public))
}

/// The answer to an offer, and the link that follows if its first record opens.
pub fn answer(
    key: &LinkKey,
    offer: &[u8; OFFER],
    nonce: &[u8; EXCHANGE],
    public: &[u8; EXCHANGE],
    shared: &[u8],
) -> ([u8; OFFER_ANSWER], LinkRecords) {
    let (own, proof) = key.agreed(shared, offer, &[&nonce[..], public].concat());
    let mut answer = [0; OFFER_ANSWER];
    answer.copy_from_slice(&[&nonce[..], public, &proof].concat());
    (answer, LinkRecords::new(&own, false))
}

/// The half of an exchange in an answer.
pub fn answered_public(answer: &[u8; OFFER_ANSWER]) -> [u8; EXCHANGE] {
    let mut public = [0; EXCHANGE];
    public.copy_from_slice(&answer[EXCHANGE..2 * EXCHANGE]);
    public
}

/// The link that an answer proves, and with which of the keys; `None`: with none of them.
pub fn proven<'a>(
    keys: &'a [LinkKey],
    offer: &[u8; OFFER],
    answer: &[u8; OFFER_ANSWER],
    shared: &[u8],
) -> Option<(&'a LinkKey, LinkRecords)> {
    let (before, proof) = answer.split_at(2 * EXCHANGE);
    keys.iter().find_map(|key| {
        let (own, expected) = key.agreed(shared, offer, before);
        is_same(&expected, proof).then(|| (key, LinkRecords::new(&own, true)))
    })
}

/// The two directions of a link.
pub struct LinkRecords {
    /// What this box sends.
    pub sent: RecordSeal,
    /// What it is sent.
    pub received: RecordSeal,
}

impl LinkRecords {
    fn new(key: &Key, connected: bool) -> Self {
        let [to, from] = [&b"to who answered"[..], b"to who connected"]
            .map(|purpose| RecordSeal(Sealer::new(&key.derive(purpose)), 0));
        let (sent, received) = match connected {
            true => (to, from),
            false => (from, to),
        };
        Self { sent, received }
    }
}

/// Seals or opens the records of one direction, each once and in order.
pub struct RecordSeal(Sealer, u64);

impl RecordSeal {
    fn nonce(&mut self) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce[NONCE - 8..].copy_from_slice(&self.1.to_be_bytes());
        self.1 += 1;
        nonce
    }

    /// Appends the record of at most `RECORD_CONTENT` bytes to `out`.
    pub fn seal(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let content = &content[..content.len().min(RECORD_CONTENT)];
        let head = ((content.len() + RECORD_TAG) as u16).to_be_bytes();
        let mut record = Vec::with_capacity(content.len() + OVERHEAD);
        record.extend(self.nonce());
        record.extend(content);
        self.0.seal_in_place(&head, &mut record);
        out.extend(head);
        out.extend(&record[NONCE..]);
    }

    /// How many bytes follow the head of a record; `None` where it is none.
    pub fn length(head: [u8; RECORD_HEAD]) -> Option<usize> {
        let length = usize::from(u16::from_be_bytes(head));
        (RECORD_TAG..=RECORD_CONTENT + RECORD_TAG)
            .contains(&length)
            .then_some(length)
    }

    /// The content of the next record, `bytes` without its head; `None`: it was changed, left out, repeated or is of another link.
    pub fn open(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let head = u16::try_from(bytes.len()).ok()?.to_be_bytes();
        let mut record = Vec::with_capacity(NONCE + bytes.len());
        record.extend(self.nonce());
        record.extend(bytes);
        let content = self.0.open_in_place(&head, &mut record).ok()?;
        let length = content.len();
        record.drain(..NONCE);
        record.truncate(length);
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::SiteKey;
    use proptest::prelude::*;

    fn key(of: u8, organisation: &str) -> LinkKey {
        SiteKey::new([of; 32]).of_organisation(organisation).link()
    }

    const FILL: [u8; LINK_KEYS * PROOF_TAG] = [9; LINK_KEYS * PROOF_TAG];
    const SHARED: [u8; 32] = [5; 32];

    fn offered(keys: &[LinkKey]) -> [u8; OFFER] {
        offer(keys, &[1; 32], &[2; 32], &FILL)
    }

    /// Both ends of a link.
    fn linked(of: u8) -> (LinkRecords, LinkRecords) {
        let keys = [key(of, "1001")];
        let offer = offered(&keys);
        let (own, public) = answering(&keys, &offer).unwrap();
        assert_eq!(public, [2; 32]);
        let (answer, far) = answer(own, &offer, &[3; 32], &[4; 32], &SHARED);
        assert_eq!(answered_public(&answer), [4; 32]);
        let (_, near) = proven(&keys, &offer, &answer, &SHARED).unwrap();
        (near, far)
    }

    fn sealed(by: &mut LinkRecords, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        by.sent.seal(content, &mut out);
        let head = [out[0], out[1]];
        assert_eq!(
            RecordSeal::length(head),
            Some(out.len() - RECORD_HEAD),
            "of {}",
            content.len()
        );
        out.split_off(RECORD_HEAD)
    }

    #[test]
    fn the_best_key_that_both_have_is_proven_and_no_other() {
        let file = || key(1, "1001");
        let other = || key(1, "1002");
        let enrolled = || LinkKey::of_enrolment("1001", "hash");
        let table = [
            (
                vec![file(), enrolled()],
                vec![file(), enrolled()],
                Some(LinkTrust::KeyFile),
            ),
            (
                vec![key(2, "1001"), enrolled()],
                vec![file(), enrolled()],
                Some(LinkTrust::Enrolment),
            ),
            (
                vec![enrolled()],
                vec![file(), enrolled()],
                Some(LinkTrust::Enrolment),
            ),
            (
                vec![enrolled(), file()],
                vec![file()],
                Some(LinkTrust::KeyFile),
            ),
            // Two sites in one network, and two organisations of one file.
            (vec![key(2, "1001")], vec![file()], None),
            (vec![other()], vec![file()], None),
            (
                vec![LinkKey::of_enrolment("1001", "other")],
                vec![enrolled()],
                None,
            ),
            (
                vec![LinkKey::of_enrolment("1002", "hash")],
                vec![enrolled()],
                None,
            ),
            (vec![], vec![file()], None),
            (vec![file()], vec![], None),
        ];
        for (at, (connects, answers, expected)) in table.into_iter().enumerate() {
            let offer = offered(&connects);
            let own = answering(&answers, &offer);
            assert_eq!(own.map(|(key, _)| key.trust), expected, "case {at}");
            let Some((own, _)) = own else { continue };
            let (answer, _) = answer(own, &offer, &[3; 32], &[4; 32], &SHARED);
            let trust = proven(&connects, &offer, &answer, &SHARED).map(|(key, _)| key.trust);
            assert_eq!(trust, expected, "case {at}");
        }
    }

    #[test]
    fn an_answer_never_costs_more_than_was_sent() {
        const { assert!(OFFER_ANSWER < OFFER) };
    }

    proptest! {
        /// Any bit of offer, answer or exchange that differs, and there is no link.
        #[test]
        fn what_was_changed_proves_nothing(at in 0..OFFER, bit in 0u8..8, place in 0..OFFER_ANSWER) {
            let keys = [key(1, "1001")];
            let offer = offered(&keys);
            let (own, _) = answering(&keys, &offer).unwrap();
            let (answer, _) = answer(own, &offer, &[3; 32], &[4; 32], &SHARED);
            let mut changed = offer;
            changed[at] ^= 1 << bit;
            // Bytes of tags that nobody has a key for are anything.
            if at < BEFORE_TAGS + PROOF_TAG {
                prop_assert!(answering(&keys, &changed).is_none());
            }
            prop_assert!(proven(&keys, &changed, &answer, &SHARED).is_none());
            let mut changed = answer;
            changed[place] ^= 1 << bit;
            prop_assert!(proven(&keys, &offer, &changed, &SHARED).is_none());
            let mut shared = SHARED;
            shared[place % 32] ^= 1 << bit;
            prop_assert!(proven(&keys, &offer, &answer, &shared).is_none());
        }

        #[test]
        fn records_open_in_their_order_alone(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6), at in any::<usize>()) {
            let (mut near, mut far) = linked(1);
            let records: Vec<_> = contents.iter().map(|one| sealed(&mut near, one)).collect();
            for (record, content) in records.iter().zip(&contents) {
                prop_assert_eq!(&far.received.open(record).unwrap(), content);
            }
            let repeated = &records[at % records.len()];
            prop_assert!(far.received.open(repeated).is_none());
        }
    }

    #[test]
    fn a_record_that_is_sent_back_or_is_of_another_link_opens_nowhere() {
        let (mut near, mut far) = linked(1);
        let record = sealed(&mut near, b"hello");
        assert!(near.received.open(&record).is_none(), "reflected");
        let (_, mut other) = linked(2);
        assert!(other.received.open(&record).is_none(), "of another key");
        // The same site once more, with other nonces.
        let keys = [key(1, "1001")];
        let offer = offer(&keys, &[1; 32], &[2; 32], &FILL);
        let (_, mut again) = answer(&keys[0], &offer, &[7; 32], &[4; 32], &SHARED);
        assert!(again.received.open(&record).is_none(), "replayed");
        assert_eq!(far.received.open(&record).unwrap(), b"hello");
    }

    #[test]
    fn no_length_is_believed_beyond_a_record() {
        let table = [
            (0, None),
            (RECORD_TAG - 1, None),
            (RECORD_TAG, Some(RECORD_TAG)),
            (
                RECORD_CONTENT + RECORD_TAG,
                Some(RECORD_CONTENT + RECORD_TAG),
            ),
            (RECORD_CONTENT + RECORD_TAG + 1, None),
            (65_535, None),
        ];
        for (length, expected) in table {
            let head = (length as u16).to_be_bytes();
            assert_eq!(RecordSeal::length(head), expected, "{length}");
        }
        let (mut near, mut far) = linked(1);
        let whole = sealed(&mut near, &[7; RECORD_CONTENT + 1]);
        assert_eq!(far.received.open(&whole).unwrap().len(), RECORD_CONTENT);
    }
}
