//! A room of boxes behind one line: what crosses it for a package, and how long all of them take, beside one box alone.
//! Never takes a wrong byte for a success: what each box holds is exported and compared with what was served.
//! Called by `main`; needs root. Each box has a network namespace; a bridge is the room, a token bucket the line.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::front::CacheFront;
use crate::relay::FAR_ADDRESS;
use crate::site::{BenchCentral, BenchSite, Process, folder, text};
use crate::{Result, archive, cells, measure, table};

/// The room's own namespace, with the bridge.
const LAN: &str = "bench-lan";
/// This machine's end of the line.
const LINE: &str = "bench-line";
const MBIT: u64 = 20;
const BOXES: usize = 8;
const PORT: u16 = 7382;

/// What is wrong with a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// It is switched off when half of the time of one alone is over.
    Dies,
    /// What it takes for central gives wrong bytes, so it gives them on under the right key.
    Wrong,
    /// It gives 10 kB a second.
    Slow,
}

fn ip(words: &str) -> Result<()> {
    done(Command::new("ip").args(words.split(' ')), words)
}

fn done(command: &mut Command, what: &str) -> Result<()> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn name(of: usize) -> String {
    format!("bench-box{of}")
}

fn address(of: usize) -> String {
    format!("10.251.9.{}", 11 + of)
}

/// Bridge, line and a namespace a box; it goes with the value.
struct BenchRoom;

impl BenchRoom {
    fn new() -> Result<Self> {
        let room = Self;
        room.clear();
        for words in [
            format!("netns add {LAN}"),
            format!("-n {LAN} link add bridge type bridge"),
            format!("-n {LAN} link set bridge up"),
            format!("link add {LINE} type veth peer name line netns {LAN}"),
            format!("address add {FAR_ADDRESS}/24 dev {LINE}"),
            format!("link set {LINE} up"),
            format!("route replace 10.251.9.0/24 dev {LINE} congctl cubic"),
            format!("-n {LAN} link set line master bridge up"),
        ] {
            ip(&words)?;
        }
        let shape =
            format!("qdisc add dev {LINE} root tbf rate {MBIT}mbit burst 32kb latency 200ms");
        done(Command::new("tc").args(shape.split(' ')), &shape)?;
        for of in 0..BOXES {
            let (own, at) = (name(of), address(of));
            for words in [
                format!("netns add {own}"),
                format!("-n {LAN} link add port{of} type veth peer name eth0 netns {own}"),
                format!("-n {LAN} link set port{of} master bridge up"),
                format!("-n {own} link set lo up"),
                format!("-n {own} address add {at}/24 dev eth0"),
                format!("-n {own} link set eth0 up"),
            ] {
                ip(&words)?;
            }
        }
        Ok(room)
    }

    fn clear(&self) {
        for space in (0..BOXES).map(name).chain([LAN.to_owned()]) {
            let _ = Command::new("ip")
                .args(["netns", "delete", &space])
                .output();
        }
        let _ = Command::new("ip").args(["link", "delete", LINE]).output();
    }

    /// Bytes that have gone over the line towards the room.
    fn carried(&self) -> Result<u64> {
        let path = format!("/sys/class/net/{LINE}/statistics/tx_bytes");
        Ok(fs::read_to_string(path)?.trim().parse()?)
    }
}

impl Drop for BenchRoom {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A box of the room with its daemon.
struct RoomBox {
    of: usize,
    flaw: Flaw,
    site: BenchSite,
    _daemon: Process,
}

impl RoomBox {
    fn new(
        of: usize,
        flaw: Flaw,
        central: &BenchCentral,
        front: &CacheFront,
        shared: Option<&Path>,
    ) -> Result<Self> {
        let peers: Vec<String> = (0..BOXES)
            .map(|of| format!("{}:{PORT}", address(of)))
            .collect();
        let site_lines = shared.map_or(String::new(), |key| {
            let rate = if flaw == Flaw::Slow { "10kB" } else { "0" };
            format!("[site]\nkey_file = {key:?}\nlisten = \"0.0.0.0:{PORT}\"\npeers = {peers:?}\nmax_rate = \"{rate}\"\n")
        });
        let lines = format!(
            "[sync]\nmeasure = false\non_boot = false\n[download]\nreserve = \"0\"\n{site_lines}"
        );
        let site = BenchSite::new(
            central,
            Some((&front.url_at(FAR_ADDRESS), &front.ca)),
            &lines,
        )?;
        // A client of its own: tokens of one push each other out.
        let (login, secret) = (
            text(&central.info, "login")?,
            site.root.path().join("password"),
        );
        fs::write(&secret, text(&central.info, "password")?)?;
        let secret = secret.display().to_string();
        site.good(&["enroll", "--login", &login, "--password-file", &secret])?;
        let mut daemon = within(of, &site.command(&["run"]));
        let log = fs::File::create(site.root.path().join("daemon.log"))?;
        daemon.stdout(Stdio::null()).stderr(log);
        let daemon = Process(daemon.process_group(0).spawn()?);
        let socket = site.root.path().join("run/boxsync/boxsync.sock");
        measure::until("a daemon", Duration::from_secs(60), || socket.exists())?;
        Ok(Self {
            of,
            flaw,
            site,
            _daemon: daemon,
        })
    }

