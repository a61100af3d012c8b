//! `site status`: who of the site answers, which key it proves, and how it stands.
//! Never tells a box that did not prove the site's key anything, and never waits long for one that is silent.
//! Called by `site`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{Method, StatusCode};
use logic::copies::MetSibling;
use logic::fault::{Code, Fault, OsCause, SiteCause};
use logic::health::sibling::SiblingStanding;
use logic::health::verdict::Word;
use logic::language::figure::Seconds;
use logic::outside;
use logic::phrase;
use logic::settings::SitePeer;
use logic::site::link::LinkTrust;
use logic::site::talk::Greeting;
use serde_json::json;
use system::clock;
use system::task::BoxedTasks;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::screen::{Screen, Tone};
use super::super::{runtime, words};
use crate::engine::Engine;
use crate::site::{SiteLink, SiteMember};

logic::sentences! {
    /// What `site status` says.
    enum RoomTerm {
        Listens { at: String, print: String }: "this box listens on {at}, site key {print}",
            "cette box écoute sur {at}, clé de site {print}";
        Shut { at: String, print: String }: "this box does not answer on {at} as it should ([site] listen); site key {print}",
            "cette box ne répond pas sur {at} comme elle le devrait ([site] listen) ; clé de site {print}";
        Deaf { print: String }: "this box does not listen for others ([site] listen), site key {print}",
            "cette box n’écoute pas les autres ([site] listen), clé de site {print}";
        NoPeers: "no other box is known ([site] peers)", "aucune autre box n’est connue ([site] peers)";
        Own { peer: String }: "{peer}: this box", "{peer} : cette box";
        Stands { peer: String, id: String, word: String, owed: u64, version: String }:
            "{peer}: box {id}, {word}, owed {owed}, boxsync {version}", "{peer} : box {id}, {word}, en attente {owed}, boxsync {version}";
        Copied { copied: u64 }: "  copied {copied}", "  copiés {copied}";
        Met { time: Seconds, keeps: u64 }: "  answers since {time}; keeps copies of this box {keeps}",
            "  répond depuis {time} ; garde des copies de cette box {keeps}";
        Synchronized { time: Seconds }: "  synchronized {time} ago", "  synchronisée il y a {time}";
        Enrolled { peer: String, version: String }:
            "{peer}: proves the key of enrolment alone, boxsync {version}: packages are shared, nothing else",
            "{peer} : ne prouve que la clé d’inscription, boxsync {version} : seuls les paquets sont partagés";
    }
}

/// A sibling that does not answer by then is silent.
const ASK_TIMEOUT: Duration = Duration::from_secs(8);
/// Bytes of a standing, at most.
const STANDING_LIMIT: usize = 16 << 10;

/// What an address of `peers` came to.
enum Neighbour {
    Own,
    /// It proved a key; how it stands where the key is good for that.
    Proven {
        trust: LinkTrust,
        sibling: Greeting,
        standing: Option<SiblingStanding>,
    },
    Away(Fault),
}

/// Asks all of them at once.
pub(super) fn status(engine: &Engine, screen: &Screen) -> Result<u8, Fault> {
    let member = engine.site_member()?;
    engine.look_around();
    let peers = engine.peers();
    let listen = engine.settings().site.listen;
    let (all, open) = runtime(async {
        let all = asked(&peers, &member).await;
        let open = match listen {
            Some(at) => Some(is_open(at, &member).await),
            None => None,
        };
        (all, open)
    });
    let room = engine.room_standing().unwrap_or_default();
    let met = |peer: &SitePeer| {
        let peer = peer.to_string();
        room.siblings.iter().find(|met| met.peer == peer)
    };
    let print = engine.site_key().unwrap_or_else(|| "-".to_owned());
    match screen.json {
        true => {
            let siblings = peers.iter().zip(&all);
            let siblings = siblings.map(|(peer, one)| object(peer, one, met(peer)));
            let siblings: Vec<_> = siblings.collect();
            screen.object(json!({
                "listen": listen.map(|at| at.to_string()), "open": open, "site_key": engine.site_key(),
                "siblings": siblings,
            }));
        }
        false => {
            screen.line(&screen.told(&match listen.map(|at| at.to_string()) {
                Some(at) if open == Some(false) => RoomTerm::Shut { at, print },
                Some(at) => RoomTerm::Listens { at, print },
                None => RoomTerm::Deaf { print },
            }));
            if peers.is_empty() {
                screen.line(&screen.told(&RoomTerm::NoPeers));
            }
            for (peer, one) in peers.iter().zip(&all) {
                tell(peer, one, screen);
                if let Some(MetSibling {
                    since: Some(at),
                    keeps,
                    ..
                }) = met(peer)
                {
                    let time = Seconds(clock::now().wall.saturating_sub(*at).max(0) as u64);
                    let keeps = *keeps;
                    screen.line(&screen.told(&RoomTerm::Met { time, keeps }));
                }
            }
        }
    }
    let is_well = |one: &Neighbour| !matches!(one, Neighbour::Away(_));
    Ok(u8::from(open == Some(false) || !all.iter().all(is_well)))
}

