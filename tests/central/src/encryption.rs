//! taoEncryption on a central: its key pair, the rows that wait, and the task that decrypts them (protocol 7.7, 13).
//! Never looks at a row before the task does: garbage is acknowledged, as by TAO.
//! Called by `state` and `results`; shares no code with the product.

mod envelope;
mod object;
mod sender;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::php::{self, PhpValue};
use crate::results::Variable;
use crate::wire::{self, HttpRequest, HttpResponse};
use envelope::PrivateKey;

/// Which of two key pairs, made by openssl and known to everybody, is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPair {
    /// The first.
    First,
    /// Another one.
    Second,
}

/// An encrypted central's own things.
pub(crate) struct Encryption {
    pub(crate) pair: Option<KeyPair>,
    pub(crate) has_role: bool,
    pub(crate) application_key: String,
    /// Rows by reference, verbatim.
    rows: BTreeMap<String, String>,
    /// References of an execution, by its place.
    pub(crate) references: BTreeMap<usize, BTreeSet<String>>,
    /// Tasks `Decrypt Delivery Execution`, in order.
    pub(crate) tasks: Vec<usize>,
}

impl Encryption {
    pub(crate) fn new() -> Self {
        Self {
            pair: Some(KeyPair::First),
            has_role: true,
            // As long as TAO's: 200 characters.
            application_key: "QUFB".repeat(50),
            rows: BTreeMap::new(),
            references: BTreeMap::new(),
            tasks: Vec::new(),
        }
    }

    /// `updatePublicKey` (protocol 13.5).
    pub(crate) fn public_key(&self, request: &HttpRequest) -> HttpResponse {
        if !self.has_role {
            return wire::forbidden(request, "Access denied. Please renew your authentication!");
        }
        let body = request.json().filter(|_| request.is_post());
        let Some(checksum) = body.as_ref().and_then(|body| body.entry("public-checksum")) else {
            return wire::unexpected();
        };
        let pem = self.pair.map(|pair| PrivateKey::of(pair).public_pem());
        let new = pem.filter(|pem| checksum.text() != Some(envelope::checksum(pem).as_str()));
        let mut body = format!("{{\"require-update\":{},\"public-key\":", new.is_some());
        match &new {
            Some(pem) => php::quote(&mut body, pem),
            None => body.push_str("null"),
        }
        body.push('}');
        wire::success(body)
    }

    /// Writes a row; nothing but a text is one.
    pub(crate) fn write(
        &mut self,
        execution: usize,
        reference: &str,
        row: &PhpValue,
    ) -> Option<()> {
        let row = row.scalar()?;
        self.rows.insert(reference.to_owned(), row);
        let references = self.references.entry(execution).or_default();
        references.insert(reference.to_owned());
        Some(())
    }

    /// What a task makes of the rows of an execution; they go when all of them could be read.
    pub(crate) fn decrypt(&mut self, execution: usize) -> Vec<Variable> {
        let Some(key) = self.pair.map(PrivateKey::of) else {
            return Vec::new();
        };
        let references = self.references.get(&execution).cloned().unwrap_or_default();
        let row = |reference: &String| object::variable(&key.open(self.rows.get(reference)?)?);
        let variables: Option<Vec<Variable>> = references.iter().map(row).collect();
        let Some(variables) = variables else {
            return Vec::new();
        };
        self.references.remove(&execution);
        for reference in &references {
            self.rows.remove(reference);
        }
        variables
    }

    /// The text of a log row's data. `Err` is the end of the request; `Ok(None)` what the storage refuses.
    pub(crate) fn row(&self, data: &PhpValue) -> Result<Option<String>, ()> {
        if data.is_array() {
            return Err(());
        }
        let cipher = STANDARD.decode(data.scalar().unwrap_or_default());
        let cipher = cipher.unwrap_or_default();
        let key = STANDARD.encode(&self.application_key);
        Ok(String::from_utf8(envelope::rc4(key.as_bytes(), &cipher)).ok())
    }
}
