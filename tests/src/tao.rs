//! A TAO on the box as its PHP client speaks: one connection a request, lists page by page, details, packages, results.
//! Never a parser of the product: HTTP/1.1 by hand and plain JSON, in the shapes of the recorded exchanges.
//! Called by the tests of the gateway and by the demo, against boxsync and against central alike.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use central::Kind;
use serde_json::{Value, json};

/// Longer than any answer takes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A client and where it was pointed at.
#[derive(Debug, Clone)]
pub struct Tao {
    /// Who answers.
    pub at: SocketAddr,
    /// Path below which it does: `/` or `/prefix/`.
    pub prefix: String,
    /// OAuth client id.
    pub key: String,
    /// OAuth client secret.
    pub secret: String,
    /// Number of its run.
    pub sync_id: u64,
    /// The organisation that its parameters name.
    pub organisation: String,
}

/// An answer.
#[derive(Debug)]
pub struct TaoAnswer {
    /// HTTP status.
    pub status: u16,
    /// Whole and unframed.
    pub body: Vec<u8>,
}

impl TaoAnswer {
    /// The content as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {} {text}", self.status))
    }
}

/// What one run brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// Checksums by id.
    pub entities: BTreeMap<String, String>,
    /// Bytes of the packages by delivery.
    pub packages: BTreeMap<String, usize>,
}

impl Tao {
    /// A token.
    ///
    /// # Errors
    /// What the socket says, or an answer that has none.
    pub fn token(&self) -> io::Result<String> {
        let body = format!(
            "client_id={}&client_secret={}&grant_type=client_credentials",
            self.key, self.secret
        );
        let form = "application/x-www-form-urlencoded";
        let said = self.ask("POST", "taoOauth/TokenApi/requestToken", "", form, &body)?;
        let token = said.status == 200;
        let token = token.then(|| said.json()["access_token"].as_str().map(str::to_owned));
        token.flatten().ok_or_else(|| other(&said))
    }

    /// A GET with a token.
    ///
    /// # Errors
    /// What the socket says.
    pub fn get(&self, token: &str, path: &str) -> io::Result<TaoAnswer> {
        self.ask("GET", path, token, "", "")
    }

    /// A POST with a token.
    ///
    /// # Errors
    /// What the socket says.
    pub fn post(&self, token: &str, path: &str, body: &Value) -> io::Result<TaoAnswer> {
        self.ask("POST", path, token, "application/json", &body.to_string())
    }

    /// One whole run: everything of every type, and every package that there is.
    ///
    /// # Errors
    /// What the socket says, or the first answer that is not as central's.
    pub fn run(&self) -> io::Result<Brought> {
        let token = self.token()?;
        let mut brought = Brought::default();
        for kind in Kind::ALL {
            let listed = self.list(&token, kind)?;
            let ids: Vec<&String> = listed.keys().collect();
            for ids in ids.chunks(100) {
                brought
                    .entities
                    .append(&mut self.details(&token, kind, ids)?);
            }
            // The edition of the lists is the edition of the details.
            let same = |(id, checksum)| brought.entities.get(id) == Some(checksum);
            if !listed.iter().all(same) {
                return Err(io::Error::other(
                    "details are not of the edition of the list",
                ));
            }
            if kind == Kind::Delivery {
                for id in ids {
                    let said = self.package(&token, id)?;
                    if said.status == 200 {
                        brought.packages.insert(id.clone(), said.body.len());
                    }
                }
            }
        }
        let confirm = json!({ "params": self.params() });
        let path = "taoSync/SynchronisationApi/confirmSyncFinished";
        let said = self.post(&token, path, &confirm)?;
        (said.status == 200)
            .then_some(brought)
            .ok_or_else(|| other(&said))
    }

    /// Checksums by id, to the last page.
    ///
    /// # Errors
    /// As `run`.
    pub fn list(&self, token: &str, kind: Kind) -> io::Result<BTreeMap<String, String>> {
        let mut path = format!(
            "taoSync/SynchronisationApi/fetchEntityChecksums?type={}&params%5Btao_version%5D=2022.11\
             &params%5Borganisation_id%5D={}&params%5Bbox_id%5D=tao&params%5Bsync_id%5D={}",
            kind.name(),
            self.organisation,
            self.sync_id
        );
        let mut listed = BTreeMap::new();
        loop {
            let said = self.get(token, &path)?;
            if said.status != 200 {
                return Err(other(&said));
            }
            let page = said.json();
            let before = listed.len();
            for (id, entity) in page["entities"].as_object().into_iter().flatten() {
                let checksum = entity["checksum"].as_str().unwrap_or_default();
                listed.insert(id.clone(), checksum.to_owned());
            }
            match page["nextCallUrl"].as_str() {
                Some(next) if listed.len() > before => {
                    next.trim_start_matches('/').clone_into(&mut path);
                }
                _ => return Ok(listed),
            }
        }
    }

