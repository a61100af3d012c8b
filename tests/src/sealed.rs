//! What somebody reads who has the state folder and its key: every file raw, and every place in it as the beginning of a
//! sealed record. Formats play no part: what a box left lying in any of them is found.
//! Never code of the product: AES-256-GCM without its tag is AES in counter mode (NIST SP 800-38D 7.2).
//! Used by the tests of encrypted results.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Site;

const NONCE: usize = 12;
const BLOCK: usize = 16;
/// What each kind of file is sealed for.
const PURPOSES: [&str; 8] = [
    "spool",
    "entry",
    "index",
    "history",
    "feed",
    "edition",
    "entity",
    "package meta",
];
/// A file that is sealed as a whole begins with its record, or close behind its head: it is read whole.
const BEGIN: usize = 64;
/// Bytes of plain text from the beginning of a record, wherever in a file that may be, at which one block is looked at.
const LOOKS: [usize; 4] = [512, 1024, 2048, 4096];

/// A search that is made again and again: what was searched and is as it was is not searched anew.
pub struct Search<'a> {
    site: &'a Site,
    words: Vec<String>,
    clean: BTreeMap<PathBuf, Vec<u8>>,
}

impl<'a> Search<'a> {
    /// For texts that repeat one of these words.
    #[must_use]
    pub fn new(site: &'a Site, words: &[&str]) -> Self {
        Self {
            site,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            clean: BTreeMap::new(),
        }
    }

    /// Files of the box that hold a text which repeats a word over more than 4 KiB: raw, or sealed with a key of the box.
    /// The first kilobytes of a file that is sealed as a whole are searched for a single one.
    ///
    /// # Panics
    /// When the folder has no key.
    #[must_use]
    pub fn readable(&mut self) -> Vec<PathBuf> {
        let keys = keys(self.site);
        let mut found = Vec::new();
        for path in self.site.files() {
            // What went meanwhile is not there.
            let bytes = fs::read(&path).unwrap_or_default();
            if self.clean.get(&path) == Some(&bytes) {
                continue;
            }
            match holds(&bytes, &keys, &self.words) {
                true => found.push(path),
                false => {
                    self.clean.insert(path, bytes);
                }
            }
        }
        found
    }
}

/// What a box derives from its data key, one for each purpose.
fn keys(site: &Site) -> Vec<Aes256> {
    let read = |name| fs::read(site.state(name)).expect("the box has its key");
    let (envelope, wrapped) = (read("boxsync.key"), read("data.key"));
    let key: [u8; 32] = envelope.try_into().expect("an envelope key has 32 bytes");
    let data = plain(&Aes256::new(&key.into()), &wrapped[..NONCE + 32]);
    let purpose = |purpose: &&str| {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&data).expect("any length will do");
        mac.update(format!("boxsync/1 {purpose}").as_bytes());
        let derived: [u8; 32] = mac.finalize().into_bytes().into();
        Aes256::new(&derived.into())
    };
    PURPOSES.iter().map(purpose).collect()
}

fn holds(bytes: &[u8], keys: &[Aes256], words: &[String]) -> bool {
    let is_named = |text: &[u8]| {
        let among = |word: &String| text.windows(word.len()).any(|part| part == word.as_bytes());
        words.iter().any(among)
    };
    let repeated = |word: &String| {
        let text = word.repeat(BLOCK);
        let block = |at| text.as_bytes()[at..at + BLOCK].try_into().ok();
        (0..word.len())
            .filter_map(block)
            .collect::<Vec<[u8; BLOCK]>>()
    };
    let blocks: BTreeSet<[u8; BLOCK]> = words.iter().flat_map(repeated).collect();
    let is_sealed = |at: usize| {
        let Some((nonce, sealed)) = bytes[at..].split_first_chunk::<NONCE>() else {
            return false;
        };
        // Empty room is no nonce.
        let looks = LOOKS.iter().filter_map(|from| {
            let block = sealed.get(*from..)?.first_chunk::<BLOCK>()?;
            Some((from / BLOCK, block))
        });
        let is_word =
            |key: &Aes256, at, block: &[u8; BLOCK]| blocks.contains(&opened(key, nonce, at, block));
        *nonce != [0; NONCE]
            && looks
                .clone()
                .any(|(at, block)| keys.iter().any(|key| is_word(key, at, block)))
    };
    let is_whole = |at: usize| {
        let record = bytes.get(at..).unwrap_or_default();
        record.len() > NONCE && keys.iter().any(|key| is_named(&plain(key, record)))
    };
    is_named(bytes) || (0..BEGIN).any(is_whole) || (BEGIN..bytes.len()).any(is_sealed)
}

/// The plain bytes of a record, the first kilobytes at most.
fn plain(key: &Aes256, record: &[u8]) -> Vec<u8> {
    let (nonce, sealed) = record.split_first_chunk().expect("a record has a nonce");
    let blocks = sealed.chunks_exact(BLOCK).take(256).enumerate();
    let open = |(at, block): (usize, &[u8])| {
        let block = block.try_into().expect("a chunk has its size");
        opened(key, nonce, at, &block)
    };
    blocks.flat_map(open).collect()
}

/// One block of a record.
fn opened(key: &Aes256, nonce: &[u8; NONCE], at: usize, block: &[u8; BLOCK]) -> [u8; BLOCK] {
    // The first counter is that of the tag.
    let counter = u32::try_from(at + 2).expect("a record is short");
    let mut stream = [0; BLOCK];
    stream[..NONCE].copy_from_slice(nonce);
    stream[NONCE..].copy_from_slice(&counter.to_be_bytes());
    let mut stream = stream.into();
    key.encrypt_block(&mut stream);
    let stream: [u8; BLOCK] = stream.into();
    std::array::from_fn(|byte| block[byte] ^ stream[byte])
}
