//! Checks the members of a package beside receiving and sealing, on threads of its own over the cores there are.
//! Never calls a member good whose bytes it was not given, and never holds more than a few MiB of them.
//! Called by `incoming`, which gives it the bytes with their offsets and asks for the verdict.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use logic::zip::{Directory, VerificationResult, Verifier};

/// A package with fewer bytes that have to be inflated is checked where it comes: threads would cost more than they bring.
const DEFLATED_LEAST: u64 = 1 << 20;
/// Bytes that may wait for the threads, over all of them.
const WAITING_LIMIT: usize = 4 << 20;
/// No box needs more: each thread inflates faster than its disk writes.
const THREADS_LIMIT: usize = 4;
/// Members that begin within so many bytes are checked by one thread, those of the next span by the next one.
const SPAN: u64 = 2 << 20;

/// A check under way.
#[derive(Debug)]
pub(super) struct Checker {
    directory: Arc<Directory>,
    threads: usize,
    state: CheckerState,
}

#[derive(Debug)]
enum CheckerState {
    /// Nothing was given yet.
    Idle,
    Here(Box<Verifier<Arc<Directory>>>),
    Beside(Beside),
}

impl Checker {
    /// Of all members of a package.
    pub(super) fn new(directory: Arc<Directory>) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores - 1).min(THREADS_LIMIT);
        Self::over(directory, threads)
    }

    /// Over so many threads; none: where the bytes come.
    fn over(directory: Arc<Directory>, threads: usize) -> Self {
        Self {
            directory,
            threads,
            state: CheckerState::Idle,
        }
    }

    /// Takes the bytes of the package at `offset`, as `Verifier::feed`. Waits while too many wait already.
    pub(super) fn feed(&mut self, offset: u64, bytes: &[u8]) {
        if let CheckerState::Idle = self.state {
            self.state = self.begin(bytes.len());
        }
        match &mut self.state {
            CheckerState::Idle => {}
            CheckerState::Here(verifier) => verifier.feed(offset, bytes),
            CheckerState::Beside(beside) => beside.feed(offset, bytes),
        }
    }

    /// Ends the check: what was not seen whole is unseen. Waits for the threads.
    pub(super) fn finish(self) -> VerificationResult {
        match self.state {
            CheckerState::Idle => Verifier::new(self.directory).finish(),
            CheckerState::Here(verifier) => verifier.finish(),
            CheckerState::Beside(beside) => beside.finish(&self.directory),
        }
    }

    fn begin(&self, record: usize) -> CheckerState {
        let deflated = |member: &&logic::zip::Member| member.method != 0;
        let members = self.directory.members.iter().filter(deflated);
        let deflated: u64 = members.map(|member| member.compressed).sum();
        let beside = (self.threads > 0 && deflated >= DEFLATED_LEAST)
            .then(|| Beside::begin(&self.directory, self.threads, record));
        match beside.flatten() {
            Some(beside) => CheckerState::Beside(beside),
            None => CheckerState::Here(Box::new(Verifier::new(self.directory.clone()))),
        }
    }
}

/// A piece of the package: its offset and its bytes.
type PieceToCheck = (u64, Vec<u8>);

/// One thread and the members that it checks.
#[derive(Debug)]
struct Share {
    members: Vec<usize>,
    pieces: SyncSender<PieceToCheck>,
    thread: JoinHandle<VerificationResult>,
}

/// A check on threads.
#[derive(Debug)]
struct Beside {
    shares: Vec<Share>,
    /// Members in the order of their bytes: begin, end, position among the shares.
    extents: Vec<(u64, u64, usize)>,
    /// All members before this one are behind the bytes that come.
    turn: usize,
    /// Buffers that the threads have done with.
    spare: Receiver<Vec<u8>>,
}

impl Beside {
    /// Starts the threads; `None` when the system gives none.
    fn begin(directory: &Arc<Directory>, threads: usize, record: usize) -> Option<Self> {
        let mut extents: Vec<(u64, u64, usize)> = Vec::with_capacity(directory.members.len());
        let mut members = vec![Vec::new(); threads];
        for (at, member) in directory.members.iter().enumerate() {
            let share = (member.header_offset / SPAN) as usize % threads;
            members[share].push(at);
            let end = member.limit.max(member.header_offset + 1);
            extents.push((member.header_offset, end, share));
        }
        extents.sort_unstable();
        let (back, spare) = channel();
        let room = (WAITING_LIMIT / threads / record.max(1)).max(1);
        let mut shares = Vec::with_capacity(threads);
        for members in members {
            let (pieces, come) = sync_channel::<PieceToCheck>(room);
            let mut verifier = Verifier::only(directory.clone(), &members);
            let back = back.clone();
            let work = move || {
                while let Ok((offset, bytes)) = come.recv() {
                    verifier.feed(offset, &bytes);
                    // Nobody takes it back at the end.
                    let _ = back.send(bytes);
                }
                verifier.finish()
            };
            let thread = thread::Builder::new().name("check".into()).spawn(work);
            shares.push(Share {
                members,
                pieces,
                thread: thread.ok()?,
            });
        }
        Some(Self {
            shares,
            extents,
            turn: 0,
            spare,
        })
    }

