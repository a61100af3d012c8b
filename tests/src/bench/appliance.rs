//! What the daemon costs a box that has nothing to do: size, start, memory, wake-ups.
//! Never counts what it does at boot: the idle time begins after its first synchronization.
//! Called by `main`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::results::field;
use crate::site::{BenchCentral, BenchSite, Process, built, folder};
use crate::{Result, cells, measure, table};

const IDLE: Duration = Duration::from_secs(60);
const LINES: &str = "[sync]\nmeasure = false\ninterval = \"1h\"\n[download]\nreserve = \"0\"\n";

/// Prints the table.
pub(crate) fn run() -> Result<()> {
    let home = folder()?;
    let central = BenchCentral::start(
        home.path(),
        &[
            "--test-takers",
            "300",
            "--deliveries",
            "2",
            "--package-sizes",
            "40kB",
        ],
    )?;
    let site = BenchSite::new(&central, None, LINES)?;
    let path = home.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let begun = Instant::now();
    let mut command = site.command(&["run"]);
    command
        .env("NOTIFY_SOCKET", &path)
        // As the unit has it: feeding the watchdog is what wakes an idle daemon.
        .env("WATCHDOG_USEC", "120000000")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let daemon = Process(command.spawn()?);
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer)?;
        if String::from_utf8_lossy(&buffer[..length])
            .lines()
            .any(|line| line == "READY=1")
        {
            break;
        }
    }
    let ready = begun.elapsed();
    let before = central.traffic()?.requests;
    measure::until("the boot synchronization", Duration::from_secs(120), || {
        let worker = processes(daemon.0.id()).len() > 1;
        !worker
            && central
                .traffic()
                .is_ok_and(|traffic| traffic.requests > before + 15.0)
    })?;
    std::thread::sleep(Duration::from_secs(3));
    let earlier = wakes(daemon.0.id());
    std::thread::sleep(IDLE);
    let later = wakes(daemon.0.id());
    let woken: f64 = later
        .iter()
        .map(|(thread, count)| count - earlier.get(thread).unwrap_or(&0.0))
        .sum();
    let (mut rss, mut pss) = (0.0, 0.0);
    let members = processes(daemon.0.id());
    for process in &members {
        let memory = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        rss += field(&memory, "Rss:") / 1024.0;
        pss += field(&memory, "Pss:") / 1024.0;
    }
    let program = built("boxsync")?;
    let mut rows = vec![
        cells(["", "measured", "aim"]),
        vec![
            format!("{}, MiB", program.display()),
            mebibytes(fs::metadata(&program)?.len()),
            "5".into(),
        ],
        vec![
            "start to READY, ms".into(),
            format!("{:.0}", ready.as_secs_f64() * 1e3),
            String::new(),
        ],
        vec![
            "idle resident, MiB".into(),
            format!("{rss:.1}"),
            "12".into(),
        ],
        vec![
            "idle proportional, MiB".into(),
            format!("{pss:.1}"),
            String::new(),
        ],
        vec![
            "wake-ups a minute".into(),
            format!("{:.0}", woken * 60.0 / IDLE.as_secs_f64()),
            "4".into(),
        ],
        vec![
            "processes, threads".into(),
            format!("{}, {}", members.len(), later.len()),
            String::new(),
        ],
    ];
    // What `image/build` made of it: an image is a file with holes, its blocks are what it takes.
    for entry in fs::read_dir("dist").into_iter().flatten().flatten() {
        let (name, meta) = (
            entry.file_name().to_string_lossy().into_owned(),
            entry.metadata()?,
        );
        if name != "boxsync" {
            let taken = mebibytes(meta.blocks() * 512);
            rows.push(vec![format!("dist/{name}, MiB"), taken, String::new()]);
        }
    }
    table(
        "boxsync run with nothing to do. Idle RSS and wake-ups a minute of others: mender 30.6 MiB and 13, syncthing \
         42 MiB and 1,287, timesyncd 7.7 MiB and 24. Greengrass lite: PSS 14.8 MB, start 1,328 ms; files: tedge agent \
         4.3 MB, mender-client 10.1 MB, tailscale 23 MB",
        &rows,
    );
    Ok(())
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1_048_576.0)
}

/// A process and its descendants.
fn processes(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(process) = found.get(at).copied() {
        for thread in threads(process) {
            let children = fs::read_to_string(format!("/proc/{process}/task/{thread}/children"))
                .unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
        }
        at += 1;
    }
    found
}

fn threads(process: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .filter_map(std::result::Result::ok);
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// How often each thread gave up the processor to wait: each time it was woken again.
fn wakes(root: u32) -> BTreeMap<u32, f64> {
    let threads = processes(root)
        .into_iter()
        .flat_map(|process| threads(process).into_iter().map(move |t| (process, t)));
    let count = |(process, thread)| {
        let status =
            fs::read_to_string(format!("/proc/{process}/task/{thread}/status")).unwrap_or_default();
        (thread, field(&status, "voluntary_ctxt_switches:"))
    };
    threads.map(count).collect()
}
