//! A bare HTTP/1.1 client on one kept connection: writes a request, reads the answer, checks nothing.
//! Never speaks TLS, never retries.
//! Called by the floors and for orders to the reference central.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::Result;

trait Socket: Read + Write + Send {}
impl<T: Read + Write + Send> Socket for T {}

/// One connection.
pub(crate) struct BenchClient {
    socket: BufReader<Box<dyn Socket>>,
    head: String,
}

impl BenchClient {
    /// To a TCP port; `head` are header lines, each ended by CR LF, that every request carries.
    pub(crate) fn tcp(address: SocketAddr, head: &str) -> Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        Ok(Self::over(Box::new(socket), head))
    }

    /// To a unix socket.
    pub(crate) fn unix(path: &Path) -> Result<Self> {
        Ok(Self::over(Box::new(UnixStream::connect(path)?), ""))
    }

    fn over(socket: Box<dyn Socket>, head: &str) -> Self {
        let socket = BufReader::with_capacity(64 << 10, socket);
        Self {
            socket,
            head: head.to_owned(),
        }
    }

    /// One exchange: status and body.
    pub(crate) fn ask(&mut self, method: &str, target: &str, body: &str) -> Result<(u16, Vec<u8>)> {
        let length = if method == "GET" {
            String::new()
        } else {
            format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            )
        };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: central\r\nAccept: application/json\r\n{}{length}\r\n{body}",
            self.head
        );
        self.socket.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or("no status line")?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            chunked |= line.starts_with("transfer-encoding:") && line.ends_with("chunked");
        }
        let mut answer = vec![0; length];
        if !chunked {
            self.socket.read_exact(&mut answer)?;
            return Ok((status, answer));
        }
        loop {
            let size = usize::from_str_radix(self.line()?.trim(), 16)?;
            let at = answer.len();
            answer.resize(at + size, 0);
            self.socket.read_exact(&mut answer[at..])?;
            self.line()?;
            if size == 0 {
                return Ok((status, answer));
            }
        }
    }

    /// One exchange that has to end with 200.
    pub(crate) fn good(&mut self, method: &str, target: &str, body: &str) -> Result<Vec<u8>> {
        match self.ask(method, target, body)? {
            (200 | 206, answer) => Ok(answer),
            (status, answer) => {
                let told = String::from_utf8_lossy(&answer)
                    .chars()
                    .take(300)
                    .collect::<String>();
                Err(format!("{method} {target}: {status} {told}").into())
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.socket.read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Err("the connection was closed".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Percent-encodes what has a meaning in a query.
pub(crate) fn encode(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => (byte as char).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}