    fn feed(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        while self
            .extents
            .get(self.turn)
            .is_some_and(|(_, e, _)| *e <= offset)
        {
            self.turn += 1;
        }
        let ahead = self.extents[self.turn..].iter();
        let here = ahead.take_while(|(begin, ..)| *begin < end);
        let wanted: BTreeSet<usize> = here.map(|(.., share)| *share).collect();
        for share in wanted {
            let mut piece = self.spare.try_recv().unwrap_or_default();
            piece.clear();
            piece.extend_from_slice(bytes);
            // A thread that is no more leaves its members unseen: they are fetched again.
            let _ = self.shares[share].pieces.send((offset, piece));
        }
    }

    fn finish(self, directory: &Arc<Directory>) -> VerificationResult {
        let mut whole = VerificationResult::default();
        for Share {
            members,
            pieces,
            thread,
        } in self.shares
        {
            drop(pieces);
            let unseen = |_| Verifier::only(directory.clone(), &members).finish();
            let verdict = thread.join().unwrap_or_else(unseen);
            whole.good.extend(verdict.good);
            whole.bad.extend(verdict.bad);
            whole.unseen.extend(verdict.unseen);
        }
        whole.good.sort_unstable();
        whole.bad.sort_unstable_by_key(|(at, _)| *at);
        whole.unseen.sort_unstable();
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::zip::PackageTail;

    /// A zip with deflated members of these sizes, some with another CRC-32 than their content has (APPNOTE 4.3).
    fn package(sizes: &[usize], wrong: &[usize]) -> Vec<u8> {
        let (mut zip, mut central) = (Vec::new(), Vec::new());
        for (at, size) in sizes.iter().enumerate() {
            let mut state = at as u32 | 1;
            let content: Vec<u8> = (0..*size)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 28) as u8
                })
                .collect();
            let packed = miniz_oxide::deflate::compress_to_vec(&content, 1);
            let name = format!("member-{at}");
            let crc = crc32fast::hash(&content) ^ u32::from(wrong.contains(&at));
            let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x5d];
            for number in [crc, packed.len() as u32, *size as u32] {
                common.extend(number.to_le_bytes());
            }
            common.extend((name.len() as u16).to_le_bytes());
            common.extend([0, 0]);
            let offset = zip.len() as u32;
            zip.extend(*b"PK\x03\x04");
            zip.extend(&common);
            zip.extend(name.as_bytes());
            zip.extend(packed);
            central.extend(*b"PK\x01\x02\x14\x00");
            central.extend(&common);
            central.extend([0; 10]);
            central.extend(offset.to_le_bytes());
            central.extend(name.as_bytes());
        }
        let (start, count) = (zip.len() as u32, sizes.len() as u16);
        zip.extend(&central);
        zip.extend(*b"PK\x05\x06\0\0\0\0");
        for _ in 0..2 {
            zip.extend(count.to_le_bytes());
        }
        zip.extend((central.len() as u32).to_le_bytes());
        zip.extend(start.to_le_bytes());
        zip.extend([0, 0]);
        zip
    }

    fn directory(zip: &[u8]) -> Arc<Directory> {
        match PackageTail::read(zip.len() as u64, zip) {
            Ok(PackageTail::Whole(directory)) => Arc::new(directory),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn threads_find_what_one_check_in_place_finds() {
        let sizes: Vec<usize> = (0..60).map(|at| (at * 7919) % 300_000).collect();
        let sizes = [&sizes[..], &[5_000_000, 0, 40]].concat();
        let zip = package(&sizes, &[3, 30, 60]);
        let directory = directory(&zip);
        assert!(zip.len() as u64 > 2 * SPAN, "{}", zip.len());
        // Bytes that never come, and what is read back too late, leave members unseen.
        for missing in [
            vec![],
            vec![0],
            vec![7, 8, 40],
            (10..30).collect::<Vec<usize>>(),
        ] {
            let pieces = zip.chunks(64 << 10).enumerate();
            let pieces: Vec<_> = pieces.filter(|(at, _)| !missing.contains(at)).collect();
            let found = |threads| {
                let mut checker = Checker::over(directory.clone(), threads);
                for (at, piece) in &pieces {
                    checker.feed((*at as u64) * (64 << 10), piece);
                }
                assert_eq!(
                    matches!(checker.state, CheckerState::Beside(_)),
                    threads > 0
                );
                checker.finish()
            };
            let here = found(0);
            assert_eq!(
                here.bad.len() + here.good.len() + here.unseen.len(),
                sizes.len()
            );
            assert_eq!(here.unseen.is_empty(), missing.is_empty());
            for threads in 1..=THREADS_LIMIT {
                assert_eq!(
                    found(threads),
                    here,
                    "{threads} threads without {missing:?}"
                );
            }
        }
    }

    #[test]
    fn nothing_given_is_nothing_seen_and_small_packages_need_no_thread() {
        let zip = package(&[1000, 2000], &[]);
        let directory = directory(&zip);
        let verdict = Checker::over(directory.clone(), 2).finish();
        assert_eq!(verdict.unseen, [0, 1]);
        let mut checker = Checker::over(directory, 2);
        checker.feed(0, &zip);
        assert!(matches!(checker.state, CheckerState::Here(_)));
        assert!(checker.finish().clean());
    }
}
