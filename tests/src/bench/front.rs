//! nginx before a central: the package's route is a static file, everything else goes to central.
//! Never caches; its log is the measure of what went over the wire.
//! Called by the downloads' benchmark.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::Result;
use crate::measure;
use crate::relay::FAR_ADDRESS;
use crate::site::{BenchCentral, Process};

/// A running nginx.
pub(crate) struct CacheFront {
    _process: Process,
    /// Certificate of the authority, PEM.
    pub(crate) ca: PathBuf,
    /// The file that is served, in nginx's folder.
    pub(crate) package: PathBuf,
    log: PathBuf,
    http: u16,
    https: u16,
}

impl CacheFront {
    pub(crate) fn start(folder: &Path, central: &BenchCentral) -> Result<Self> {
        let ca = certify(folder)?;
        let (http, https) = (free()?, free()?);
        let here = folder.display();
        let config = format!(
            "daemon off; user root; worker_processes 1; pid {here}/nginx.pid; error_log {here}/error.log;
events {{ worker_connections 256; }}
http {{
  log_format wire '$body_bytes_sent'; access_log {here}/wire.log wire;
  sendfile on; keepalive_requests 100000; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  upstream central {{ server {central}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{http}; listen {https} ssl;
    ssl_certificate {here}/server.pem; ssl_certificate_key {here}/server.key; ssl_protocols TLSv1.2 TLSv1.3;
    location = /package.zip {{ alias {here}/package.zip; }}
    location = /taoSync/SynchronisationApi/getDeliveryTest {{ types {{}} default_type application/json; alias {here}/package.zip; }}
    location / {{ access_log off; proxy_pass http://central; proxy_http_version 1.1; proxy_set_header Connection ''; }}
  }}
}}
",
            central = central.address
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, config)?;
        let mut command = Command::new("nginx");
        command
            .arg("-c")
            .arg(&path)
            .arg("-e")
            .arg(folder.join("error.log"))
            .stdout(Stdio::null());
        let process = Process(command.spawn()?);
        measure::until("nginx", Duration::from_secs(10), || {
            std::net::TcpStream::connect(("127.0.0.1", https)).is_ok()
        })?;
        let (log, package) = (folder.join("wire.log"), folder.join("package.zip"));
        Ok(Self {
            _process: process,
            ca,
            package,
            log,
            http,
            https,
        })
    }

    /// Root URL over TLS at another address of this machine.
    pub(crate) fn url_at(&self, address: &str) -> String {
        format!("https://{address}:{}/", self.https)
    }

    /// Root URL.
    pub(crate) fn url(&self, tls: bool) -> String {
        if tls {
            format!("https://127.0.0.1:{}/", self.https)
        } else {
            format!("http://127.0.0.1:{}/", self.http)
        }
    }

    /// Forgets what went over the wire.
    pub(crate) fn forget(&self) -> Result<()> {
        Ok(fs::OpenOptions::new()
            .write(true)
            .open(&self.log)?
            .set_len(0)?)
    }

    /// Bytes of packages sent since then; what nginx handed to a socket of a client that was killed counts too.
    pub(crate) fn sent(&self) -> Result<u64> {
        let log = fs::read(&self.log)?;
        let log = String::from_utf8_lossy(&log).into_owned();
        Ok(log
            .lines()
            .filter_map(|line| line.trim_matches('\0').trim().parse::<u64>().ok())
            .sum())
    }
}

fn free() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn certify(folder: &Path) -> Result<PathBuf> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "bench authority");
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    let ca = folder.join("ca.pem");
    fs::write(&ca, authority.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(authority, key);
    let mut server = CertificateParams::new(vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        FAR_ADDRESS.to_owned(),
    ])?;
    // With the authority's name it would pass for self-signed.
    server.distinguished_name.push(DnType::CommonName, "bench");
    let key = KeyPair::generate()?;
    fs::write(
        folder.join("server.pem"),
        server.signed_by(&key, &issuer)?.pem(),
    )?;
    fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(ca)
}
