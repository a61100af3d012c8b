//! The same with a box of two organisations that share a delivery and half of their test takers.
//! Never trusts what the box says of itself: central tells with whose credentials each item came.
//! One organisation is removed, added, refused and put back meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use central::{Fault, Kind, Route, Rule, uri};
use e2e::{LIMIT, Site, wait_until};
use serde_json::{Value, json};

use super::{Draw, assert_each_is_home_once, fault, number, until_seen};
use crate::organisations::{FIRST, SECOND, add, assert_holds, both, own_of_second};
use crate::results::{answers, execution, listed, result, submit};
use crate::trace::copy;

/// Rounds, unless the environment says otherwise.
const ROUNDS: usize = 3;
/// Results of a round: as many of each delivery.
const WAVE: usize = 12;

/// What is known of a box that is treated so.
struct Ordeal {
    site: Site,
    /// Whose deliveries are sat: the first one's own, the shared one, the second one's own.
    deliveries: [String; 3],
    /// Delivery and answers of each execution.
    truth: BTreeMap<String, (usize, Vec<String>)>,
    /// Which requests for results were looked at.
    looked: usize,
    /// The second one may have named its deliveries not at all since the last look.
    unnamed: bool,
    /// The first one may have been refused, or may not have named the shared delivery, since the last look.
    refused: bool,
}

impl Ordeal {
    fn new() -> Self {
        let mut site = both();
        for key in ["settle", "refuse_after"] {
            site.set("results", key, "\"1s\"");
        }
        site.set("sync", "keep_deleted", "\"0s\"");
        let own = own_of_second(&site);
        Self {
            deliveries: [site.delivery(1), site.delivery(0), own[0].clone()],
            site,
            truth: BTreeMap::new(),
            looked: 0,
            unnamed: false,
            refused: false,
        }
    }

    /// Hands in everything so far, as who was not told does.
    fn submit(&self) {
        let of = |(id, (which, answers)): (&String, &(usize, Vec<String>))| {
            let mut one = result(&self.site, id, answers);
            one["deliveryId"] = json!(self.deliveries[*which]);
            (id.clone(), one)
        };
        let all: serde_json::Map<_, _> = self.truth.iter().map(of).collect();
        submit(&self.site, "results", &json!(all));
    }

    fn organisations(&self) -> Vec<Value> {
        let ran = self.site.run(&["organisation", "list", "--json"]);
        ran.exits(0).objects()
    }

    fn is_added(&self) -> bool {
        self.organisations().len() == 2
    }

    /// Takes the second one away, whatever it owes; where a run holds the box it is refused.
    fn remove(&mut self) {
        let Some(second) = self.organisations().pop() else {
            return;
        };
        let owed = second["owed"].to_string();
        let words = ["organisation", "remove", SECOND, "--yes", "--owed", &owed];
        let _ = self.site.run(&words).ends();
        self.unnamed = true;
    }

    /// Adds it, or enrols it again; killed at some moment where that is drawn.
    fn add(&mut self, kill: bool) {
        if !kill {
            let _ = add(&self.site, &["--add"]).ends();
        } else {
            let (login, password) = self.site.central.manager(SECOND).unwrap();
            let file = self.site.secret(&password);
            let file = file.to_str().unwrap();
            let words = [
                "enroll",
                "--add",
                "--login",
                &login,
                "--password-file",
                file,
            ];
            let before = self.site.asked(Route::Handshake);
            let mut adding = self.site.start(&words);
            wait_until("a handshake, or the end", LIMIT, || {
                !adding.runs() || self.site.asked(Route::Handshake) > before
            });
            drop(adding.kill());
        }
        self.unnamed = true;
    }

