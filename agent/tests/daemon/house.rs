//! A box of its own for each test: a root folder, the built program, the sockets that systemd and neighbours hold.
//! Never waits for a time: each wait is for something that comes, with a limit that only a failure reaches.
//! Called by the tests beside it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use system::root::Root;

pub(crate) const DELIVERY: &str = "https://central.example/tao.rdf#i4001";
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct DaemonHouse {
    pub(crate) dir: tempfile::TempDir,
    notified: Receiver<String>,
}

/// A daemon under test; killed when the test is over.
pub(crate) struct DaemonProcess(pub(crate) Child);

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) struct DaemonAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl DaemonAnswer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header field, by its name in lower case.
    pub(crate) fn field(&self, name: &str) -> &str {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let field = fields.find(|(found, _)| *found == name);
        field
            .unwrap_or_else(|| panic!("no {name} in {}", self.head))
            .1
    }

    pub(crate) fn lines(&self) -> Vec<Json> {
        let text = std::str::from_utf8(&self.body).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl DaemonHouse {
    pub(crate) fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/boxsync")).unwrap();
        let notified = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        let house = Self {
            dir,
            notified: listen(notified),
        };
        house.configure(config);
        house
    }

    /// A box that central never answers: connections are taken and left alone.
    pub(crate) fn before_silence() -> (Self, TcpListener) {
        let central = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", central.local_addr().unwrap());
        let house = Self::new(&format!(
            "[central]\nurl = \"{url}\"\n[box]\norganisation_id = \"1\"\ntao_version = \"2022.11\"\n\
             [sync]\non_boot = false\ninterval = \"1h\"\n"
        ));
        house.import(&central);
        (house, central)
    }

    /// Brings credentials for this central. Their trial meets a connection that ends at once; whoever connects later
    /// is left to the test.
    pub(crate) fn import(&self, central: &TcpListener) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| refuse(central, &over));
            let imported = self.import_untried(central);
            over.store(true, Ordering::SeqCst);
            assert!(imported.status.success(), "{imported:?}");
        });
    }

    fn import_untried(&self, central: &TcpListener) -> Output {
        let secret = self.dir.path().join("secret");
        fs::write(&secret, "s\n").unwrap();
        let token_url = format!("http://{}/token", central.local_addr().unwrap());
        let args = [
            "credentials",
            "import",
            "--untried",
            "--key",
            "k",
            "--token-url",
            &token_url,
            "--secret-file",
            secret.to_str().unwrap(),
        ];
        self.cli(&args)
    }

    pub(crate) fn configure(&self, config: &str) {
        fs::write(self.dir.path().join("etc/boxsync/boxsync.toml"), config).unwrap();
    }

    pub(crate) fn root(&self) -> Root {
        Root::new(self.dir.path())
    }

    pub(crate) fn command(&self) -> Command {
        // `scripts/test` names the file that ships.
        let file =
            std::env::var_os("E2E_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_boxsync").into());
        let mut command = Command::new(file);
        command.arg("--root").arg(self.dir.path());
        command
    }

    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        self.command()
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    pub(crate) fn spawn(&self) -> DaemonProcess {
        let child = self
            .command()
            .arg("run")
            .env("NOTIFY_SOCKET", self.dir.path().join("notify"))
            .env("WATCHDOG_USEC", "400000")
            .stdin(Stdio::null())
            .stderr(fs::File::create(self.dir.path().join("journal")).unwrap())
            .spawn()
            .unwrap();
        DaemonProcess(child)
    }

    pub(crate) fn start(&self) -> DaemonProcess {
        let daemon = self.spawn();
        self.notified("READY=1");
        daemon
    }

    /// Waits until systemd would have been told this.
    pub(crate) fn notified(&self, wanted: &str) {
        loop {
            let told = self
                .notified
                .recv_timeout(WAIT_TIMEOUT)
                .expect("the daemon tells its state");
            if told.starts_with(wanted) {
                return;
            }
        }
    }

    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.dir.path().join("journal")).unwrap()
    }

    pub(crate) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.root().socket()).unwrap();
        stream.set_read_timeout(Some(WAIT_TIMEOUT)).unwrap();
        stream
    }

    pub(crate) fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> DaemonAnswer {
        let mut stream = self.connect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: boxsync\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        // A request that is refused is answered before its body was read, and the rest of it meets a closed door.
        let _ = stream.write_all(request.as_bytes());
        let (mut all, mut piece) = (Vec::new(), [0; 64 << 10]);
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            all.extend_from_slice(&piece[..length]);
        }
        let cut = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(all[..cut].to_vec())
            .unwrap()
            .to_lowercase();
        let mut body = all[cut + 4..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunk(&body);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        DaemonAnswer { status, head, body }
    }

    pub(crate) fn get(&self, path: &str) -> DaemonAnswer {
        self.call("GET", path, "", "")
    }

    /// The events of the daemon from now on; the first one has come.
    pub(crate) fn follow(&self) -> BufReader<UnixStream> {
        let mut stream = self.connect();
        write!(
            stream,
            "GET /v1/sync/events HTTP/1.1\r\nHost: boxsync\r\n\r\n"
        )
        .unwrap();
        let mut events = BufReader::new(stream);
        next(&mut events, "state");
        events
    }

    /// The process ids of the daemon's workers.
    pub(crate) fn workers(&self, daemon: &DaemonProcess) -> Vec<i32> {
        let id = daemon.0.id();
        // Those that look at the box for the flags come and go. The kernel's list of children leaves some out while others
        // end (proc(5)): each process is asked for its parent.
        let parent = format!("PPid:\t{id}\n");
        let synchronizes = |pid: &i32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0);
            status.contains(&parent) && words.any(|word| word == b"sync-worker")
        };
        let names = fs::read_dir("/proc").unwrap();
        let names = names.map(|entry| entry.unwrap().file_name());
        let all = names.filter_map(|name| name.to_str()?.parse().ok());
        all.filter(synchronizes).collect()
    }
}

