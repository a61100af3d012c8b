//! An answer in the middle of being read: head known, content still coming.
//! Never waits for a line that has stopped: by rate, not by a fixed end.
//! Called by the engine for packages, and by `Uplink::call` for everything else.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use logic::api::{Answered, Reply};
use logic::fault::{Code, Fault, NetCause, TlsCause};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::UplinkState;
use super::dial::OpenConnection;
use super::fault;
use super::gunzip::{Gunzip, GzipFlaw};
use super::meter::CallSample;

/// Fewer than `PACE` bytes in this time of waiting is a stall.
const STALL: Duration = Duration::from_secs(30);
/// See `STALL`.
const PACE: u64 = 1 << 10;
/// A refusal's content is read so far, to keep its connection.
const DRAIN: usize = 64 << 10;
/// Buffers are reserved so far on the word of the other side alone.
const FORESIGHT: usize = 1 << 20;

/// An answer whose content is read piece by piece. Dropped early, it closes its connection.
pub struct StreamedAnswer {
    /// Status code.
    pub status: u16,
    /// Header fields in the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    pub(super) flow: AnswerContent,
}

/// The content.
pub(super) struct AnswerContent {
    pub(super) inner: Rc<UplinkState>,
    pub(super) body: Incoming,
    pub(super) inflate: Option<Gunzip>,
    pub(super) name: &'static str,
    pub(super) place: String,
    pub(super) limit: usize,
    pub(super) began: Instant,
    pub(super) first_byte: Duration,
    /// The connection and the right to it, until the content has ended.
    pub(super) hold: Option<(OpenConnection, OwnedSemaphorePermit)>,
    pub(super) bytes: u64,
    /// Bytes of the request's content.
    pub(super) sent: u64,
    /// Waited for the last `PACE` bytes, of which `paced` have come.
    pub(super) waited: Duration,
    pub(super) paced: u64,
}

impl StreamedAnswer {
    /// The first value of a header field, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The next piece of content, inflated if it came as gzip; `None` after the last one. Only the time spent waiting
    /// in here counts for a stall. After an error the answer is of no further use.
    ///
    /// # Errors
    /// `net.cut`, `net.stalled`; of a gzip stream `central.garbled`, and `central.too_large` beyond the call's limit.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        self.flow.chunk().await
    }

    /// The whole content, at most the call's `limit`.
    ///
    /// # Errors
    /// As `chunk`, and `central.too_large`.
    pub async fn reply(self) -> Answered {
        let Self {
            status,
            headers,
            mut flow,
        } = self;
        let mut body = Vec::new();
        let announced = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .and_then(|(_, value)| value.parse::<usize>().ok());
        if announced.is_some_and(|length| length > flow.limit) {
            return Err(fault::too_large(flow.name, flow.limit));
        }
        body.reserve(announced.unwrap_or(0).min(FORESIGHT));
        while let Some(piece) = flow.chunk().await? {
            if body.len() + piece.len() > flow.limit {
                return Err(fault::too_large(flow.name, flow.limit));
            }
            body.extend_from_slice(&piece);
        }
        if status == 400 && plain_to_tls(&body) {
            return Err(wants_tls(&flow.place));
        }
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    /// Reads a short content to its end, so that the connection can be used again; a long one closes it.
    pub(super) async fn drain(mut self) {
        while let Ok(Some(_)) = self.flow.chunk().await {
            if self.flow.bytes > DRAIN as u64 {
                return;
            }
        }
    }
}

impl AnswerContent {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let Some(piece) = self.piece().await? else {
                if let Some(inflate) = &self.inflate {
                    inflate.end().map_err(|flaw| self.flawed(flaw))?;
                }
                self.finish();
                return Ok(None);
            };
            let piece = match &mut self.inflate {
                Some(inflate) => Bytes::from(
                    inflate
                        .push(&piece)
                        .map_err(|flaw| flawed(flaw, self.name, self.limit))?,
                ),
                None => piece,
            };
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// The next bytes as they come.
    async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let left = STALL.saturating_sub(self.waited);
            let began = Instant::now();
            let Ok(frame) = timeout(left, self.body.frame()).await else {
                return Err(Fault::new(
                    Code::NetStalled,
                    NetCause::Stalled {
                        place: self.place.clone(),
                        pace: PACE,
                        seconds: STALL.as_secs(),
                        bytes: self.bytes,
                        request: self.name.into(),
                    },
                ));
            };
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| fault::cut(&error, &self.place, self.bytes))?;
            // Trailers say nothing that central's answers need.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            self.bytes += data.len() as u64;
            self.paced += data.len() as u64;
            self.waited += began.elapsed();
            if self.paced >= PACE {
                self.paced = 0;
                self.waited = Duration::ZERO;
            }
            return Ok(Some(data));
        }
    }

    fn flawed(&self, flaw: GzipFlaw) -> Fault {
        flawed(flaw, self.name, self.limit)
    }

    /// The content came to its end: the connection is free for the next call.
    fn finish(&mut self) {
        if let Some((lane, _turn)) = self.hold.take() {
            self.sample(true);
            self.inner.pool.give(lane);
        }
    }

    fn sample(&self, ok: bool) {
        self.inner.ledger.sample(CallSample {
            nth: 0,
            name: self.name,
            bytes: self.bytes,
            sent: self.sent,
            first_byte: self.first_byte,
            took: self.began.elapsed(),
            ok,
        });
    }
}

impl Drop for AnswerContent {
    fn drop(&mut self) {
        if self.hold.is_some() {
            self.sample(false);
        }
    }
}

fn flawed(flaw: GzipFlaw, name: &str, limit: usize) -> Fault {
    match flaw {
        GzipFlaw::TooLarge => fault::too_large(name, limit),
        GzipFlaw::Damaged => Fault {
            class: logic::words::FaultClass::Retry,
            ..Fault::new(
                Code::CentralGarbled,
                NetCause::Garbled {
                    request: name.into(),
                },
            )
        },
    }
}

/// What nginx, Apache and Go answer to plain http on a TLS port.
fn plain_to_tls(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(2048)]);
    [
        "plain HTTP request was sent to HTTPS port",
        "speaking plain HTTP to an SSL-enabled server port",
        "sent an HTTP request to an HTTPS server",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// http:// in the configuration where the port speaks TLS.
pub(super) fn wants_tls(place: &str) -> Fault {
    Fault::new(Code::NetTls, TlsCause::WantsTls { host: place.into() })
}
