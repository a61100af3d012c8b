//! The supplementary groups of whoever is at the other end of a unix socket, as they were when it connected.
//! Never asks what the process has now: its number may be another one's by then.
//! Called by `socket` where a caller comes in.

use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;

use nix::libc;
use tokio::net::UnixStream;

/// Groups of one process, at most (NGROUPS_MAX of Linux).
const MAX_GROUPS: usize = 65_536;
/// Most processes have fewer.
const USUAL: usize = 32;

/// Their numbers (unix(7), `SO_PEERGROUPS`).
///
/// # Errors
/// What the kernel says; before Linux 4.13 it knows no such option.
pub(super) fn groups(stream: &UnixStream) -> io::Result<Vec<u32>> {
    match ask(stream, USUAL) {
        Err(error) if error.raw_os_error() == Some(libc::ERANGE) => ask(stream, MAX_GROUPS),
        groups => groups,
    }
}

#[expect(
    unsafe_code,
    reason = "no crate in use has this option of variable length"
)]
fn ask(stream: &UnixStream, most: usize) -> io::Result<Vec<u32>> {
    let mut groups = vec![0u32; most];
    let mut bytes = (most * size_of::<u32>()) as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `stream` is borrowed, and the kernel writes at most `bytes` bytes, which
    // `groups` has; every pattern of bits is a number.
    let failed = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if failed != 0 {
        return Err(io::Error::last_os_error());
    }
    groups.truncate(bytes as usize / size_of::<u32>());
    Ok(groups)
}
