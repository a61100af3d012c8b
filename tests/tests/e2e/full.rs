//! A state folder that takes nothing more: what is owed leaves all the same, once, and what could not be kept is told.
//! Never takes the box's word for what central has.
//! Needs root for a file system of its own; says so and passes without it.

use std::collections::BTreeSet;
use std::fs;

use central::{Fault, Route, Rule};
use e2e::{Ran, Site};
use serde_json::{Map, Value, json};

use crate::results::{answers, assert_home, execution, owing, result, submit};

const OWED: usize = 100;

/// A box that owes results, logs and sessions of none.
fn owing_results() -> (Site, Vec<String>) {
    let site = owing();
    let ids: Vec<String> = (0..OWED).map(execution).collect();
    let document = ids
        .iter()
        .map(|id| (id.clone(), result(&site, id, &answers(id, 2))));
    submit(
        &site,
        "results",
        &Value::Object(document.collect::<Map<_, _>>()),
    );
    (site, ids)
}

/// What the script begins with: the state folder on a volume of its own, and a run that settles that it was moved.
fn on_a_volume(options: &str) -> String {
    format!(
        "boxsync=$1; root=$2; state=$3; mount -t tmpfs -o {options} tmpfs /mnt; cp -a \"$state\"/. /mnt/; \
         mount --move /mnt \"$state\"; \
         said() {{ name=$1; shift; status=0; \"$boxsync\" --root \"$root\" \"$@\" --json \
         > \"$root/$name.out\" 2> \"$root/$name.err\" || status=$?; echo $status > \"$root/$name.status\"; }}; \
         said settled sync --data; "
    )
}

/// Exit status and last object of a verb of the script.
fn said(site: &Site, ran: &Ran, name: &str) -> (u8, Value) {
    let read = |end: &str| {
        let text = fs::read_to_string(site.path(&format!("{name}.{end}")));
        text.unwrap_or_else(|_| panic!("{name}: {}", ran.story()))
    };
    let object = read("out")
        .lines()
        .last()
        .map(|line| serde_json::from_str(line).unwrap());
    (
        read("status").trim().parse().unwrap(),
        object.unwrap_or_default(),
    )
}

fn assert_all_home(site: &Site, ids: &[String]) {
    ids.iter()
        .for_each(|id| assert_home(site, id, &answers(id, 2)));
    assert_eq!(
        site.central.executions().len(),
        ids.len(),
        "none is there twice"
    );
    assert_eq!(site.central.orphans().len(), 0);
}

/// What lists all that is owed, and whether it is home.
const LISTED: &str = "\"$boxsync\" --root \"$root\" results --json > \"$root/listed\"; ";

fn assert_all_listed(site: &Site) {
    let listed = fs::read_to_string(site.path("listed")).unwrap();
    let states = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone());
    let states: Vec<Value> = states.collect();
    assert_eq!(states, vec![json!("acknowledged"); OWED]);
}

const FULL: &str = "dd if=/dev/zero of=\"$state/fill\" bs=4096 2>/dev/null || true; ";
const NO_INODES: &str = "n=0; while touch \"$state/fill.$n\" 2>/dev/null; do n=$((n+1)); done; ";
const FREE_ROOM: &str = "rm -f \"$state\"/fill*; ";

