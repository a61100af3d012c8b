//! The site key of an organisation's boxes, and the one form in which something leaves a box: a sealed object.
//! Never draws a key or a nonce, and never says of a file that does not open more than that it does not.
//! Called by `vault` for second copies, and by `engine` for the key file (design 4.5).
//!
//! # A sealed object
//!
//! | Bytes | What |
//! |---|---|
//! | 8 | `BOXSITE` and the version, 1 |
//! | 8 | the print of the organisation's key: which of several opens it |
//! | 12 | nonce |
//! | … | AES-256-GCM: the head below, the body, zeros up to a file of whole 4 KiB |
//! | 16 | tag |
//!
//! The head: kind (1), generation (8, little endian), Unix seconds (8), length of the box id (1), the box id, length of the
//! body (4). The first 16 bytes and the name of the file are bound to it: under another name it does not open. A name is a keyed
//! hash over everything that the object is (kind, box, item, content); what a stranger learns is how many there are, their sizes
//! up to 4 KiB, and when they were written.

pub mod link;
pub mod talk;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seal::{Key, NONCE, NameHash, OVERHEAD, Sealer};

/// What a line of the key file begins with.
const LINE: &str = "boxsync-site-key-1";
const MAGIC: [u8; 8] = *b"BOXSITE\x01";
const HEADER: usize = MAGIC.len() + PRINT;
const PRINT: usize = 8;
/// The size of a file is a whole number of these bytes.
pub const GRANULE: usize = 4096;

/// A key of the file.
#[derive(Debug, Clone)]
pub struct SiteKey(Key);

impl SiteKey {
    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Key::new(bytes))
    }

    /// The keys of a file, the one in force first; `None` where it is no such file, or names none.
    pub fn read(text: &str) -> Option<Vec<Self>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let key = |line: &str| {
            let encoded = line.strip_prefix(LINE)?.trim();
            let bytes = STANDARD.decode(encoded).ok()?;
            Some(Self::new(bytes.try_into().ok()?))
        };
        let keys = lines.map(key).collect::<Option<Vec<_>>>()?;
        (!keys.is_empty()).then_some(keys)
    }

    /// A file of these keys.
    pub fn file(keys: &[Self]) -> String {
        let line = |key: &Self| format!("{LINE} {}\n", STANDARD.encode(key.0.expose()));
        keys.iter().map(line).collect()
    }

    /// `new` before those of `former` that are not among them.
    pub fn before(new: Vec<Self>, former: Vec<Self>) -> Vec<Self> {
        let mut keys: Vec<Self> = Vec::with_capacity(new.len() + former.len());
        for key in new.into_iter().chain(former) {
            if keys.iter().all(|held| held.0.expose() != key.0.expose()) {
                keys.push(key);
            }
        }
        keys
    }

    /// What people compare: four groups of four hex digits.
    pub fn fingerprint(&self) -> String {
        let hex = self.0.name("site", "fingerprint").to_string();
        [&hex[..4], &hex[4..8], &hex[8..12], &hex[12..16]].join("-")
    }

    /// The key of one organisation: HKDF-SHA-256 of this one with its id (RFC 5869).
    pub fn of_organisation(&self, id: &str) -> OrganisationKey {
        let info = [b"boxsync site 1 organisation\0", id.as_bytes()].concat();
        let key = hkdf([0; 32], self.0.expose(), &info);
        let print = key.name("site", "print").0;
        let mut own = [0; PRINT];
        own.copy_from_slice(&print[..PRINT]);
        OrganisationKey {
            sealer: Sealer::new(&key.derive(b"boxsync site 1 objects")),
            names: key.derive(b"boxsync site 1 names"),
            links: key.derive(b"boxsync site 1 links"),
            print: own,
        }
    }
}

/// HKDF with SHA-256, of one block of output (RFC 5869 2).
fn hkdf(salt: [u8; 32], secret: &[u8], info: &[u8]) -> Key {
    let extracted = Key::new(salt).derive(secret);
    extracted.derive(&[info, &[1]].concat())
}

