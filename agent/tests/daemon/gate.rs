//! The gateway of the daemon: it opens, moves with the configuration, and a taken port ends nothing.
//! Never a fixed port on a shared address: each test listens on a loopback address of its own process.
//! Run by `cargo test`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::house::*;

fn address(test: u8) -> SocketAddr {
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    (Ipv4Addr::new(127, test, high, low.clamp(1, 254)), 7380).into()
}

fn config(at: SocketAddr) -> String {
    format!("{QUIET}[box]\ntao_version = \"2022.11\"\n[gateway]\nlisten = \"{at}\"\n")
}

pub(crate) fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + WAIT_TIMEOUT;
    while !condition() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// The status of an answer to somebody without credentials.
fn knock(at: SocketAddr) -> Option<u16> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(WAIT_TIMEOUT)).unwrap();
    write!(
        stream,
        "GET /taoSync/api/supportedVm HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

#[test]
fn the_gateway_moves_with_the_configuration_and_a_taken_port_is_told() {
    let (first, taken) = (address(71), address(72));
    let house = DaemonHouse::new(&config(first));
    let daemon = house.start();
    wait("the gateway", || knock(first) == Some(401));
    let reload = |config: &str| {
        house.configure(config);
        signal(&daemon, Signal::SIGHUP);
        house.notified("RELOADING=1");
        house.notified("READY=1");
    };
    let neighbour = TcpListener::bind(taken).unwrap();
    reload(&config(taken));
    let named = format!("cannot listen on {taken}");
    wait("a line of the journal", || house.journal().contains(&named));
    assert!(
        house.journal().contains("[gateway.listen]"),
        "{}",
        house.journal()
    );
    assert_eq!(knock(first), None, "the old address is let go");
    assert_eq!(house.get("/v1/status").status, 200);
    drop(neighbour);
    // The same port again, which the one before has just left; and then none.
    reload(&config(first));
    wait("the gateway", || knock(first) == Some(401));
    reload(&format!("{}max_age = \"1d\"\n", config(first)));
    wait("the gateway", || knock(first) == Some(401));
    assert_eq!(house.journal().matches("[gateway.listen]").count(), 1);
    reload(QUIET);
    wait("a closed gateway", || knock(first).is_none());
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}