async fn asked(peers: &[SitePeer], member: &SiteMember) -> Vec<Neighbour> {
    let mut asking = JoinSet::new();
    for (place, peer) in peers.iter().cloned().enumerate() {
        let member = member.clone();
        asking.spawn_boxed(async move {
            let one = timeout(ASK_TIMEOUT, neighbour(&peer, &member)).await;
            let silent = || away(&peer, io::ErrorKind::TimedOut);
            let one = one.unwrap_or_else(|_| Err(silent()));
            (place, one.unwrap_or_else(Neighbour::Away))
        });
    }
    let mut all = asking.join_all().await;
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, one)| one).collect()
}

/// Whether the box itself answers where it is to listen.
async fn is_open(at: SocketAddr, member: &SiteMember) -> bool {
    let host = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let (host, port) = (host.to_string(), at.port());
    let own = SitePeer { host, port };
    let own = SiteLink::open(&own, member);
    matches!(timeout(ASK_TIMEOUT, own).await, Ok(Ok(None)))
}

fn away(peer: &SitePeer, kind: io::ErrorKind) -> Fault {
    let (peer, why) = (peer.to_string(), OsCause::from(&io::Error::from(kind)));
    Fault::new(Code::NetUnreachable, SiteCause::Cut { peer, why })
}

async fn neighbour(peer: &SitePeer, member: &SiteMember) -> Result<Neighbour, Fault> {
    let Some(mut link) = SiteLink::open(peer, member).await? else {
        return Ok(Neighbour::Own);
    };
    let (trust, sibling) = (link.key.trust, link.sibling.clone());
    let mut standing = None;
    if trust == LinkTrust::KeyFile {
        let answer = link.request(Method::GET, "/site/1/standing", Bytes::new());
        let answer = answer.await?;
        if answer.status() != StatusCode::OK {
            let (peer, status) = (peer.to_string(), answer.status().as_u16());
            return Err(Fault::new(
                Code::SiteAnswer,
                SiteCause::Answer { peer, status },
            ));
        }
        let body = Limited::new(answer.into_body(), STANDING_LIMIT)
            .collect()
            .await;
        let body = body.map_err(|_| away(peer, io::ErrorKind::InvalidData))?;
        let told = SiblingStanding::read(&body.to_bytes());
        standing = Some(told.ok_or_else(|| away(peer, io::ErrorKind::InvalidData))?);
    }
    Ok(Neighbour::Proven {
        trust,
        sibling,
        standing,
    })
}

fn object(peer: &SitePeer, one: &Neighbour, met: Option<&MetSibling>) -> serde_json::Value {
    let peer = peer.to_string();
    let (since, keeps) = (met.and_then(|met| met.since), met.map(|met| met.keeps));
    match one {
        Neighbour::Own => json!({ "peer": peer, "state": "own" }),
        Neighbour::Proven {
            trust,
            sibling,
            standing,
        } => json!({
            "peer": peer, "state": "proven", "key": trust.word(), "box_id": sibling.box_id,
            "version": sibling.version, "standing": standing, "since": since, "keeps": keeps,
        }),
        Neighbour::Away(trouble) => json!({
            "peer": peer, "state": "away", "code": trouble.code, "reason": trouble.reason(),
        }),
    }
}

fn tell(peer: &SitePeer, one: &Neighbour, screen: &Screen) {
    let peer = peer.to_string();
    let line = |term: RoomTerm| screen.line(&screen.told(&term));
    match one {
        Neighbour::Own => line(RoomTerm::Own { peer }),
        Neighbour::Proven {
            standing: Some(standing),
            ..
        } => {
            let tone = match standing.verdict {
                Word::Ready => Tone::Good,
                Word::ReadyBut => Tone::Doubt,
                Word::NotReady => Tone::Bad,
            };
            let word = screen.told(&words::verdict(standing.verdict));
            line(RoomTerm::Stands {
                peer,
                id: outside::id(&standing.box_id),
                word: screen.paint(tone, &word),
                owed: standing.owed,
                version: outside::id(&standing.version),
            });
            if let Some(copied) = standing.copied {
                line(RoomTerm::Copied { copied });
            }
            if let Some(seconds) = standing.synchronized {
                let time = Seconds(seconds);
                line(RoomTerm::Synchronized { time });
            }
        }
        Neighbour::Proven { sibling, .. } => {
            let version = outside::id(&sibling.version);
            line(RoomTerm::Enrolled { peer, version });
        }
        Neighbour::Away(trouble) => {
            let told = phrase::cause(screen.language, None, &trouble.cause);
            screen.line(&format!("{told} [{}]", trouble.code));
        }
    }
}
