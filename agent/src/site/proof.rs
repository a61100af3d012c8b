//! The proof at the start of a link: offer, answer, and a greeting each way (`logic::site::link` has the messages).
//! Never sends a byte to who has not proven a key, but the answer to one who has.
//! Called by `client` and `door`.

use std::io;
use std::time::Duration;

use logic::site::link::{
    EXCHANGE, LINK_KEYS, LinkKey, LinkRecords, OFFER, OFFER_ANSWER, answer, answered_public,
    answering, offer, proven,
};
use logic::site::talk::{GREETING, Greeting};
use rustls::crypto::ActiveKeyExchange;
use rustls::crypto::ring::kx_group::X25519;
use system::observed::BoxedStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use vault::random;

use super::stream::{GivenRate, SealedStream};
use super::{SiteMember, VERSION};

/// All of a proof comes within this, or never.
const PROOF_TIMEOUT: Duration = Duration::from_secs(5);

/// A link that was proven.
pub(super) struct ProvenLink {
    pub(super) stream: SealedStream,
    /// The key that was proven.
    pub(super) key: LinkKey,
    /// Who is at the other end.
    pub(super) sibling: Greeting,
    /// It is this very box.
    pub(super) own: bool,
}

impl ProvenLink {
    fn new(stream: SealedStream, key: &LinkKey, sibling: Greeting, member: &SiteMember) -> Self {
        Self {
            stream,
            own: sibling.name == key.pseudonym(&member.box_id).to_string(),
            sibling,
            key: key.clone(),
        }
    }
}

/// Proves a key to who listens; `None` where it proves none.
pub(super) async fn connect(
    stream: BoxedStream,
    member: &SiteMember,
) -> io::Result<Option<ProvenLink>> {
    within(connected(stream, member)).await
}

/// Lets in who proves a key; `None` where it does not.
pub(super) async fn accept(
    stream: BoxedStream,
    member: &SiteMember,
    rate: GivenRate,
) -> io::Result<Option<ProvenLink>> {
    within(accepted(stream, member, rate)).await
}

async fn within<T>(proof: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let proof = timeout(PROOF_TIMEOUT, proof).await;
    proof.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// An exchange that has begun, and its public half.
fn exchange() -> Option<(Box<dyn ActiveKeyExchange>, [u8; EXCHANGE])> {
    let exchange = X25519.start().ok()?;
    let public = exchange.pub_key().try_into().ok()?;
    Some((exchange, public))
}

async fn connected(mut stream: BoxedStream, member: &SiteMember) -> io::Result<Option<ProvenLink>> {
    let Some((exchange, public)) = exchange() else {
        return Ok(None);
    };
    let fill = random::<{ LINK_KEYS * 16 }>();
    let offer = offer(&member.keys, &random(), &public, &fill);
    stream.write_all(&offer).await?;
    let mut answer = [0; OFFER_ANSWER];
    if let Err(error) = stream.read_exact(&mut answer).await {
        // Who has none of the keys hangs up.
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Ok(None),
            _ => Err(error),
        };
    }
    let Ok(shared) = exchange.complete(&answered_public(&answer)) else {
        return Ok(None);
    };
    let Some((key, records)) = proven(&member.keys, &offer, &answer, shared.secret_bytes()) else {
        return Ok(None);
    };
    let mut stream = SealedStream::new(stream, records, None);
    greet(&mut stream, key, member).await?;
    let sibling = greeted(&mut stream, key).await?;
    Ok(Some(ProvenLink::new(stream, key, sibling, member)))
}

async fn accepted(
    mut stream: BoxedStream,
    member: &SiteMember,
    rate: GivenRate,
) -> io::Result<Option<ProvenLink>> {
    let mut offer = [0; OFFER];
    stream.read_exact(&mut offer).await?;
    let Some((key, records, answer)) = answer_to(&offer, member) else {
        return Ok(None);
    };
    stream.write_all(&answer).await?;
    let mut stream = SealedStream::new(stream, records, Some(rate));
    // With this record the other side proves that the offer is no old one.
    let sibling = greeted(&mut stream, key).await?;
    greet(&mut stream, key, member).await?;
    Ok(Some(ProvenLink::new(stream, key, sibling, member)))
}

fn answer_to<'a>(
    offer: &[u8; OFFER],
    member: &'a SiteMember,
) -> Option<(&'a LinkKey, LinkRecords, [u8; OFFER_ANSWER])> {
    let (key, public) = answering(&member.keys, offer)?;
    let (exchange, own) = exchange()?;
    let shared = exchange.complete(&public).ok()?;
    let (answer, records) = answer(key, offer, &random(), &own, shared.secret_bytes());
    Some((key, records, answer))
}

async fn greet(stream: &mut SealedStream, key: &LinkKey, member: &SiteMember) -> io::Result<()> {
    let greeting = Greeting::of(key, &member.box_id, VERSION).bytes();
    stream.write_all(&greeting).await?;
    stream.flush().await
}

/// The greeting of the other side: one record.
async fn greeted(stream: &mut SealedStream, key: &LinkKey) -> io::Result<Greeting> {
    let mut bytes = vec![0; GREETING];
    let length = stream.read(&mut bytes).await?;
    let greeting = Greeting::read(key, &bytes[..length]);
    greeting.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
