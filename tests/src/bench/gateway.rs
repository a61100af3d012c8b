//! A package from the gateway of a box beside the same file from nginx, both over plain http on loopback.
//! Never counts the first answer: it warms the page cache for both.
//! Called by `main`.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::client::{Client, encode};
use crate::front::Front;
use crate::measure::{self, Cost};
use crate::site::{Central, Process, Site, folder, text, token};
use crate::{Result, cells, median, table};

const ROUNDS: usize = 5;

/// Prints the table for a package of so many MiB.
pub(crate) fn run(mib: usize) -> Result<()> {
    let home = folder()?;
    let size = format!("{mib}MiB");
    let central = Central::with_package(home.path(), &size)?;
    let front = Front::start(home.path(), &central)?;
    let address: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let lines = format!(
        "[sync]\nmeasure = false\n[download]\nreserve = \"0\"\n[gateway]\nlisten = \"{address}\"\n"
    );
    let site = Site::new(&central, None, &lines)?;
    site.good(&["sync", "--data"])?;
    let target = format!(
        "/taoSync/SynchronisationApi/getDeliveryTest?delivery-uri={}",
        encode(&text(&site.package()?, "delivery")?)
    );
    let shown = site.good(&["identity", "gateway", "--json"])?;
    let shown: Value = serde_json::from_slice(shown.stdout.trim_ascii())?;
    let mut daemon = site.command(&["run"]);
    let _daemon = Process(daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    measure::until("the gateway", Duration::from_secs(20), || {
        TcpStream::connect(address).is_ok()
    })?;
    let bearer = format!("Authorization: Bearer {}", token(address, &shown)?);
    let content = Client::tcp(address, &format!("{bearer}\r\n"))?.good("GET", &target, "")?;
    fs::File::create(&front.package)?.write_all(&content)?;

    let (file, gateway) = (
        format!("{}package.zip", front.url(false)),
        format!("http://{address}{target}"),
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