/// Seals and opens the objects of one organisation.
#[derive(Clone)]
pub struct OrganisationKey {
    sealer: Sealer,
    names: Key,
    links: Key,
    print: [u8; PRINT],
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ObjectKind {
    /// Something that a box owes to central.
    Item = 1,
    /// What a box says of its copies, and that it lives.
    Proof = 2,
    /// What a stick holds of an organisation's data: it names everything else of it.
    Head = 3,
    /// Entities or classes of the catalogue.
    Entities = 4,
    /// A span of a package.
    Span = 5,
    /// Something that a box owes to central and handed over on a stick.
    Handed = 6,
    /// What another box says that central has of that.
    Arrived = 7,
}

impl ObjectKind {
    const ALL: [Self; 7] = [
        Self::Item,
        Self::Proof,
        Self::Head,
        Self::Entities,
        Self::Span,
        Self::Handed,
        Self::Arrived,
    ];

    /// What its names begin with under the hash.
    fn word(self) -> &'static str {
        [
            "", "item", "proof", "head", "entities", "span", "handed", "arrived",
        ][self as usize]
    }
}

/// What leaves a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteObject {
    /// What it is.
    pub kind: ObjectKind,
    /// The box that made it; at most 255 bytes.
    pub box_id: String,
    /// Grows with each proof of that box.
    pub generation: u64,
    /// When it was made or came, Unix seconds.
    pub at: i64,
    /// What it holds.
    pub body: Vec<u8>,
}

/// Why a file is no object of this site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectFlaw {
    /// No object at all, or one of another version.
    Foreign,
    /// Sealed with a key that is not at hand.
    OtherKey,
    /// It was changed, or has another name than it was made with.
    Changed,
}

impl OrganisationKey {
    /// The name of an object: a keyed hash over what it is.
    pub fn name(&self, kind: ObjectKind, what: &[&str]) -> NameHash {
        self.names.name(kind.word(), &what.join("\0"))
    }

    /// Whether an object was sealed with this key, as its first bytes say.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        bytes.get(MAGIC.len()..HEADER) == Some(&self.print)
    }

    /// The bytes of a file of this name.
    pub fn seal(&self, nonce: [u8; NONCE], name: NameHash, object: &SiteObject) -> Vec<u8> {
        let mut record = nonce.to_vec();
        record.push(object.kind as u8);
        record.extend(object.generation.to_le_bytes());
        record.extend(object.at.to_le_bytes());
        let id = &object.box_id.as_bytes()[..object.box_id.len().min(255)];
        record.push(id.len() as u8);
        record.extend(id);
        record.extend((object.body.len() as u32).to_le_bytes());
        record.extend(&object.body);
        let whole = HEADER + record.len() + OVERHEAD - NONCE;
        record.resize(record.len() + whole.next_multiple_of(GRANULE) - whole, 0);
        let mut file = self.header();
        self.sealer.seal_in_place(&self.place(name), &mut record);
        file.extend(record);
        file
    }

    /// Bytes of the file of an object.
    pub fn sealed_size(box_id: &str, body: u64) -> u64 {
        let head = 1 + 8 + 8 + 1 + box_id.len().min(255) + 4;
        let around = (HEADER + OVERHEAD + head) as u64;
        (around + body).next_multiple_of(GRANULE as u64)
    }

    fn header(&self) -> Vec<u8> {
        [MAGIC, self.print].concat()
    }

    /// What an object is bound to.
    fn place(&self, name: NameHash) -> Vec<u8> {
        [self.header(), name.0.to_vec()].concat()
    }

    fn open(&self, name: NameHash, bytes: &[u8]) -> Option<SiteObject> {
        let plain = self.sealer.open(&self.place(name), bytes.get(HEADER..)?);
        let plain = plain.ok()?;
        let (kind, rest) = plain.split_first()?;
        let kind = ObjectKind::ALL
            .into_iter()
            .find(|one| *one as u8 == *kind)?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (id, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first_chunk()?;
        let body = rest.get(..u32::from_le_bytes(*length) as usize)?;
        Some(SiteObject {
            kind,
            box_id: String::from_utf8(id.to_vec()).ok()?,
            generation: u64::from_le_bytes(*generation),
            at: i64::from_le_bytes(*at),
            body: body.to_vec(),
        })
    }
}