    /// Checksums of details by id.
    ///
    /// # Errors
    /// As `run`.
    pub fn details(
        &self,
        token: &str,
        kind: Kind,
        ids: &[&String],
    ) -> io::Result<BTreeMap<String, String>> {
        let body = json!({ "type": kind.name(), "entityIds": ids, "params": self.params() });
        let said = self.post(
            token,
            "taoSync/SynchronisationApi/fetchEntityDetails",
            &body,
        )?;
        if said.status != 200 {
            return Err(other(&said));
        }
        let checksum = |(id, entity): (&String, &Value)| {
            let checksum = entity["checksum"].as_str().unwrap_or_default();
            (id.clone(), checksum.to_owned())
        };
        Ok(said
            .json()
            .as_object()
            .into_iter()
            .flatten()
            .map(checksum)
            .collect())
    }

    /// A package.
    ///
    /// # Errors
    /// What the socket says.
    pub fn package(&self, token: &str, delivery: &str) -> io::Result<TaoAnswer> {
        let letter = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => (byte as char).into(),
            other => format!("%{other:02X}"),
        };
        let uri: String = delivery.bytes().map(letter).collect();
        let path = format!("taoSync/SynchronisationApi/getDeliveryTest?delivery-uri={uri}");
        self.get(token, &path)
    }

    /// Hands over the result of one execution.
    ///
    /// # Errors
    /// What the socket says.
    pub fn result(
        &self,
        token: &str,
        execution: &str,
        delivery: &str,
        test_taker: &str,
    ) -> io::Result<TaoAnswer> {
        let item = format!("{execution}.item-0.0");
        let result = json!({
            "deliveryId": delivery,
            "deliveryExecutionId": execution,
            "details": {
                "identifier": execution, "label": "Basic delivery", "test-taker": test_taker,
                "starttime": "0.10000000 1795000000", "finishtime": "0.20000000 1795000900",
                "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished",
            },
            "variables": [{
                "type": "taoResultServer_models_classes_ResponseVariable", "callIdTest": null, "callIdItem": item,
                "test": "http://central.test/tao.rdf#i6b0456", "item": "item-0",
                "data": {
                    "identifier": "RESPONSE", "baseType": "identifier", "cardinality": "single",
                    "epoch": "0.50000000 1795000300", "candidateResponse": "Y2hvaWNlXzE=", "correctResponse": null,
                },
            }],
        });
        let body = json!({ "results": { execution: result }, "sync_params": self.params() });
        self.post(token, "taoSync/ResultApi/syncResults", &body)
    }

    /// Parameters of every call.
    #[must_use]
    pub fn params(&self) -> Value {
        let sync_id = self.sync_id.to_string();
        json!({ "tao_version": "2022.11", "organisation_id": self.organisation, "box_id": "tao", "sync_id": sync_id })
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        kind: &str,
        body: &str,
    ) -> io::Result<TaoAnswer> {
        let mut request = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n",
            self.prefix, self.at
        );
        if !token.is_empty() {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if method == "POST" {
            request.push_str(&format!(
                "Content-Type: {kind}\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        let mut stream = TcpStream::connect(self.at)?;
        stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
        stream.write_all(format!("{request}\r\n{body}").as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        read(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }
}

/// A whole answer; nothing when it ends early.
fn read(bytes: &[u8]) -> Option<TaoAnswer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &bytes[end + 4..];
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let body = match field("content-length:") {
        Some(length) => body.get(..length.trim().parse().ok()?)?.to_vec(),
        None if field("transfer-encoding:").is_some() => unchunk(body)?,
        None => body.to_vec(),
    };
    Some(TaoAnswer { status, body })
}

fn unchunk(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&body[..line]).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(line + 2..line + 2 + size)?);
        body = body.get(line + 2 + size + 2..)?;
    }
}

fn other(said: &TaoAnswer) -> io::Error {
    let text = String::from_utf8_lossy(&said.body);
    io::Error::other(format!("status {}: {text}", said.status))
}
