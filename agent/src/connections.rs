//! The connections of one door: who is let in, who makes room, and which of them stand still.
//! Never decides who that is (`logic::places` does), and never looks at what moves.
//! Called by the local API, the status page and the gateway.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use logic::places::{
    Caller, ConnectionId, ConnectionLimits, ConnectionTable, EntryDecision, PlaceClass, TakenPlaces,
};
use tokio::sync::Notify;

use system::observed::{Observed, Observer};

/// The connections of one door. Cheap to clone.
#[derive(Clone)]
pub struct Connections(Arc<SharedCrowd>);

struct SharedCrowd {
    inner: Mutex<CrowdState>,
    /// A place was given back.
    freed: Notify,
}

struct CrowdState {
    crowd: ConnectionTable,
    taken: TakenPlaces,
    /// Where a connection hears that it has to make room.
    open: BTreeMap<ConnectionId, Arc<Notify>>,
}

impl Connections {
    /// None yet.
    pub fn new(room: ConnectionLimits) -> Self {
        let inner = CrowdState {
            crowd: ConnectionTable::new(room),
            taken: TakenPlaces::default(),
            open: BTreeMap::new(),
        };
        Self(Arc::new(SharedCrowd {
            inner: Mutex::new(inner),
            freed: Notify::new(),
        }))
    }

