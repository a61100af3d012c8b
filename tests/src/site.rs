//! One test centre: a central of its own, a root folder of its own, the box in it.
//! Never reads the state folder but to damage or to search it.
//! Used by every test.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use central::{Central, Consumer, Dataset, Fault, Kind, Options, Route};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::process::{self, Ran, Running};
use crate::tao::Tao;
use crate::truth::{ExpectedEntity, Truth};

/// The organisation of every seeded central.
const ORGANISATION: &str = "1001";

/// A central with so many test takers and packages of these sizes.
#[must_use]
pub fn options(test_takers: usize, deliveries: usize, sizes: (u64, u64)) -> Options {
    Options {
        dataset: Dataset::sized(7, test_takers, deliveries, sizes),
        ..Options::default()
    }
}

/// A status of a proxy or a sick server, with a wish for a wait where there is one.
#[must_use]
pub fn status(code: u16, body: &str, retry_after: Option<u64>) -> Fault {
    Fault::Status {
        code,
        body: body.to_owned(),
        retry_after: retry_after.map(|seconds| seconds.to_string()),
        location: None,
    }
}

/// A central and a box.
pub struct Site {
    /// The central.
    pub central: Central,
    root: TempDir,
    sections: BTreeMap<String, String>,
}

impl Site {
    /// A box that knows its central and is not enrolled.
    ///
    /// # Panics
    /// When central does not start.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let central = Central::start(options).expect("a central starts on loopback");
        let root = TempDir::new().expect("a temporary folder can be made");
        let mut site = Self {
            central,
            root,
            sections: BTreeMap::new(),
        };
        fs::create_dir_all(site.path("etc/boxsync")).expect("a folder can be made");
        let url = format!("url = \"{}\"\n", site.central.url());
        site.sections.insert("central".into(), url);
        site.set("box", "organisation_id", &format!("\"{ORGANISATION}\""));
        site.set("box", "tao_version", "\"2022.11\"");
        site.set("download", "reserve", "\"0\"");
        site.set("sync", "measure", "false");
        if let Some(pem) = site.central.ca_pem() {
            let file = site.path("etc/boxsync/ca.pem");
            fs::write(&file, pem).expect("a file can be written");
            site.set("central", "ca_file", &format!("{file:?}"));
        }
        site
    }

    /// An enrolled box.
    #[must_use]
    pub fn enrolled(options: Options) -> Self {
        let site = Self::new(options);
        site.enroll().exits(0);
        site.central.reset_log();
        site
    }

    /// An enrolled box with a small central.
    #[must_use]
    pub fn small() -> Self {
        Self::enrolled(options(20, 3, (40_000, 200_000)))
    }

    /// A small box that holds everything its central has.
    #[must_use]
    pub fn synchronized() -> Self {
        Self::small().held()
    }

    /// The same box once it holds everything its central has.
    #[must_use]
    pub fn held(self) -> Self {
        self.sync().exits(0);
        self.central.reset_log();
        self
    }

    /// A path below the root.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    /// A path below the state folder.
    #[must_use]
    pub fn state(&self, relative: &str) -> PathBuf {
        self.path("var/lib/boxsync").join(relative)
    }

    /// All files below the state folder, in the order of their names.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.state(""), &mut files);
        files.sort();
        files
    }

    /// Files of the state folder with this extension.
    #[must_use]
    pub fn files_of(&self, extension: &str) -> Vec<PathBuf> {
        let mut files = self.files();
        files.retain(|path| path.extension().is_some_and(|e| e == extension));
        files
    }

    /// Sets a key of the configuration; `value` is TOML.
    pub fn set(&mut self, section: &str, key: &str, value: &str) {
        let lines = self.sections.entry(section.to_owned()).or_default();
        let mut kept: String = lines
            .lines()
            .filter(|line| !line.starts_with(&format!("{key} ")))
            .map(|line| format!("{line}\n"))
            .collect();
        kept.push_str(&format!("{key} = {value}\n"));
        *lines = kept;
        self.write_config();
    }

    /// Removes a key of the configuration.
    pub fn unset(&mut self, section: &str, key: &str) {
        self.set(section, key, "0");
        let lines = self.sections.entry(section.to_owned()).or_default();
        let end = lines.trim_end().rfind('\n').map_or(0, |at| at + 1);
        lines.truncate(end);
        self.write_config();
    }

    fn write_config(&self) {
        let text: String = self
            .sections
            .iter()
            .map(|(name, lines)| format!("[{name}]\n{lines}"))
            .collect();
        fs::write(self.path("etc/boxsync/boxsync.toml"), text).expect("a file can be written");
    }

    /// A command on this box.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = process::command(process::binary());
        command.arg("--root").arg(self.root.path()).args(arguments);
        command
    }

    /// Runs a verb to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).end()
    }

    /// Starts a verb.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Starts the daemon with a folder of credentials, as systemd would.
    #[must_use]
    pub fn start_with(&self, credentials: &Path) -> Running {
        let mut command = self.command(&["run"]);
        command.env("CREDENTIALS_DIRECTORY", credentials);
        Running::start(command)
    }

    /// The local API of its daemon.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.path("run/boxsync/boxsync.sock"))
    }

    /// Starts the daemon and waits until its local API answers.
    ///
    /// # Panics
    /// When it ends before.
    #[must_use]
    pub fn start_daemon(&self) -> Running {
        let mut running = self.start(&["run"]);
        let (api, process) = (self.api(), running.id());
        let up = running.until("the daemon", || api.is_of(process));
        assert!(up, "{}", running.end().story());
        running
    }

    /// Switches the gateway on, at a loopback address of this process and this test alone.
    pub fn set_gateway(&mut self, test: u8) -> SocketAddr {
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let at = SocketAddr::from(([127, test, high, low.clamp(1, 254)], 7380));
        self.set("gateway", "listen", &format!("\"{at}\""));
        at
    }

    /// A TAO that was pointed at this box's gateway.
    #[must_use]
    pub fn tao(&self, at: SocketAddr, sync_id: u64) -> Tao {
        let shown = self
            .run(&["identity", "gateway", "--json"])
            .exits(0)
            .object();
        let text = |key: &str| shown[key].as_str().expect("a string").to_owned();
        Tao {
            at,
            prefix: "/".into(),
            key: text("key"),
            secret: text("secret"),
            sync_id,
            organisation: ORGANISATION.into(),
        }
    }

    /// Runs a shell script in a mount namespace of its own, with the box's binary, root and state folder as `$1`,
    /// `$2` and `$3`; nothing where this machine does not allow it.
    #[must_use]
    pub fn in_own_mounts(&self, script: &str) -> Option<Ran> {
        self.start_in_own_mounts(script).map(Running::end)
    }

    /// The same, not waited for.
    #[must_use]
    pub fn start_in_own_mounts(&self, script: &str) -> Option<Running> {
        if !process::works("unshare", &["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]) {
            return None;
        }
        let mut command = process::command("unshare");
        command.args(["-m", "sh", "-euc", script, "sh"]);
        command
            .arg(process::binary())
            .arg(self.root.path())
            .arg(self.state(""));
        Some(Running::start(command))
    }

    /// Runs a verb while the disk does not give the bytes of this file (EIO, by strace); nothing where there is no
    /// strace, and that is said.
    #[must_use]
    pub fn where_reading_fails(&self, file: &Path, arguments: &[&str]) -> Option<Ran> {
        if !process::works("strace", &["-f", "-o", "/dev/null", "true"]) {
            eprintln!("SKIPPED: strace is missing or may not trace (apt-get install strace)");
            return None;
        }
        let mut command = process::command("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-P"])
            .arg(file);
        command.args(["-e", "inject=read,pread64:error=EIO"]);
        command.arg(process::binary());
        command.arg("--root").arg(self.root.path()).args(arguments);
        Some(Running::start(command).end())
    }

    /// Runs a verb as if the machine had been up for so many seconds more (a time namespace); nothing where this
    /// machine does not allow it, and that is said.
    #[must_use]
    pub fn run_later(&self, seconds: u64, arguments: &[&str]) -> Option<Ran> {
        let seconds = seconds.to_string();
        let shifted = ["--time", "--boottime", &seconds];
        if !process::works("unshare", &[&shifted[..], &["true"]].concat()) {
            eprintln!("SKIPPED: no time namespaces here (needs root)");
            return None;
        }
        let mut command = process::command("unshare");
        command.args(shifted).arg(process::binary());
        command.arg("--root").arg(self.root.path()).args(arguments);
        Some(Running::start(command).end())
    }

    /// Enrols with the organisation's sync manager.
    #[must_use]
    pub fn enroll(&self) -> Ran {
        let (login, password) = self
            .central
            .manager(ORGANISATION)
            .expect("it has a manager");
        self.enroll_as(&login, &password)
    }

    /// Enrols with any login.
    #[must_use]
    pub fn enroll_as(&self, login: &str, password: &str) -> Ran {
        let file = self.secret(password);
        let file = file.to_str().expect("temporary paths are UTF-8");
        self.run(&[
            "enroll",
            "--login",
            login,
            "--password-file",
            file,
            "--json",
        ])
    }

    /// Imports a client that was made on central.
    #[must_use]
    pub fn import(&self, key: &str, secret: &str, token_url: &str) -> Ran {
        let file = self.secret(secret);
        let file = file.to_str().expect("temporary paths are UTF-8");
        self.run(&[
            "credentials",
            "import",
            "--key",
            key,
            "--secret-file",
            file,
            "--token-url",
            token_url,
            "--json",
        ])
    }

    /// Imports a client that was made on central, with central's own place for tokens.
    #[must_use]
    pub fn import_client(&self, client: &Consumer) -> Ran {
        let url = format!("{}taoOauth/TokenApi/requestToken", self.central.url());
        self.import(&client.key, &client.secret, &url)
    }

    /// A file whose first line is a secret.
    #[must_use]
    pub fn secret(&self, secret: &str) -> PathBuf {
        let file = self.path("secret");
        fs::write(&file, format!("{secret}\n")).expect("a file can be written");
        file
    }

    /// One synchronization, as JSON.
    #[must_use]
    pub fn sync(&self) -> Ran {
        self.run(&["sync", "--json"])
    }

    /// One synchronization with more options.
    #[must_use]
    pub fn sync_with(&self, options: &[&str]) -> Ran {
        self.run(&[&["sync", "--json"], options].concat())
    }

    /// How many requests of a route central has seen.
    #[must_use]
    pub fn asked(&self, route: Route) -> usize {
        self.central.requests_on(route).len()
    }

    /// URIs that central lists.
    #[must_use]
    pub fn ids(&self, kind: Kind) -> Vec<String> {
        self.central.ids(ORGANISATION, kind)
    }

    /// The n-th delivery that central lists.
    #[must_use]
    pub fn delivery(&self, n: usize) -> String {
        self.ids(Kind::Delivery)[n].clone()
    }

    /// What the box shows of its catalogue, by type and id.
    #[must_use]
    #[track_caller]
    pub fn entities(&self) -> BTreeMap<(String, String), ExpectedEntity> {
        let ran = self.run(&["entities", "--json"]).exits(0);
        let entity = |object: Value| {
            let text = |key: &str| object[key].as_str().expect("a string").to_owned();
            let entity = ExpectedEntity {
                checksum: text("checksum"),
                properties: object["properties"].clone(),
            };
            ((text("type"), text("id")), entity)
        };
        ran.objects().into_iter().map(entity).collect()
    }

    /// States of the packages by delivery.
    #[must_use]
    #[track_caller]
    pub fn packages(&self) -> BTreeMap<String, String> {
        let ran = self.run(&["packages", "--json"]).exits(0);
        let state = |object: Value| {
            let text = |key: &str| object[key].as_str().expect("a string").to_owned();
            (text("delivery"), text("state"))
        };
        ran.objects().into_iter().map(state).collect()
    }

    /// The content of a package as the box gives it in clear; nothing when it does not hold it.
    #[must_use]
    pub fn exported(&self, delivery: &str) -> Option<Vec<u8>> {
        let file = self.path("exported.zip");
        let _ = fs::remove_file(&file);
        let name = file.to_str().expect("temporary paths are UTF-8");
        let ran = self.run(&["packages", "export", delivery, name]);
        let bytes = (ran.exit == Some(0)).then(|| fs::read(&file).expect("it was exported"));
        let _ = fs::remove_file(&file);
        bytes
    }

    /// Holds that a package is the one that central has, byte for byte.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_package(&self, delivery: &str) {
        let own = self.exported(delivery);
        let own = own.unwrap_or_else(|| panic!("no package of {delivery}: {:?}", self.packages()));
        let central = self.central.package(delivery).expect("central has it");
        assert!(own == central, "the package of {delivery} is not central's");
    }

    /// Holds that every entity on the box is central's, that it holds all of them, and every package byte for byte.
    ///
    /// # Panics
    /// When it is not so.
    #[track_caller]
    pub fn assert_equal_to_central(&self) {
        self.assert_catalogue();
        for delivery in self.ids(Kind::Delivery) {
            if self.central.package(&delivery).is_some() {
                self.assert_package(&delivery);
            }
        }
    }

    /// Holds that every entity on the box is central's, and that it holds all of them.
    ///
    /// # Panics
    /// When it is not so.
    #[track_caller]
    pub fn assert_catalogue(&self) {
        self.central.clear_script();
        let (login, password) = self
            .central
            .manager(ORGANISATION)
            .expect("it has a manager");
        let truth = Truth::new(
            self.central.address(),
            &self.central.url(),
            &login,
            &password,
        );
        let mut expected = BTreeMap::new();
        for kind in Kind::ALL {
            for (id, entity) in truth.details(kind.name(), &self.ids(kind)) {
                expected.insert((kind.name().to_owned(), id), entity);
            }
        }
        let own = self.entities();
        let named: Vec<_> = own.keys().collect();
        assert_eq!(
            named,
            expected.keys().collect::<Vec<_>>(),
            "other entities than central's"
        );
        for (name, entity) in &expected {
            assert_eq!(&own[name], entity, "{name:?} is not as central has it");
        }
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files)
        } else {
            files.push(path)
        }
    }
}

/// The mode bits of a path.
///
/// # Panics
/// When it does not exist.
#[must_use]
pub fn mode(path: &Path) -> u32 {
    process::mode(path)
}
