//! A proxy with a manner: it leads to central, wants a password, refuses, or is none.
//! Never caches and never looks into a tunnel.
//! Started by tests in the namespace in which it is to stand.

use std::io::{Read, Write, copy};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What it does with whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Opens a way wherever it is asked to.
    Leads,
    /// Answers with this status.
    Answers(u16),
    /// Is a web server, and shows its page to everybody.
    Page,
    /// Says nothing.
    Silent,
    /// Closes the connection after the first bytes that come.
    Closes,
    /// Answers the first bytes that come with these, which need not be HTTP, and closes.
    Says(&'static [u8]),
}

/// A proxy that runs until it is dropped.
pub struct ProxyServer {
    at: SocketAddr,
    ended: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl ProxyServer {
    /// Starts it in the network of this thread.
    ///
    /// # Panics
    /// When the address cannot be bound.
    #[must_use]
    pub fn start(at: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind(at).expect("the address is free");
        let at = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("it can be polled");
        let (ended, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (end, count) = (Arc::clone(&ended), Arc::clone(&asked));
        thread::spawn(move || {
            let mut kept = Vec::new();
            while !end.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    thread::park_timeout(Duration::from_millis(5));
                    continue;
                };
                if stream.set_nonblocking(false).is_err() {
                    continue;
                }
                if manner == Manner::Silent {
                    kept.push(stream);
                    continue;
                }
                let count = Arc::clone(&count);
                thread::spawn(move || serve(stream, manner, &count));
            }
        });
        Self { at, ended, asked }
    }

    /// Where it listens.
    #[must_use]
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// How many have asked it for anything.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// One connection; whatever fails ends it.
fn serve(mut stream: TcpStream, manner: Manner, asked: &AtomicUsize) -> Option<()> {
    let first = match manner {
        Manner::Closes => Some(&[][..]),
        Manner::Says(bytes) => Some(bytes),
        _ => None,
    };
    if let Some(bytes) = first {
        let _ = stream.read(&mut [0; 1024]).ok()?;
        asked.fetch_add(1, Ordering::Relaxed);
        return stream.write_all(bytes).ok();
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    asked.fetch_add(1, Ordering::Relaxed);
    let head = String::from_utf8(head).ok()?;
    let told = |stream: &mut TcpStream, status: &str, body: &str| {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).ok()
    };
    let page = "<html><body>Welcome to the network of this school. Please log in.</body></html>";
    match manner {
        Manner::Answers(status) => told(&mut stream, &format!("{status} No"), page),
        Manner::Page => told(&mut stream, "200 OK", page),
        Manner::Silent | Manner::Closes | Manner::Says(_) => None,
        Manner::Leads => {
            let place = head.strip_prefix("CONNECT ")?.split(' ').next()?;
            let Ok(mut onward) = TcpStream::connect(place) else {
                return told(&mut stream, "502 Bad gateway", page);
            };
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
            let (mut back, mut forth) = (onward.try_clone().ok()?, stream.try_clone().ok()?);
            thread::spawn(move || {
                let _ = copy(&mut back, &mut forth);
                let _ = forth.shutdown(std::net::Shutdown::Both);
            });
            let _ = copy(&mut stream, &mut onward);
            let _ = onward.shutdown(std::net::Shutdown::Both);
            Some(())
        }
    }
}
