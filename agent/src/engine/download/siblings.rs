//! Asks siblings what they hold and for ranges, over links that are kept open between requests.
//! Never lends a byte of a record that does not open at its place of its package.
//! Called by `download`, for which it executes what `logic::download` says.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::{Method, Response, StatusCode};
use logic::download::{FirstBytes, PackageHead, SiblingId};
use logic::fault::{Code, Fault, PackageCause, PartFlaw};
use logic::range::ContentRange;
use logic::seal::NameHash;
use logic::settings::SitePeer;
use logic::sibling::{
    HOLDINGS_LIMIT, PackageHoldings, PackageQuestion, RangeSealer, SIBLING_RECORD, record_length,
};
use logic::small_map::SmallMap;
use logic::zip::PackageIdentity;
use tokio::time::timeout;

use crate::site::{self, SiteLink, SiteMember};
use system::root::Root;

/// A sibling says what it holds within this, the link to it opened.
const POLL_TIMEOUT: Duration = Duration::from_secs(3);

/// Boxes that are found, at most, while a session lasts.
const PEERS: usize = 256;

/// The other boxes of the site, as far as they are known.
pub(in crate::engine) struct SiblingLinks {
    member: SiteMember,
    peers: RefCell<Vec<SitePeer>>,
    /// Where those are noted that are found in the network; none where they are named.
    found: Option<Root>,
    /// The box's own name among them.
    own: SiblingId,
    /// Where each is.
    names: RefCell<SmallMap<SiblingId, usize>>,
    /// Links that nobody uses at the moment.
    idle: RefCell<Vec<(usize, SiteLink)>>,
    /// Peers that have not answered yet.
    polling: RefCell<Vec<bool>>,
    /// Those at which the box itself answers.
    is_own: RefCell<Vec<bool>>,
}

fn id_of(name: NameHash) -> SiblingId {
    let mut id = [0; 8];
    id.copy_from_slice(&name.0[..8]);
    u64::from_le_bytes(id)
}

impl SiblingLinks {
    /// None where the box has no key. `found`: where others are noted while they are found.
    pub(in crate::engine) fn new(
        member: SiteMember,
        peers: Vec<SitePeer>,
        found: Option<Root>,
    ) -> Option<Self> {
        let own = id_of(member.keys.first()?.pseudonym(&member.box_id));
        let count = peers.len();
        Some(Self {
            own,
            member,
            peers: RefCell::new(peers),
            found,
            names: RefCell::default(),
            idle: RefCell::default(),
            polling: RefCell::new(vec![false; count]),
            is_own: RefCell::new(vec![false; count]),
        })
    }

    pub(super) fn own(&self) -> SiblingId {
        self.own
    }

    /// Another package: what was asked for the one before is answered to nobody.
    pub(super) fn begins(&self) {
        self.polling.borrow_mut().clone_from(&self.is_own.borrow());
    }

    fn look_again(&self) {
        let found = self.found.as_ref().map(site::found).unwrap_or_default();
        let mut peers = self.peers.borrow_mut();
        for peer in found {
            if peers.len() < PEERS && !peers.contains(&peer) {
                peers.push(peer);
                self.polling.borrow_mut().push(false);
                self.is_own.borrow_mut().push(false);
            }
        }
    }

    /// The peers that are to be asked now what they hold.
    pub(super) fn to_poll(&self) -> Vec<usize> {
        self.look_again();
        let mut polling = self.polling.borrow_mut();
        let free = polling.iter_mut().enumerate();
        let free = free
            .filter_map(|(peer, under_way)| (!std::mem::replace(under_way, true)).then_some(peer));
        free.collect()
    }

    async fn link(&self, peer: usize) -> Result<Option<SiteLink>, Fault> {
        loop {
            let at = {
                let idle = self.idle.borrow();
                idle.iter().position(|(of, _)| *of == peer)
            };
            let Some(at) = at else { break };
            let (_, link) = self.idle.borrow_mut().swap_remove(at);
            if link.is_open() {
                return Ok(Some(link));
            }
        }
        let link = {
            let peer = self.peers.borrow()[peer].clone();
            SiteLink::open(&peer, &self.member).await?
        };
        if let Some(link) = &link
            && let Ok(name) = link.sibling.name.parse::<NameHash>()
        {
            self.names.borrow_mut().insert(id_of(name), peer);
        }
        Ok(link)
    }

    /// What a peer holds: its name, and nothing where it did not answer. The box itself is nobody.
    pub(super) async fn poll(
        self: Rc<Self>,
        peer: usize,
        package: PackageIdentity,
        known: Vec<(SiblingId, u64, u32)>,
    ) -> (SiblingId, Option<PackageHoldings>) {
        let answered = timeout(POLL_TIMEOUT, self.polled(peer, package, known)).await;
        self.polling.borrow_mut()[peer] = false;
        match answered {
            Ok(Ok(Some((id, said)))) => (id, said),
            Ok(Ok(None)) => {
                // It does not ask itself again.
                self.is_own.borrow_mut()[peer] = true;
                self.polling.borrow_mut()[peer] = true;
                (0, None)
            }
            _ => {
                let names = self.names.borrow();
                let name = names.iter().find(|(_, at)| **at == peer);
                (name.map_or(0, |(id, _)| *id), None)
            }
        }
    }

