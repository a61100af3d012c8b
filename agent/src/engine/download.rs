//! Executes the machine of a download: asks, reads, seals, copies and flushes as it says, and tells it what happened.
//! Never decides what follows: that is `logic::download`.
//! Called by `downloads` for each package that is wanted.

mod answer;
mod relative;
mod siblings;
mod store;

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use logic::api::PackageRange;
use logic::carry::NEVER_COMPARED;
use logic::download::{
    ContentTarget, Download, DownloadCommand, EndRead, Event, Hold, PackageHead, PackageRequest,
    RangeSource, RequestId, SiblingId, Task,
};
use logic::entity::Checksum;
use logic::fault::{Code, Fault, FileAct, Id, PackageCause};
use logic::package_lane::{PackageEnd, Waiting, WantedPackage};
use logic::sibling::{PackageHoldings, RecordDigest};
use logic::small_map::SmallMap;
use logic::zip::{PackageIdentity, VerificationResult};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::content;
use super::incoming::Incoming;
use super::link::Link;
use super::told::ToldList;
use super::twins;
use answer::PendingAnswer;
use siblings::SiblingAnswer;
pub(super) use siblings::SiblingLinks;
use store::{Coming, PackageSink};
use system::blocking::{ended, run_blocking};
use system::clock;
use system::root::trouble;
use system::task::BoxedTasks;
use vault::package::{Meta, PackageStore, PartialPackage, RECORD};

/// A package of more bytes than this is only looked at while sizes of others are unknown.
const DEFERRED_ABOVE: u64 = 1 << 20;

/// Whether the held package is surely the wanted one. A run that was cut may have shown a changed delivery and not come
/// to its package: the held one is central's only if it was compared for the delivery as it stands.
/// An older one that a stick has takes the place of none that is whole.
fn is_met_by(link: &Link, wanted: &WantedPackage, held: &Meta) -> bool {
    if link.older.contains(&wanted.delivery) {
        return true;
    }
    let same = !wanted.changed && (wanted.entity.is_none() || wanted.entity == held.entity);
    same && twins::is_settled(link, held)
}

/// The same for whoever has not looked at what is held.
pub(super) fn is_met(link: &Link, wanted: &WantedPackage) -> bool {
    let held = link.packages.held(&wanted.delivery).ok().flatten();
    held.is_some_and(|held| !held.damaged && is_met_by(link, wanted, &held))
}

/// Plain bytes of a package that are still to come, as far as its size is known; of one that is held, what another edition
/// has at most, about.
pub(super) fn left(
    packages: &PackageStore,
    delivery: &str,
    entity: Option<Checksum>,
) -> Option<u64> {
    if let Some(held) = packages.held(delivery).ok().flatten() {
        return Some(held.size);
    }
    packages.left(delivery).ok().flatten().or_else(|| {
        let judged = packages.judged(delivery).map(|judged| judged.size);
        judged.or_else(|| packages.noted_size(delivery, entity))
    })
}

/// Brings the package of one delivery home; a large one is only looked at where it `defers`.
pub(super) async fn fetch(link: &Link, wanted: &WantedPackage, defers: bool) -> PackageEnd {
    let delivery = &wanted.delivery;
    let held = match link.packages.held(delivery) {
        Err(trouble) if trouble.code == Code::StoreDamaged => {
            tracing::warn!(code = %trouble.code, "{trouble}: the package is fetched again");
            None
        }
        Err(trouble) => {
            let delivery = Id::from(delivery);
            return PackageEnd::Failed {
                trouble: trouble.because(|why| PackageCause::Of { delivery, why }),
                on_wire: 0,
            };
        }
        Ok(held) => held.filter(|meta| !meta.damaged),
    };
    let task = Task {
        delivery: delivery.clone(),
        is_held: held.is_some(),
        held: held.as_ref().and_then(Meta::identity),
        is_known: link.packages.coming(delivery).ok().flatten().is_some()
            || link.packages.judged(delivery).is_some()
            || link.packages.noted_size(delivery, None).is_some(),
        defers_above: defers.then_some(DEFERRED_ABOVE),
        random: u64::from_le_bytes(vault::random()),
        site: link.siblings.as_ref().map(|siblings| siblings.own()),
    };
    let met = held
        .as_ref()
        .is_some_and(|held| is_met_by(link, wanted, held));
    let mut carriage = link.carriage.borrow().clone();
    carriage.instead((link.limits.rate)());
    let mut machine = Download::new(task, carriage, met, clock::now());
    let executor = Executor {
        link,
        wanted,
        held,
        store: PackageSink::default(),
        answers: SmallMap::new(),
        pieces: SmallMap::new(),
        under_way: SmallMap::new(),
        told: ToldList::new(&link.root),
        comparing: SmallMap::new(),
        digests: Vec::new(),
        tasks: JoinSet::new(),
    };
    let end = executor.run(&mut machine).await;
    *link.carriage.borrow_mut() = machine.into_carriage();
    end
}

