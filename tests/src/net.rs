//! A network of its own: a box, a router and what lies behind it, each in a namespace of the kernel, with real links.
//! Never touches this machine's network: everything goes with the value.
//! Used by the tests of doctor; needs root.

mod proxy;
mod relay;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, setns, unshare};
use tempfile::TempDir;

use crate::process;

pub use proxy::{Manner, ProxyServer};
pub use relay::Shape;

/// The box; its name servers and central are `10.0.2.0/24`, for one address of which central has a certificate.
pub const NEAR: &str = "10.1.0.2";
/// The router, as the box sees it.
pub const ROUTER: &str = "10.1.0.1";
/// Central.
pub const CENTRAL: &str = "10.0.2.2";
/// A name server, and what else stands beside central.
pub const BESIDE: &str = "10.0.2.3";

/// A namespace that lasts as long as somebody has it open.
struct Space(File);

impl Space {
    fn new() -> Option<Self> {
        let made = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).ok()?;
            File::open("/proc/thread-self/ns/net").ok()
        });
        made.join().ok()?.map(Self)
    }

    /// A path by which other processes open it.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// Works in it: sockets that are opened, threads that are started and processes belong to it for good.
    fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let working = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).expect("root may enter its namespaces");
                work()
            });
            working
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Commands of `ip`, a line each.
    fn ip(&self, lines: &str) {
        let mut command = process::command("nsenter");
        command.arg(format!("--net={}", self.path()));
        command.args(["ip", "-batch", "-"]).stdin(Stdio::piped());
        let mut child = command.spawn().expect("nsenter is part of util-linux");
        let mut input = child.stdin.take().expect("it is piped");
        input.write_all(lines.as_bytes()).expect("it reads");
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}\n{lines}");
    }
}

/// Box, router, and everything else.
pub struct Net {
    near: Space,
    router: Space,
    far: Space,
    files: TempDir,
}

impl Net {
    /// Two links of Ethernet, IPv4 alone, a router that forwards; `None` where this machine allows no namespaces, and
    /// that is said.
    #[must_use]
    pub fn new() -> Option<Self> {
        let net = Self::bare()?;
        net.router.ip(&format!(
            "link add wan0 type veth peer name eth0 netns {}",
            net.far.path()
        ));
        net.addressed();
        Some(net)
    }

    /// The same with a relay between router and central, which does to packets what its shape says.
    #[must_use]
    pub fn with_relay(shape: Shape) -> Option<Self> {
        let net = Self::bare()?;
        let router = net.router.within(|| relay::device("wan0"));
        let far = net.far.within(|| relay::device("eth0"));
        relay::start(router?, far?, shape);
        net.addressed();
        Some(net)
    }

    fn bare() -> Option<Self> {
        let made = || {
            let net = Self {
                near: Space::new()?,
                router: Space::new()?,
                far: Space::new()?,
                files: TempDir::new().ok()?,
            };
            let works = process::works("unshare", &["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
            works.then_some(net)
        };
        let net = made();
        if net.is_none() {
            eprintln!("SKIPPED: no network namespaces here (needs root)");
        }
        net
    }

    fn addressed(&self) {
        self.router.ip(&format!(
            "link add lan0 type veth peer name eth0 netns {}",
            self.near.path()
        ));
        self.far.ip(&format!(
            "link set lo up\nlink set eth0 up\naddress add {CENTRAL}/24 dev eth0\n\
             address add {BESIDE}/24 dev eth0\nroute add default via 10.0.2.1"
        ));
        self.router.ip(&format!(
            "link set lo up\nlink set lan0 up\nlink set wan0 up\naddress add {ROUTER}/24 dev lan0\n\
             address add 10.0.2.1/24 dev wan0"
        ));
        self.near.ip(&format!(
            "link set lo up\nlink set eth0 up\naddress add {NEAR}/24 dev eth0\n\
             route add default via {ROUTER}"
        ));
        self.router.within(|| sysctl("ipv4/ip_forward", "1"));
        // A neighbour that is not there is given up after three tenths of a second.
        self.near
            .within(|| sysctl("ipv4/neigh/eth0/retrans_time_ms", "100"));
        self.router
            .within(|| sysctl("ipv4/neigh/wan0/retrans_time_ms", "100"));
        self.resolves(&format!("nameserver {BESIDE}\n"));
        self.hosts("127.0.0.1 localhost\n");
    }

    /// IPv6 beside IPv4: `fd01::2` is the box, `fd02::2` central, `fd02::3` beside it.
    pub fn add_six(&self) {
        self.router
            .within(|| sysctl("ipv6/conf/all/forwarding", "1"));
        self.router
            .ip("address add fd01::1/64 dev lan0 nodad\naddress add fd02::1/64 dev wan0 nodad");
        self.far.ip(
            "address add fd02::2/64 dev eth0 nodad\naddress add fd02::3/64 dev eth0 nodad\n\
             route add fd01::/64 via fd02::1",
        );
        self.near
            .ip("address add fd01::2/64 dev eth0 nodad\nroute add default via fd01::1");
        self.near
            .within(|| sysctl("ipv6/neigh/eth0/retrans_time_ms", "100"));
    }

    /// Commands of `ip` on the box, a line each.
    pub fn on_box(&self, lines: &str) {
        self.near.ip(lines);
    }

    /// The same on the router.
    pub fn on_router(&self, lines: &str) {
        self.router.ip(lines);
    }

    /// The same where central is.
    pub fn on_central(&self, lines: &str) {
        self.far.ip(lines);
    }

    /// Works where central is: what it starts stays there.
    pub fn far<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.far.within(work)
    }

    /// The same on the router.
    pub fn at_router<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.router.within(work)
    }

    /// `/etc/resolv.conf` of the box.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn resolves(&self, text: &str) {
        fs::write(self.file("resolv.conf"), text).expect("a file can be written");
    }

    /// `/etc/hosts` of the box.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn hosts(&self, text: &str) {
        fs::write(self.file("hosts"), text).expect("a file can be written");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// The command as it runs on the box: in its network, with its name servers.
    #[must_use]
    pub fn command(&self, inner: &Command) -> Command {
        let mut command = process::command("nsenter");
        command.arg(format!("--net={}", self.near.path()));
        let script = "mount --bind \"$1\" /etc/resolv.conf; mount --bind \"$2\" /etc/hosts; shift 2; exec \"$@\"";
        command.args(["unshare", "-m", "sh", "-euc", script, "sh"]);
        command
            .args([self.file("resolv.conf"), self.file("hosts")])
            .arg(inner.get_program())
            .args(inner.get_args());
        for (name, value) in inner.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
    }
}

fn sysctl(name: &str, value: &str) {
    let path = format!("/proc/sys/net/{name}");
    fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
}
