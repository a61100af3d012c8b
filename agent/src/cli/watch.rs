//! `watch`: the events of the box as they come, a line each.
//! Never asks for anything: what the box tells whoever follows it.
//! Called by `cli`.

use logic::fault::Fault;
use logic::outside;
use serde_json::json;

use super::runtime;
use super::screen::Screen;
use crate::socket::client;
use system::root::Root;

/// Until the daemon or the reader is gone.
pub(super) fn act(root: &Root, screen: &Screen) -> Result<u8, Fault> {
    runtime(client::watch(root, |kind, id, mut data| {
        if screen.json {
            data["event"] = json!(kind);
            data["id"] = json!(id);
            screen.object(data);
        } else {
            screen.line(&format!("{kind} {}", outside::json(&data)));
        }
        !screen.is_closed()
    }))?;
    Ok(0)
}
