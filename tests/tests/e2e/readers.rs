//! Readers of every kind beside every phase of a run, and followers of the change feed that nothing can skip.
//! Never disturbs what it reads: a run beside readers ends as one alone does.
//! Run like every test of this crate.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use central::Kind;
use e2e::{Api, LIMIT, Site, options, wait_until};
use serde_json::Value;

/// How a follower goes about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ReaderWay {
    /// Its place is named by cursor.
    Cursor,
    /// By epoch and number.
    Number,
    /// It begins with all entities, takes contents from the feed, and waits for changes.
    Waits,
}

/// One who keeps an own copy of the catalogue: ids and checksums.
struct Follower {
    api: Api,
    /// What it gives back; nothing before its first answer.
    place: String,
    way: ReaderWay,
    knows: BTreeMap<(String, String), String>,
    /// How often it had to read everything.
    read_all: usize,
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().expect("a string").to_owned()
}

impl Follower {
    fn new(site: &Site, way: ReaderWay) -> Self {
        Self {
            api: site.api(),
            place: String::new(),
            way,
            knows: BTreeMap::new(),
            read_all: 0,
        }
    }

    fn stands(&mut self, told: &Value, number: &Value) {
        self.place = match self.way {
            ReaderWay::Number => format!("&epoch={}&since={number}", told["epoch"]),
            ReaderWay::Cursor => format!("&cursor={}", text(told, "cursor")),
            ReaderWay::Waits => format!("&cursor={}&include=entity&wait=1s", text(told, "cursor")),
        };
    }

    /// Reads all entities; `told` is where to go on, where that was told already.
    fn read_all(&mut self, told: Option<Value>) {
        let Some(all) = self.api.get("/v1/entities") else {
            return;
        };
        let field = |name: &str| {
            let mut fields = all.head.lines().filter_map(|line| line.split_once(": "));
            fields.find(|(found, _)| *found == name).expect("a place").1
        };
        let of_answer = || serde_json::json!({ "cursor": field("boxsync-cursor"), "position": 0 });
        self.knows = all.lines().iter().map(entity).collect();
        self.read_all += 1;
        let told = told.unwrap_or_else(of_answer);
        self.stands(&told, &told["position"].clone());
    }

