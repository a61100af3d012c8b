//! A bad link between this machine and a network namespace: rate, delay, loss, and every connection reset now and then.
//! Never touches the machine's own traffic: it carries what goes through two TUN devices of its own.
//! Called by the downloads' benchmark on a bad link; needs root.

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tun_rs::{DeviceBuilder, SyncDevice};

use crate::Result;

/// The namespace in which the downloaders run.
pub(crate) const NEAR: &str = "bench-near";
/// This machine, as seen from there.
pub(crate) const FAR_ADDRESS: &str = "10.251.9.1";

/// What the link does to what it carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RelayShape {
    /// Bits per second in each direction.
    pub(crate) rate: f64,
    /// Each way.
    pub(crate) delay: Duration,
    /// Share of packets that are lost in each direction.
    pub(crate) loss: f64,
    /// After so many bytes towards the near side every connection is reset.
    pub(crate) reset: u64,
}

/// Packets wait this long at most for their turn; what would wait longer is dropped.
const QUEUE: Duration = Duration::from_millis(200);

/// A running relay; the namespace goes with it.
pub(crate) struct Relay {
    life: Arc<Life>,
}

/// What happened to a connection on the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    /// The near side opens it.
    Opened,
    /// So many bytes of payload went to the near side.
    Carried(usize),
    /// So many bytes to the near side found the queue full or were lost.
    Dropped(usize),
    /// It was reset.
    Reset,
}

/// One of them: when, on which port of the near side.
pub(crate) type RelayTraffic = (Instant, u16, LinkEvent);

impl Relay {
    pub(crate) fn start(shape: RelayShape) -> Result<Self> {
        let _ = Command::new("ip").args(["netns", "delete", NEAR]).output();
        let device = |name: &str| DeviceBuilder::new().name(name).mtu(1500).build_sync();
        let (far, near) = (
            Arc::new(device("bench-far")?),
            Arc::new(device("bench-near")?),
        );
        for words in [
            format!("netns add {NEAR}"),
            format!("link set bench-near netns {NEAR}"),
            format!("address add {FAR_ADDRESS}/24 dev bench-far"),
            "link set bench-far up".into(),
            // The server's side of a connection decides how loss throttles it.
            "route replace 10.251.9.0/24 dev bench-far congctl cubic".into(),
            format!("-n {NEAR} link set lo up"),
            format!("-n {NEAR} address add 10.251.9.2/24 dev bench-near"),
            format!("-n {NEAR} link set bench-near up"),
        ] {
            let output = Command::new("ip").args(words.split(' ')).output()?;
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(format!("ip {words}: {why}").into());
            }
        }
        let life = Arc::new(Life::default());
        carry(&far, &near, shape, &life, true);
        carry(&near, &far, shape, &life, false);
        Ok(Self { life })
    }

    /// What was seen since this was asked last.
    pub(crate) fn seen(&self) -> Vec<RelayTraffic> {
        let seen = self.life.seen.lock();
        seen.map(|mut seen| std::mem::take(&mut *seen))
            .unwrap_or_default()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", NEAR]).output();
        let _ = Command::new("ip")
            .args(["link", "delete", "bench-far"])
            .output();
    }
}

/// Which connections may live.
#[derive(Default)]
struct Life {
    /// Bytes carried towards the near side.
    carried: AtomicU64,
    /// In which stretch of `Shape::reset` bytes a connection began, by its near port.
    born: Mutex<HashMap<u16, u64>>,
    /// What has happened so far.
    seen: Mutex<Vec<RelayTraffic>>,
}

impl Life {
    fn sees(&self, port: u16, event: LinkEvent) {
        if let Ok(mut seen) = self.seen.lock() {
            seen.push((Instant::now(), port, event));
        }
    }
}

