//! A server that answers by script and keeps what it was asked.
//! Never knows TAO: each test says what comes back, byte by byte.
//! Called by the suites beside it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use logic::api::Call;
use rustls::ServerConfig;
use system::clock::Clock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;
use uplink::{Credentials, Secret, Uplink, UplinkConfig, Url};

/// 1 June 2026, the time of the tests.
pub(crate) const TODAY: u64 = 1_780_272_000;
/// The same as central writes it.
pub(crate) const DATE: &str = "Mon, 01 Jun 2026 00:00:00 GMT";

/// One request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReceivedRequest {
    /// Counts connections from 1.
    pub(crate) connection: usize,
    /// Counts requests from 1, over all connections.
    pub(crate) nth: usize,
    /// Request line and header fields as they were written.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl ReceivedRequest {
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(prefix.as_str()))
    }

    pub(crate) fn is_token(&self) -> bool {
        self.target().ends_with("taoOauth/TokenApi/requestToken")
    }
}

/// What comes back.
pub(crate) struct ScriptedAnswer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Then,
}

pub(crate) enum Then {
    Keep,
    Close,
    /// Says no more and keeps the connection.
    Hang,
}

impl ScriptedAnswer {
    /// A whole answer with `Date`.
    pub(crate) fn whole(status: u16, fields: &str, body: &[u8]) -> Self {
        let mut bytes = format!(
            "HTTP/1.1 {status} X\r\nDate: {DATE}\r\n{fields}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        Self {
            bytes,
            then: Then::Keep,
        }
    }

    pub(crate) fn ok(body: &str) -> Self {
        Self::whole(200, "", body.as_bytes())
    }

    /// The same by a clock of its own, in Unix seconds.
    pub(crate) fn dated(date: i64) -> Self {
        let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(date as u64);
        let date = httpdate::fmt_http_date(date);
        let text = format!("HTTP/1.1 200 X\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n{{}}");
        Self::raw(text, Then::Keep)
    }

    /// The n-th token, valid for an hour.
    pub(crate) fn token(n: usize) -> Self {
        let body = format!(
            r#"{{"access_token":"token{n}","expires":{}}}"#,
            TODAY + 3600
        );
        Self::whole(200, "Content-Type: application/json\r\n", body.as_bytes())
    }

    /// Exchange 002: a token that is not accepted.
    pub(crate) fn unauthorized() -> Self {
        let body = r#"{"success":false,"errorCode":"401","errorMsg":"You are not authorized to access this functionality.","version":"2022.11"}"#;
        Self::whole(401, "", body.as_bytes())
    }

    pub(crate) fn raw(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        Self {
            bytes: bytes.into(),
            then,
        }
    }
}

type AnswerScript = Rc<dyn Fn(&ReceivedRequest) -> ScriptedAnswer>;

/// The server.
pub(crate) struct ScriptedCentral {
    pub(crate) port: u16,
    pub(crate) asked: Rc<RefCell<Vec<ReceivedRequest>>>,
}

impl ScriptedCentral {
    pub(crate) async fn plain(
        script: impl Fn(&ReceivedRequest) -> ScriptedAnswer + 'static,
    ) -> Self {
        Self::start(None, script).await
    }

    pub(crate) async fn tls(
        config: Arc<ServerConfig>,
        script: impl Fn(&ReceivedRequest) -> ScriptedAnswer + 'static,
    ) -> Self {
        Self::start(Some(TlsAcceptor::from(config)), script).await
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&ReceivedRequest) -> ScriptedAnswer + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Rc::new(RefCell::new(Vec::new()));
        let (kept, script): (_, AnswerScript) = (asked.clone(), Rc::new(script));
        tokio::task::spawn_local(async move {
            for connection in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::task::spawn_local(welcome(
                    stream,
                    tls.clone(),
                    connection,
                    kept.clone(),
                    script.clone(),
                ));
            }
        });
        Self { port, asked }
    }

    pub(crate) fn asked(&self) -> Vec<ReceivedRequest> {
        self.asked.borrow().clone()
    }

    /// Requests that were not for a token.
    pub(crate) fn calls(&self) -> Vec<ReceivedRequest> {
        let mut asked = self.asked();
        asked.retain(|asked| !asked.is_token());
        asked
    }

    pub(crate) fn tokens(&self) -> usize {
        self.asked().len() - self.calls().len()
    }

    pub(crate) fn root(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

async fn welcome(
    mut stream: TcpStream,
    tls: Option<TlsAcceptor>,
    connection: usize,
    kept: Rc<RefCell<Vec<ReceivedRequest>>>,
    script: AnswerScript,
) {
    stream.set_nodelay(true).unwrap();
    let Some(tls) = tls else {
        serve(&mut stream, connection, &kept, &script).await;
        return;
    };
    // A way through a proxy begins in plain text.
    let mut first = [0; 1];
    if stream.peek(&mut first).await.unwrap_or(0) == 1 && first == *b"C" {
        let Some(asked) = request(&mut stream, connection, &kept).await else {
            return;
        };
        let told = script(&asked);
        stream.write_all(&told.bytes).await.unwrap();
    }
    if let Ok(mut stream) = tls.accept(stream).await {
        serve(&mut stream, connection, &kept, &script).await;
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    connection: usize,
    kept: &RefCell<Vec<ReceivedRequest>>,
    script: &AnswerScript,
) {
    while let Some(asked) = request(stream, connection, kept).await {
        let told = script(&asked);
        if stream.write_all(&told.bytes).await.is_err() {
            return;
        }
        let _ = stream.flush().await;
        match told.then {
            Then::Keep => {}
            Then::Close => {
                let _ = stream.shutdown().await;
                return;
            }
            Then::Hang => std::future::pending().await,
        }
    }
}

async fn request<S: AsyncRead + Unpin>(
    stream: &mut S,
    connection: usize,
    kept: &RefCell<Vec<ReceivedRequest>>,
) -> Option<ReceivedRequest> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let mut asked = ReceivedRequest {
        connection,
        head: String::from_utf8(head).unwrap(),
        ..ReceivedRequest::default()
    };
    let length = asked
        .field("Content-Length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8(body).unwrap();
    let mut kept = kept.borrow_mut();
    asked.nth = kept.len() + 1;
    kept.push(asked.clone());
    Some(asked)
}

pub(crate) fn line(root: &str) -> UplinkConfig {
    UplinkConfig {
        root: Url::root(root).unwrap(),
        ca_pem: None,
        proxy: None,
        proxy_password: None,
        no_proxy: Vec::new(),
        box_id: "5e0b1c2d3f4a5".into(),
        time: Clock::standing(TODAY as i64),
        token_elsewhere: false,
        connections: 4,
        segment: None,
        proxy_patience: None,
        in_process: None,
    }
}

pub(crate) fn credentials(root: &str) -> Credentials {
    Credentials {
        key: "3cefc40f584f096b22ab63e8feb8e02f".into(),
        secret: Secret::new("s3cret".into()),
        token_url: format!("{root}taoOauth/TokenApi/requestToken"),
    }
}

pub(crate) fn uplink(root: &str) -> Uplink {
    Uplink::new(line(root), Some(credentials(root))).unwrap()
}

/// A call that carries no token.
pub(crate) fn open_get() -> Call {
    Call {
        bearer: false,
        ..Call::versions()
    }
}

/// Runs on one thread; `paused` time moves on only when nobody has anything to do.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(LocalSet::new().run_until(test));
}