pub(crate) fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = body
            .windows(2)
            .position(|w| w == b"\r\n")
            .expect("a chunk's length");
        let length =
            usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[line + 2..line + 2 + length]);
        body = &body[line + 2 + length + 2..];
    }
}

/// The data of the next event of a kind.
pub(crate) fn next(events: &mut BufReader<UnixStream>, kind: &str) -> Json {
    let mut line = String::new();
    let mut here = false;
    loop {
        line.clear();
        assert!(
            events.read_line(&mut line).unwrap() > 0,
            "the events end without `{kind}`"
        );
        match line.trim_end().split_once(": ") {
            Some(("event", name)) => here = name == kind,
            Some(("data", data)) if here => return serde_json::from_str(data).unwrap(),
            _ => {}
        }
    }
}

/// Reads what the daemon tells as systemd does: at once, so that its socket is never full.
fn listen(socket: UnixDatagram) -> Receiver<String> {
    let (told, notified) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if told.send(text).is_err() {
                return;
            }
        }
    });
    notified
}

/// Ends each connection as it comes, until it is over.
fn refuse(central: &TcpListener, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        let mut ready = [PollFd::new(central.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(20u8)).unwrap() > 0 {
            drop(central.accept().unwrap());
        }
    }
}

pub(crate) fn signal(daemon: &DaemonProcess, signal: Signal) {
    kill(Pid::from_raw(daemon.0.id() as i32), signal).unwrap();
}

/// Ends the daemon as systemd does, and holds it to its five seconds.
pub(crate) fn terminate(house: &DaemonHouse, mut daemon: DaemonProcess) -> ExitStatus {
    let begun = Instant::now();
    signal(&daemon, Signal::SIGTERM);
    house.notified("STOPPING=1");
    let status = daemon.0.wait().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    status
}

pub(crate) const QUIET: &str = "[sync]\non_boot = false\n";
