//! Second homes against boxes that vanish in the middle, lose their own notes, or cannot read everything that they owe.
//! Never sleeps: where time has to pass it is tokio's, which stands still but for who waits.
//! The keeper's door is open on a socket; the giver is an engine beside it.

use std::fs;
use std::future::pending;
use std::path::Path;

use logic::copies::RoomStanding;
use logic::intake::{Enclosure, IntakeItem, ItemKind, Print};
use logic::settings::SitePeer;
use logic::site::SiteKey;
use system::root::Root;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, copy, duplex, split};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use vault::spool::Spool;

use super::*;
use crate::engine::Engine;
use crate::site::{SiteLink, always};

/// A box of the room, with the key of its site.
struct Boxed {
    dir: TempDir,
    root: Root,
    settings: Settings,
}

impl Boxed {
    fn new(id: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("site.key");
        fs::write(&file, SiteKey::file(&[SiteKey::new([1; 32])])).unwrap();
        let mut settings = Settings::default();
        settings.this_box.organisation_id = Some("1001".into());
        settings.this_box.id = Some(id.into());
        settings.site.key_file = Some(file);
        settings.download.reserve = "0".parse().unwrap();
        let root = Root::new(dir.path());
        Self {
            dir,
            root,
            settings,
        }
    }

    fn engine(&self) -> Engine {
        Engine::open(&self.root, self.settings.clone()).unwrap()
    }

    /// It owes these.
    fn owes(&self, ids: &[&str]) {
        let spool = Spool::open(self.engine().vault()).unwrap();
        for id in ids {
            let print = Print::of(id.as_bytes());
            let item = IntakeItem {
                kind: ItemKind::Results,
                id: (*id).into(),
                delivery: None,
                test_taker: None,
                payload: id.as_bytes().to_vec(),
                parts: vec![print],
                content: print,
                execution: None,
                open: false,
                enclosure: Enclosure::default(),
            };
            assert_eq!(spool.admit(vec![item]).unwrap(), [true]);
        }
    }

    /// Opens its door; gives where it is, and how many objects can come at once.
    async fn opens(&self) -> (SitePeer, Rc<CopyRoom>) {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (shared, _) = SharedState::new(&self.root, self.settings.clone(), system::clock::now());
        let member = self.engine().site_member().unwrap();
        let room = Rc::new(CopyRoom::default());
        let giver = Arc::new(PackageGiver::new(&self.root));
        let turns = room.clone();
        let door = SiteDoor {
            member: always(member),
            handler: Rc::new(move |asking| {
                let (shared, room, giver) = (shared.clone(), room.clone(), giver.clone());
                Box::pin(async move { answered(&shared, &room, giver, asking).await })
            }),
        };
        system::task::spawn_local(door.serve(listener, 0));
        let host = "127.0.0.1".into();
        (SitePeer { host, port }, turns)
    }

    /// Brings its copies in step, beside the loop that answers.
    async fn spreads(&self, prove: bool) -> RoomStanding {
        let engine = self.engine();
        let spread = move || engine.spread(prove, &RoomStanding::default());
        system::task::spawn_blocking(spread).await.unwrap()
    }
}

fn local(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

/// What could be adopted of what a keeper has of a box, and what counts as put back.
fn adoptable(keeper: &Boxed, id: &str) -> (usize, u64) {
    let keys = [SiteKey::new([1; 32]).of_organisation("1001")];
    let place = keeper.engine().vault().siblings();
    let (boxes, flawed) = vault::copies::left(&place, &keys).unwrap();
    assert_eq!(flawed, []);
    let (items, put_back) = boxes[&(id.to_owned(), false)].items();
    (items.len(), put_back)
}

/// A stream to a box that is switched off after so many bytes: nobody hears of it.
async fn vanishing(peer: &SitePeer, after: u64) -> system::observed::BoxedStream {
    let (near, far) = duplex(1 << 20);
    let stream = TcpStream::connect((peer.host.as_str(), peer.port)).await;
    let mut stream = stream.unwrap();
    system::task::spawn_local(async move {
        let (from_near, mut to_near) = split(far);
        let (mut from_far, mut to_far) = stream.split();
        let mut from_near = from_near.take(after);
        let to = async {
            let _ = copy(&mut from_near, &mut to_far).await;
            pending::<()>().await;
        };
        let from = async {
            let _ = copy(&mut from_far, &mut to_near).await;
            pending::<()>().await;
        };
        tokio::join!(to, from);
    });
    Box::new(near)
}

#[test]
fn who_is_switched_off_in_the_middle_of_a_copy_holds_no_other_box_up() {
    local(async {
        let keeper = Boxed::new("keeper");
        let (peer, turns) = keeper.opens().await;
        let path = format!("/site/1/copies/{}", logic::seal::NameHash([7; 16]));
        let put = async |link: &mut SiteLink| {
            let object = Bytes::from(vec![0; 200_000]);
            let answer = link.request(Method::PUT, &path, object).await;
            answer.map(|answer| answer.status())
        };
        for id in ["b", "c"] {
            let member = Boxed::new(id).engine().site_member().unwrap();
            let stream = vanishing(&peer, 60_000).await;
            let link = SiteLink::over(stream, "x", &member).await;
            let (mut link, path) = (link.unwrap().unwrap(), path.clone());
            system::task::spawn_local(async move {
                let object = Bytes::from(vec![0; 200_000]);
                let _ = link.request(Method::PUT, &path, object).await;
            });
        }
        let member = Boxed::new("d").engine().site_member().unwrap();
        let mut link = SiteLink::open(&peer, &member).await.unwrap().unwrap();
        while turns.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        // An hour, far more than either may take.
        let turn = tokio::time::timeout(Duration::from_secs(3600), turns.turns.acquire()).await;
        assert!(turn.is_ok(), "the two that are gone keep their turns");
        drop(turn);
        tokio::time::resume();
        let status = put(&mut link).await.unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "no object");
    });
}

