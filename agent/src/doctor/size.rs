//! Looks for the size of packets that arrive: asks something long, and where no answer comes asks it in smaller packets.
//! Never judges: `logic::health::way` does, and never asks more than the anonymous question of `talk`.
//! Called by `talk`.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use logic::health::way::SIZES;
use logic::health::{Check, PlannedCheck};
use tokio::time::timeout;

use super::talk::{TalkMeans, contact, is_silence};
use super::{SeenSoFar, limit, made};
use system::clock::Clock;

/// Bytes of a question that fills two packets of Ethernet.
const LONG: usize = 2900;
/// A long question may take this beside four times a short one.
const LONG_QUESTION_ALLOWANCE: Duration = Duration::from_millis(1000);
/// The headers of IPv4 and TCP; those of IPv6 are 20 longer.
const HEADERS: u16 = 40;
const LONGER_HEADERS: u16 = 20;

/// `short`: how long a short question took; `None` when it was not answered either.
pub(super) async fn look(
    steps: &[PlannedCheck],
    means: &TalkMeans<'_>,
    short: Option<Duration>,
    found: &SeenSoFar,
) {
    if !made(steps, Check::Mtu) {
        return;
    }
    let most = limit(steps, Check::Mtu);
    if let Some(short) = short {
        let patience = (LONG_QUESTION_ALLOWANCE + 4 * short).min(most);
        if comes(means, None, patience).await {
            return found.see(|seen| seen.way.sizes = vec![(SIZES[0], true)]);
        }
    }
    let is_six = found.look(|seen| {
        let connected = seen.way.connect.as_ref().and_then(|c| c.as_ref().ok());
        connected.is_some_and(|address| address.starts_with('['))
    });
    let headers = HEADERS + if is_six { LONGER_HEADERS } else { 0 };
    let patience = short.map_or(most, |short| {
        (2 * LONG_QUESTION_ALLOWANCE + 4 * short).min(most)
    });
    let tries = SIZES.map(|size| async move {
        let came = comes(means, Some(size - headers), patience).await;
        (size, came)
    });
    let sizes = all(tries.into_iter().map(Box::pin)).await;
    found.see(|seen| seen.way.sizes = sizes);
}

/// Whether anything comes back for a long question in packets of at most this size.
async fn comes(means: &TalkMeans<'_>, segment: Option<u16>, patience: Duration) -> bool {
    let asked = contact(
        means,
        Clock::standing(system::clock::built()),
        segment,
        LONG,
    );
    match timeout(patience, asked).await {
        Ok(Ok(_)) => true,
        Ok(Err(trouble)) => !is_silence(trouble.code),
        Err(_) => false,
    }
}

/// All at the same time, in their order.
async fn all<T>(futures: impl Iterator<Item = Pin<Box<impl Future<Output = T>>>>) -> Vec<T> {
    let mut open: Vec<_> = futures.map(|future| (Some(future), None)).collect();
    poll_fn(|context| {
        for (future, result) in &mut open {
            if let Some(running) = future
                && let Poll::Ready(value) = running.as_mut().poll(context)
            {
                (*future, *result) = (None, Some(value));
            }
        }
        match open.iter().all(|(_, result)| result.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    open.into_iter().filter_map(|(_, result)| result).collect()
}