    /// Has an organisation name the shared delivery, or not.
    fn shares(&self, organisation: &str, shared: bool) {
        let central = &self.site.central;
        let eligibility = central.ids(organisation, Kind::Eligibility)[0].clone();
        let held = central.resource(&eligibility).unwrap().properties;
        let predicate = uri::ELIGIBLE_DELIVERY;
        let own = held.into_iter().find(|one| one.predicate == predicate);
        let mut all = own.map_or_else(Vec::new, |own| own.values);
        all.retain(|delivery| *delivery != self.deliveries[1]);
        if shared {
            all.push(self.deliveries[1].clone());
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert!(central.set_property(&eligibility, predicate, &all));
    }

    fn central_shares(&self, organisation: &str) -> bool {
        let named = self.site.central.ids(organisation, Kind::Delivery);
        named.contains(&self.deliveries[1])
    }

    /// Holds that each request for results since the last look came with the credentials of one who names its delivery.
    #[track_caller]
    fn assert_credentials(&mut self, told: &str) {
        let seen = self.site.central.requests_on(Route::Results);
        for one in seen.iter().skip(self.looked) {
            let bearer = one.headers.iter().find(|(name, _)| name == "authorization");
            let token = bearer.map_or("", |(_, value)| value.trim_start_matches("Bearer "));
            let Some(holder) = self.site.central.organisation_of_token(token) else {
                panic!("{told}: nobody's token");
            };
            let body = String::from_utf8_lossy(&one.body);
            for (id, (which, _)) in self.truth.iter().filter(|(id, _)| body.contains(*id)) {
                let good = match which {
                    0 => holder == FIRST,
                    1 => holder == FIRST || self.refused,
                    _ => holder == SECOND || self.unnamed,
                };
                assert!(good, "{told}: {id} of delivery {which} came from {holder}");
            }
        }
        self.looked = seen.len();
    }

    /// Holds that no organisation shows what central does not list for it, and that what is named has its package.
    #[track_caller]
    fn assert_shown(&self, told: &str) {
        for one in self.organisations() {
            let id = one["organisation_id"].as_str().unwrap();
            let words = ["entities", "--json", "--organisation", id];
            let shown = self.site.run(&words).exits(0).objects().into_iter();
            let shown: BTreeSet<String> = shown
                .map(|one| one["id"].as_str().unwrap().to_owned())
                .collect();
            let listed = Kind::ALL.into_iter();
            let listed = listed.flat_map(|kind| self.site.central.ids(id, kind));
            let mut listed: BTreeSet<String> = listed.collect();
            // What it does not name any more may still be shown.
            listed.insert(self.deliveries[1].clone());
            let strange: Vec<_> = shown.difference(&listed).collect();
            assert!(strange.is_empty(), "{told}: {id} shows {strange:?}");
        }
        let packages = self.site.packages();
        let shared = self.central_shares(FIRST) || (self.central_shares(SECOND) && !self.unnamed);
        let named = if shared { 2 } else { 1 };
        for delivery in &self.deliveries[..named] {
            let state = packages.get(delivery).map(String::as_str);
            assert_eq!(state, Some("held"), "{told}: {packages:?}");
        }
    }
}

#[test]
fn two_organisations_lose_and_double_no_result_and_keep_apart() {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seed = number("BOXSYNC_SEED").unwrap_or(now.as_nanos() as u64);
    println!("BOXSYNC_SEED={seed}");
    let rounds = number("BOXSYNC_HOSTILE").map_or(ROUNDS, |rounds| rounds as usize);
    let mut draw = Draw(seed);
    let mut box_of_two = Ordeal::new();
    let kept = box_of_two.site.path("kept");
    copy(&box_of_two.site.state(""), &kept);
    for round in 0..rounds {
        for _ in 0..WAVE {
            let n = box_of_two.truth.len();
            let id = execution(n);
            let answers = answers(&id, 1 + draw.below(4) as usize);
            box_of_two.truth.insert(id, (n % 3, answers));
        }
        box_of_two.submit();
        let event = draw.below(8);
        let told = format!("BOXSYNC_SEED={seed} round {round}, event {event}");
        println!("{told}");
        one_round(&mut box_of_two, &mut draw, event, &kept);
        box_of_two.submit();
        box_of_two.assert_credentials(&told);
        box_of_two.assert_shown(&told);
        // In every other round all is well again before the next one.
        if draw.below(2) == 0 {
            let home = settle(&mut box_of_two);
            assert!(home, "{told}: {:?}", listed(&box_of_two.site));
            box_of_two.assert_credentials(&told);
            (box_of_two.unnamed, box_of_two.refused) = (false, false);
        }
    }
    let told = format!("BOXSYNC_SEED={seed}");
    let home = settle(&mut box_of_two);
    assert!(home, "{told}: {:?}", listed(&box_of_two.site));
    box_of_two.assert_credentials(&told);
    let site = &box_of_two.site;
    assert_holds(site, FIRST);
    assert_holds(site, SECOND);
    for delivery in &box_of_two.deliveries {
        site.assert_package(delivery);
    }
    let truth = box_of_two.truth.iter();
    let truth = truth.map(|(id, (_, answers))| (id.clone(), answers.clone()));
    assert_each_is_home_once(site, &truth.collect(), seed);
}

/// What happens in one round; which of the events, is drawn.
fn one_round(box_of_two: &mut Ordeal, draw: &mut Draw, event: u64, kept: &std::path::Path) {
    match event {
        0 => box_of_two.remove(),
        1 => copy(&box_of_two.site.state(""), kept),
        2 | 3 => {
            // One does not name the shared delivery any more.
            let organisation = if event == 2 { FIRST } else { SECOND };
            box_of_two.shares(organisation, false);
            box_of_two.refused |= event == 2;
        }
        4 => {
            // The credentials of one are unknown from now on.
            let organisation = if draw.below(2) == 0 { FIRST } else { SECOND };
            box_of_two.site.central.revoke_consumers_of(organisation);
            box_of_two.refused |= organisation == FIRST;
        }
        _ => {}
    }
    let central = &box_of_two.site.central;
    central.set_clock_offset([0, 0, -3_600, 86_400, 40 * 86_400][draw.below(5) as usize]);
    fault(draw)
        .into_iter()
        .for_each(|rule| central.script(rule));
    let routes = [
        Route::Token,
        Route::Checksums,
        Route::Details,
        Route::Package,
        Route::Finished,
    ];
    let sick = match draw.below(4) {
        0 => Some(Fault::Maintenance),
        1 => Some(Fault::CrashAfter),
        2 => Some(Fault::Silence),
        _ => None,
    };
    if let Some(sick) = sick {
        let route = routes[draw.below(5) as usize];
        central.script(Rule::on(route, sick).nth(1 + draw.below(3)));
    }
    let site = &box_of_two.site;
    let daemon = (draw.below(2) == 0).then(|| site.start_daemon());
    let words: [&[&str]; 4] = [
        &["sync", "--results", "--json"],
        &["sync", "--json", "--no-wait", "--allow-deletes"],
        &["sync", "--json", "--results", "--organisation", SECOND],
        &["sync", "--json", "--no-wait", "--organisation", FIRST],
    ];
    let mut drawn = || words[draw.below(4) as usize];
    let mut asked = vec![site.start(drawn()), site.start(drawn())];
    until_seen(site, 1 + draw.below(4) as usize, &mut asked);
    let mid = draw.below(5);
    if mid == 0 && daemon.is_some() {
        let exam = json!({ "active": true, "ttl_seconds": 3 });
        let _ = site.api().call("PUT", "/v1/exam", &exam.to_string());
    }
    match mid {
        1 => box_of_two.remove(),
        2 | 3 => box_of_two.add(mid == 2),
        _ => {}
    }
    let site = &box_of_two.site;
    if draw.below(6) == 0 {
        // As if the machine had been up for a month: what waits for a time waits no more.
        let _ = site.run_later(30 * 86_400, &["sync", "--results", "--json"]);
    }
    let (killed, left): (Vec<_>, Vec<_>) = asked.into_iter().partition(|_| draw.below(2) == 0);
    killed.into_iter().for_each(|one| drop(one.kill()));
    daemon.into_iter().for_each(|daemon| drop(daemon.kill()));
    site.central.sever();
    left.into_iter().for_each(|one| drop(one.end()));
    site.central.clear_script();
    site.central.set_clock_offset(0);
    if event == 5 {
        // An older state: what was acknowledged since is owed again, and an organisation may be gone or back.
        copy(kept, &site.state(""));
        (box_of_two.unnamed, box_of_two.refused) = (true, true);
    }
}

/// Puts everything right and has all sent; whether all went home.
fn settle(box_of_two: &mut Ordeal) -> bool {
    for organisation in [FIRST, SECOND] {
        box_of_two.shares(organisation, true);
    }
    let site = &box_of_two.site;
    site.enroll().exits(0);
    let added = box_of_two.is_added();
    add(site, &["--add"]).exits(0);
    box_of_two.unnamed |= !added;
    for _ in 0..40 {
        let ran = site.sync_with(&["--allow-deletes"]);
        let home = |(state, _): &(String, String)| state == "acknowledged";
        let all_home = listed(site).values().all(home);
        // While an exam runs packages wait; it ends by itself.
        let held = site.packages().values().all(|state| state == "held");
        if ran.exit == Some(0) && all_home && held {
            return true;
        }
    }
    false
}