    fn sync(&self) -> Result<Process> {
        let out = fs::File::create(self.site.root.path().join("sync.json"))?;
        let mut sync = within(self.of, &self.site.command(&["sync", "--data", "--json"]));
        Ok(Process(sync.stdout(out).stderr(Stdio::null()).spawn()?))
    }

    /// As sudden as a switch: its link is down, then its processes are gone.
    fn is_switched_off(&mut self) -> Result<()> {
        ip(&format!("-n {} link set eth0 down", name(self.of)))?;
        let group = format!("-{}", self._daemon.0.id());
        done(Command::new("kill").args(["-KILL", "--", &group]), "kill")
    }

    /// Whether it holds, byte for byte, what was served.
    fn is_right(&self, package: &Path) -> Result<bool> {
        let told = self.site.package()?;
        if told["state"] != "held" {
            return Err(format!("box {} says {told}", self.of).into());
        }
        let out = self.site.root.path().join("exported.zip");
        let file = out.display().to_string();
        self.site
            .good(&["packages", "export", &text(&told, "delivery")?, &file])?;
        let same = Command::new("cmp")
            .arg("-s")
            .arg(&out)
            .arg(package)
            .status()?;
        fs::remove_file(&out)?;
        Ok(same.success())
    }
}

/// The same command in the namespace of a box.
fn within(of: usize, command: &Command) -> Command {
    let mut within = Command::new("ip");
    within
        .args(["netns", "exec", &name(of)])
        .arg(command.get_program())
        .args(command.get_args());
    within
}

/// What came of a room.
struct RoomRun {
    /// Of packages, as nginx counts.
    served: u64,
    /// The same of wrong ones, to the box that takes them for central's.
    wrongly: u64,
    /// Over the line, all in all.
    carried: u64,
    /// Until each box was done, seconds, in order.
    took: Vec<f64>,
    wrong: usize,
}

struct RoomBench<'a> {
    central: &'a BenchCentral,
    right: &'a CacheFront,
    /// Serves a package of the same size and end with wrong bytes in it.
    wrong: &'a CacheFront,
    key: &'a Path,
    size: u64,
}

impl RoomBench<'_> {
    fn plays(&self, flaws: &[Flaw], shares: bool, alone: f64) -> Result<RoomRun> {
        let room = BenchRoom::new()?;
        let mut boxes = Vec::new();
        for (of, flaw) in flaws.iter().enumerate() {
            let front = if *flaw == Flaw::Wrong {
                self.wrong
            } else {
                self.right
            };
            boxes.push(RoomBox::new(
                of,
                *flaw,
                self.central,
                front,
                shares.then_some(self.key),
            )?);
        }
        self.right.forget()?;
        self.wrong.forget()?;
        let (before, begun) = (room.carried()?, Instant::now());
        let mut open = boxes
            .iter()
            .map(RoomBox::sync)
            .collect::<Result<Vec<_>>>()?;
        let mut ends: Vec<Option<f64>> = vec![None; boxes.len()];
        let counts = |flaw: Flaw| matches!(flaw, Flaw::None | Flaw::Slow);
        let limit = Duration::from_secs(60 + self.size * 8 / (MBIT * 1_000_000) * 12);
        let mut living = true;
        let ended = measure::until("the room", limit, || {
            std::thread::sleep(Duration::from_millis(20));
            let now = begun.elapsed().as_secs_f64();
            for (one, end) in open.iter_mut().zip(&mut ends) {
                if end.is_none() && one.0.try_wait().is_ok_and(|status| status.is_some()) {
                    *end = Some(now);
                }
            }
            if living && now > alone / 2.0 {
                living = false;
                for one in boxes.iter_mut().filter(|one| one.flaw == Flaw::Dies) {
                    let _ = one.is_switched_off();
                }
            }
            let mut counted = boxes.iter().zip(&ends).filter(|(one, _)| counts(one.flaw));
            counted.all(|(_, end)| end.is_some())
        });
        if let Err(error) = ended {
            eprintln!("bench room: {error}");
        }
        let carried = room.carried()? - before;
        drop(open);
        let mut wrong = 0;
        for one in boxes.iter().filter(|one| counts(one.flaw)) {
            let is_right = one.is_right(&self.right.package);
            if let Err(error) = &is_right {
                let told = |name: &str| fs::read_to_string(one.site.root.path().join(name));
                let told =
                    [told("sync.json"), told("daemon.log")].map(|told| told.unwrap_or_default());
                eprintln!(
                    "bench room, box {}: {error}\n{}\n{}",
                    one.of, told[0], told[1]
                );
            }
            wrong += usize::from(!is_right.unwrap_or(false));
        }
        drop(boxes);
        // nginx writes its line when it notices that the other side is gone.
        std::thread::sleep(Duration::from_millis(500));
        let mut took: Vec<f64> = ends.into_iter().flatten().collect();
        took.sort_by(f64::total_cmp);
        Ok(RoomRun {
            served: self.right.sent()?,
            wrongly: self.wrong.sent()?,
            carried,
            took,
            wrong,
        })
    }
}