#[test]
fn a_box_that_lost_the_number_of_its_proof_leaves_copies_that_can_be_adopted() {
    local(async {
        let (mut giver, keeper) = (Boxed::new("giver"), Boxed::new("keeper"));
        giver.settings.site.peers = vec![keeper.opens().await.0];
        giver.owes(&["a"]);
        for _ in 0..40 {
            assert_eq!(giver.spreads(true).await.copied, 1);
        }
        let note = giver.root.state().join("room-copies");
        for damaged in [false, true] {
            match damaged {
                true => fs::write(&note, b"?").unwrap(),
                false => fs::remove_file(&note).unwrap(),
            }
            giver.owes(&[["b", "c"][usize::from(damaged)]]);
            let standing = giver.spreads(true).await;
            let count = 2 + usize::from(damaged);
            assert_eq!(standing.copied, count as u64);
            assert_eq!(standing.siblings[0].trouble, None);
            assert_eq!(adoptable(&keeper, "giver"), (count, 0), "{damaged}");
        }
        // In the middle of the hour between two proofs, too.
        fs::write(&note, b"?").unwrap();
        giver.owes(&["d"]);
        assert_eq!(giver.spreads(false).await.copied, 4);
        assert_eq!(adoptable(&keeper, "giver"), (4, 0));
    });
}

#[test]
fn an_item_that_cannot_be_read_keeps_no_other_from_its_second_home() {
    local(async {
        let (mut giver, keeper) = (Boxed::new("giver"), Boxed::new("keeper"));
        giver.settings.site.peers = vec![keeper.opens().await.0];
        giver.owes(&["a", "b", "c", "d"]);
        // Their accounts are files of their own from now on, which can be read.
        let spool = Spool::open(giver.engine().vault()).unwrap();
        let owed = spool.unacknowledged().unwrap();
        let keys: Vec<_> = owed.into_iter().map(|one| one.key).collect();
        assert_eq!(spool.carry(&keys, 5).unwrap(), 4);
        let spool = giver.dir.path().join("var/lib/boxsync/spool");
        let is_item = |path: &Path| path.extension().is_some_and(|e| e == "item");
        let files = fs::read_dir(spool).unwrap();
        let mut items: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        items.retain(|path| is_item(path));
        items.sort();
        // What the disk does not give any more: nothing can be read of a folder.
        fs::remove_file(&items[0]).unwrap();
        fs::create_dir(&items[0]).unwrap();
        let standing = giver.spreads(true).await;
        assert_eq!((standing.owed, standing.copied), (4, 3));
        assert!(standing.trouble.is_some(), "it is told");
        assert_eq!(standing.siblings[0].trouble, None, "the sibling is well");
        assert_eq!(adoptable(&keeper, "giver"), (3, 0));
    });
}

#[test]
fn a_box_that_is_named_twice_is_one_home() {
    local(async {
        let (mut giver, keeper) = (Boxed::new("giver"), Boxed::new("keeper"));
        let (peer, _) = keeper.opens().await;
        let host = "127.0.0.2".into();
        giver.settings.site.peers = vec![peer.clone(), SitePeer { host, ..peer }];
        giver.settings.results.copies = 2;
        giver.owes(&["a"]);
        let standing = giver.spreads(true).await;
        assert_eq!((standing.copies, standing.copied), (1, 1));
    });
}
