//! A link that loses packets: two TUN devices and a thread for each direction between them.
//! Never rolls dice: which packets are lost is a rule.
//! Called by `net`.

use std::sync::Arc;
use std::thread;

use tun_rs::{DeviceBuilder, SyncDevice};

/// What the link does to packets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shape {
    /// The first of so many packets of each direction is lost, and so on; 0 for none.
    pub lost: usize,
    /// Packets with more bytes vanish; 0 for none.
    pub largest: usize,
}

impl Shape {
    fn carries(self, nth: usize, length: usize) -> bool {
        let lost = self.lost > 0 && nth.is_multiple_of(self.lost);
        !lost && (self.largest == 0 || length <= self.largest)
    }
}

pub(super) fn device(name: &str) -> Option<SyncDevice> {
    DeviceBuilder::new().name(name).mtu(1500).build_sync().ok()
}

/// Carries until the process ends.
pub(super) fn start(one: SyncDevice, other: SyncDevice, shape: Shape) {
    let (one, other) = (Arc::new(one), Arc::new(other));
    for (from, to) in [(one.clone(), other.clone()), (other, one)] {
        thread::spawn(move || {
            let mut packet = [0; 2048];
            let mut nth = 0;
            while let Ok(length) = from.recv(&mut packet) {
                // What the kernel itself sends of IPv6 is none of the link's business.
                if packet[0] >> 4 != 4 {
                    continue;
                }
                if shape.carries(nth, length) && to.send(&packet[..length]).is_err() {
                    return;
                }
                nth += 1;
            }
        });
    }
}
