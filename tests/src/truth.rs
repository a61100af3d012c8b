//! What central itself answers about its entities, asked for beside the box with a sync manager's login.
//! Never a parser of the product: a bare HTTP/1.0 exchange and plain JSON.
//! Called by `site` when a box is compared with its central.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// One entity as it is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedEntity {
    /// As listed.
    pub checksum: String,
    /// Scalars or lists by predicate, as received.
    pub properties: Value,
}

pub(crate) struct Truth {
    address: SocketAddr,
    prefix: String,
    login: String,
}

impl Truth {
    pub(crate) fn new(address: SocketAddr, url: &str, login: &str, password: &str) -> Self {
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        Self {
            address,
            prefix: format!("/{path}"),
            login: STANDARD.encode(format!("{login}:{password}")),
        }
    }

    /// Details of entities of one type.
    pub(crate) fn details(&self, kind: &str, ids: &[String]) -> BTreeMap<String, ExpectedEntity> {
        let mut entities = BTreeMap::new();
        for ids in ids.chunks(200) {
            let body =
                json!({"type": kind, "entityIds": ids, "params": {"tao_version": "2022.11"}});
            let answer = self.post(
                "taoSync/SynchronisationApi/fetchEntityDetails",
                &body.to_string(),
            );
            for (id, entity) in answer.as_object().expect("details are a map by id") {
                let checksum = entity["checksum"].as_str().expect("a string").to_owned();
                let properties = entity["properties"].clone();
                entities.insert(
                    id.clone(),
                    ExpectedEntity {
                        checksum,
                        properties,
                    },
                );
            }
        }
        entities
    }

    fn post(&self, path: &str, body: &str) -> Value {
        let request = format!(
            "POST {}{path} HTTP/1.1\r\nHost: central\r\nAuthorization: Basic {}\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.prefix,
            self.login,
            body.len()
        );
        let mut socket = TcpStream::connect(self.address).expect("central listens");
        socket.write_all(request.as_bytes()).expect("central reads");
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes).expect("central answers");
        let text = String::from_utf8(bytes).expect("central speaks UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "central answered {text}");
        let whole = dechunked(head, body);
        serde_json::from_str(&whole).unwrap_or_else(|e| panic!("{e}: {whole}"))
    }
}

fn dechunked(head: &str, body: &str) -> String {
    if !head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        return body.to_owned();
    }
    let mut whole = String::new();
    let mut rest = body;
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk has a size");
        if size == 0 {
            break;
        }
        whole.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    whole
}
