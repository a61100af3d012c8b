//! What a TAO on the box gets from the gateway: a package beside the same file from nginx, a whole run of its client
//! beside the same run at the reference central; all over plain http on loopback.
//! Never counts the first answer: it warms the page cache for both.
//! Called by `main`.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use e2e::Tao;
use serde_json::Value;

use crate::client::{BenchClient, encode};
use crate::front::CacheFront;
use crate::measure::{self, Cost};
use crate::site::{BenchCentral, BenchSite, Process, folder, text, token};
use crate::{Result, cells, median, table};

const ROUNDS: usize = 5;

/// Prints the tables: a package of so many MiB, and runs of a client.
pub(crate) fn run(mib: usize) -> Result<()> {
    packages(mib)?;
    clients()
}

/// A box that holds what central has and serves it.
struct GatewayLoad {
    site: BenchSite,
    at: SocketAddr,
    /// What `identity gateway` shows.
    shown: Value,
    _daemon: Process,
}

impl GatewayLoad {
    fn start(central: &BenchCentral) -> Result<Self> {
        let at: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let lines = format!(
            "[sync]\nmeasure = false\n[download]\nreserve = \"0\"\n[gateway]\nlisten = \"{at}\"\n"
        );
        let site = BenchSite::new(central, None, &lines)?;
        site.good(&["sync", "--data"])?;
        let shown = site.good(&["identity", "gateway", "--json"])?;
        let shown: Value = serde_json::from_slice(shown.stdout.trim_ascii())?;
        let mut daemon = site.command(&["run"]);
        let _daemon = Process(daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        measure::until("the gateway", Duration::from_secs(20), || {
            TcpStream::connect(at).is_ok()
        })?;
        Ok(Self {
            site,
            at,
            shown,
            _daemon,
        })
    }
}

fn packages(mib: usize) -> Result<()> {
    let home = folder()?;
    let size = format!("{mib}MiB");
    let central = BenchCentral::with_package(home.path(), &size)?;
    let front = CacheFront::start(home.path(), &central)?;
    let GatewayLoad {
        site,
        at,
        shown,
        _daemon,
    } = GatewayLoad::start(&central)?;
    let target = format!(
        "/taoSync/SynchronisationApi/getDeliveryTest?delivery-uri={}",
        encode(&text(&site.package()?, "delivery")?)
    );
    let bearer = format!("Authorization: Bearer {}", token(at, &shown)?);
    let content = BenchClient::tcp(at, &format!("{bearer}\r\n"))?.good("GET", &target, "")?;
    fs::File::create(&front.package)?.write_all(&content)?;

    let (file, gateway) = (
        format!("{}package.zip", front.url(false)),
        format!("http://{at}{target}"),
    );
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..=ROUNDS {
        for (url, costs) in [&file, &gateway].into_iter().zip(&mut costs) {
            costs.push(curl(home.path(), url, &bearer, content.len())?);
        }
    }
    let [nginx, own] =
        costs.map(|costs| median(costs.into_iter().skip(1).collect(), |cost| cost.wall));
    let row = |name: &str, cost: &Cost| {
        let rate = content.len() as f64 / 1_048_576.0 / cost.wall;
        vec![
            name.to_owned(),
            format!("{:.3}", cost.wall),
            format!("{rate:.0}"),
            format!("{:.2}", cost.wall / nginx.wall),
        ]
    };
    let rows = [
        cells(["", "wall s", "MiB/s", "/ nginx's"]),
        row("nginx, a plain file", &nginx),
        row("boxsync, decrypted in the stream", &own),
    ];
    let title = format!(
        "{mib} MiB from the gateway, median of {ROUNDS} interleaved; aim: 2 x nginx's wall"
    );
    table(&title, &rows);
    Ok(())
}

fn curl(home: &Path, url: &str, bearer: &str, size: usize) -> Result<Cost> {
    let arguments = [
        "-sS",
        "-f",
        "-H",
        bearer,
        "-o",
        "/dev/null",
        "-w",
        "%{size_download}",
        url,
    ];
    let (cost, output) = measure::run(home, Path::new("curl"), &arguments)?;
    if output.stdout.trim_ascii() == size.to_string().as_bytes() {
        return Ok(cost);
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!(
        "{url}: {} of {size} bytes; {words}",
        String::from_utf8_lossy(&output.stdout)
    )
    .into())
}

/// Runs of a client as the PHP one: a connection a request, lists, details, packages.
fn clients() -> Result<()> {
    let home = folder()?;
    let many = ["--test-takers", "300", "--deliveries", "12"];
    let central = BenchCentral::start(
        home.path(),
        &[&many[..], &["--package-sizes", "40kB..4MB"]].concat(),
    )?;
    let served = GatewayLoad::start(&central)?;
    let tao = |at, client: &Value, sync_id| -> Result<Tao> {
        Ok(Tao {
            at,
            prefix: "/".into(),
            key: text(client, "key")?,
            secret: text(client, "secret")?,
            sync_id,
            organisation: "1001".into(),
        })
    };
    let mut walls = [Vec::new(), Vec::new()];
    let mut brought = None;
    for round in 0..=ROUNDS as u64 {
        let sides = [(central.address, &central.info), (served.at, &served.shown)];
        for ((at, client), walls) in sides.into_iter().zip(&mut walls) {
            let tao = tao(at, client, round + 1)?;
            let begun = Instant::now();
            let now = tao.run()?;
            walls.push(begun.elapsed().as_secs_f64());
            if brought.get_or_insert_with(|| now.clone()) != &now {
                return Err("two runs of a client brought different things".into());
            }
        }
    }
    let brought = brought.unwrap_or_default();
    let [reference, own] =
        walls.map(|walls| median(walls.into_iter().skip(1).collect(), |wall| *wall));
    let entities = brought.entities.len();
    let row = |name: &str, wall: f64| {
        vec![
            name.to_owned(),
            format!("{wall:.3}"),
            format!("{:.0}", entities as f64 / wall),
            format!("{:.2}", wall / reference),
        ]
    };
    let rows = [
        cells(["", "wall s", "entities/s", "/ central's"]),
        row("reference central (no PHP, no database)", reference),
        row("boxsync", own),
    ];
    let bytes: usize = brought.packages.values().sum();
    let title = format!(
        "a client's run of {entities} entities and {} packages ({:.1} MB), median of {ROUNDS} interleaved",
        brought.packages.len(),
        bytes as f64 / 1e6
    );
    table(&title, &rows);
    Ok(())
}