/// One direction: a thread that reads and decides, one that lets go in time.
fn carry(
    from: &Arc<SyncDevice>,
    to: &Arc<SyncDevice>,
    shape: RelayShape,
    life: &Arc<Life>,
    down: bool,
) {
    let (from, to, life) = (from.clone(), to.clone(), life.clone());
    let (send, queue) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        for (due, packet) in queue {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let _ = to.send(&packet);
        }
    });
    thread::spawn(move || {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut free = Instant::now();
        let mut buffer = vec![0; 2048];
        while let Ok(length) = from.recv(&mut buffer) {
            let Some((packet, reply)) = packet(&buffer[..length], &life, shape.reset, down) else {
                continue;
            };
            if let Some(reply) = reply {
                let _ = from.send(&reply);
            }
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let is_lost = ((random >> 11) as f64) < shape.loss * (1_u64 << 53) as f64;
            let now = Instant::now();
            let start = free.max(now);
            let is_dropped = is_lost || start - now > QUEUE;
            if down {
                let (port, payload) = near_payload(&packet);
                life.sees(
                    port,
                    match is_dropped {
                        true => LinkEvent::Dropped(payload),
                        false => LinkEvent::Carried(payload),
                    },
                );
            }
            if is_dropped {
                continue;
            }
            free = start + Duration::from_secs_f64(packet.len() as f64 * 8.0 / shape.rate);
            if send.send((free + shape.delay, packet)).is_err() {
                break;
            }
        }
    });
}

/// The near port and the payload of a packet to the near side.
fn near_payload(bytes: &[u8]) -> (u16, usize) {
    let head = usize::from(bytes[0] & 15) * 4;
    let port = u16::from_be_bytes([bytes[head + 2], bytes[head + 3]]);
    (
        port,
        bytes.len() - head - usize::from(bytes[head + 12] >> 4) * 4,
    )
}

/// What goes on in place of a packet, and what its sender is told: the packet itself and nothing, or for a connection
/// whose time has come a reset to both sides. Only IPv4 and TCP pass.
fn packet(bytes: &[u8], life: &Life, reset: u64, down: bool) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let head = usize::from(bytes.first()? & 15) * 4;
    if bytes[0] >> 4 != 4 || *bytes.get(9)? != 6 || bytes.len() < head + 20 {
        return None;
    }
    let port = |at: usize| u16::from_be_bytes([bytes[head + at], bytes[head + at + 1]]);
    let near = if down { port(2) } else { port(0) };
    let payload = bytes.len() - head - usize::from(bytes[head + 12] >> 4) * 4;
    let carried = if down {
        life.carried.fetch_add(payload as u64, Ordering::Relaxed)
    } else {
        life.carried.load(Ordering::Relaxed)
    };
    let stretch = carried / reset;
    let mut born = life.born.lock().ok()?;
    const SYN: u8 = 2;
    if !down && bytes[head + 13] & SYN != 0 {
        born.insert(near, stretch);
        life.sees(near, LinkEvent::Opened);
    }
    if born.get(&near).is_none_or(|born| *born == stretch) {
        return Some((bytes.to_vec(), None));
    }
    life.sees(near, LinkEvent::Reset);
    let mut onward = bytes[..head + 20].to_vec();
    onward[2..4].copy_from_slice(&((head + 20) as u16).to_be_bytes());
    onward[head + 12] = 5 << 4;
    const RST_ACK: u8 = 0x14;
    onward[head + 13] = RST_ACK;
    // The sender is told with the number that it expects next (RFC 5961 3): what it acknowledged itself.
    let mut back = onward.clone();
    back[12..16].copy_from_slice(&bytes[16..20]);
    back[16..20].copy_from_slice(&bytes[12..16]);
    back[head..head + 2].copy_from_slice(&bytes[head + 2..head + 4]);
    back[head + 2..head + 4].copy_from_slice(&bytes[head..head + 2]);
    back[head + 4..head + 8].copy_from_slice(&bytes[head + 8..head + 12]);
    back[head + 8..head + 12].copy_from_slice(&bytes[head + 4..head + 8]);
    checksum(&mut onward, head);
    checksum(&mut back, head);
    Some((onward, Some(back)))
}

/// The checksums of RFC 791 and RFC 9293 3.1.
fn checksum(packet: &mut [u8], head: usize) {
    let sum = |bytes: &[u8]| -> u32 {
        bytes
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
            .sum()
    };
    let fold = |mut sum: u32| {
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (!(sum as u16)).to_be_bytes()
    };
    packet[10..12].fill(0);
    let ip = fold(sum(&packet[..head]));
    packet[10..12].copy_from_slice(&ip);
    packet[head + 16..head + 18].fill(0);
    let pseudo = sum(&packet[12..20]) + 6 + (packet.len() - head) as u32;
    let tcp = fold(pseudo + sum(&packet[head..]));
    packet[head + 16..head + 18].copy_from_slice(&tcp);
}
