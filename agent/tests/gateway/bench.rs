//! A gateway with something to give, the recorded exchanges, and a client that speaks raw HTTP/1.1.
//! Never sleeps: what is awaited is a byte of the other side.
//! Called by the suites of the gateway.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use agent::gateway::intake::{ItemKind, ItemSink, Offer, OfferOutcome};
use agent::gateway::{Gateway, Setup, ledger, serve};
use logic::entity::{Entity, EntityType};
use serde_json::Value as Json;
use system::root::Root;
use vault::Vault;
use vault::catalogue::{CatalogueStore, EntityRows};
use vault::package::{PackageStore, PartialPackage};

/// VM version of the recordings.
pub(crate) const VERSION: &str = "2022.11";

/// One recorded exchange.
pub(crate) struct GatewayExchange {
    pub(crate) n: u64,
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) reply: GatewayReply,
    /// Bytes of the recorded content, of which `reply.body` may hold nothing.
    pub(crate) length: usize,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct GatewayReply {
    pub(crate) status: u16,
    pub(crate) phrase: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl GatewayReply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter();
        found
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// All recorded exchanges, in order.
pub(crate) fn exchanges() -> Vec<GatewayExchange> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/exchanges");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> GatewayExchange {
    use base64::Engine;
    let json: Json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let fields = |json: &Json| -> Vec<(String, String)> {
        serde_json::from_value(json["headers"].clone()).unwrap()
    };
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let (request, response) = (&json["request"], &json["response"]);
    let body = match response["body_base64"].as_str() {
        Some(encoded) => base64::prelude::BASE64_STANDARD.decode(encoded).unwrap(),
        None => text(&response["body"]).into_bytes(),
    };
    GatewayExchange {
        n: json["n"].as_u64().unwrap(),
        name: text(&json["name"]),
        method: text(&request["method"]),
        path: text(&request["path"]),
        headers: fields(request),
        body: text(&request["body"]),
        length: response["body_bytes"].as_u64().unwrap() as usize,
        reply: GatewayReply {
            status: response["status"].as_u64().unwrap() as u16,
            headers: fields(response),
            body,
            ..GatewayReply::default()
        },
    }
}

/// Keeps everything in memory.
#[derive(Default)]
pub(crate) struct MemorySink {
    pub(crate) kept: Mutex<BTreeMap<(ItemKind, String), String>>,
}

impl ItemSink for MemorySink {
    fn take(&self, offers: &[Offer]) -> Vec<OfferOutcome> {
        let mut kept = self.kept.lock().unwrap();
        offers
            .iter()
            .map(|offer| {
                kept.insert((offer.kind, offer.id.clone()), offer.content.clone());
                OfferOutcome::Durable
            })
            .collect()
    }
}

/// A state folder with a catalogue.
pub(crate) struct GatewayStock {
    _dir: tempfile::TempDir,
    pub(crate) vault: Vault,
}

impl GatewayStock {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&Root::new(dir.path())).unwrap();
        Self { _dir: dir, vault }
    }

    /// Publishes an edition that holds exactly these.
    pub(crate) fn publish(
        &self,
        organisation: &str,
        complete_at: Option<i64>,
        entities: &[(EntityType, Entity)],
        classes: &[Entity],
    ) {
        let catalogue = CatalogueStore::open(&self.vault).unwrap();
        let before = catalogue.edition().unwrap();
        let mut edition = before.clone();
        edition.generation += 1;
        edition.organisation_id = organisation.to_owned();
        edition.complete_at = complete_at;
        edition.types.clear();
        edition.classes = EntityRows::new();
        let mut writer = catalogue.writer().unwrap();
        for (kind, entity) in entities {
            let name = self.vault.keys().name(kind.word(), &entity.id);
            let row = writer.entity(*kind, name, entity).unwrap();
            edition.types.entry(*kind).or_default().insert(name, row);
        }
        for class in classes {
            let name = self.vault.keys().name("class", &class.id);
            let row = writer.class(name, class).unwrap();
            edition.classes.insert(name, row);
        }
        catalogue
            .publish(&before.segments(), &edition, Some(writer))
            .unwrap();
    }

    /// Keeps a package, whole and visible.
    pub(crate) fn package(&self, delivery: &str, content: &[u8]) {
        let packages = PackageStore::open(&self.vault).unwrap();
        let mut part = packages
            .begin(delivery, content.len() as u64, None, 0)
            .unwrap();
        for (index, record) in content.chunks(part.meta().record as usize).enumerate() {
            let mut buffer = PartialPackage::buffer();
            buffer.extend_from_slice(record);
            part.write(index as u64, &mut buffer).unwrap();
        }
        part.publish(false, None).unwrap();
    }
}

/// A gateway that serves in a thread of its own, to the end of the test.
pub(crate) struct GatewayServed {
    pub(crate) at: SocketAddr,
    pub(crate) key: String,
    pub(crate) secret: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl GatewayServed {
    pub(crate) fn new(vault: &Vault, setup: Setup, intake: Option<Arc<dyn ItemSink>>) -> Self {
        let client = ledger::client(vault).unwrap();
        let gateway = Gateway::open(vault.clone(), setup, intake).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async { drop(stopped.await) };
                serve(listener, gateway, stopped).await.unwrap();
            });
        });
        Self {
            at: told.recv().unwrap(),
            key: client.key,
            secret: client.secret,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> GatewayReply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.at);
        let framed = fields.iter().any(|(name, _)| {
            ["content-length", "transfer-encoding"]
                .iter()
                .any(|framing| name.eq_ignore_ascii_case(framing))
        });
        for (name, value) in fields {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !framed && (!body.is_empty() || method == "POST") {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("Connection: close\r\n\r\n");
        let mut stream = TcpStream::connect(self.at).unwrap();
        // A server that refuses a large content may close before it has read all of it.
        let _ = stream.write_all(&[request.as_bytes(), body].concat());
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        parse(&bytes, method == "HEAD")
    }

    /// A fresh token.
    pub(crate) fn token(&self) -> String {
        let body = format!("client_id={}&client_secret={}", self.key, self.secret);
        let reply = self.ask(
            "POST",
            "/taoOauth/TokenApi/requestToken",
            &[],
            body.as_bytes(),
        );
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A call with a bearer token.
    pub(crate) fn call(&self, token: &str, method: &str, path: &str, body: &str) -> GatewayReply {
        let bearer = format!("Bearer {token}");
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Accept", "application/json"),
        ];
        self.ask(method, path, &fields, body.as_bytes())
    }
}

impl Drop for GatewayServed {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

fn parse(bytes: &[u8], head_only: bool) -> GatewayReply {
    let end = |bytes: &[u8]| bytes.windows(4).position(|w| w == b"\r\n\r\n");
    let mut rest = bytes;
    loop {
        let Some(at) = end(rest) else {
            return GatewayReply::default();
        };
        let head = String::from_utf8(rest[..at].to_vec()).unwrap();
        rest = &rest[at + 4..];
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap().splitn(3, ' ');
        let status: u16 = first.nth(1).unwrap().parse().unwrap();
        if status < 200 {
            continue;
        }
        let mut reply = GatewayReply {
            status,
            phrase: first.next().unwrap_or_default().to_owned(),
            body: rest.to_vec(),
            headers: lines
                .map(|line| line.split_once(": ").unwrap())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        if let Some(length) = reply.header("content-length").filter(|_| !head_only) {
            let length: usize = length.parse().unwrap();
            if reply.status != 304 && reply.body.len() != length {
                reply.status = 0;
            }
        }
        return reply;
    }
}