#[test]
fn what_is_owed_leaves_where_nothing_can_be_kept_and_is_not_doubled_once_it_can() {
    let read_only = "mount -o remount,ro \"$state\"; ";
    let writable = "mount -o remount,rw \"$state\"; ";
    // What the volume is; how it comes to take nothing and then something again; the code; runs that central's log knows.
    for (options, make, mend, code, runs) in [
        ("size=3m", FULL, FREE_ROOM, "disk.full", 4),
        (
            "size=50m,nr_inodes=1000",
            NO_INODES,
            FREE_ROOM,
            "disk.inodes",
            4,
        ),
        ("size=50m", read_only, writable, "state.read_only", 2),
    ] {
        let (site, ids) = owing_results();
        let script = on_a_volume(options)
            + make
            + "said full sync --results; said again sync --results; "
            + mend
            + "said room sync --results; "
            + LISTED;
        let Some(ran) = site.in_own_mounts(&script) else {
            eprintln!("SKIPPED: a file system of its own needs root and mount namespaces");
            return;
        };
        let ran = ran.exits(0);
        let settled = said(&site, &ran, "settled");
        assert_eq!(settled.0, 0, "{code}: {settled:?}");
        let (status, full) = said(&site, &ran, "full");
        assert_eq!((status, &full["code"]), (1, &json!(code)), "{full}");
        assert_eq!(full["outcome"], "failed");
        assert_eq!(full["results"]["acknowledged"], OWED, "{full}");
        let codes = full["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["code"].clone());
        assert!(codes.collect::<Vec<_>>().contains(&json!(code)));
        // What cannot be kept is told as long as it cannot.
        let (status, again) = said(&site, &ran, "again");
        assert_eq!((status, &again["code"]), (1, &json!(code)), "{again}");
        let (status, room) = said(&site, &ran, "room");
        assert_eq!((status, &room["code"]), (0, &json!("ok")), "{code}: {room}");
        assert_all_home(&site, &ids);
        assert_all_listed(&site);
        // No two runs went under one number.
        let rows = site.central.sync_rows();
        let numbers: BTreeSet<i64> = rows.iter().map(|row| row.sync_id).collect();
        assert_eq!(
            (rows.len(), numbers.len()),
            (runs, runs),
            "{code}: {numbers:?}"
        );
        assert!(
            rows.iter().all(|row| row.finished_at.is_some()),
            "{code}: {rows:?}"
        );
        if runs == 4 {
            // A mark needs no room: they were not taken for another state's, and sent once.
            assert!(site.asked(Route::Results) <= OWED / 10 + 2, "{code}");
        }
    }
}

#[test]
fn a_kill_on_a_full_disk_doubles_nothing() {
    // The third request is stored whole, or central never saw it.
    for fault in [Fault::Latency { ms: 600_000 }, Fault::Silence] {
        for (make, mend) in [
            (FULL, FREE_ROOM),
            (FULL, ""),
            (
                "mount -o remount,ro \"$state\"; ",
                "mount -o remount,rw \"$state\"; ",
            ),
        ] {
            let (site, ids) = owing_results();
            site.central
                .script(Rule::on(Route::Results, fault.clone()).nth(3));
            let script = on_a_volume("size=3m")
                + make
                + "\"$boxsync\" --root \"$root\" sync --results --json > /dev/null 2>&1 & run=$!; \
                   until [ -e \"$root/kill\" ]; do sleep 0.1; done; kill -9 $run; wait $run || true; "
                + mend
                + "said after sync --results; "
                + FREE_ROOM
                + "said room sync --results; "
                + LISTED;
            let Some(mut running) = site.start_in_own_mounts(&script) else {
                eprintln!("SKIPPED: a file system of its own needs root and mount namespaces");
                return;
            };
            assert!(running.until("the request that is not answered", || {
                site.central.firings().1 == 0
            }));
            fs::write(site.path("kill"), "").unwrap();
            let ran = running.end().exits(0);
            let told = format!("{fault:?} {make} {mend}");
            let (status, after) = said(&site, &ran, "after");
            assert_eq!(
                status,
                if mend.is_empty() { 1 } else { 0 },
                "{told}: {after}"
            );
            let (status, room) = said(&site, &ran, "room");
            assert_eq!((status, &room["code"]), (0, &json!("ok")), "{told}: {room}");
            assert_all_home(&site, &ids);
            assert_all_listed(&site);
        }
    }
}

/// A document of many that does not fit: nobody is told yes, and once there is room the same again takes all of it home once.
#[test]
fn a_document_that_does_not_fit_is_let_in_once_there_is_room() {
    const RESULTS: usize = 40;
    let site = owing();
    let ids: Vec<String> = (0..RESULTS).map(execution).collect();
    let of = |id: &String| (id.clone(), result(&site, id, &answers(id, 40)));
    let document: Map<_, _> = ids.iter().map(of).collect();
    fs::write(site.path("many"), Value::Object(document).to_string()).unwrap();
    // Room comes back in steps of which each takes a few of them more.
    let script = on_a_volume("size=6m")
        + FULL
        + "n=0; while :; do n=$((n+1)); said \"try$n\" results submit \"$root/many\"; \
           [ \"$(cat \"$root/try$n.status\")\" = 0 ] && break; truncate -s -40k \"$state/fill\"; done; \
           echo $n > \"$root/tries\"; said again results submit \"$root/many\"; "
        + FREE_ROOM
        + "said room sync --results; "
        + LISTED;
    let Some(ran) = site.in_own_mounts(&script) else {
        eprintln!("SKIPPED: a file system of its own needs root and mount namespaces");
        return;
    };
    let ran = ran.exits(0);
    let tries: usize = fs::read_to_string(site.path("tries"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(tries > 3, "{tries}");
    for n in 1..tries {
        let (status, told) = said(&site, &ran, &format!("try{n}"));
        assert_eq!((status, &told["code"]), (1, &json!("disk.full")), "{told}");
    }
    let again = fs::read_to_string(site.path("again.out")).unwrap();
    let new = again.lines().filter(|line| line.contains("true"));
    assert_eq!((again.lines().count(), new.count()), (RESULTS, 0));
    let (status, room) = said(&site, &ran, "room");
    assert_eq!((status, &room["code"]), (0, &json!("ok")), "{room}");
    assert_eq!(room["results"]["acknowledged"], RESULTS, "{room}");
    ids.iter()
        .for_each(|id| assert_home(&site, id, &answers(id, 40)));
    assert_eq!(site.central.executions().len(), RESULTS);
}
