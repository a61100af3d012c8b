//! The change feed: numbered, sealed changes in segments, and one head that says how far they were published.
//! Never shows half a publication, never gives a number out twice in one epoch, and never needs a lock to be read.
//! Called by the run that publishes, under the lock of the state folder, and by the daemon that serves followers.

use std::collections::BTreeMap;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::iter::Peekable;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use logic::entity::EntityType;
use logic::fault::{Code, Fault, FileAct};
use logic::feed::{Extent, Position};
use logic::seal::Sealer;
use serde::{Deserialize, Serialize};

use super::catalogue::FileStamp;
use super::frames::{Frames, push};
use super::{Vault, random};
use system::root::{make_folder, open_regular, read_regular, sync_folder, trouble, write_durably};

/// Changes kept, at least: a follower that is further behind reads everything again.
const CHANGES_KEPT: u64 = 100_000;
/// Changes in one segment: whoever goes on passes over at most so many.
const CHANGES_PER_SEGMENT: u64 = 4096;
/// Bytes gathered before they are handed to the kernel.
const GATHER: usize = 256 << 10;
/// What the head is sealed to. Another shape of it is another place: the feed then begins a new epoch.
const HEAD_PLACE: &[u8] = b"feed head 1";

/// What happened to one entity in one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Created or updated.
    Put,
    /// No longer there.
    Remove,
}

/// One line of the change feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedChange {
    /// Type of the entity.
    pub kind: EntityType,
    /// URI of the entity.
    pub id: String,
    /// What happened.
    pub op: Op,
    /// The generation that shows it.
    pub generation: u64,
}

/// What one publication does to the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedUpdate {
    /// The generation that was shown before.
    pub before: u64,
    /// The generation that is shown now.
    pub generation: u64,
    /// Nothing was shown before.
    pub from_empty: bool,
    /// The changes name everything that differs between the two; if not, a new epoch begins.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Head {
    epoch: u64,
    /// The generation that the changes lead to.
    generation: u64,
    /// The epoch began at an empty catalogue.
    whole: bool,
    newest: u64,
    /// Of the place behind the newest change.
    tag: u64,
    segments: Vec<FeedSegment>,
    /// The file of the last segment, as it was when this was written.
    written: FileMark,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FeedSegment {
    /// Its file; never used for another one.
    file: u64,
    /// Number and tag of the place before its first change.
    before: u64,
    tag: u64,
    /// Bytes that were published.
    length: u64,
}

/// Tells a file from a copy of it that was put in its place: a folder that was put back does not know what was
/// appended after the copy was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct FileMark {
    inode: u64,
    /// Seconds and nanoseconds, where the file system tells.
    born: Option<(u64, u32)>,
}

impl FileMark {
    fn of(file: &Metadata) -> Self {
        let born = file.created().ok().and_then(|born| {
            let since = born.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some((since.as_secs(), since.subsec_nanos()))
        });
        Self {
            inode: file.ino(),
            born,
        }
    }

    fn is(&self, file: &Metadata) -> bool {
        let now = Self::of(file);
        let same_birth = match (self.born, now.born) {
            (Some(then), Some(now)) => then == now,
            _ => true,
        };
        self.inode == now.inode && same_birth
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct FeedRecord {
    tag: u64,
    change: FeedChange,
}

/// The folder `feed/`.
#[derive(Clone)]
pub struct Feed {
    folder: PathBuf,
    sealer: Sealer,
    kept: u64,
    per_segment: u64,
}

impl Feed {
    /// The feed of a state folder; nothing is made.
    pub fn of(vault: &Vault) -> Self {
        Self {
            folder: vault.home().join("feed"),
            sealer: vault.home_sealer("feed"),
            kept: CHANGES_KEPT,
            per_segment: CHANGES_PER_SEGMENT,
        }
    }

    /// Appends the changes of one publication, durably and as a whole. Where they do not follow on what the feed holds
    /// (a power cut came between the catalogue and the feed, the folder was put back, the head does not open), a new
    /// epoch begins: followers then read everything again. Only one process may do so at a time.
    ///
    /// # Errors
    /// The first change that is a trouble, or what the file system says; the next publication then begins a new epoch.
    pub fn append(
        &self,
        step: FeedUpdate,
        changes: impl Iterator<Item = Result<FeedChange, Fault>>,
    ) -> Result<(), Fault> {
        let mut changes = changes.peekable();
        make_folder(&self.folder)?;
        let mut head = match self.head()? {
            Some(head) if self.continues(&head, step) => head,
            _ => begun(step),
        };
        if changes.peek().is_some() || head.segments.is_empty() {
            self.write(&mut head, &mut changes)?;
        }
        head.generation = step.generation;
        while head
            .segments
            .get(1)
            .is_some_and(|second| head.newest - second.before >= self.kept)
        {
            head.segments.remove(0);
        }
        let plain = postcard::to_allocvec(&head).expect("plain data always serialises");
        let sealed = self.sealer.seal(random(), HEAD_PLACE, &plain);
        write_durably(&self.folder.join("head"), &sealed)?;
        for (number, path) in self.files()? {
            if head.segments.iter().all(|segment| segment.file != number) {
                fs::remove_file(&path).map_err(|error| trouble(&path, FileAct::Remove, &error))?;
            }
        }
        Ok(())
    }

    /// What was published last; `None` before the first publication, and where the head does not open.
    ///
    /// # Errors
    /// What the file system says.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, Fault> {
        let feed = self.clone();
        Ok(self.head()?.map(|head| Snapshot { feed, head }))
    }

    /// Which head is the last; another one after every `append`.
    pub fn stamp(state: &Path) -> Option<FileStamp> {
        FileStamp::at(state.join("feed").join("head"))
    }

    fn head(&self) -> Result<Option<Head>, Fault> {
        let path = self.folder.join("head");
        let sealed = match read_regular(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble(&path, FileAct::Read, &error)),
        };
        let plain = self.sealer.open(HEAD_PLACE, &sealed).ok();
        let head = plain.and_then(|plain| postcard::from_bytes(&plain).ok());
        if head.is_none() {
            tracing::warn!(
                code = %Code::StoreDamaged,
                "{}: does not open: followers of the change feed read everything again",
                path.display()
            );
        }
        Ok(head)
    }

