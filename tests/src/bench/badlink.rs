//! Goodput on a bad link: 10 Mbit/s, 200 ms, 2 % loss, every connection reset after each 5 MiB; boxsync beside aria2c.
//! Never waits for a downloader for ever: what has come when the time is over counts.
//! Called by `main`; needs root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::download::holds;
use crate::front::Front;
use crate::relay::{FAR_ADDRESS, NEAR, Relay, Shape};
use crate::site::{Central, Process, Site, folder};
use crate::{Result, archive, cells, measure, table};

/// A downloader that takes longer is stopped.
const LIMIT: Duration = Duration::from_secs(150);

/// Prints the table for a package of so many MiB.
pub(crate) fn run(mib: usize) -> Result<()> {
    let home = folder()?;
    let central = Central::with_package(home.path(), "40kB")?;
    let front = Front::start(home.path(), &central)?;
    let size = archive::write(&front.package, (mib as u64) << 20, false)?;
    let mut rows = vec![cells(["", "loss", "Mbit/s", "of the package", "s"])];
    for loss in [0.0, 0.02] {
        let shape = Shape {
            rate: 10e6,
            delay: Duration::from_millis(100),
            loss,
            reset: 5 << 20,
        };
        let _relay = Relay::start(shape)?;
        let mut row = |name: &str, (got, took): (u64, f64)| {
            rows.push(vec![
                name.into(),
                format!("{:.0} %", loss * 100.0),
                format!("{:.2}", got as f64 * 8.0 / 1e6 / took),
                format!("{:.0} %", got as f64 / size as f64 * 100.0),
                format!("{took:.0}"),
            ]);
        };
        for connections in [4, 16] {
            let name = format!("boxsync, at most {connections} connections");
            row(&name, boxsync(&central, &front, size, connections)?);
        }
        for lanes in [16, 4] {
            row(
                &format!("aria2c -x{lanes}"),
                aria2(home.path(), &front, lanes)?,
            );
        }
    }
    let title = "10 Mbit/s, 200 ms, every connection reset each 5 MiB, server on cubic; aim: at least aria2c -x16's";
    table(title, &rows);
    Ok(())
}

/// The catalogue is home already; the few pages that are compared before the package count.
fn boxsync(central: &Central, front: &Front, size: u64, connections: u8) -> Result<(u64, f64)> {
    let url = front.url_at(FAR_ADDRESS);
    let lines = format!(
        "[sync]\nmeasure = false\n[download]\nreserve = \"0\"\nconnections = {connections}\n"
    );
    let site = Site::new(central, Some((&url, &front.ca)), &lines)?;
    let hidden = front.package.with_extension("hidden");
    fs::rename(&front.package, &hidden)?;
    let ended = within(&site.command(&["sync", "--data"])).output();
    fs::rename(&hidden, &front.package)?;
    ended?;
    let mut command = within(&site.command(&["sync", "--data", "--json"]));
    let (ended, took) = timed(command.stdout(Stdio::null()))?;
    holds(&site, size)?;
    Ok((if ended { size } else { 0 }, took))
}

fn aria2(home: &Path, front: &Front, lanes: u8) -> Result<(u64, f64)> {
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
    Ok((
        fs::metadata(&out).map_or(0, |file| file.blocks() * 512),
        took,
    ))
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