/// Prints the table for a package of so many MiB; `part`: one of the rooms, `each`, or `beside`: the same without siblings.
pub(crate) fn run(mib: usize, part: Option<&str>) -> Result<()> {
    let homes = [folder()?, folder()?];
    let central = BenchCentral::with_package(homes[0].path(), "40kB")?;
    let right = CacheFront::start(homes[0].path(), &central)?;
    let wrong = CacheFront::start(homes[1].path(), &central)?;
    let size = archive::write(&right.package, (mib as u64) << 20, true)?;
    let mut bytes = fs::read(&right.package)?;
    // The end stays as it is: that names the package.
    let last = bytes.len() - (256 << 10);
    bytes[..last]
        .iter_mut()
        .skip(70_000)
        .step_by(3 << 20)
        .for_each(|byte| *byte ^= 1);
    fs::write(&wrong.package, bytes)?;
    let key = homes[0].path().join("site.key");
    let key_site = BenchSite::new(&central, Some((&right.url_at("127.0.0.1"), &right.ca)), "")?;
    key_site.good(&["site", "key", "new", &key.display().to_string()])?;
    let bench = RoomBench {
        central: &central,
        right: &right,
        wrong: &wrong,
        key: &key,
        size,
    };
    let alone = bench.plays(&[Flaw::None], false, f64::MAX)?;
    let one = alone.took.last().copied().unwrap_or(f64::NAN);
    let mut rows = vec![cells([
        "",
        "package served",
        "to who lies",
        "over the line",
        "first s",
        "last s",
        "of one alone",
        "wrong",
    ])];
    let mut add = |name: &str, run: &RoomRun| {
        let last = run.took.last().copied().unwrap_or(f64::NAN);
        rows.push(vec![
            name.to_owned(),
            format!("{:.3} x", run.served as f64 / size as f64),
            format!("{:.3} x", run.wrongly as f64 / size as f64),
            format!("{:.3} x", run.carried as f64 / size as f64),
            format!("{:.1}", run.took.first().copied().unwrap_or(f64::NAN)),
            format!("{last:.1}"),
            format!("{:.2} x", last / one),
            run.wrong.to_string(),
        ]);
    };
    add("one box alone", &alone);
    let all = [Flaw::Dies, Flaw::Wrong, Flaw::Slow];
    let rooms: [(&str, &str, &[Flaw]); 5] = [
        ("well", "8 boxes", &[]),
        ("dies", "8, one dies", &all[..1]),
        ("lies", "8, one lies", &all[1..2]),
        ("slow", "8, one is slow", &all[2..]),
        ("sick", "8, one dies, one lies, one is slow", &all),
    ];
    for (word, name, sick) in rooms {
        let is_played = part.map_or(["well", "sick"].contains(&word), |part| part == word);
        if is_played || part == Some("each") {
            let mut flaws = [Flaw::None; BOXES];
            flaws[1..=sick.len()].copy_from_slice(sick);
            add(name, &bench.plays(&flaws, true, one)?);
        }
    }
    if part == Some("beside") {
        add(
            "8 without siblings",
            &bench.plays(&[Flaw::None; BOXES], false, one)?,
        );
    }
    table(
        &format!(
            "{mib} MiB deflated behind {MBIT} Mbit/s, boxes that begin together; aim: 1.1 x and ends, 1.25 x the time; sick 1.6 x"
        ),
        &rows,
    );
    Ok(())
}