    /// Asks once; whether more may follow. A daemon that ends is asked again; a run that is under way refuses nobody.
    fn poll(&mut self, limit: usize) -> bool {
        if self.way == ReaderWay::Waits && self.place.is_empty() {
            self.read_all(None);
            return true;
        }
        let path = format!("/v1/feed?limit={limit}{}", self.place);
        let Some(answer) = self.api.get(&path) else {
            return true;
        };
        match answer.status {
            200 => self.take(&answer.json()),
            410 => {
                let told = answer.json();
                assert_eq!(told["code"], "feed.gone");
                // The place of the answer itself, or that of the refusal before it.
                self.read_all((self.way != ReaderWay::Waits).then_some(told));
                true
            }
            status => panic!("{status}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }

    fn take(&mut self, told: &Value) -> bool {
        let changes = told["changes"].as_array().expect("a list");
        for change in changes {
            let name = (text(change, "type"), text(change, "id"));
            if self.way == ReaderWay::Waits {
                match change.get("entity").filter(|entity| !entity.is_null()) {
                    Some(found) => self.knows.extend([entity(found)]),
                    None => drop(self.knows.remove(&name)),
                }
                continue;
            }
            let id = name.1.replace('#', "%23");
            let found = match change["op"] == "put" {
                true => self
                    .api
                    .get(&format!("/v1/entities?type={}&id={id}", name.0)),
                false => None,
            };
            match found.filter(|found| found.status == 200) {
                Some(found) => self.knows.extend(found.lines().iter().map(entity)),
                None => drop(self.knows.remove(&name)),
            }
        }
        let last = changes.last().map(|change| change["number"].clone());
        let number = match (last, self.place.rsplit_once("since=")) {
            (Some(number), _) => number,
            (None, Some((_, since))) => since.parse::<u64>().expect("a number").into(),
            (None, None) => told["newest"].clone(),
        };
        let more = !changes.is_empty();
        self.stands(told, &number);
        more
    }

    fn catches_up(&mut self) {
        wait_until("a follower", LIMIT, || !self.poll(1000));
    }
}

fn entity(line: &Value) -> ((String, String), String) {
    (
        (text(line, "type"), text(line, "id")),
        text(line, "checksum"),
    )
}

fn catalogue(site: &Site) -> BTreeMap<(String, String), String> {
    let all = site.entities().into_iter();
    all.map(|(name, entity)| (name, entity.checksum)).collect()
}

/// What central changes between two runs.
fn change(site: &Site, round: usize) {
    let test_takers = site.ids(Kind::TestTaker);
    site.central.touch("1001", Kind::TestTaker, 3 + round);
    site.central.add_test_takers("1001", 2);
    site.central.remove(&test_takers[round]);
}

/// Asks for a run and waits until it has ended; gives its report.
fn run(site: &Site) -> Value {
    let api = site.api();
    let last = |status: &Value| status["last"]["sync_id"].as_u64().unwrap_or(0);
    let before = last(&api.get("/v1/status").unwrap().json());
    assert_eq!(api.call("POST", "/v1/sync", "{}").unwrap().status, 202);
    let mut report = Value::Null;
    wait_until("the end of a run", LIMIT, || {
        // Busy for a moment.
        let Some(status) = api.get("/v1/status").filter(|answer| answer.status == 200) else {
            return false;
        };
        let status = status.json();
        report = status["last"].clone();
        last(&status) > before && status["daemon"]["running"].is_null()
    });
    report
}

/// Ends the readers, also when the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads what a path of the API gives, again and again; every answer is an answer.
fn reads(site: &Site, path: &str, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        if let Some(answer) = site.api().get(path) {
            let busy = answer.status == 503 && path != "/v1/feed";
            let expected = busy || [200, 410].contains(&answer.status);
            assert!(
                expected,
                "{path}: {}\n{}",
                answer.head,
                String::from_utf8_lossy(&answer.body)
            );
        }
    }
}

/// Reads as a person does; nothing of the store is called damaged.
fn looks(site: &Site, words: &[&str], ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let ran = site.run(words).ends();
        let told = format!("{}{}", ran.out, ran.err);
        for wrong in [
            "store.failed",
            "store.damaged",
            "state.io",
            "state.busy",
            "worker.died",
        ] {
            assert!(!told.contains(wrong), "{}", ran.story());
        }
    }
}

#[test]
fn readers_of_every_kind_disturb_no_phase_of_a_run() {
    let mut site = Site::enrolled(options(40, 2, (60_000, 200_000)));
    site.set("sync", "on_boot", "false");
    site.set("sync", "delete_limit", "0.5");
    site.central.set_latency(25);
    site.central.set_page_size(10);
    let daemon = site.start_daemon();
    let ended = AtomicBool::new(false);
    let content = format!(
        "/v1/packages/content?delivery={}",
        site.delivery(0).replace('#', "%23")
    );
    let reports = std::thread::scope(|scope| {
        let (site, ended) = (&site, &ended);
        let end = End(ended);
        for path in ["/v1/feed", "/v1/entities", "/v1/packages", "/v1/metrics"] {
            scope.spawn(move || reads(site, path, ended));
        }
        for words in [
            ["history", "--json"].as_slice(),
            &["stats", "--json"],
            &["status", "--json"],
            &["results", "--json"],
            &["packages", "--json"],
            &["doctor", "--offline", "--json"],
        ] {
            scope.spawn(move || looks(site, words, ended));
        }
        let followers: Vec<_> = [ReaderWay::Cursor, ReaderWay::Number, ReaderWay::Waits]
            .into_iter()
            .map(|way| {
                let mut follower = Follower::new(site, way);
                scope.spawn(move || {
                    while !ended.load(Ordering::Relaxed) {
                        follower.poll(7);
                    }
                    follower
                })
            })
            .collect();
        let reports: Vec<Value> = (0..4)
            .map(|round| {
                match round {
                    0 => {}
                    // A box that has read all meets a new epoch.
                    2 => fs::write(site.state("feed/head"), "damaged").unwrap(),
                    _ => change(site, round),
                }
                run(site)
            })
            .collect();
        drop(end);
        let catalogue = catalogue(site);
        for follower in followers {
            let mut follower = follower.join().unwrap();
            follower.catches_up();
            assert!(
                follower.knows == catalogue,
                "a follower knows something else"
            );
        }
        reports
    });
    for report in &reports {
        assert_eq!(
            (&report["code"], &report["reason"]),
            (&"ok".into(), &"".into())
        );
    }
    assert!(
        site.api()
            .get(&content)
            .is_some_and(|answer| answer.status == 200)
    );
    let history = site.run(&["history", "--json"]).exits(0).objects();
    assert_eq!(history.len(), 4);
    assert!(!site.state("quarantine").exists());
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    let _ = daemon.end().exits(0);
    site.assert_equal_to_central();
}

fn daemon(site: &mut Site) -> e2e::Running {
    site.set("sync", "on_boot", "false");
    site.start_daemon()
}

fn gone(site: &Site, query: &str) -> Value {
    let answer = site.api().get(&format!("/v1/feed?{query}")).unwrap();
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 410, "{query}: {told}");
    answer.json()
}