/// What a task beside the loop came to.
enum Done {
    Answered(RequestId, Result<(RangeAnswer, PackageHead), Fault>),
    Piece(RequestId, RangeAnswer, Result<Option<Bytes>, Fault>),
    Heard(PackageIdentity, SiblingId, Option<PackageHoldings>),
    Opened(Result<Incoming, Fault>),
    Checked(Result<(Incoming, VerificationResult), Fault>),
    Flushed(Result<(), Fault>),
}

/// Content on its way.
enum RangeAnswer {
    Central(Box<PendingAnswer>),
    Sibling(Box<SiblingAnswer>),
}

impl RangeAnswer {
    async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Central(answer) => answer.piece().await,
            Self::Sibling(answer) => answer.piece().await,
        }
    }
}

struct Executor<'a> {
    link: &'a Link,
    wanted: &'a WantedPackage,
    held: Option<Meta>,
    store: PackageSink,
    /// Answers that nobody reads at the moment.
    answers: SmallMap<RequestId, RangeAnswer>,
    /// The piece of each answer that came last.
    pieces: SmallMap<RequestId, Bytes>,
    /// What is being asked for or read.
    under_way: SmallMap<RequestId, AbortHandle>,
    /// What siblings are told.
    told: ToldList,
    /// Records that central is asked for to compare them.
    comparing: SmallMap<RequestId, RecordDigest>,
    /// Events that follow on a command: digests of records.
    digests: Vec<Event>,
    tasks: JoinSet<Done>,
}