/// Opens a file with the one of these keys that made it.
///
/// # Errors
/// Why it is no object of this site.
pub fn open(
    keys: &[OrganisationKey],
    name: NameHash,
    bytes: &[u8],
) -> Result<SiteObject, ObjectFlaw> {
    if !bytes.starts_with(&MAGIC) {
        return Err(ObjectFlaw::Foreign);
    }
    let key = keys.iter().find(|key| key.is_of(bytes));
    let key = key.ok_or(ObjectFlaw::OtherKey)?;
    key.open(name, bytes).ok_or(ObjectFlaw::Changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    }

    /// RFC 5869 A.3.
    #[test]
    fn an_organisation_has_a_key_of_hkdf() {
        let key = hkdf([0; 32], &[0x0b; 22], &[]);
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
        assert_eq!(key.expose().to_vec(), hex(expected));
    }

    #[test]
    fn a_key_file_reads_as_it_was_written_and_nothing_else_does() {
        let keys = [SiteKey::new([1; 32]), SiteKey::new([2; 32])];
        let file = SiteKey::file(&keys);
        assert_eq!(file.lines().count(), 2);
        let read = SiteKey::read(&file).unwrap();
        let prints = |keys: &[SiteKey]| keys.iter().map(SiteKey::fingerprint).collect::<Vec<_>>();
        assert_eq!(prints(&read), prints(&keys));
        assert_ne!(prints(&keys)[0], prints(&keys)[1]);
        for foreign in ["", "\n", "boxsync-site-key-1 AAAA", "AAAA", &file[..60]] {
            assert!(SiteKey::read(foreign).is_none(), "{foreign:?}");
        }
        assert!(
            SiteKey::read(&format!("{file}x")).is_none(),
            "one line is foreign"
        );
        let after = SiteKey::before(vec![SiteKey::new([2; 32])], read);
        assert_eq!(
            prints(&after),
            [prints(&keys)[1].clone(), prints(&keys)[0].clone()]
        );
    }

    fn object(body: usize) -> SiteObject {
        SiteObject {
            kind: ObjectKind::Item,
            box_id: "b".into(),
            generation: 7,
            at: -3,
            body: vec![9; body],
        }
    }

    #[test]
    fn an_object_opens_under_its_name_with_its_key_and_no_other() {
        let key = SiteKey::new([1; 32]).of_organisation("1001");
        let other = SiteKey::new([1; 32]).of_organisation("1002");
        let name = key.name(ObjectKind::Item, &["b", "e"]);
        assert_ne!(name, key.name(ObjectKind::Proof, &["b", "e"]));
        assert_ne!(name, other.name(ObjectKind::Item, &["b", "e"]));
        let sealed = key.seal([3; NONCE], name, &object(100));
        let keys = [other, key];
        assert_eq!(open(&keys, name, &sealed), Ok(object(100)));
        assert_eq!(open(&keys[..1], name, &sealed), Err(ObjectFlaw::OtherKey));
        let elsewhere = keys[1].name(ObjectKind::Item, &["b", "f"]);
        assert_eq!(open(&keys, elsewhere, &sealed), Err(ObjectFlaw::Changed));
        assert_eq!(open(&keys, name, b"text"), Err(ObjectFlaw::Foreign));
        for at in [0, 7, 8, 15, 16, 40, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&keys, name, &changed).is_err(), "{at}");
        }
        assert!(open(&keys, name, &sealed[..GRANULE / 2]).is_err());
    }

    #[test]
    fn a_size_tells_no_more_than_whole_granules() {
        let key = SiteKey::new([1; 32]).of_organisation("1001");
        let name = key.name(ObjectKind::Item, &["b"]);
        let size = |body| {
            let size = key.seal([3; NONCE], name, &object(body)).len();
            let told = OrganisationKey::sealed_size("b", body as u64);
            assert_eq!(size as u64, told, "{body}");
            size
        };
        // The header, nonce and tag, and the head with its box id of one byte.
        let around = HEADER + OVERHEAD + 1 + 8 + 8 + 1 + 1 + 4;
        assert_eq!(size(0), GRANULE);
        assert_eq!(size(GRANULE - around), GRANULE);
        assert_eq!(size(GRANULE - around + 1), 2 * GRANULE);
    }
}
