//! boxsync beside curl, aria2c and wget on one nginx: whole packages, resumption after SIGKILLs, a republished package.
//! Never takes a wrong byte for a success: what a downloader leaves is compared with what was served.
//! Called by `main`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{BenchClient, encode};
use crate::front::CacheFront;
use crate::measure::{self, Cost};
use crate::site::{BenchCentral, BenchSite, Process, folder, text};
use crate::{Result, archive, cells, median, table};

const QUIET: &str = "[sync]\nmeasure = false\n[download]\nreserve = \"0\"\n";
const ROUNDS: usize = 3;
const KILLS: u64 = 10;
const GIB: f64 = 1_073_741_824.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum DownloadPeer {
    Boxsync,
    Curl,
    Wget,
    Aria2(u8),
}

const PEERS: [DownloadPeer; 5] = [
    DownloadPeer::Curl,
    DownloadPeer::Boxsync,
    DownloadPeer::Aria2(1),
    DownloadPeer::Aria2(4),
    DownloadPeer::Wget,
];

impl DownloadPeer {
    fn name(self) -> String {
        match self {
            Self::Boxsync => "boxsync".into(),
            Self::Curl => "curl".into(),
            Self::Wget => "wget".into(),
            Self::Aria2(lanes) => format!("aria2c -x{lanes}"),
        }
    }

    /// Program and arguments of one that writes a plain file, going on where an earlier run was cut.
    fn command(self, url: &str, ca: &Path, out: &Path) -> (PathBuf, Vec<String>) {
        let (ca, file) = (ca.display().to_string(), out.display().to_string());
        let (program, arguments) = match self {
            Self::Curl => ("curl", format!("-sS -C - --cacert {ca} -o {file} {url}")),
            Self::Wget => (
                "wget",
                format!("-q -c --ca-certificate={ca} -O {file} {url}"),
            ),
            Self::Aria2(n) => {
                let (dir, name) = (out.parent().unwrap_or(Path::new("/")).display(), "out");
                let options = "-q -c --file-allocation=none --allow-overwrite=true --auto-file-renaming=false";
                (
                    "aria2c",
                    format!("{options} -x{n} -s{n} --ca-certificate={ca} -d {dir} -o {name} {url}"),
                )
            }
            Self::Boxsync => ("", String::new()),
        };
        (
            PathBuf::from(program),
            arguments.split(' ').map(str::to_owned).collect(),
        )
    }
}

/// Prints the tables for a package of so many MiB: all of them, or one part.
pub(crate) fn run(mib: usize, part: Option<&str>) -> Result<()> {
    let is = |name: &str| part.is_none_or(|part| part == name);
    if is("republished") {
        republish(mib.min(256))?;
    }
    if !is("whole") && !is("resume") {
        return Ok(());
    }
    let home = folder()?;
    let central = BenchCentral::with_package(home.path(), "40kB")?;
    let front = CacheFront::start(home.path(), &central)?;
    let bytes = (mib as u64) << 20;
    let ways = [(true, false), (true, true), (false, false), (false, true)];
    for (tls, deflate) in ways.into_iter().filter(|_| is("whole")) {
        let size = archive::write(&front.package, bytes, deflate)?;
        whole(home.path(), &central, &front, size, tls, deflate)?;
    }
    if is("resume") {
        let size = archive::write(&front.package, bytes, false)?;
        resume(home.path(), &central, &front, size)?;
    }
    Ok(())
}

/// Wall with the file's fsync, CPU and memory of whole downloads, interleaved.
fn whole(
    home: &Path,
    central: &BenchCentral,
    front: &CacheFront,
    size: u64,
    tls: bool,
    deflate: bool,
) -> Result<()> {
    let mut costs: Vec<Vec<(Cost, f64)>> = vec![Vec::new(); PEERS.len()];
    for _ in 0..ROUNDS {
        for (peer, costs) in PEERS.iter().zip(&mut costs) {
            costs.push(once(home, central, front, *peer, size, tls)?);
        }
    }
    let best: Vec<(Cost, f64)> = costs
        .into_iter()
        .map(|costs| median(costs, |(cost, sync)| cost.wall + sync))
        .collect();
    let curl = best[0].clone();
    let (scheme, kind) = (
        if tls { "https" } else { "http" },
        if deflate { "deflated" } else { "stored" },
    );
    let mut rows = vec![cells([
        "",
        "wall s",
        "fsync s",
        "both / curl's",
        "CPU s/GiB",
        "/ curl's",
        "peak MiB",
    ])];
    for (peer, (cost, sync)) in PEERS.iter().zip(&best) {
        let flushed = if *peer == DownloadPeer::Boxsync {
            "included".into()
        } else {
            format!("{sync:.2}")
        };
        rows.push(vec![
            peer.name(),
            format!("{:.2}", cost.wall),
            flushed,
            format!("{:.2}", (cost.wall + sync) / (curl.0.wall + curl.1)),
            format!("{:.2}", cost.cpu * GIB / size as f64),
            format!("{:.2}", cost.cpu / curl.0.cpu),
            format!("{:.1}", cost.rss),
        ]);
    }
    let mib = size >> 20;
    table(
        &format!(
            "{mib} MiB, {scheme}, {kind} members, median of {ROUNDS} interleaved; aim: wall 1.5, CPU 2 (stored)"
        ),
        &rows,
    );
    Ok(())
}

