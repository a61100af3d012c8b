//! Hears from the kernel that a link or an address changed (rtnetlink(7)).
//! Never asks what changed: that it did is reason enough to try.
//! Called by the daemon's loop while central cannot be reached; a box in step keeps no such socket, since every
//! router advertisement would wake it.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram as Datagrams;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
};
use tokio::net::UnixDatagram;

/// `RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR` of linux/rtnetlink.h.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// A subscription to changes of the network. The type of the standard library is for unix sockets, but what is used of
/// it, receiving datagrams, is the same for every socket, and it needs no unsafe code.
pub(super) struct Network(UnixDatagram);

impl Network {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let route = SockProtocol::NetlinkRoute;
        let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, route)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        UnixDatagram::from_std(Datagrams::from(fd)).map(Self)
    }

    /// Ends at the next change; changes that came together are one.
    pub(super) async fn changed(&self) -> io::Result<()> {
        let mut buffer = [0; 8192];
        heard(self.0.recv(&mut buffer).await)?;
        loop {
            match self.0.try_recv(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                other => heard(other)?,
            }
        }
    }
}

/// More changes than the kernel could keep are changes too.
fn heard(received: io::Result<usize>) -> io::Result<()> {
    match received {
        Err(error) if error.raw_os_error() != Some(Errno::ENOBUFS as i32) => Err(error),
        _ => Ok(()),
    }
}
