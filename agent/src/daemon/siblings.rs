//! The door for siblings as a part of the daemon: opened where `[site] listen` says, tried again when it cannot be.
//! Never opens a port that is not configured, and never says twice in a row why it is closed.
//! Called by the daemon's loop at its start and at each new configuration.

mod copies;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use logic::fault::{Code, CodeName, Fault, SiteCause};
use logic::health::sibling::SiblingStanding;
use logic::settings::Settings;
use logic::site::talk::SiteRequest;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::engine::PackageGiver;
use crate::site::{
    SiteAnswer, SiteAsking, SiteDoor, SiteHandler, SiteKeys, SiteMember, VERSION, answer_network,
    whole,
};
use crate::socket::sample;
use crate::socket::state::SharedState;
use system::clock;
use system::journal;

use copies::{CopyRoom, at_work};

/// Wait before a port that is taken is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// The keys are read again after this: one may be imported, or the box enrolled, while it listens.
const KEYS_AGAIN: Duration = Duration::from_secs(10);

/// The door as it is configured: off, waiting for its address, or open.
pub(super) struct SiblingGate {
    shared: SharedState,
    at: Option<(SocketAddr, u64, bool)>,
    served: Option<JoinHandle<()>>,
}

impl SiblingGate {
    /// Opens it if the configuration says so.
    pub(super) fn new(shared: SharedState, settings: &Settings) -> Self {
        let mut gate = Self {
            shared,
            at: None,
            served: None,
        };
        gate.configure(settings);
        gate
    }

    /// Follows another configuration. One that says the same of it interrupts nobody.
    pub(super) fn configure(&mut self, settings: &Settings) {
        let most = settings.site.max_rate.bytes();
        let discovers = settings.site.discovers();
        let at = settings.site.listen.map(|at| (at, most, discovers));
        if at == self.at {
            return;
        }
        self.at = at;
        let (before, shared) = (self.served.take(), self.shared.clone());
        self.served = Some(system::task::spawn_local(async move {
            // The one before may hold the same port.
            system::task::ended(before).await;
            if let Some((at, most, discovers)) = at {
                let listener = listen(at).await;
                tracing::info!("siblings are listened for on {at}");
                let answers = async {
                    if discovers {
                        answer_network(at).await;
                    }
                };
                tokio::join!(door(shared).serve(listener, most), answers);
            }
        }));
    }
}

impl Drop for SiblingGate {
    fn drop(&mut self) {
        if let Some(served) = &self.served {
            served.abort();
        }
    }
}

async fn listen(at: SocketAddr) -> TcpListener {
    let mut told: Option<CodeName> = None;
    loop {
        match TcpListener::bind(at).await {
            Ok(listener) => return listener,
            Err(error) if told.is_none() => {
                let cause = SiteCause::Listen {
                    at: at.to_string(),
                    why: (&error).into(),
                };
                let trouble = Fault::new(Code::SiteListen, cause);
                journal::trouble(&trouble);
                told = Some(trouble.code.into());
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn door(shared: SharedState) -> SiteDoor {
    type KeysRead = Option<(Duration, Option<Rc<SiteMember>>)>;
    let read = Rc::new(Mutex::<KeysRead>::default());
    let of = shared.clone();
    // Files are read beside the loop; who comes meanwhile waits for the same answer.
    let member: SiteKeys = Rc::new(move || {
        let (read, of) = (read.clone(), of.clone());
        Box::pin(async move {
            let mut read = read.lock().await;
            let now = clock::now().mono;
            if let Some((at, member)) = &*read
                && now.saturating_sub(*at) < KEYS_AGAIN
            {
                return member.clone();
            }
            // A box without a key lets nobody in; `status` and `doctor` say so.
            let member = at_work(&of, |engine| engine.site_member()).await;
            let member = member.ok().map(Rc::new);
            *read = Some((now, member.clone()));
            member
        })
    });
    let room = Rc::new(CopyRoom::default());
    let giver = Arc::new(PackageGiver::new(shared.root()));
    let handler: SiteHandler = Rc::new(move |asking| {
        let (shared, room, giver) = (shared.clone(), room.clone(), giver.clone());
        Box::pin(async move { answered(&shared, &room, giver, asking).await })
    });
    SiteDoor { member, handler }
}

/// Each kind of request has one who answers it.
async fn answered(
    shared: &SharedState,
    room: &CopyRoom,
    giver: Arc<PackageGiver>,
    asking: SiteAsking,
) -> SiteAnswer {
    match asking.what {
        SiteRequest::Standing if asking.request.method() == Method::GET => standing(shared).await,
        SiteRequest::Packages => giver.answer(&shared.settings(), asking).await,
        SiteRequest::Copies => copies::answered(shared, room, asking).await,
        SiteRequest::Standing => whole(StatusCode::NOT_FOUND, Bytes::new()),
    }
}

async fn standing(shared: &SharedState) -> SiteAnswer {
    let look = sample::current(shared).await;
    let Some((look, box_id)) = look.and_then(|look| Some((look.clone(), look.box_id.clone()?)))
    else {
        return whole(StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
    };
    let told = SiblingStanding::of(&box_id, VERSION, &look.standing);
    let told = serde_json::to_vec(&told).expect("plain data always serialises");
    whole(StatusCode::OK, told)
}