impl Executor<'_> {
    /// The one loop: commands out, events in.
    async fn run(mut self, machine: &mut Download) -> PackageEnd {
        let mut told = None;
        loop {
            while let Some(command) = machine.next() {
                let happened = self.execute(command);
                if let Some(event) = happened.unwrap_or_else(|trouble| Some(Event::Disk(trouble))) {
                    machine.handle(event, clock::now());
                }
                for event in std::mem::take(&mut self.digests) {
                    machine.handle(event, clock::now());
                }
            }
            let waiting = machine.waiting();
            if told != waiting {
                self.link.waits(waiting);
                told = waiting;
            }
            if let Some(end) = machine.end() {
                return end.clone();
            }
            let event = tokio::select! {
                Some(done) = self.tasks.join_next() => self.done(done),
                () = until(machine.due()) => Some(Event::Time),
                () = self.link.limits.look_again.notified() => Some(Event::GateChanged),
                () = self.link.watch.ordered() => Some(Event::Ordered((self.link.limits.rate)())),
            };
            if let Some(event) = event {
                machine.handle(event, clock::now());
            }
        }
    }

    /// What came of a task. Of a request that was closed meanwhile, nothing.
    fn done(&mut self, done: Result<Done, JoinError>) -> Option<Event> {
        Some(match done {
            Err(error) if error.is_cancelled() => return None,
            Err(error) => Event::Disk(ended(&error)),
            Ok(Done::Answered(id, result)) => {
                self.under_way.remove(&id)?;
                match result {
                    Ok((answer, head)) => {
                        self.answers.insert(id, answer);
                        Event::Answered(id, head)
                    }
                    Err(trouble) => Event::Failed(id, trouble),
                }
            }
            Ok(Done::Piece(id, answer, piece)) => {
                self.under_way.remove(&id)?;
                match piece {
                    Ok(Some(piece)) => {
                        let length = piece.len() as u64;
                        if let RangeAnswer::Central(_) = &answer {
                            self.link.rate.came(length);
                        }
                        self.answers.insert(id, answer);
                        self.pieces.insert(id, piece);
                        Event::Came(id, length)
                    }
                    Ok(None) => Event::Ended(id),
                    Err(trouble) => Event::Failed(id, trouble),
                }
            }
            // What was said of another edition than the one that comes counts for nothing.
            Ok(Done::Heard(of, id, said)) => {
                let is_it = self.package().is_ok_and(|package| package == of);
                Event::Heard(id, said.filter(|_| is_it))
            }
            Ok(Done::Opened(result)) => match result {
                Ok(incoming) => self.opens(incoming),
                Err(trouble) => Event::Disk(trouble),
            },
            Ok(Done::Checked(result)) => match result {
                Ok((incoming, verdict)) => {
                    self.store.coming = Coming::Known(Box::new(incoming));
                    Event::Checked(verdict)
                }
                Err(trouble) => Event::Disk(trouble),
            },
            Ok(Done::Flushed(Ok(()))) => Event::Flushed,
            Ok(Done::Flushed(Err(trouble))) => Event::Disk(trouble),
        })
    }

    fn opens(&mut self, incoming: Incoming) -> Event {
        let part = incoming.part();
        let event = opened(part);
        self.link.watch.package(part.meta(), part.have());
        if let Some(siblings) = &self.link.siblings {
            siblings.begins();
            self.told.begins(part.meta());
        }
        self.store.comes(Coming::Known(Box::new(incoming)));
        event
    }

    fn execute(&mut self, command: DownloadCommand) -> Result<Option<Event>, Fault> {
        let delivery = &self.wanted.delivery;
        let packages = &self.link.packages;
        match command {
            DownloadCommand::Gate(hold) => {
                let limits = &self.link.limits;
                let held = match hold {
                    Hold::Downloads => (limits.gate)(),
                    Hold::Exam => (limits.exam)(),
                };
                return Ok(Some(Event::Gate(held)));
            }
            DownloadCommand::Ask(id, request) => self.ask(id, request)?,
            DownloadCommand::Read(id) => self.read(id),
            DownloadCommand::Put {
                request,
                bytes,
                place,
            } => self.put(request, bytes, place)?,
            DownloadCommand::Close(id) => {
                self.answers.remove(&id);
                self.pieces.remove(&id);
                self.comparing.remove(&id);
                if let Some(task) = self.under_way.remove(&id) {
                    task.abort();
                }
            }
            DownloadCommand::ForgetEnd => self.store.forget_end(),
            DownloadCommand::KeepEnd => self.store.keep_end(),
            DownloadCommand::ReadEnd { from, total } => {
                return Ok(Some(Event::End(self.store.read_end(from, total))));
            }
            DownloadCommand::Recall(edition) => {
                let twins = edition.map(|edition| twins::of(self.link, edition, delivery));
                return Ok(Some(Event::Recalled {
                    twins: twins.unwrap_or_default(),
                    judged: packages.judged(delivery),
                    asked: self.link.limits.asked.get(),
                }));
            }
            DownloadCommand::Judge {
                delivery,
                edition,
                finding,
                cause,
            } => twins::judge(packages, &delivery, edition, finding, cause)?,
            DownloadCommand::ForgetJudged => packages.forget_judged(delivery)?,
            DownloadCommand::MarkDamaged(other) => twins::mark_damaged(self.link, &other)?,
            DownloadCommand::Open { directory, fresh } => {
                let identity = Some(directory.identity);
                let coming = packages.coming(delivery).ok().flatten();
                let same = |meta: &Meta| !fresh && meta.identity() == identity;
                let Some(meta) = coming.filter(same) else {
                    let (size, tail) = (directory.identity.size, directory.identity.tail);
                    let part = self.link.begin(delivery, size, Some(tail))?;
                    return Ok(Some(self.opens(Incoming::new(part, directory))));
                };
                let packages = packages.clone();
                self.tasks.spawn_boxed(async move {
                    let opened =
                        run_blocking(move || Incoming::resume(&packages, meta, directory)).await;
                    Done::Opened(opened.and_then(|result| result))
                });
            }
            DownloadCommand::Begin(size) => {
                let part = self.link.begin(delivery, size, None)?;
                let event = opened(&part);
                self.store.comes(Coming::Streamed(Box::new(part)));
                return Ok(Some(event));
            }
            DownloadCommand::Grow(more) => {
                let reserve = self.link.limits.reserve;
                self.store.part()?.grow(more, reserve)?;
            }
            DownloadCommand::EndAt(size) => {
                let watch = &self.link.watch;
                let written = |part: &PartialPackage| watch.package(part.meta(), part.have());
                self.store.end_at(size, written)?;
            }
            DownloadCommand::Identify => {
                let directory = self.store.identify()?;
                return Ok(Some(Event::End(Ok(EndRead::Whole(directory)))));
            }
            DownloadCommand::Relate => return Ok(Some(self.relate()?)),
            DownloadCommand::Copy { from, to } => {
                return Ok(Some(Event::Copied(self.copy(from, to))));
            }
            DownloadCommand::Give { to, bytes } => self.place(to, &bytes)?,
            DownloadCommand::PlaceEnd(range) => {
                let watch = &self.link.watch;
                let written = |part: &PartialPackage| watch.package(part.meta(), part.have());
                self.store.place_end(range, written)?;
            }
            DownloadCommand::Discard(index) => self.store.discard(index),
            DownloadCommand::Forget(records) => self.store.forget(records)?,
            DownloadCommand::Verify => self.verify()?,
            DownloadCommand::Flush => self.flush(),
            DownloadCommand::Abandon => {
                self.store.comes(Coming::Nothing);
                self.told.ends();
                packages.abandon(delivery)?;
            }
            DownloadCommand::Publish { rebuilt } => return self.publish(rebuilt).map(Some),
            DownloadCommand::Compare => {
                if let Some(held) = &self.held {
                    packages.compared(held, self.wanted.entity)?;
                }
                return Ok(Some(Event::Compared));
            }
            DownloadCommand::Poll(known) => return self.poll(&known).map(Some),
            DownloadCommand::Tell(news) => self.told.tell(&news),
        }
        Ok(None)
    }

    fn ask(&mut self, id: RequestId, request: PackageRequest) -> Result<(), Fault> {
        let task = match (request.source, &self.link.siblings, request.range) {
            (
                RangeSource::Sibling(sibling),
                Some(siblings),
                Some(PackageRange::Span(first, last)),
            ) => {
                let (siblings, package) = (siblings.clone(), self.package()?);
                self.tasks.spawn_boxed(async move {
                    let answered = siblings.range(sibling, package, (first, last)).await;
                    let answered =
                        answered.map(|(it, head)| (RangeAnswer::Sibling(Box::new(it)), head));
                    Done::Answered(id, answered)
                })
            }
            _ => {
                let uplink = self.link.uplink.clone();
                self.tasks.spawn_boxed(async move {
                    let answered = PendingAnswer::to(&uplink, request).await;
                    let answered =
                        answered.map(|(it, head)| (RangeAnswer::Central(Box::new(it)), head));
                    Done::Answered(id, answered)
                })
            }
        };
        self.under_way.insert(id, task);
        Ok(())
    }

    /// The package that comes.
    fn package(&mut self) -> Result<PackageIdentity, Fault> {
        Ok(self.store.incoming()?.directory().identity)
    }

    fn poll(&mut self, known: &[(SiblingId, u64, u32)]) -> Result<Event, Fault> {
        let package = self.package()?;
        self.told.beats();
        let Some(siblings) = &self.link.siblings else {
            return Ok(Event::Polled(0));
        };
        let peers = siblings.to_poll();
        for peer in &peers {
            let (siblings, peer, known) = (siblings.clone(), *peer, known.to_vec());
            self.tasks.spawn_boxed(async move {
                let (id, said) = siblings.poll(peer, package, known).await;
                Done::Heard(package, id, said)
            });
        }
        Ok(Event::Polled(peers.len()))
    }

    fn read(&mut self, id: RequestId) {
        self.pieces.remove(&id);
        if let Some(mut answer) = self.answers.remove(&id) {
            let read = async move {
                let piece = answer.piece().await;
                Done::Piece(id, answer, piece)
            };
            let task = self.tasks.spawn_boxed(read);
            self.under_way.insert(id, task);
        }
    }

    fn put(&mut self, request: RequestId, bytes: u64, place: ContentTarget) -> Result<(), Fault> {
        let piece = self.pieces.remove(&request).unwrap_or_default();
        let taken = &piece[..piece.len().min(bytes as usize)];
        match place {
            ContentTarget::Nowhere => {}
            ContentTarget::End(at) => self.store.put_end(at, taken),
            ContentTarget::Records(at) => {
                let digests = self.link.siblings.is_some();
                self.store.digests = digests.then(Vec::new);
                let placed = self.place(at, taken);
                let sealed = self.store.digests.take().unwrap_or_default();
                let sealed = sealed.into_iter().map(|(record, digest)| Event::Sealed {
                    record,
                    digest,
                    kept: true,
                });
                self.digests.extend(sealed);
                placed?;
            }
            ContentTarget::Digest(at) => self.compare(request, at, taken)?,
        }
        Ok(())
    }

    /// Takes bytes of a record that is compared.
    fn compare(&mut self, request: RequestId, at: u64, bytes: &[u8]) -> Result<(), Fault> {
        let record = at / u64::from(RECORD);
        let length = self.store.incoming()?.part().meta().length(record) as u64;
        let so_far = self.comparing.remove(&request).unwrap_or_default();
        let so_far = so_far.with(bytes);
        if so_far.length() < length {
            self.comparing.insert(request, so_far);
            return Ok(());
        }
        self.digests.push(Event::Sealed {
            record,
            digest: so_far.finish(),
            kept: false,
        });
        Ok(())
    }

    fn place(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
        let watch = &self.link.watch;
        let written = |part: &PartialPackage| watch.package(part.meta(), part.have());
        self.store.put(at, bytes, written)
    }

    fn relate(&mut self) -> Result<Event, Fault> {
        let directory = self.store.incoming()?.directory().clone();
        let related = relative::related(self.link, &directory);
        Ok(Event::Related(related.map(|(old, plan)| {
            self.store.old = Some(old);
            plan
        })))
    }

    fn copy(&mut self, from: Range<u64>, to: u64) -> Result<(), Fault> {
        let Some(old) = self.store.old.take() else {
            return Err(Fault::new(Code::StoreDamaged, PackageCause::Gone));
        };
        let start = from.start;
        let copied = content::each(&old, from, |at, piece| self.place(to + (at - start), piece));
        self.store.old = Some(old);
        copied
    }

    fn verify(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.store.coming, Coming::Nothing) {
            Coming::Known(incoming) => {
                let check = async move { Done::Checked(incoming.verdict().await) };
                self.tasks.spawn_boxed(check);
            }
            other => {
                self.store.coming = other;
                self.store.incoming()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) {
        // Without a second handle the final sync of `publish` still covers these bytes.
        let file = match &self.store.coming {
            Coming::Known(incoming) => incoming.part().handle().ok(),
            Coming::Streamed(part) => part.handle().ok(),
            Coming::Nothing => None,
        };
        self.tasks.spawn_boxed(async move {
            let synced = match file {
                Some(file) => run_blocking(move || file.sync_data()).await,
                None => Ok(Ok(())),
            };
            let flush = |error| trouble(Path::new("packages"), FileAct::Sync, &error);
            Done::Flushed(synced.and_then(|result| result.map_err(flush)))
        });
    }

    /// The delivery for which the package is central's: none as it is now where a stick has an older one.
    fn compared_for(&self) -> Option<Checksum> {
        match self.link.older.contains(&self.wanted.delivery) {
            true => Some(NEVER_COMPARED),
            false => self.wanted.entity,
        }
    }

    fn publish(&mut self, rebuilt: bool) -> Result<Event, Fault> {
        self.store.incoming()?;
        if let Coming::Known(incoming) = std::mem::replace(&mut self.store.coming, Coming::Nothing)
        {
            let part = incoming.into_part();
            let meta = part.publish(rebuilt, self.compared_for())?;
            self.link.twins.borrow_mut().held(&meta);
            self.told.ends();
        }
        Ok(Event::Published)
    }
}

/// What is there of a package.
fn opened(part: &PartialPackage) -> Event {
    Event::Opened {
        record: u64::from(part.meta().record),
        have: part.have().to_vec(),
    }
}

/// Ends when the time has come; never where no time is due.
async fn until(due: Option<Duration>) {
    match due {
        Some(due) => tokio::time::sleep(due.saturating_sub(clock::now().mono)).await,
        None => std::future::pending().await,
    }
}

impl Link {
    /// What the package under way waits for, for whoever watches.
    fn waits(&self, waiting: Option<(&'static str, Waiting)>) {
        let (why, waiting) = waiting.unzip();
        self.held_up(waiting);
        self.watch.packages_wait(why, waiting);
    }
}
