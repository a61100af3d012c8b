//! The binary `central`: a reference central for demos and shell tests.
//! Runs until it is killed; orders come through `/_control`.
//! Called by `scripts/demo` and `scripts/bench`.

use std::net::SocketAddr;
use std::process::ExitCode;

use central::{Central, Certificate, Dataset, Options, Organisation};

const USAGE: &str =
    "usage: central [--listen ADDRESS:PORT] [--tls] [--encrypted] [--prefix PATH] [--organisation ID]
  [--test-takers N] [--deliveries N] [--package-sizes 40kB..25MB] [--seed N]
  [--latency MS] [--rate BYTES/S] [--page-size N] [--version V]... [--no-log] [--warm]
  [--ca-out FILE] [--info-out FILE]";

struct Arguments {
    options: Options,
    organisation: Organisation,
    is_warm: bool,
    ca_out: Option<String>,
    info_out: Option<String>,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("central: {message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let Arguments {
        mut options,
        organisation,
        is_warm,
        ca_out,
        info_out,
    } = arguments;
    let id = organisation.id.clone();
    options.dataset.organisations = vec![organisation];
    let central = Central::start(options).map_err(|e| format!("cannot start: {e}"))?;
    if is_warm {
        central.warm();
    }
    let write = |path: &str, text: &str| {
        std::fs::write(path, text).map_err(|e| format!("cannot write {path}: {e}"))
    };
    if let (Some(path), Some(pem)) = (ca_out, central.ca_pem()) {
        write(&path, pem)?;
    }
    let (login, password) = central
        .manager(&id)
        .ok_or("the organisation has no manager")?;
    let consumer = central.consumer().ok_or("there is no consumer")?;
    let url = central.url();
    let info = serde_json::json!({
        "url": url,
        "login": login,
        "password": password,
        "key": consumer.key,
        "secret": consumer.secret,
        "token_url": format!("{url}taoOauth/TokenApi/requestToken"),
        "organisation_id": id,
    });
    // Whoever waits for the file finds a central that answers.
    if let Some(path) = info_out {
        let partial = format!("{path}.partial");
        write(&partial, &format!("{info}\n"))?;
        std::fs::rename(&partial, &path).map_err(|e| format!("cannot write {path}: {e}"))?;
    }
    println!("{info}");
    loop {
        std::thread::park();
    }
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 8085)),
        dataset: Dataset {
            organisations: Vec::new(),
            ..Dataset::small(1)
        },
        ..Options::default()
    };
    let mut organisation = Organisation {
        test_takers: 300,
        deliveries: 12,
        package_sizes: (40_000, 25_000_000),
        ..Organisation::small("1001")
    };
    let (mut is_warm, mut ca_out, mut info_out) = (false, None, None);
    let mut versions = Vec::new();
    let mut arguments = arguments.peekable();
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--listen" => options.listen = number(&name, &value()?)?,
            "--encrypted" => options.encrypted = true,
            "--tls" => options.tls = Some(Certificate::Good),
            "--prefix" => options.prefix = value()?,
            "--organisation" => organisation.id = value()?,
            "--test-takers" => organisation.test_takers = number(&name, &value()?)?,
            "--deliveries" => organisation.deliveries = number(&name, &value()?)?,
            "--package-sizes" => organisation.package_sizes = sizes(&value()?)?,
            "--seed" => options.dataset.seed = number(&name, &value()?)?,
            "--latency" => options.latency_ms = number(&name, &value()?)?,
            "--rate" => options.rate = size(&value()?)?,
            "--page-size" => options.page_size = number(&name, &value()?)?,
            "--version" => versions.push(value()?),
            "--no-log" => options.keeps_log = false,
            "--warm" => is_warm = true,
            "--ca-out" => ca_out = Some(value()?),
            "--info-out" => info_out = Some(value()?),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    if !versions.is_empty() {
        options.versions = versions;
    }
    Ok(Arguments {
        options,
        organisation,
        is_warm,
        ca_out,
        info_out,
    })
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{name}: {text} is not understood"))
}

/// `40kB..25MB`, or one size for all.
fn sizes(text: &str) -> Result<(u64, u64), String> {
    match text.split_once("..") {
        Some((low, high)) => Ok((size(low)?, size(high)?)),
        None => size(text).map(|one| (one, one)),
    }
}

/// Bytes, with an optional kB, MB, GB (thousands) or KiB, MiB, GiB.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim_end_matches("/s");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "B" => 1,
        "kB" | "KB" | "k" => 1_000,
        "MB" | "M" => 1_000_000,
        "GB" | "G" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(format!("{text} is no size")),
    };
    let number: u64 = number("size", digits)?;
    number
        .checked_mul(factor)
        .ok_or(format!("{text} is too large"))
}
