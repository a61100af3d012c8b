//! Second copies with the other boxes of the room: gives each owed item to as many as asked for, and says what they may let go.
//! Never gives anything to who has not proven the key of `key_file`, and never takes an item for copied before a sibling said so.
//! Called by the daemon's keeper, on a thread of its own.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Response, StatusCode};
use logic::copies::{self, CopySpread, MetSibling, RoomStanding};
use logic::fault::{Code, Fault, Finding, OsCause, SiteCause};
use logic::seal::NameHash;
use logic::settings::SitePeer;
use logic::site::link::LinkTrust;
use logic::site::{ObjectKind, OrganisationKey, SiteObject};
use logic::spool::Ledger;
use system::clock;
use system::task::BoxedTasks;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Engine;
use crate::site::{SiteLink, SiteMember};
use vault::SealedFile;
use vault::copies::CopyFolder;
use vault::spool::Spool;

/// Bytes of a list of names, at most.
const NAMES_LIMIT: usize = 16 * 20_000;
/// Larger items are not given to siblings, bytes.
const GIVEN_MOST: usize = 32 << 20;
const NAME: usize = 16;
/// The content of an answer comes within this.
const CONTENT_TIMEOUT: Duration = Duration::from_secs(60);
/// A proof has no higher number: a keeper that says no to each of them ends somewhere.
const GENERATION_MOST: u64 = 1 << 62;

/// A box that may be given copies.
struct Given {
    link: SiteLink,
    /// Its place among those that were met.
    met: usize,
    /// It has no room for more.
    full: bool,
    /// Proofs under former keys that lie there.
    former: Vec<NameHash>,
}

struct Giver {
    spool: Spool,
    generation: SealedFile,
    /// Names and seals: under the key in force, then under former ones.
    folders: Vec<CopyFolder>,
    owed: Vec<Ledger>,
}

impl Engine {
    /// Brings the copies with the boxes of `peers` in step with what is owed; with `prove` the box leaves a proof there that it
    /// lives. Takes a loop of its own.
    pub fn spread(&self, prove: bool, before: &RoomStanding) -> RoomStanding {
        let spread = async {
            let member = self.site_member()?;
            let met = met(&self.peers(), &member).await;
            Ok(self.given(met, prove).await)
        };
        let now = system::task::on_own_loop(spread);
        let now = now.unwrap_or_else(|trouble: Fault| RoomStanding {
            trouble: Some(trouble.into()),
            ..before.clone()
        });
        now.after(before)
    }

    fn giver(&self) -> Result<Giver, Fault> {
        let first = self.of_first();
        let (keys, box_id) = first.copy_keys()?;
        let folder = |key: OrganisationKey| CopyFolder::new(Path::new(""), key, &box_id);
        let spool = Spool::open(&first.vault)?;
        Ok(Giver {
            owed: spool.unacknowledged()?,
            generation: first.vault.entry("room-copies"),
            folders: keys.into_iter().map(folder).collect(),
            spool,
        })
    }

    async fn given(&self, all: Vec<(MetSibling, Option<SiteLink>)>, prove: bool) -> RoomStanding {
        let (mut siblings, mut places) = (Vec::new(), Vec::new());
        for (met, (sibling, link)) in all.into_iter().enumerate() {
            siblings.push(sibling);
            places.extend(link.map(|link| Given {
                link,
                met,
                full: false,
                former: Vec::new(),
            }));
        }
        let wanted = usize::from(self.settings.results.copies);
        let mut standing = RoomStanding {
            copies: wanted.min(places.len().max(1)) as u64,
            siblings,
            ..RoomStanding::default()
        };
        if wanted == 0 || self.settings.site.key_file.is_none() {
            return standing;
        }
        let brought = match self.giver() {
            Ok(giver) => giver.bring(places, wanted, prove, &mut standing).await,
            Err(trouble) => Err(trouble),
        };
        standing.trouble = brought.err().map(Finding::from);
        standing
    }
}

impl Giver {
    fn names(&self, ledger: &Ledger) -> Vec<NameHash> {
        self.folders.iter().map(|one| one.name(ledger)).collect()
    }

