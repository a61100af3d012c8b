//! A bare HTTP/1.1 client: bytes in, status, headers and body out, or how far it came.
//! Never retries, never follows, never reuses a connection.
//! Used by the tests of this crate.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What came back.
#[derive(Debug)]
pub(crate) struct ClientAnswer {
    /// HTTP status, 0 when no head arrived.
    pub(crate) status: u16,
    /// Names and values as sent.
    pub(crate) headers: Vec<(String, String)>,
    /// The body after the framing was removed, as far as it came.
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end.
    pub(crate) is_complete: bool,
}

impl ClientAnswer {
    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

/// Sends a request and reads until the connection or the answer ends.
pub(crate) fn send(address: SocketAddr, request: &[u8]) -> ClientAnswer {
    let mut socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // A server may answer and close before it has read everything.
    let _ = socket.write_all(request);
    let is_head = request.starts_with(b"HEAD ");
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let answer = parse(&bytes, is_head);
        if answer.is_complete {
            return answer;
        }
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return answer,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}

fn parse(bytes: &[u8], is_head: bool) -> ClientAnswer {
    let mut answer = ClientAnswer {
        status: 0,
        headers: Vec::new(),
        body: Vec::new(),
        is_complete: false,
    };
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return answer;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut rest = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or("");
    answer.status = status
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    if answer.status == 100 {
        return parse(rest, is_head);
    }
    answer.headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    if is_head || answer.status == 304 {
        answer.is_complete = true;
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().unwrap();
        answer.is_complete = rest.len() >= length;
        answer.body = rest[..rest.len().min(length)].to_vec();
    } else {
        while let Some(line) = find(rest, b"\r\n") {
            let size = String::from_utf8_lossy(&rest[..line]).into_owned();
            let size = usize::from_str_radix(&size, 16).unwrap();
            rest = &rest[line + 2..];
            if size == 0 {
                answer.is_complete = true;
                break;
            }
            let have = rest.len().min(size);
            answer.body.extend_from_slice(&rest[..have]);
            if rest.len() < size + 2 {
                break;
            }
            rest = &rest[size + 2..];
        }
    }
    answer
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