#[test]
fn a_feed_that_does_not_reach_back_says_so() {
    let mut site = Site::synchronized();
    let _daemon = daemon(&mut site);
    let first = site.api().get("/v1/feed").unwrap().json();
    let held = site.entities().len();
    assert_eq!(first["changes"].as_array().unwrap().len(), held);
    let of = |told: &Value, number: &Value| format!("epoch={}&since={number}", told["epoch"]);
    // A number alone is of any history.
    let answer = site.api().get("/v1/feed?since=3").unwrap();
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (400, &"api.request".into())
    );
    assert!(text(&answer.json(), "reason").contains("`epoch`"));
    for folder in ["feed", "index"] {
        let _ = fs::remove_dir_all(site.state(folder));
    }
    // Before the next run and after it: what the catalogue holds has no numbers.
    let told = gone(&site, "since=0");
    let query = of(&told, &told["position"]);
    assert_eq!(
        site.api().get(&format!("/v1/feed?{query}")).unwrap().status,
        200
    );
    site.central.touch("1001", Kind::TestTaker, 2);
    assert_eq!(run(&site)["code"], "ok");
    for query in ["since=0", "", &of(&first, &3.into()), &query] {
        gone(&site, query);
    }
    let told = gone(&site, "since=0");
    // Whoever reads all entities hears the same.
    let head = site.api().get("/v1/entities").unwrap().head;
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(found, _)| *found == name).unwrap().1
    };
    site.central.touch("1001", Kind::TestTaker, 2);
    assert_eq!(run(&site)["code"], "ok");
    let (epoch, position) = (field("boxsync-epoch"), field("boxsync-position"));
    for query in [
        of(&told, &told["position"]),
        format!("cursor={}", text(&told, "cursor")),
        format!("epoch={epoch}&since={position}"),
        format!("cursor={}", field("boxsync-cursor")),
    ] {
        let feed = site.api().get(&format!("/v1/feed?{query}")).unwrap().json();
        assert_eq!(feed["changes"].as_array().unwrap().len(), 2, "{query}");
    }
}

#[test]
fn a_box_whose_history_did_not_move_over_yet_shows_its_last_run() {
    let site = Site::synchronized();
    fs::remove_dir_all(site.state("history")).unwrap();
    for words in [["history", "--json"], ["stats", "--json"]] {
        let told = site.run(&words).exits(0).object();
        let runs = [&told["sync_id"], &told["link"]["runs"]];
        assert!(runs.contains(&&1.into()), "{told}");
    }
    site.sync().exits(0);
    let history = site.run(&["history", "--json"]).exits(0);
    assert_eq!(history.objects().len(), 1);
}

#[test]
fn a_state_folder_that_was_put_back_never_gives_a_position_to_another_history() {
    let mut site = Site::synchronized();
    let copy = |site: &Site, from: &str, to: &str| {
        let _ = fs::remove_dir_all(site.path(to));
        let mut cp = Command::new("cp");
        let status = cp
            .arg("-a")
            .arg(site.path(from))
            .arg(site.path(to))
            .status();
        assert!(status.unwrap().success());
    };
    // Before the daemon writes down the configuration in force.
    copy(&site, "var/lib/boxsync", "backup");
    let running = daemon(&mut site);
    let mut followers = [ReaderWay::Cursor, ReaderWay::Number].map(|way| Follower::new(&site, way));
    site.central.touch("1001", Kind::TestTaker, 4);
    assert_eq!(run(&site)["code"], "ok");
    followers.iter_mut().for_each(Follower::catches_up);
    let ended = |running: e2e::Running| {
        running.signal(nix::sys::signal::Signal::SIGTERM);
        let _ = running.end().exits(0);
    };
    ended(running);
    copy(&site, "backup", "var/lib/boxsync");
    // Other changes than those that the followers know, and more of them.
    site.central.add_test_takers("1001", 3);
    site.central.touch("1001", Kind::Proctor, 3);
    let _again = site.start_daemon();
    assert_eq!(run(&site)["code"], "ok");
    for mut follower in followers {
        follower.catches_up();
        assert_eq!(follower.read_all, 1, "{:?}", follower.way);
        assert!(follower.knows == catalogue(&site));
    }
}