    async fn bring(
        &self,
        mut places: Vec<Given>,
        wanted: usize,
        prove: bool,
        standing: &mut RoomStanding,
    ) -> Result<(), Fault> {
        let own = &self.folders[0];
        standing.owed = self.owed.len() as u64;
        let id = |place: &Given| place.link.sibling.box_id.clone().unwrap_or_default();
        places.sort_by_key(|place| copies::choice(own.box_id(), &id(place)));
        // Two addresses of one box.
        places.dedup_by(|one, other| id(one) == id(other));
        let copies = wanted.min(places.len().max(1));
        standing.copies = copies as u64;
        let (mut held, mut all) = (Vec::new(), places);
        let mut places = Vec::new();
        for mut place in all.drain(..) {
            match place.names().await {
                Ok(mut names) => {
                    let proofs = self.folders.iter().map(CopyFolder::proof_name);
                    place.former = proofs.filter(|proof| names.remove(proof)).collect();
                    place.former.retain(|proof| *proof != own.proof_name());
                    held.push(names);
                    places.push(place);
                }
                Err(trouble) => failed(standing, &place, trouble),
            }
        }
        let items = self.owed.iter().map(|ledger| self.names(ledger)).collect();
        let mut spread = CopySpread::new(items, held, copies);
        let noted: Option<u64> = self.generation.get().ok().flatten();
        // What is given after the note was lost counts as put back until a proof names it.
        let prove = prove || noted.is_none();
        let mut generation = noted.unwrap_or(0) + 1;
        let mut unread = None;
        for (at, place) in places.iter_mut().enumerate() {
            let given = self.give(&mut spread, at, place, generation, &mut unread);
            if let Err(trouble) = given.await {
                failed(standing, place, trouble);
            }
        }
        let acknowledged = match spread.has_others() {
            true => self.acknowledged()?,
            false => BTreeSet::new(),
        };
        // Where nothing lies there is nothing to prove.
        let prove = prove && (0..places.len()).any(|at| !spread.left(at).is_empty());
        if prove {
            // Remembered first: a proof that is older than this was put back.
            self.generation.put(&generation)?;
        }
        for (at, place) in places.iter_mut().enumerate() {
            let going = spread.going(at, &acknowledged, place.full);
            if let Err(trouble) = place.lets_go(&going).await {
                failed(standing, place, trouble);
                continue;
            }
            let left = spread.left(at);
            standing.siblings[place.met].keeps = left.len() as u64;
            if prove && !left.is_empty() {
                let mut proven = self.proves(place, &left, &mut generation).await;
                // One of a former key says nothing that this one does not.
                if proven.is_ok() {
                    let former = std::mem::take(&mut place.former);
                    proven = place.lets_go(&former).await;
                }
                if let Err(trouble) = proven {
                    failed(standing, place, trouble);
                }
            }
        }
        let uncopied = spread.uncopied();
        standing.copied = standing.owed - uncopied.len() as u64;
        let came = uncopied
            .iter()
            .map(|of| self.spool.came(&self.owed[*of].key));
        standing.oldest_at = came.min();
        unread.map_or(Ok(()), Err)
    }

    /// Leaves a proof of what lies there. Where a newer one lies there this box has lost its number: the next ones are higher.
    async fn proves(
        &self,
        place: &mut Given,
        left: &[NameHash],
        generation: &mut u64,
    ) -> Result<(), Fault> {
        let own = &self.folders[0];
        let name = own.proof_name();
        loop {
            let body = left.iter().flat_map(|name| name.0).collect();
            let object = own.object(ObjectKind::Proof, *generation, clock::now().wall, body);
            let sealed = own.sealed(name, &object);
            match place.ask(Method::PUT, name, sealed.into()).await? {
                StatusCode::NO_CONTENT => return Ok(()),
                StatusCode::CONFLICT if *generation < GENERATION_MOST => {
                    *generation *= 2;
                    self.generation.put(generation)?;
                }
                status => return Err(place.refused(status)),
            }
        }
    }

    /// Gives a sibling what it is to have. What cannot be read now keeps nothing else from its place.
    async fn give(
        &self,
        spread: &mut CopySpread,
        at: usize,
        place: &mut Given,
        generation: u64,
        unread: &mut Option<Fault>,
    ) -> Result<(), Fault> {
        let own = &self.folders[0];
        for of in spread.lacking(at) {
            let ledger = &self.owed[of];
            // What does not open on this box any more is told elsewhere.
            let body = match self.spool.body(ledger) {
                Ok(body) => body,
                Err(trouble) => {
                    unread.get_or_insert(trouble);
                    continue;
                }
            };
            let Some(body) = body.filter(|body| body.len() <= GIVEN_MOST) else {
                continue;
            };
            let came = self.spool.came(&ledger.key);
            let object: SiteObject = own.object(ObjectKind::Item, generation, came, body);
            let name = own.name(ledger);
            let sealed = own.sealed(name, &object);
            place.act(Method::PUT, name, sealed.into()).await?;
            spread.lies_now(at, of);
        }
        Ok(())
    }

    /// The items that central has, as their copies are named under each key.
    fn acknowledged(&self) -> Result<BTreeSet<[u8; 12]>, Fault> {
        let mut all = BTreeSet::new();
        self.spool.each_acknowledged(&mut |ledger| {
            all.extend(self.names(&ledger).into_iter().map(copies::item));
        })?;
        Ok(all)
    }
}

fn failed(standing: &mut RoomStanding, place: &Given, trouble: Fault) {
    standing.siblings[place.met].trouble = Some(trouble.into());
}

/// Connects to all of them at once, the box itself apart.
async fn met(peers: &[SitePeer], member: &SiteMember) -> Vec<(MetSibling, Option<SiteLink>)> {
    let mut connecting = JoinSet::new();
    for (place, peer) in peers.iter().cloned().enumerate() {
        let member = member.clone();
        connecting.spawn_boxed(async move {
            let link = SiteLink::open(&peer, &member).await;
            (place, link.transpose().map(|link| met_one(&peer, link)))
        });
    }
    let mut all = connecting.join_all().await;
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().filter_map(|(_, one)| one).collect()
}

