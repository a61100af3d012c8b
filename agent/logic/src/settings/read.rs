//! How the values of keys are read that are no plain text, number, size or time, and how paths and accounts are shown.
//! Never names a key.
//! Called by `settings::key`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::step::SyncStep;
use super::url::Url;
use super::value::SettingValue;
use crate::access::{AccountName, Principal};
use crate::fault::SettingForm;
use crate::intake::ExecutionState;

pub(super) fn path(path: &Option<PathBuf>) -> Option<SettingValue> {
    path.as_ref().map(|path| SettingValue::text(path.display()))
}

pub(super) fn put<T>(place: &mut T, value: Result<T, SettingForm>) -> Result<(), SettingForm> {
    *place = value?;
    Ok(())
}

/// The id travels in a header field: visible ASCII only (RFC 9110 5.5).
pub(super) fn box_id(value: &SettingValue) -> Result<String, SettingForm> {
    let id = value.label(50)?;
    if id.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(id)
    } else {
        Err(SettingForm::BoxId)
    }
}

pub(super) fn steps(value: &SettingValue) -> Result<Vec<SyncStep>, SettingForm> {
    let words = || SettingForm::OneOf {
        words: SyncStep::ALL.map(SyncStep::word).join(", "),
    };
    let steps = value.list(|one| one.read(|text| text.trim().parse().map_err(|()| words())))?;
    match steps.is_empty() {
        true => Err(words()),
        false => Ok(steps),
    }
}

pub(super) fn state(value: &SettingValue) -> Result<ExecutionState, SettingForm> {
    let expected = || SettingForm::OneOf {
        words: ExecutionState::words(),
    };
    value.read(|text| text.trim().parse().map_err(|()| expected()))
}

/// An address and a port; a port alone is on `alone`.
pub(super) fn listen(value: &SettingValue, alone: Ipv4Addr) -> Result<SocketAddr, SettingForm> {
    if let Ok(port) = value.whole::<u16>(0, 65_535) {
        return Ok((alone, port).into());
    }
    value.read(|text| {
        let text = text.trim();
        let port = text.parse().ok();
        port.map(|port: u16| (alone, port).into())
            .or_else(|| text.parse().ok())
            .ok_or(SettingForm::Listen)
    })
}

/// node_exporter reads no other names.
pub(super) fn textfile(value: &SettingValue) -> Result<PathBuf, SettingForm> {
    value
        .path()
        .ok()
        .filter(|path| path.extension().is_some_and(|end| end == "prom"))
        .ok_or(SettingForm::PromFile)
}

/// The URL of a job of a Pushgateway, sealed on its way: plain http goes no further than this machine.
pub(super) fn push(text: &str) -> Result<Url, SettingForm> {
    let mut url = Url::parse(text)?;
    let is_near =
        url.host == "localhost" || url.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let is_job = url.path.rsplit('/').find(|part| !part.is_empty()) != Some("job")
        && ["/job/", "/job@base64/"]
            .iter()
            .any(|part| url.path.contains(part));
    if !(url.https || is_near) || !is_job {
        return Err(SettingForm::Push);
    }
    url.path.truncate(url.path.trim_end_matches('/').len());
    Ok(url)
}

pub(super) fn account(value: &SettingValue) -> Result<AccountName, SettingForm> {
    match value {
        SettingValue::Whole(number) => number.to_string().parse(),
        _ => value.parse(),
    }
}

pub(super) fn principal(value: &SettingValue) -> Result<Principal, SettingForm> {
    match value {
        SettingValue::Whole(_) => account(value).map(Principal::User),
        _ => value.parse(),
    }
}

pub(super) fn accounts(accounts: &[AccountName]) -> SettingValue {
    let value = |account: &AccountName| match account {
        AccountName::Number(number) => SettingValue::Whole((*number).into()),
        AccountName::Name(name) => SettingValue::text(name),
    };
    SettingValue::List(accounts.iter().map(value).collect())
}
