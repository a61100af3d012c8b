//! Measures what central is told about this box: disk, store and link (protocol 9.2, 9.6).
//! Never guesses: what cannot be measured is told as such.
//! Called by `run` at the end of a synchronization, and by `status`.

use std::fs;
use std::path::Path;

use logic::report::{ConnectionStats, Survey};

use uplink::{CallSample, Meter};

/// Disk below the state folder, and what of it the catalogue and the store take.
pub fn take(state: &Path) -> Survey {
    let free = free(state);
    let database = ["index", "catalogue", "feed", "history"]
        .map(|name| used(&state.join(name)))
        .iter()
        .sum();
    Survey {
        disk: free.map(|free| (used(state), free)),
        database: free.map(|free| (database, free)),
        clients: Vec::new(),
    }
}

/// Bytes that an ordinary user may still take on the volume.
pub fn free(path: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    Some(stat.blocks_available() as u64 * stat.fragment_size() as u64)
}

fn used(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => used(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Bytes below which a transfer says nothing about the rate of a link.
const MIN_MEASURED_BYTES: u64 = 32 << 10;

/// The link as the calls of this run met it.
pub fn connection(meter: &Meter) -> ConnectionStats {
    let rate = |bytes: u64, seconds: f64| {
        let rate = if seconds > 0.0 {
            bytes as f64 * 8.0 / 1_048_576.0 / seconds
        } else {
            0.0
        };
        (rate * 100.0).round() / 100.0
    };
    let over = |bytes: fn(&CallSample) -> u64| {
        let telling = meter
            .samples
            .iter()
            .filter(|sample| sample.ok && bytes(sample) >= MIN_MEASURED_BYTES);
        let (sum, seconds) = telling.fold((0, 0.0), |(sum, seconds), sample| {
            (sum + bytes(sample), seconds + sample.took.as_secs_f64())
        });
        rate(sum, seconds)
    };
    ConnectionStats {
        download_mbit_s: over(|sample| sample.bytes),
        upload_mbit_s: over(|sample| sample.sent),
        requests: meter.requests,
        bytes_received: meter.received,
        bytes_sent: meter.sent,
    }
}