fn met_one(peer: &SitePeer, link: Result<SiteLink, Fault>) -> (MetSibling, Option<SiteLink>) {
    let mut sibling = MetSibling {
        peer: peer.to_string(),
        box_id: None,
        since: None,
        keeps: 0,
        trouble: None,
    };
    match link {
        Ok(link) => {
            sibling.box_id.clone_from(&link.sibling.box_id);
            sibling.since = Some(clock::now().wall);
            let is_good = link.key.trust == LinkTrust::KeyFile;
            (sibling, is_good.then_some(link))
        }
        Err(trouble) => {
            sibling.trouble = Some(trouble.into());
            (sibling, None)
        }
    }
}

impl Given {
    /// What of this box lies there.
    async fn names(&mut self) -> Result<BTreeSet<NameHash>, Fault> {
        let answer = self
            .link
            .request(Method::GET, "/site/1/copies", Bytes::new());
        let answer = answer.await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused(answer.status()));
        }
        let body = content(answer).await.ok_or_else(|| self.cut())?;
        let names = body.chunks_exact(NAME);
        let name = |bytes: &[u8]| bytes.try_into().ok().map(NameHash);
        Ok(names.filter_map(name).collect())
    }

    /// Asks something about one object.
    async fn ask(
        &mut self,
        method: Method,
        name: NameHash,
        body: Bytes,
    ) -> Result<StatusCode, Fault> {
        let path = format!("/site/1/copies/{name}");
        let answer = self.link.request(method, &path, body).await?;
        let status = answer.status();
        content(answer).await.ok_or_else(|| self.cut())?;
        Ok(status)
    }

    async fn lets_go(&mut self, names: &[NameHash]) -> Result<(), Fault> {
        for name in names {
            self.act(Method::DELETE, *name, Bytes::new()).await?;
        }
        Ok(())
    }

    async fn act(&mut self, method: Method, name: NameHash, body: Bytes) -> Result<(), Fault> {
        match self.ask(method, name, body).await? {
            StatusCode::NO_CONTENT => Ok(()),
            status => Err(self.refused(status)),
        }
    }

    fn refused(&mut self, status: StatusCode) -> Fault {
        self.full |= status == StatusCode::INSUFFICIENT_STORAGE;
        let (peer, full, status) = (self.link.peer().to_owned(), self.full, status.as_u16());
        let cause = match full {
            true => SiteCause::Full { peer },
            false => SiteCause::Answer { peer, status },
        };
        Fault::new(Code::SiteAnswer, cause)
    }

    fn cut(&self) -> Fault {
        let why = OsCause::from(&io::Error::from(io::ErrorKind::UnexpectedEof));
        let peer = self.link.peer().to_owned();
        Fault::new(Code::NetUnreachable, SiteCause::Cut { peer, why })
    }
}

/// The content of an answer; `None` where it is too long, or does not come: a box may stop in the middle of it.
async fn content(answer: Response<Incoming>) -> Option<Bytes> {
    let content = Limited::new(answer.into_body(), NAMES_LIMIT).collect();
    let content = timeout(CONTENT_TIMEOUT, content).await.ok()?;
    Some(content.ok()?.to_bytes())
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::rc::Rc;
    use std::task::{Context, Poll};

    use hyper::body::{Body, Frame};
    use logic::site::SiteKey;
    use tokio::net::TcpListener;
    use tokio::task::LocalSet;

    use super::*;
    use crate::site::{SiteAnswer, SiteDoor, always};

    /// It begins and never ends.
    struct Stopped(bool);

    impl Body for Stopped {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            match std::mem::replace(&mut self.0, true) {
                false => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[7; NAME]))))),
                true => Poll::Pending,
            }
        }
    }

    #[test]
    fn a_box_that_stops_in_the_middle_of_its_answer_is_not_waited_for() {
        let member = |id: &str| SiteMember {
            keys: vec![SiteKey::new([1; 32]).of_organisation("1001").link()],
            box_id: id.into(),
        };
        let test = async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (host, port) = ("127.0.0.1".into(), listener.local_addr().unwrap().port());
            let door = SiteDoor {
                member: always(member("a")),
                handler: Rc::new(|_| {
                    Box::pin(async {
                        let answer: SiteAnswer = Response::new(Box::pin(Stopped(false)));
                        answer
                    })
                }),
            };
            system::task::spawn_local(door.serve(listener, 0));
            let link = SiteLink::open(&SitePeer { host, port }, &member("b")).await;
            let mut link = link.unwrap().unwrap();
            let answer = link.request(Method::GET, "/site/1/copies", Bytes::new());
            let answer = answer.await.unwrap();
            tokio::time::pause();
            let limit = Duration::from_secs(3600);
            assert_eq!(timeout(limit, content(answer)).await.unwrap(), None);
        };
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, test);
    }
}
