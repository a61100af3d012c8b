//! Asks a sibling: one link, one request at a time.
//! Never asks who has not proven a key of the site, nor the box itself.
//! Called by the engine and by the verb `site`.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HOST;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use logic::fault::{Code, Fault, OsCause, SiteCause};
use logic::settings::SitePeer;
use logic::site::link::LinkKey;
use logic::site::talk::Greeting;
use system::observed::BoxedStream;
use tokio::time::timeout;

use super::SiteMember;
use super::proof::connect;

/// An answer begins within this, and a second more for each 256 KiB that are sent first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const SENT_A_SECOND: u64 = 256 << 10;

/// A link to a sibling.
pub struct SiteLink {
    /// The key that both have proven.
    pub key: LinkKey,
    /// Who is at the other end.
    pub sibling: Greeting,
    peer: String,
    send: SendRequest<Full<Bytes>>,
}

impl SiteLink {
    /// Connects and proves a key; `None` where the box itself answers.
    ///
    /// # Errors
    /// `net.dns`, `net.refused`, `net.unreachable`; `site.unproven` where what answers has no key of the site.
    pub async fn open(peer: &SitePeer, member: &SiteMember) -> Result<Option<Self>, Fault> {
        let stream = uplink::connect(&peer.host, peer.port).await?;
        Self::over(Box::new(stream), &peer.to_string(), member).await
    }

    /// The same over a stream that is open.
    ///
    /// # Errors
    /// `site.unproven`, `net.unreachable`.
    pub async fn over(
        stream: BoxedStream,
        peer: &str,
        member: &SiteMember,
    ) -> Result<Option<Self>, Fault> {
        let link = connect(stream, member)
            .await
            .map_err(|error| cut(peer, &error))?;
        let peer = peer.to_owned();
        let link = link.ok_or_else(|| {
            let peer = peer.clone();
            Fault::new(Code::SiteUnproven, SiteCause::Unproven { peer })
        })?;
        if link.own {
            return Ok(None);
        }
        let stream: BoxedStream = Box::new(link.stream);
        let spoken = http1::handshake(TokioIo::new(stream)).await;
        let (send, connection) = spoken.map_err(|error| ended(&peer, &error))?;
        system::task::spawn_local(async move {
            // Whoever waits for an answer hears of its end.
            let _ = connection.await;
        });
        Ok(Some(Self {
            key: link.key,
            sibling: link.sibling,
            peer,
            send,
        }))
    }

    /// Where it leads.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether another request can go over it.
    pub fn is_open(&self) -> bool {
        !self.send.is_closed()
    }

    /// Asks, and gives the answer with its content as it comes. The content of the answer before is to be read to its end first.
    ///
    /// # Errors
    /// `net.unreachable` where the link was cut, or no answer begins within 20 s of what could be sent.
    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Fault> {
        let sends = Duration::from_secs(body.len() as u64 / SENT_A_SECOND);
        let request = Request::builder().method(method).uri(path);
        let request = request.header(HOST, "boxsync").body(Full::new(body));
        // Paths are the box's own words.
        let request = request.map_err(|_| cut(&self.peer, &io::ErrorKind::InvalidInput.into()))?;
        let answered = async {
            self.send.ready().await?;
            self.send.send_request(request).await
        };
        match timeout(ANSWER_TIMEOUT + sends, answered).await {
            Ok(answer) => answer.map_err(|error| ended(&self.peer, &error)),
            Err(_) => Err(cut(&self.peer, &io::ErrorKind::TimedOut.into())),
        }
    }
}

fn ended(peer: &str, error: &hyper::Error) -> Fault {
    let kind = match error.is_incomplete_message() || error.is_closed() {
        true => io::ErrorKind::UnexpectedEof,
        false => io::ErrorKind::InvalidData,
    };
    cut(peer, &kind.into())
}

fn cut(peer: &str, error: &io::Error) -> Fault {
    let (peer, why) = (peer.to_owned(), OsCause::from(error));
    Fault::new(Code::NetUnreachable, SiteCause::Cut { peer, why })
}