    /// Somebody connects; `None` when there is no room.
    pub fn enter(&self, caller: Caller) -> Option<ConnectionTicket> {
        let mut inner = self.lock();
        let id = match inner.crowd.enter(caller) {
            EntryDecision::In(id) => id,
            EntryDecision::InPlaceOf(id, out) => {
                if let Some(out) = inner.open.remove(&out) {
                    out.notify_one();
                }
                id
            }
            EntryDecision::Full => return None,
        };
        let evicted = Arc::new(Notify::new());
        inner.open.insert(id, evicted.clone());
        Some(ConnectionTicket(Arc::new(Seat {
            connections: self.clone(),
            caller,
            id,
            evicted,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, CrowdState> {
        // No state of it is half done when a holder panics.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that was let in; it has left when the last copy is dropped.
#[derive(Clone)]
pub struct ConnectionTicket(Arc<Seat>);

struct Seat {
    connections: Connections,
    caller: Caller,
    id: ConnectionId,
    evicted: Arc<Notify>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.connections.lock();
        inner.crowd.leave(self.id);
        inner.open.remove(&self.id);
    }
}

impl ConnectionTicket {
    /// Whose connection it is.
    pub fn caller(&self) -> Caller {
        self.0.caller
    }

    /// Another one took its place: it has to end.
    pub async fn evicted(&self) {
        self.0.evicted.notified().await;
    }

    /// A request is being answered from now on, until what is given is dropped: meanwhile it makes room for nobody.
    pub fn busy(&self) -> Busy {
        self.0.connections.lock().crowd.busy(self.0.id, true);
        Busy(self.clone())
    }

    /// A place for a request of this class, while what is given is kept; `None` when there is none within its patience.
    pub async fn place(&self, class: PlaceClass) -> Option<TakenPlace> {
        let seat = &self.0;
        let take = async {
            loop {
                let mut freed = std::pin::pin!(seat.connections.0.freed.notified());
                // Heard from here on: what is given back between the two lines is not missed.
                freed.as_mut().enable();
                if seat.connections.lock().taken.take(class, seat.caller) {
                    return TakenPlace(self.clone(), class);
                }
                freed.await;
            }
        };
        tokio::time::timeout(class.patience(), take).await.ok()
    }
}

/// A request that is being answered.
pub struct Busy(ConnectionTicket);

impl Drop for Busy {
    fn drop(&mut self) {
        let seat = &self.0.0;
        seat.connections.lock().crowd.busy(seat.id, false);
    }
}

/// A place that is taken.
pub struct TakenPlace(ConnectionTicket, PlaceClass);

impl Drop for TakenPlace {
    fn drop(&mut self) {
        let seat = &self.0.0;
        seat.connections.lock().taken.free(self.1, seat.caller);
        seat.connections.0.freed.notify_waiters();
    }
}

/// An answer's content, with what is kept until it was sent or given up.
pub struct KeptContent<B, K> {
    body: B,
    _kept: K,
}

impl<B, K> KeptContent<B, K> {
    /// Keeps it.
    pub fn new(body: B, kept: K) -> Self {
        Self { body, _kept: kept }
    }
}

impl<B: Body + Unpin, K: Unpin> Body for KeptContent<B, K> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a connection carries, seen from outside.
#[derive(Clone, Default)]
pub struct ConnectionFlow(Arc<ConnectionState>);

#[derive(Default)]
struct ConnectionState {
    /// Bytes, both ways together.
    moved: AtomicU64,
    /// The other side takes nothing of what is written.
    blocked: AtomicBool,
    becomes_blocked: Notify,
}

impl ConnectionFlow {
    /// Bytes so far, both ways together.
    pub fn moved(&self) -> u64 {
        self.0.moved.load(Ordering::Relaxed)
    }

    /// Ends when the other side has taken nothing of what is written to it for so long (twice that at most). A
    /// connection on which nothing is written wakes nobody.
    pub async fn stands_still(&self, limit: Duration) {
        loop {
            self.0.becomes_blocked.notified().await;
            loop {
                let before = self.moved();
                tokio::time::sleep(limit).await;
                if !self.0.blocked.load(Ordering::Relaxed) {
                    break;
                }
                if self.moved() == before {
                    return;
                }
            }
        }
    }
}

impl ConnectionFlow {
    /// Ends when nothing has moved either way for so long (twice that at most).
    pub async fn is_silent(&self, limit: Duration) {
        loop {
            let before = self.moved();
            tokio::time::sleep(limit).await;
            if self.moved() == before {
                return;
            }
        }
    }
}

impl Observer for ConnectionFlow {
    fn on_read(&self, bytes: &[u8]) {
        self.0
            .moved
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }

    fn on_write(&self, result: &Poll<io::Result<usize>>) {
        match result {
            Poll::Ready(result) => {
                self.0.blocked.store(false, Ordering::Relaxed);
                if let Ok(bytes) = result {
                    self.0.moved.fetch_add(*bytes as u64, Ordering::Relaxed);
                }
            }
            Poll::Pending => {
                if !self.0.blocked.swap(true, Ordering::Relaxed) {
                    self.0.becomes_blocked.notify_one();
                }
            }
        }
    }
}

/// A connection whose flow is seen from outside.
pub fn watched<S>(stream: S) -> (Observed<S, ConnectionFlow>, ConnectionFlow) {
    let flow = ConnectionFlow::default();
    (Observed::new(stream, flow.clone()), flow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const CONNECTION_LIMITS: ConnectionLimits = ConnectionLimits {
        most: 2,
        each: 2,
        denied: 1,
    };

    #[tokio::test]
    async fn the_oldest_idle_connection_makes_room_and_a_busy_one_does_not() {
        let connections = Connections::new(CONNECTION_LIMITS);
        let caller = Caller::User(7);
        let first = connections.enter(caller).unwrap();
        let second = connections.enter(caller).unwrap();
        let busy = first.busy();
        let third = connections.enter(caller).unwrap();
        second.evicted().await;
        let _busy_too = third.busy();
        assert!(connections.enter(caller).is_none());
        drop(busy);
        let _fourth = connections.enter(caller).unwrap();
        first.evicted().await;
        drop((first, second));
        assert!(connections.enter(caller).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_waited_for_and_not_for_ever() {
        let room = ConnectionLimits {
            most: 9,
            each: 9,
            denied: 1,
        };
        let connections = Connections::new(room);
        let ticket = connections.enter(Caller::User(7)).unwrap();
        let mut places = Vec::new();
        while let Some(place) = ticket.place(PlaceClass::Reader).await {
            places.push(place);
        }
        assert_eq!(places.len(), PlaceClass::Reader.pool().each);
        assert!(ticket.place(PlaceClass::Control).await.is_some());
        let waiting = ticket.place(PlaceClass::Reader);
        tokio::pin!(waiting);
        let soon = tokio::time::timeout(Duration::from_millis(1), &mut waiting);
        assert!(soon.await.is_err());
        places.pop();
        assert!(waiting.await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_stands_still_and_who_is_told_nothing_does_not() {
        let limit = Duration::from_secs(10);
        let (near, mut far) = tokio::io::duplex(64);
        let (mut watched, flow) = watched(near);
        let still = flow.stands_still(limit);
        tokio::pin!(still);
        // Silence is nobody's fault.
        assert!(tokio::time::timeout(limit * 9, &mut still).await.is_err());
        let writing = tokio::spawn(async move { watched.write_all(&[0; 200]).await });
        let mut piece = [0; 64];
        far.read_exact(&mut piece).await.unwrap();
        assert!(tokio::time::timeout(limit / 2, &mut still).await.is_err());
        far.read_exact(&mut piece).await.unwrap();
        tokio::time::timeout(limit * 3, &mut still).await.unwrap();
        writing.abort();
    }
}