fn once(
    home: &Path,
    central: &BenchCentral,
    front: &CacheFront,
    peer: DownloadPeer,
    size: u64,
    tls: bool,
) -> Result<(Cost, f64)> {
    if peer == DownloadPeer::Boxsync {
        let site = BenchSite::new(central, Some((&front.url(tls), &front.ca)), QUIET)?;
        let (cost, _) = site.measured(&["sync", "--data", "--json"])?;
        holds(&site, size)?;
        return Ok((cost, 0.0));
    }
    let out = home.join("out");
    let _ = fs::remove_file(&out);
    let (program, arguments) =
        peer.command(&format!("{}package.zip", front.url(tls)), &front.ca, &out);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (cost, output) = measure::run(home, &program, &arguments)?;
    if !output.status.success() {
        return Err(format!(
            "{}: {}",
            peer.name(),
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    let begun = Instant::now();
    fs::File::open(&out)?.sync_all()?;
    let sync = begun.elapsed().as_secs_f64();
    fs::remove_file(&out)?;
    Ok((cost, sync))
}

/// Holds that the box counts the package as held, in its full size.
pub(crate) fn holds(site: &BenchSite, size: u64) -> Result<()> {
    let told = site.package()?;
    if told["state"] == "held" && told["bytes"] == size {
        return Ok(());
    }
    Err(format!("expected a held package of {size} bytes, the box says {told}").into())
}

/// Bytes on the wire over the size, when each run is killed after another eleventh of the package.
fn resume(home: &Path, central: &BenchCentral, front: &CacheFront, size: u64) -> Result<()> {
    let mut rows = vec![cells(["", "bytes on the wire / size", "kills", "content"])];
    for peer in [
        DownloadPeer::Boxsync,
        DownloadPeer::Curl,
        DownloadPeer::Wget,
        DownloadPeer::Aria2(1),
    ] {
        front.forget()?;
        let out = home.join("resumed");
        let _ = fs::remove_dir_all(&out);
        fs::create_dir(&out)?;
        let file = out.join("out");
        let site = BenchSite::new(central, Some((&front.url(true), &front.ca)), QUIET)?;
        let room = if peer == DownloadPeer::Boxsync {
            site.root.path()
        } else {
            &out
        };
        let start = || {
            if peer == DownloadPeer::Boxsync {
                return site.command(&["sync", "--data", "--json"]);
            }
            let (program, arguments) =
                peer.command(&format!("{}package.zip", front.url(true)), &front.ca, &file);
            let mut command = Command::new(program);
            command.args(arguments);
            command
        };
        let mut kills = 0;
        for nth in 1..=KILLS {
            let mut process = Process(
                start()
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()?,
            );
            let mark = size * nth / (KILLS + 1);
            let limit = Duration::from_secs(120);
            let mut ended = false;
            measure::until("a part of a package", limit, || {
                ended = process.0.try_wait().is_ok_and(|status| status.is_some());
                ended || on_disk(room) >= mark
            })?;
            kills += u64::from(!ended);
        }
        let status = start()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        let content = match peer {
            DownloadPeer::Boxsync => holds(&site, size).map(|()| "verified"),
            _ if same(&file, &front.package)? => Ok("right"),
            _ => Ok("WRONG"),
        }?;
        // nginx writes its line when it notices that the other side is gone.
        std::thread::sleep(Duration::from_millis(300));
        let content = if status.success() {
            content.to_owned()
        } else {
            format!("{status}, {content}")
        };
        rows.push(vec![
            peer.name(),
            format!("{:.4}", front.sent()? as f64 / size as f64),
            kills.to_string(),
            content,
        ]);
    }
    let _ = fs::remove_dir_all(home.join("resumed"));
    table(
        &format!(
            "{} MiB, https, ten SIGKILLs; aim 1.03, wget measured 1.046",
            size >> 20
        ),
        &rows,
    );
    Ok(())
}

fn on_disk(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(std::result::Result::ok);
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => on_disk(&entry.path()),
        // Delayed allocation: what a downloader wrote in order counts by length, what lies sparse by blocks.
        Ok(meta) => meta
            .len()
            .min((meta.blocks() * 512).max(if meta.blocks() == 0 { meta.len() } else { 0 })),
        Err(_) => 0,
    });
    sizes.sum()
}

fn same(a: &Path, b: &Path) -> Result<bool> {
    use std::io::Read;
    let (mut a, mut b) = (fs::File::open(a)?, fs::File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let n = a.read(&mut left)?;
        if n == 0 {
            return Ok(true);
        }
        b.read_exact(&mut right[..n])?;
        if left[..n] != right[..n] {
            return Ok(false);
        }
    }
}

/// A package published again under a new name with 5 % of its members changed.
fn republish(mib: usize) -> Result<()> {
    let home = folder()?;
    let size = format!("{mib}MiB");
    let central = BenchCentral::with_package(home.path(), &size)?;
    let site = BenchSite::new(&central, None, QUIET)?;
    site.good(&["sync", "--data"])?;
    let old = text(&site.package()?, "delivery")?;
    let bearer = central.bearer()?;
    let fetch = |uri: &str| {
        let target = format!(
            "/taoSync/SynchronisationApi/getDeliveryTest?delivery-uri={}",
            encode(uri)
        );
        BenchClient::tcp(central.address, &bearer)?.good("GET", &target, "")
    };
    let before = fetch(&old)?;
    let told = central.order(&json!({"republish": {"percent": 5.0}}))?;
    let new = told["republish"][&old]
        .as_str()
        .ok_or_else(|| format!("no new delivery in {told}"))?
        .to_owned();
    let after = fetch(&new)?;
    let least = archive::lower_bound(&before, &after);
    let traffic = central.traffic()?;
    // Central names the old delivery no more: that it may go is not what is measured.
    let (cost, output) = site.measured(&["sync", "--data", "--json", "--allow-deletes"])?;
    let wire = central.traffic_since(traffic)?.sent;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let fetched = report["packages"]["bytes_on_wire"]
        .as_f64()
        .unwrap_or(f64::NAN);
    let zsync = zsync(
        home.path(),
        &CacheFront::start(home.path(), &central)?,
        &before,
        &after,
    )?;
    let mebi = |bytes: f64| format!("{:.2}", bytes / 1_048_576.0);
    let rows = vec![
        cells(["", "MiB", "/ lower bound"]),
        vec![
            "whole file".into(),
            mebi(after.len() as f64),
            format!("{:.2}", after.len() as f64 / least as f64),
        ],
        vec!["lower bound".into(), mebi(least as f64), "1.00".into()],
        vec![
            "boxsync, package".into(),
            mebi(fetched),
            format!("{:.3}", fetched / least as f64),
        ],
        vec![
            "boxsync, whole run".into(),
            mebi(wire),
            format!("{:.3}", wire / least as f64),
        ],
        vec![
            "zsync, its index included".into(),
            mebi(zsync as f64),
            format!("{:.3}", zsync as f64 / least as f64),
        ],
    ];
    let title = format!(
        "{mib} MiB republished, 5 % of members changed; aim 1.02 ({:.2} s, {:.1} MiB peak)",
        cost.wall, cost.rss
    );
    table(&title, &rows);
    Ok(())
}

/// Bytes on the wire when zsync makes the new package of the old one: its index, made on the server, and the ranges.
fn zsync(home: &Path, front: &CacheFront, before: &[u8], after: &[u8]) -> Result<u64> {
    let (old, index, new) = (home.join("old"), home.join("index"), home.join("new"));
    fs::write(&old, before)?;
    fs::write(&front.package, after)?;
    front.forget()?;
    let url = format!("{}package.zip", front.url(false));
    let mut make = Command::new("zsyncmake");
    make.args(["-u", &url, "-o"])
        .arg(&index)
        .arg(&front.package);
    let mut fetch = Command::new("zsync");
    fetch
        .arg("-q")
        .arg("-i")
        .arg(&old)
        .arg("-o")
        .arg(&new)
        .arg(&index);
    for mut command in [make, fetch] {
        let output = command.current_dir(home).output()?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{command:?}: {words}").into());
        }
    }
    if !same(&new, &front.package)? {
        return Err("zsync made another file than the one that was served".into());
    }
    Ok(fs::metadata(&index)?.len() + front.sent()?)
}
