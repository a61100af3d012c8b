//! A reference central in a process of its own, and a box that is enrolled there.
//! Never measures; the state lies on the disk that holds the build, so that a flush costs what it costs.
//! Called by every benchmark.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Result;
use crate::client::BenchClient;
use crate::measure::{self, Cost};

/// A program that was built beside this one.
pub(crate) fn built(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is missing: scripts/bench builds it", path.display()).into())
    }
}

/// A folder beside the build.
pub(crate) fn folder() -> Result<TempDir> {
    let beside = std::env::current_exe()?;
    let beside = beside.parent().ok_or("a program lies in a folder")?;
    Ok(tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(beside)?)
}

/// A process that ends with its owner.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What went over central's wire.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) requests: f64,
    pub(crate) connections: f64,
    pub(crate) sent: f64,
    pub(crate) received: f64,
}

/// A running central.
pub(crate) struct BenchCentral {
    _process: Process,
    pub(crate) info: Value,
    pub(crate) address: SocketAddr,
    /// What asking for the traffic adds to it.
    own: Traffic,
}

impl BenchCentral {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Result<Self> {
        let path = folder.join("central.json");
        let _ = fs::remove_file(&path);
        let mut command = Command::new(built("central")?);
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--seed",
            "7",
            "--no-log",
            "--warm",
            "--info-out",
        ]);
        let process = Process(
            command
                .arg(&path)
                .args(arguments)
                .stdout(Stdio::null())
                .spawn()?,
        );
        measure::until("central", Duration::from_secs(300), || path.exists())?;
        let info: Value = serde_json::from_slice(&fs::read(&path)?)?;
        let url = text(&info, "url")?;
        let address = url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .parse()?;
        let mut central = Self {
            _process: process,
            info,
            address,
            own: Traffic::default(),
        };
        let first = central.traffic()?;
        central.own = central.traffic()?.since(first);
        Ok(central)
    }

    /// One whose catalogue is small, with one package of this size.
    pub(crate) fn with_package(folder: &Path, size: &str) -> Result<Self> {
        let few = ["--test-takers", "5", "--deliveries", "1"];
        Self::start(folder, &[&few[..], &["--package-sizes", size]].concat())
    }

    /// Gives orders; what each of them answered.
    pub(crate) fn order(&self, orders: &Value) -> Result<Value> {
        let answer =
            BenchClient::tcp(self.address, "")?.good("POST", "/_control", &orders.to_string())?;
        Ok(serde_json::from_slice::<Value>(&answer)?["done"].take())
    }

    pub(crate) fn traffic(&self) -> Result<Traffic> {
        let told: Value = serde_json::from_slice(&BenchClient::tcp(self.address, "")?.good(
            "GET",
            "/_control",
            "",
        )?)?;
        let number = |key: &str| told["central"][key].as_f64().unwrap_or(f64::NAN);
        Ok(Traffic {
            requests: number("requests"),
            connections: number("connections"),
            sent: number("bytes_sent"),
            received: number("bytes_received"),
        })
    }

    /// The traffic since an earlier look.
    pub(crate) fn traffic_since(&self, before: Traffic) -> Result<Traffic> {
        Ok(self.traffic()?.since(before).since(self.own))
    }

    /// The header lines of a client with a token of its own.
    pub(crate) fn bearer(&self) -> Result<String> {
        let token = token(self.address, &self.info)?;
        Ok(format!(
            "Authorization: Bearer {token}\r\nx-tao-box-id: bench\r\n"
        ))
    }
}

impl Traffic {
    fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            connections: self.connections - before.connections,
            sent: self.sent - before.sent,
            received: self.received - before.received,
        }
    }
}

/// A token for a client with this `key` and `secret`, from central or from a box that stands for it.
pub(crate) fn token(address: SocketAddr, client: &Value) -> Result<String> {
    let body = json!({"client_id": client["key"], "client_secret": client["secret"]}).to_string();
    let place = "/taoOauth/TokenApi/requestToken";
    let answer = BenchClient::tcp(address, "")?.good("POST", place, &body)?;
    text(&serde_json::from_slice(&answer)?, "access_token")
}

/// A text field of an object.
pub(crate) fn text(object: &Value, key: &str) -> Result<String> {
    Ok(object[key]
        .as_str()
        .ok_or_else(|| format!("no {key} in {object}"))?
        .to_owned())
}

/// An enrolled box.
pub(crate) struct BenchSite {
    pub(crate) root: TempDir,
    program: PathBuf,
}

impl BenchSite {
    /// A box at a central, or at a front of it (root URL and CA file); `lines` is more configuration.
    pub(crate) fn new(
        central: &BenchCentral,
        front: Option<(&str, &Path)>,
        lines: &str,
    ) -> Result<Self> {
        let site = Self {
            root: folder()?,
            program: built("boxsync")?,
        };
        let url = match front {
            Some((url, _)) => url.to_owned(),
            None => text(&central.info, "url")?,
        };
        let ca = front.map_or(String::new(), |(_, ca)| format!("ca_file = {ca:?}\n"));
        let etc = site.root.path().join("etc/boxsync");
        fs::create_dir_all(&etc)?;
        let config = format!(
            "[central]\nurl = \"{url}\"\n{ca}[box]\norganisation_id = \"1001\"\ntao_version = \"2022.11\"\n{lines}"
        );
        fs::write(etc.join("boxsync.toml"), config)?;
        let secret = site.root.path().join("secret");
        if front.is_some() {
            fs::write(&secret, text(&central.info, "secret")?)?;
            let key = text(&central.info, "key")?;
            let token = format!("{url}taoOauth/TokenApi/requestToken");
            let path = secret.to_string_lossy().into_owned();
            site.good(&[
                "credentials",
                "import",
                "--key",
                &key,
                "--secret-file",
                &path,
                "--token-url",
                &token,
            ])?;
        } else {
            fs::write(&secret, text(&central.info, "password")?)?;
            let login = text(&central.info, "login")?;
            site.good(&[
                "enroll",
                "--login",
                &login,
                "--password-file",
                &secret.to_string_lossy(),
            ])?;
        }
        Ok(site)
    }

    /// A verb, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(self.root.path()).args(arguments);
        command
    }

    /// Runs a verb that has to succeed.
    pub(crate) fn good(&self, arguments: &[&str]) -> Result<Output> {
        let output = self.command(arguments).output()?;
        succeeded(arguments, output)
    }

    /// What the box says of its first package.
    pub(crate) fn package(&self) -> Result<Value> {
        let output = self.good(&["packages", "--json"])?;
        let first = output.stdout.split(|byte| *byte == b'\n').next();
        Ok(serde_json::from_slice(first.unwrap_or_default())?)
    }

    /// Runs a verb that has to succeed, and what it cost.
    pub(crate) fn measured(&self, arguments: &[&str]) -> Result<(Cost, Output)> {
        let root = self.root.path().to_string_lossy().into_owned();
        let all = [&["--root", &root], arguments].concat();
        let (cost, output) = measure::run(self.root.path(), &self.program, &all)?;
        Ok((cost, succeeded(arguments, output)?))
    }
}

fn succeeded(arguments: &[&str], output: Output) -> Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    Err(format!(
        "boxsync {}: {}\n{words}",
        arguments.join(" "),
        output.status
    )
    .into())
}
