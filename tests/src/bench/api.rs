//! The local API as a delivery engine uses it: single reads of the catalogue, and results handed in while many follow and
//! many read members of a package.
//! Never a floor of its own: each is held against the same daemon's shortest answer, or against itself without the others.
//! Called by `main`.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{BenchClient, encode};
use crate::measure;
use crate::results::{field, result};
use crate::site::{BenchCentral, BenchSite, Process, folder};
use crate::{Result, cells, table};

const QUIET: &str = "[sync]\nmeasure = false\non_boot = false\n[download]\nreserve = \"0\"\n";
const FOLLOWERS: usize = 64;
const READERS: usize = 30;
const PUTS: usize = 300;
const READS: usize = 3000;

/// Prints the tables for a box of so many test takers.
pub(crate) fn run(test_takers: usize) -> Result<()> {
    let home = folder()?;
    let count = test_takers.to_string();
    let central = BenchCentral::start(
        home.path(),
        &[
            "--test-takers",
            &count,
            "--deliveries",
            "1",
            "--package-sizes",
            "2MB",
        ],
    )?;
    let site = BenchSite::new(&central, None, QUIET)?;
    site.good(&["sync"])?;
    let mut daemon = Process(
        site.command(&["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?,
    );
    let socket = site.root.path().join("run/boxsync/boxsync.sock");
    measure::until("the socket", Duration::from_secs(20), || {
        BenchClient::unix(&socket).is_ok()
    })?;
    single(&socket, test_takers)?;
    together(&socket)?;
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.0.id()))?;
    println!(
        "  daemon's peak resident memory: {:.1} MiB",
        field(&status, "VmHWM:") / 1024.0
    );
    daemon.0.kill()?;
    daemon.0.wait()?;
    Ok(())
}

/// Times in order, of which the table shows the middle, the 99th of a hundred and the last.
struct Times(Vec<Duration>);

impl Times {
    fn of(count: usize, mut ask: impl FnMut(usize) -> Result<()>) -> Result<Self> {
        let mut times = Vec::with_capacity(count);
        for nth in 0..count {
            let begun = Instant::now();
            ask(nth)?;
            times.push(begun.elapsed());
        }
        times.sort();
        Ok(Self(times))
    }

    fn at(&self, share: f64) -> f64 {
        let place = (self.0.len() as f64 * share) as usize;
        self.0[place.min(self.0.len() - 1)].as_secs_f64()
    }

    fn row(&self, name: &str, unit: f64) -> Vec<String> {
        let shown = |share: f64| format!("{:.2}", self.at(share) * unit);
        vec![name.to_owned(), shown(0.5), shown(0.99), shown(1.0)]
    }
}

fn lines(bytes: &[u8]) -> Result<Vec<Value>> {
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Ok(lines
        .map(serde_json::from_slice)
        .collect::<std::result::Result<_, _>>()?)
}

fn single(socket: &Path, test_takers: usize) -> Result<()> {
    let mut client = BenchClient::unix(socket)?;
    let people = lines(&client.good("GET", "/v1/entities?type=test-taker", "")?)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let login = "http://www.tao.lu/Ontologies/generis.rdf#login";
    let ids: Vec<String> = people.iter().map(|one| text(&one["id"])).collect();
    let logins: Vec<String> = people
        .iter()
        .map(|one| text(&one["properties"][login]))
        .collect();
    let mut rows = vec![cells(["", "median us", "p99 us", "most us"])];
    let floor = Times::of(READS, |_| client.ask("GET", "/v1/nothing", "").map(|_| ()))?;
    rows.push(floor.row("the shortest answer (404)", 1e6));
    let mut get = |target: String| client.good("GET", &target, "").map(|_| ());
    let by_id = Times::of(READS, |nth| {
        get(format!(
            "/v1/entities?id={}",
            encode(&ids[nth * 7 % ids.len()])
        ))
    })?;
    rows.push(by_id.row("one entity by its id", 1e6));
    get(format!("/v1/entities?login={}", encode(&logins[0])))?;
    let by_login = Times::of(READS, |nth| {
        get(format!(
            "/v1/entities?login={}",
            encode(&logins[nth * 7 % logins.len()])
        ))
    })?;
    rows.push(by_login.row("one entity by its login", 1e6));
    let many: Vec<String> = ids
        .iter()
        .take(50)
        .map(|id| format!("id={}", encode(id)))
        .collect();
    let several = Times::of(READS / 10, |_| {
        get(format!("/v1/entities?{}", many.join("&")))
    })?;
    rows.push(several.row("50 entities by their ids, one request", 1e6));
    table(
        &format!("single reads of {test_takers} test takers, one connection"),
        &rows,
    );
    Ok(())
}

fn together(socket: &Path) -> Result<()> {
    let mut client = BenchClient::unix(socket)?;
    let packages = lines(&client.good("GET", "/v1/packages", "")?)?;
    let delivery = packages[0]["delivery"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let base = format!("/v1/packages/{}/members", encode(&delivery));
    let members = lines(&client.good("GET", &base, "")?)?;
    let names: Vec<String> = members
        .iter()
        .filter_map(|one| Some(encode(one["name"].as_str()?)))
        .collect();
    let mut put = |nth: usize| {
        let (id, document) = result(nth, &delivery);
        let target = format!("/v1/results/{}", encode(&id));
        client.good("PUT", &target, &document).map(|_| ())
    };
    let mut rows = vec![cells(["", "median ms", "p99 ms", "most ms"])];
    let alone = Times::of(PUTS, &mut put)?;
    rows.push(alone.row("alone", 1e3));
    let (over, read, heard) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let mut crowded = None;
    std::thread::scope(|scope| -> Result<()> {
        let mut streams = Vec::new();
        for _ in 0..FOLLOWERS {
            let mut stream = UnixStream::connect(socket)?;
            stream.write_all(b"GET /v1/events?include=entity HTTP/1.1\r\nHost: box\r\n\r\n")?;
            stream.set_read_timeout(Some(Duration::from_millis(200)))?;
            streams.push(stream);
        }
        let (over, read, heard, names, base) = (&over, &read, &heard, &names, &base);
        scope.spawn(move || {
            let mut buffer = [0; 64 << 10];
            while !over.load(Ordering::Relaxed) {
                for stream in &mut streams {
                    heard.fetch_add(stream.read(&mut buffer).unwrap_or(0), Ordering::Relaxed);
                }
            }
        });
        for reader in 0..READERS {
            let mut client = BenchClient::unix(socket)?;
            scope.spawn(move || {
                for nth in reader.. {
                    let target = format!("{base}/{}", names[nth % names.len()]);
                    if over.load(Ordering::Relaxed) || client.good("GET", &target, "").is_err() {
                        return;
                    }
                    read.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let begun = Instant::now();
        let times = Times::of(PUTS, |nth| put(PUTS + nth));
        let seconds = begun.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        crowded = Some((times?, read.load(Ordering::Relaxed) as f64 / seconds));
        Ok(())
    })?;
    let (crowded, rate) = crowded.ok_or("nothing was measured")?;
    let name = format!("beside {FOLLOWERS} followers and {READERS} readers of members");
    rows.push(crowded.row(&name, 1e3));
    let ratio = |share: f64| format!("{:.2}", crowded.at(share) / alone.at(share));
    rows.push(vec!["ratio".into(), ratio(0.5), ratio(0.99), ratio(1.0)]);
    table(
        &format!("{PUTS} results handed in, one after the other"),
        &rows,
    );
    println!(
        "  members read meanwhile: {rate:.0} a second; events heard: {} kB",
        heard.load(Ordering::Relaxed) / 1000
    );
    Ok(())
}