    fn continues(&self, head: &Head, step: FeedUpdate) -> bool {
        let own = |last: &FeedSegment| {
            let file = fs::metadata(self.path(last.file)).ok();
            file.is_some_and(|file| head.written.is(&file) && file.len() >= last.length)
        };
        step.complete && head.generation == step.before && head.segments.last().is_some_and(own)
    }

    /// Appends the lines; readers see them once the head says so.
    fn write(
        &self,
        head: &mut Head,
        changes: &mut Peekable<impl Iterator<Item = Result<FeedChange, Fault>>>,
    ) -> Result<(), Fault> {
        let tag = u64::from_le_bytes(random());
        loop {
            let used = head.segments.last().map(|last| head.newest - last.before);
            let room = match used {
                Some(used) if used < self.per_segment => self.per_segment - used,
                _ => {
                    self.begin_segment(head)?;
                    self.per_segment
                }
            };
            self.write_segment(head, changes.by_ref().take(room as usize), tag)?;
            if changes.peek().is_none() {
                return Ok(());
            }
        }
    }

    fn begin_segment(&self, head: &mut Head) -> Result<(), Fault> {
        let last = self.files()?.into_keys().next_back();
        let segment = FeedSegment {
            file: last.map_or(1, |last| last + 1),
            before: head.newest,
            tag: head.tag,
            length: 0,
        };
        let path = self.path(segment.file);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| trouble(&path, FileAct::Make, &error))?;
        head.segments.push(segment);
        sync_folder(&path)
    }

    fn write_segment(
        &self,
        head: &mut Head,
        changes: impl Iterator<Item = Result<FeedChange, Fault>>,
        tag: u64,
    ) -> Result<(), Fault> {
        let Some(segment) = head.segments.last_mut() else {
            return Ok(());
        };
        let path = self.path(segment.file);
        let failed = |error: io::Error| trouble(&path, FileAct::Write, &error);
        let mut file = open_regular(OpenOptions::new().write(true), &path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > segment.length {
            // Written by a run that was cut before its head: nobody's.
            file.set_len(segment.length).map_err(failed)?;
        }
        file.seek(SeekFrom::Start(segment.length)).map_err(failed)?;
        let mut buffer = Vec::new();
        let mut hand_on = |buffer: &mut Vec<u8>| {
            segment.length += buffer.len() as u64;
            let written = file.write_all(buffer).map_err(failed);
            buffer.clear();
            written
        };
        for change in changes {
            head.newest += 1;
            head.tag = tag;
            let line = FeedRecord {
                tag,
                change: change?,
            };
            let plain = postcard::to_allocvec(&line).expect("plain data always serialises");
            let place = place(head.epoch, head.newest);
            push(&mut buffer, &self.sealer.seal(random(), &place, &plain));
            if buffer.len() >= GATHER {
                hand_on(&mut buffer)?;
            }
        }
        hand_on(&mut buffer)?;
        file.sync_all().map_err(failed)?;
        head.written = FileMark::of(&file.metadata().map_err(failed)?);
        Ok(())
    }

    fn files(&self) -> Result<BTreeMap<u64, PathBuf>, Fault> {
        let entries = fs::read_dir(&self.folder)
            .map_err(|error| trouble(&self.folder, FileAct::List, &error))?;
        let number = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            name.strip_suffix(".seg")?.parse().ok()
        };
        Ok(entries
            .filter_map(Result::ok)
            .filter_map(|entry| number(&entry.path()).map(|number| (number, entry.path())))
            .collect())
    }

    fn path(&self, file: u64) -> PathBuf {
        self.folder.join(format!("{file}.seg"))
    }
}