    async fn polled(
        &self,
        peer: usize,
        package: PackageIdentity,
        known: Vec<(SiblingId, u64, u32)>,
    ) -> Result<Option<(SiblingId, Option<PackageHoldings>)>, Fault> {
        let Some(mut link) = self.link(peer).await? else {
            return Ok(None);
        };
        let name = link.sibling.name.parse::<NameHash>();
        let id = id_of(name.map_err(|()| gone())?);
        let mark = known.iter().find(|(of, ..)| *of == id);
        let (epoch, entries) = mark.map_or((0, 0), |(_, epoch, entries)| (*epoch, *entries));
        let question = PackageQuestion::Holdings {
            package,
            epoch,
            entries,
        };
        let answer = ask(&mut link, &question).await?;
        let is_nothing = answer.status() == StatusCode::NOT_FOUND;
        let content = within(answer).await?;
        let records = package.size.div_ceil(SIBLING_RECORD);
        let said = match is_nothing {
            true => Some(PackageHoldings::default()),
            false => PackageHoldings::read(&content, records),
        };
        self.idle.borrow_mut().push((peer, link));
        Ok(Some((id, said)))
    }

    /// Asks a sibling for these bytes, whole records.
    pub(super) async fn range(
        self: Rc<Self>,
        sibling: SiblingId,
        package: PackageIdentity,
        bytes: (u64, u64),
    ) -> Result<(SiblingAnswer, PackageHead), Fault> {
        let peer = self.names.borrow().get(&sibling).copied();
        let peer = peer.ok_or_else(gone)?;
        let mut link = self.link(peer).await?.ok_or_else(gone)?;
        let (first, last) = (bytes.0 / SIBLING_RECORD, bytes.1 / SIBLING_RECORD);
        let question = PackageQuestion::Range {
            package,
            first,
            last,
        };
        let answer = ask(&mut link, &question).await?;
        if answer.status() != StatusCode::OK {
            return Err(refused(&answer));
        }
        let sealer = RangeSealer::new(&link.key.ranges(), package);
        let head = PackageHead {
            status: 206,
            range: Some(ContentRange {
                first: bytes.0,
                last: bytes.1,
                total: package.size,
            }),
            refused_of: None,
            length: None,
            tag: None,
            first: FirstBytes::Zip,
        };
        let answer = SiblingAnswer {
            links: self,
            link: Some((peer, link)),
            content: answer.into_body(),
            sealer,
            package,
            next: first,
            last,
            buffer: Vec::new(),
        };
        Ok((answer, head))
    }
}

async fn ask(link: &mut SiteLink, question: &PackageQuestion) -> Result<Response<Incoming>, Fault> {
    link.request(Method::GET, &question.to_string(), Bytes::new())
        .await
}

/// The content of a short answer.
async fn within(answer: Response<Incoming>) -> Result<Vec<u8>, Fault> {
    let (mut content, mut body) = (Vec::new(), answer.into_body());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| gone())?;
        content.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
        if content.len() > HOLDINGS_LIMIT {
            return Err(gone());
        }
    }
    Ok(content)
}

/// It answers no more, or has it no more. Nobody is told: the range comes from elsewhere.
fn gone() -> Fault {
    Fault::new(Code::NetCut, PackageCause::Short)
}

fn refused(answer: &Response<Incoming>) -> Fault {
    let wish = answer.headers().get(RETRY_AFTER);
    let wish = wish.and_then(|value| value.to_str().ok()?.parse().ok());
    Fault {
        retry_after: wish.map(Duration::from_secs),
        ..gone()
    }
}

/// Records on their way.
pub(super) struct SiblingAnswer {
    links: Rc<SiblingLinks>,
    link: Option<(usize, SiteLink)>,
    content: Incoming,
    sealer: RangeSealer,
    package: PackageIdentity,
    next: u64,
    last: u64,
    buffer: Vec<u8>,
}

impl SiblingAnswer {
    /// The next record; `None` after the last one.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.next > self.last {
            // The link serves another request once the content was read to its end.
            if self.buffer.is_empty() && self.content.frame().await.is_none() {
                self.links.idle.borrow_mut().extend(self.link.take());
            }
            return Ok(None);
        }
        let length = record_length(self.package, self.next) as usize + RangeSealer::OVERHEAD;
        while self.buffer.len() < length {
            let frame = self.content.frame().await;
            let frame = frame.and_then(Result::ok).ok_or_else(gone)?;
            self.buffer
                .extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
        }
        let rest = self.buffer.split_off(length);
        let mut sealed = std::mem::replace(&mut self.buffer, rest);
        let plain = self.sealer.open(self.next, &mut sealed);
        let plain = plain.ok_or_else(|| {
            let what = PartFlaw::NoRange;
            Fault::new(Code::PackageRange, PackageCause::Dishonest { what })
        })?;
        self.next += 1;
        Ok(Some(Bytes::copy_from_slice(plain)))
    }
}
