//! Goodput on a bad link: 10 Mbit/s, 200 ms, 2 % loss, every connection reset after each 5 MiB; boxsync beside aria2c.
//! Never waits for a downloader for ever: what has come when the time is over counts.
//! Called by `main`; needs root.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::download::holds;
use crate::front::CacheFront;
use crate::relay::{FAR_ADDRESS, LinkEvent, NEAR, Relay, RelayShape, RelayTraffic};
use crate::site::{BenchCentral, BenchSite, Process, folder};
use crate::{Result, archive, cells, measure, median, table};

/// A downloader that takes longer is stopped.
const LIMIT: Duration = Duration::from_secs(150);

/// What the aim compares runs so often, interleaved; everything else once.
const ROUNDS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum BadLinkPeer {
    /// What `[download] connections` is.
    Boxsync(&'static str),
    Aria2(u8),
}

/// As it is configured where nobody did.
const AUTO: &str = "\"auto\"";

const PEERS: [BadLinkPeer; 4] = [
    BadLinkPeer::Boxsync(AUTO),
    BadLinkPeer::Aria2(16),
    BadLinkPeer::Boxsync("4"),
    BadLinkPeer::Aria2(4),
];

impl BadLinkPeer {
    fn name(self) -> String {
        match self {
            Self::Boxsync(connections) => format!("boxsync, connections = {connections}"),
            Self::Aria2(lanes) => format!("aria2c -x{lanes}"),
        }
    }

    fn rounds(self, loss: f64) -> usize {
        match self {
            Self::Boxsync(AUTO) | Self::Aria2(16) => ROUNDS,
            _ if loss > 0.0 => 1,
            _ => ROUNDS,
        }
    }
}

/// The clean link once with either, second by second: who carried what.
pub(crate) fn timeline(mib: usize) -> Result<()> {
    let home = folder()?;
    let central = BenchCentral::with_package(home.path(), "40kB")?;
    let front = CacheFront::start(home.path(), &central)?;
    let size = archive::write(&front.package, (mib as u64) << 20, false)?;
    let relay = Relay::start(shape(0.0))?;
    for peer in &PEERS[..2] {
        relay.seen();
        let ran = match peer {
            BadLinkPeer::Boxsync(most) => boxsync(&central, &front, size, most)?,
            BadLinkPeer::Aria2(lanes) => aria2(home.path(), &front, *lanes)?,
        };
        let head = [
            "s",
            "Mbit/s",
            "dropped kB",
            "carrying",
            "opened",
            "reset",
            "kB by connection",
        ];
        let mut rows = vec![cells(head)];
        rows.extend(seconds(&relay.seen()));
        table(&format!("{}: {:.2} Mbit/s", peer.name(), ran.rate()), &rows);
    }
    Ok(())
}

/// A row for each half of a second.
fn seconds(seen: &[RelayTraffic]) -> Vec<Vec<String>> {
    const STEP: f64 = 0.5;
    let Some((begun, ..)) = seen.first() else {
        return Vec::new();
    };
    let mut steps: BTreeMap<usize, Vec<(u16, LinkEvent)>> = BTreeMap::new();
    for (at, port, event) in seen {
        let step = ((*at - *begun).as_secs_f64() / STEP) as usize;
        steps.entry(step).or_default().push((*port, *event));
    }
    let row = |(step, events): (usize, Vec<(u16, LinkEvent)>)| {
        let (mut carried, mut dropped) = (BTreeMap::<u16, usize>::new(), 0);
        let (mut opened, mut reset) = (0, 0);
        for (port, event) in events {
            match event {
                LinkEvent::Carried(0) => {}
                LinkEvent::Carried(bytes) => *carried.entry(port).or_default() += bytes,
                LinkEvent::Dropped(bytes) => dropped += bytes,
                LinkEvent::Opened => opened += 1,
                LinkEvent::Reset => reset += 1,
            }
        }
        let all: usize = carried.values().sum();
        let each: Vec<String> = carried
            .iter()
            .map(|(port, bytes)| format!("{port}:{}", bytes / 1000))
            .collect();
        vec![
            format!("{:.1}", step as f64 * STEP),
            format!("{:.1}", all as f64 * 8.0 / 1e6 / STEP),
            format!("{}", dropped / 1000),
            carried.len().to_string(),
            opened.to_string(),
            reset.to_string(),
            each.join(" "),
        ]
    };
    steps.into_iter().map(row).collect()
}

fn shape(loss: f64) -> RelayShape {
    RelayShape {
        rate: 10e6,
        delay: Duration::from_millis(100),
        loss,
        reset: 5 << 20,
    }
}

/// Prints the table for a package of so many MiB.
pub(crate) fn run(mib: usize) -> Result<()> {
    let home = folder()?;
    let central = BenchCentral::with_package(home.path(), "40kB")?;
    let front = CacheFront::start(home.path(), &central)?;
    let size = archive::write(&front.package, (mib as u64) << 20, false)?;
    let head = [
        "",
        "loss",
        "Mbit/s",
        "of the package",
        "s",
        "compare s",
        "Mbit/s with it",
    ];
    let mut rows = vec![cells(head)];
    for loss in [0.0, 0.02] {
        let _relay = Relay::start(shape(loss))?;
        let mut brought = PEERS.map(|_| Vec::new());
        for round in 0..ROUNDS {
            for (peer, brought) in PEERS.iter().zip(&mut brought) {
                if round < peer.rounds(loss) {
                    brought.push(match peer {
                        BadLinkPeer::Boxsync(most) => boxsync(&central, &front, size, most)?,
                        BadLinkPeer::Aria2(lanes) => aria2(home.path(), &front, *lanes)?,
                    });
                }
            }
        }
        for (peer, brought) in PEERS.iter().zip(brought) {
            let middle = median(brought, BadLinkRun::rate);
            rows.push(vec![
                peer.name(),
                format!("{:.0} %", loss * 100.0),
                format!("{:.2}", middle.rate()),
                format!("{:.0} %", middle.got as f64 / size as f64 * 100.0),
                format!("{:.1}", middle.took),
                format!("{:.1}", middle.before),
                format!("{:.2}", middle.got as f64 * 8.0 / 1e6 / middle.took),
            ]);
        }
    }
    let title = format!(
        "10 Mbit/s, 200 ms, every connection reset each 5 MiB, server on cubic; the median of {ROUNDS} interleaved (with loss and \
         4 connections one); aim: with loss at least aria2c -x16's, without 0.95 x the best of aria2c's"
    );
    table(&title, &rows);
    Ok(())
}

/// What a downloader brought.
#[derive(Debug, Clone)]
struct BadLinkRun {
    /// Bytes of the package.
    got: u64,
    /// Seconds.
    took: f64,
    /// As many of them as a whole run takes that has no package to fetch.
    before: f64,
}

impl BadLinkRun {
    /// Mbit/s.
    fn rate(&self) -> f64 {
        self.got as f64 * 8.0 / 1e6 / (self.took - self.before)
    }
}

/// The catalogue is home already; what its compare takes, the same run with the package held shows.
fn boxsync(
    central: &BenchCentral,
    front: &CacheFront,
    size: u64,
    connections: &str,
) -> Result<BadLinkRun> {
    let url = front.url_at(FAR_ADDRESS);
    let lines = format!(
        "[sync]\nmeasure = false\n[download]\nreserve = \"0\"\nconnections = {connections}\n"
    );
    let site = BenchSite::new(central, Some((&url, &front.ca)), &lines)?;
    let hidden = front.package.with_extension("hidden");
    fs::rename(&front.package, &hidden)?;
    let ended = within(&site.command(&["sync", "--data"])).output();
    fs::rename(&hidden, &front.package)?;
    ended?;
    let run = || {
        let mut command = within(&site.command(&["sync", "--data", "--json"]));
        timed(command.stdout(Stdio::null()).stderr(Stdio::null()))
    };
    let (ended, took) = run()?;
    if !ended {
        // What the catalogue took of it nobody knows: it counts for nothing.
        let left = site.package()?["bytes_left"].as_u64();
        return Ok(BadLinkRun {
            got: size.saturating_sub(left.unwrap_or(size)),
            took,
            before: 0.0,
        });
    }
    holds(&site, size)?;
    let (compared, before) = run()?;
    if !compared {
        return Err("the run that only compares the catalogue failed".into());
    }
    Ok(BadLinkRun {
        got: size,
        took,
        before,
    })
}

fn aria2(home: &Path, front: &CacheFront, lanes: u8) -> Result<BadLinkRun> {
    let out = home.join("out");
    let _ = fs::remove_file(&out);
    let _ = fs::remove_file(home.join("out.aria2"));
    let mut command = Command::new("aria2c");
    command
        .args([
            "-q",
            "--file-allocation=none",
            "--max-tries=0",
            "--retry-wait=1",
            "-k1M",
        ])
        .arg(format!("-x{lanes}"))
        .arg(format!("-s{lanes}"))
        .arg("--ca-certificate")
        .arg(&front.ca)
        .arg("-d")
        .arg(home)
        .args(["-o", "out"])
        .arg(format!("{}package.zip", front.url_at(FAR_ADDRESS)));
    let (_, took) = timed(&mut within(&command))?;
    Ok(BadLinkRun {
        got: fs::metadata(&out).map_or(0, |file| file.blocks() * 512),
        took,
        before: 0.0,
    })
}

/// The same command on the near side of the link.
fn within(command: &Command) -> Command {
    let mut within = Command::new("ip");
    within
        .args(["netns", "exec", NEAR])
        .arg(command.get_program())
        .args(command.get_args());
    within
}

/// Whether it ended well in time, and how long it took.
fn timed(command: &mut Command) -> Result<(bool, f64)> {
    let begun = Instant::now();
    let mut process = Process(command.spawn()?);
    let mut well = false;
    let _ = measure::until("a downloader", LIMIT, || {
        let ended = process.0.try_wait();
        well = matches!(ended, Ok(Some(status)) if status.success());
        matches!(ended, Ok(Some(_)))
    });
    Ok((well, begun.elapsed().as_secs_f64()))
}