/// The head of a new epoch. What a catalogue held before has no numbers: then the place before the first change is 1,
/// so that 0, where everything would have to follow, is nowhere.
fn begun(step: FeedUpdate) -> Head {
    Head {
        epoch: (u64::from_le_bytes(random()) >> 12).max(1),
        generation: step.before,
        whole: step.from_empty,
        newest: u64::from(!step.from_empty),
        tag: u64::from_le_bytes(random()),
        segments: Vec::new(),
        written: FileMark::default(),
    }
}

/// Where one line belongs: elsewhere it does not open.
fn place(epoch: u64, number: u64) -> [u8; 20] {
    let mut place = *b"line\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    place[4..12].copy_from_slice(&epoch.to_le_bytes());
    place[12..].copy_from_slice(&number.to_le_bytes());
    place
}

/// The feed as it stood at one publication; what is appended later does not change it.
pub struct Snapshot {
    feed: Feed,
    head: Head,
}

impl Snapshot {
    /// The generation of the catalogue that the changes lead to.
    pub fn generation(&self) -> u64 {
        self.head.generation
    }

    /// What the feed holds.
    pub fn extent(&self) -> Extent {
        let first = self.head.segments.first();
        Extent {
            epoch: self.head.epoch,
            oldest: first.map_or(self.head.newest, |first| first.before) + 1,
            newest: self.head.newest,
            whole: self.head.whole,
        }
    }

    /// The place behind the change of this number; `None` where the feed does not reach, or is damaged.
    pub fn position(&self, number: u64) -> Option<Position> {
        let tag = self.tag(number)?;
        Some(Position {
            epoch: self.head.epoch,
            number,
            tag,
        })
    }

    /// What the place behind the change of this number bears; as `position`.
    pub fn tag(&self, number: u64) -> Option<u64> {
        if number == self.head.newest {
            return Some(self.head.tag);
        }
        let begins = |segment: &&FeedSegment| segment.before == number;
        if let Some(segment) = self.head.segments.iter().find(begins) {
            return Some(segment.tag);
        }
        let (at, line) = self.lines(number.checked_sub(1)?).next()?;
        (at == number).then_some(line.tag)
    }

    /// The changes after a number, in order, each with the place behind it. Ends early where the feed is damaged or
    /// was trimmed meanwhile: whoever asks for what follows there then hears that it has gone.
    pub fn changes(&self, after: u64) -> impl Iterator<Item = (Position, FeedChange)> + use<> {
        let epoch = self.head.epoch;
        self.lines(after).map(move |(number, line)| {
            let place = Position {
                epoch,
                number,
                tag: line.tag,
            };
            (place, line.change)
        })
    }

    fn lines(&self, after: u64) -> Lines {
        let segments = &self.head.segments;
        let from = segments.partition_point(|segment| segment.before <= after);
        Lines {
            feed: self.feed.clone(),
            epoch: self.head.epoch,
            segments: segments[from.saturating_sub(1)..].to_vec(),
            open: None,
            next: segments
                .get(from.saturating_sub(1))
                .map_or(after, |segment| segment.before)
                + 1,
            after,
        }
    }
}

/// Lines as they are read.
struct Lines {
    feed: Feed,
    epoch: u64,
    /// Not opened yet.
    segments: Vec<FeedSegment>,
    open: Option<Frames>,
    /// The number of the next line in the open segment.
    next: u64,
    after: u64,
}

impl Lines {
    fn read(&mut self) -> io::Result<Option<(u64, FeedRecord)>> {
        loop {
            let Some(frames) = &mut self.open else {
                if self.segments.is_empty() {
                    return Ok(None);
                }
                let segment = self.segments.remove(0);
                if segment.before + 1 != self.next {
                    return Ok(None);
                }
                let file =
                    open_regular(OpenOptions::new().read(true), &self.feed.path(segment.file))?;
                self.open = Some(Frames::new(file, segment.length));
                continue;
            };
            while self.next <= self.after && frames.skip()? {
                self.next += 1;
            }
            match frames.next()? {
                Some(sealed) => {
                    let number = self.next;
                    self.next += 1;
                    let place = place(self.epoch, number);
                    let plain = self.feed.sealer.open(&place, &sealed).ok();
                    let line = plain.and_then(|plain| postcard::from_bytes(&plain).ok());
                    return Ok(line.map(|line| (number, line)));
                }
                None => self.open = None,
            }
        }
    }
}

impl Iterator for Lines {
    type Item = (u64, FeedRecord);

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.read().ok().flatten();
        if line.is_none() {
            // Nothing follows a gap.
            (self.open, self.segments) = (None, Vec::new());
        }
        line
    }
}

#[cfg(test)]
mod tests;
