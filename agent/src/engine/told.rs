//! What this box tells its siblings of the package under way: files of /run that the worker writes and the daemon reads.
//! Never a reason for a download to fail, and never outlives a boot: what is not told is fetched from central by others.
//! Written by `download`, read by `give`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use logic::download::SiblingNews;
use logic::sibling::{FETCHED_AT_ONCE, FetchedRecord, PackageHoldings, RecordClaim};
use logic::zip::PackageIdentity;
use serde::{Deserialize, Serialize};

use system::clock;
use system::root::{Root, read_at_most, write_for_all};
use vault::package::Meta;

/// Bytes of one entry: its record, its digest.
const ENTRY: usize = 36;
/// Epoch, size, tail and edition.
const HEAD: usize = 8 + 8 + 32 + 16;
/// Claims with their head fit into this.
const CLAIMS_LIMIT: u64 = 16 << 10;
/// Who has not been heard of for so long, in milliseconds, fetches nothing.
const BEAT: u64 = 20_000;

/// What changes all the time.
#[derive(Default, Serialize, Deserialize)]
struct Standing {
    epoch: u64,
    /// Milliseconds since boot.
    at: u64,
    /// Records, and until when they are claimed: first, count, milliseconds since boot.
    claims: Vec<(u32, u32, u64)>,
}

fn list_path(root: &Root) -> PathBuf {
    root.socket().with_file_name("siblings.list")
}

fn standing_path(root: &Root) -> PathBuf {
    root.socket().with_file_name("siblings.json")
}

fn now_ms() -> u64 {
    clock::now().mono.as_millis() as u64
}

/// What the worker tells.
pub(super) struct ToldList {
    root: Root,
    list: Option<File>,
    standing: Standing,
}

impl ToldList {
    /// Nothing is under way.
    pub(super) fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            list: None,
            standing: Standing::default(),
        }
    }

    /// A package is under way; what was told of it before counts no more.
    pub(super) fn begins(&mut self, meta: &Meta) {
        let Some(tail) = meta.tail else { return };
        let epoch = u64::from_le_bytes(vault::random());
        let size = meta.size;
        let head = [
            &epoch.to_le_bytes()[..],
            &size.to_le_bytes(),
            &tail,
            &meta.edition,
        ]
        .concat();
        self.standing = Standing {
            epoch,
            ..Standing::default()
        };
        self.list = new_list(&list_path(&self.root), &head);
        self.beats();
    }

    pub(super) fn tell(&mut self, news: &SiblingNews) {
        let entry = |one: &FetchedRecord| [&one.record.to_le_bytes()[..], &one.digest].concat();
        let entries: Vec<u8> = news.fetched.iter().flat_map(entry).collect();
        if !entries.is_empty()
            && let Some(list) = &mut self.list
            && list.write_all(&entries).is_err()
        {
            // Half an entry would be a wrong one.
            self.list = None;
        }
        let now = now_ms();
        let claim = |claim: &RecordClaim| (claim.first, claim.count, now + u64::from(claim.lasts));
        self.standing.claims = news.claims.iter().map(claim).collect();
        self.beats();
    }

    /// It is still under way.
    pub(super) fn beats(&mut self) {
        self.standing.at = now_ms();
        if self.list.is_some()
            && let Ok(text) = serde_json::to_vec(&self.standing)
        {
            let _ = write_for_all(&standing_path(&self.root), &text);
        }
    }

    /// Nothing is under way any more.
    pub(super) fn ends(&mut self) {
        self.list = None;
        let _ = std::fs::remove_file(standing_path(&self.root));
        let _ = std::fs::remove_file(list_path(&self.root));
    }
}

fn new_list(path: &Path, head: &[u8]) -> Option<File> {
    let _ = std::fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.append(true).create_new(true).mode(0o600);
    let mut file = options.open(path).ok()?;
    file.write_all(head).ok()?;
    Some(file)
}

/// What the worker told, for whoever answers siblings.
pub(super) struct ToldPackage {
    file: File,
    entries: u64,
    epoch: u64,
    pub(super) package: PackageIdentity,
    pub(super) edition: [u8; 16],
    root: Root,
}

impl ToldPackage {
    /// That of the package under way; none where nothing is.
    pub(super) fn read(root: &Root) -> Option<Self> {
        let mut file = File::open(list_path(root)).ok()?;
        let mut head = [0; HEAD];
        file.read_exact(&mut head).ok()?;
        let length = file.metadata().ok()?.len();
        let (epoch, rest) = head.split_first_chunk::<8>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (tail, edition) = rest.split_first_chunk::<32>()?;
        Some(Self {
            entries: length.saturating_sub(HEAD as u64) / ENTRY as u64,
            file,
            epoch: u64::from_le_bytes(*epoch),
            package: PackageIdentity {
                size: u64::from_le_bytes(*size),
                tail: *tail,
            },
            edition: edition.try_into().ok()?,
            root: root.clone(),
        })
    }

    /// What it answers to who has so many entries of an epoch.
    pub(super) fn holdings(&mut self, epoch: u64, entries: u32) -> PackageHoldings {
        let skip = match epoch == self.epoch {
            true => u64::from(entries).min(self.entries),
            false => 0,
        };
        let count = (self.entries - skip).min(FETCHED_AT_ONCE as u64);
        let fetched = self.entries_from(skip, count);
        let (mut claims, mut is_fetching) = (Vec::new(), false);
        let text = read_at_most(&standing_path(&self.root), CLAIMS_LIMIT).ok();
        let standing = text.and_then(|text| serde_json::from_slice::<Standing>(&text).ok());
        let now = now_ms();
        if let Some(standing) = standing.filter(|standing| standing.epoch == self.epoch) {
            is_fetching = now.saturating_sub(standing.at) < BEAT;
            let lasting = standing.claims.iter().filter(|(.., until)| *until > now);
            claims.extend(lasting.map(|(first, count, until)| RecordClaim {
                first: *first,
                count: *count,
                lasts: (until - now) as u32,
            }));
        }
        PackageHoldings {
            epoch: self.epoch,
            from: skip as u32,
            is_more: skip + (fetched.len() as u64) < self.entries,
            fetched,
            is_whole: false,
            is_fetching,
            claims,
        }
    }

    fn entries_from(&mut self, skip: u64, count: u64) -> Vec<FetchedRecord> {
        let mut bytes = vec![0; count as usize * ENTRY];
        let at = SeekFrom::Start(HEAD as u64 + skip * ENTRY as u64);
        let read = self
            .file
            .seek(at)
            .and_then(|_| self.file.read_exact(&mut bytes));
        if read.is_err() {
            return Vec::new();
        }
        let entry = |bytes: &[u8]| {
            let (record, digest) = bytes.split_first_chunk::<4>()?;
            Some(FetchedRecord {
                record: u32::from_le_bytes(*record),
                digest: digest.try_into().ok()?,
            })
        };
        bytes.chunks_exact(ENTRY).filter_map(entry).collect()
    }

    /// Whether all of these records came from central.
    pub(super) fn has(&mut self, first: u64, last: u64) -> bool {
        let mut missing: Vec<u64> = (first..=last).collect();
        let mut at = 0;
        while at < self.entries && !missing.is_empty() {
            let count = (self.entries - at).min(FETCHED_AT_ONCE as u64);
            for one in self.entries_from(at, count) {
                missing.retain(|record| *record != u64::from(one.record));
            }
            at += count;
        }
        missing.is_empty()
    }
}
