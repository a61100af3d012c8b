//! The local API as a delivery engine speaks it: one request on one connection of its own.
//! Never shares code with the product.
//! Called by the tests that read a box while it works.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::Value;

use crate::LIMIT;

/// The socket of one box.
#[derive(Clone)]
pub struct Api {
    socket: PathBuf,
}

/// What came back.
pub struct ApiAnswer {
    /// HTTP status.
    pub status: u16,
    /// Status line and header fields, in lower case.
    pub head: String,
    /// Content.
    pub body: Vec<u8>,
}

impl ApiAnswer {
    /// The content as one object.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {}\n{text}", self.head))
    }

    /// The content as one object a line.
    ///
    /// # Panics
    /// When a line is none.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8_lossy(&self.body);
        let object = |line| serde_json::from_str(line).expect("a line is an object");
        text.lines().map(object).collect()
    }
}

impl Api {
    /// The socket at a path.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// A connection, when somebody listens.
    #[must_use]
    pub fn connect(&self) -> Option<UnixStream> {
        let stream = UnixStream::connect(&self.socket).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        Some(stream)
    }

    /// Whether this process listens: what a killed daemon was just making holds its listener for a moment.
    #[must_use]
    pub fn is_of(&self, process: u32) -> bool {
        use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
        let peer = self
            .connect()
            .map(|stream| getsockopt(&stream, PeerCredentials));
        peer.is_some_and(|peer| peer.is_ok_and(|peer| i64::from(peer.pid()) == i64::from(process)))
    }

    /// One request to its end; nothing when no whole answer came.
    #[must_use]
    pub fn call(&self, method: &str, path: &str, body: &str) -> Option<ApiAnswer> {
        let length = body.len();
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Reads what fits `Accept`.
    #[must_use]
    pub fn get_as(&self, path: &str, accept: &str) -> Option<ApiAnswer> {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\nAccept: {accept}\r\n\r\n"
        ))
    }

    fn send(&self, request: &str) -> Option<ApiAnswer> {
        let mut stream = self.connect()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).ok()?;
        parse(&all)
    }

    /// Reads.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<ApiAnswer> {
        self.call("GET", path, "")
    }
}

fn parse(all: &[u8]) -> Option<ApiAnswer> {
    let cut = all.windows(4).position(|piece| piece == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..cut]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &all[cut + 4..];
    let body = match head.contains("transfer-encoding: chunked") {
        true => unchunked(body)?,
        false => body.to_vec(),
    };
    Some(ApiAnswer { status, head, body })
}

/// Nothing when the last chunk is missing.
fn unchunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|piece| piece == b"\r\n")?;
        let length = std::str::from_utf8(&body[..line]).ok()?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(line + 2..line + 2 + length)?);
        body = body.get(line + 2 + length + 2..)?;
    }
}
