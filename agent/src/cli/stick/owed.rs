//! `carry export --results` and `carry import --results`: what is owed leaves on a stick, and the word that it is home comes back.
//! Never says that something was handed over before it lies on the stick, and never lets go what no list names.
//! Called by `carry`.

use std::path::Path;

use logic::fault::{Code, Fault, SiteCause};
use serde_json::json;

use super::NAMED;
use super::words::StickTerm;
use crate::cli::carry::tell_stays;
use crate::cli::screen::Screen;
use crate::engine::Engine;

/// Hands over what goes with one organisation.
pub(super) fn hand_over(
    engine: &Engine,
    place: &Path,
    again: bool,
    screen: &Screen,
) -> Result<u8, Fault> {
    let handed = engine.hand_over(place, again)?;
    let boxes = engine.tell_arrived(place)?;
    if screen.json {
        screen.object(json!({
            "organisation_id": engine.organisation_id(), "handed_over": handed.count, "stays": handed.stays,
            "unread": handed.unread, "told_boxes": boxes,
        }));
    } else {
        let (count, path) = (handed.count, place.display().to_string());
        screen.line(&screen.told(&StickTerm::HandedOver { count, path }));
    }
    tell_stays(&handed.stays, screen);
    tell_boxes(boxes, screen);
    Ok(u8::from(handed.unread > 0))
}

/// Leaves the lists for the boxes whose items this one brought home.
pub(super) fn tell_arrived(engine: &Engine, place: &Path, screen: &Screen) -> Result<u8, Fault> {
    let boxes = engine.tell_arrived(place)?;
    if screen.json && boxes > 0 {
        let id = engine.organisation_id();
        screen.object(json!({ "organisation_id": id, "told_boxes": boxes }));
    }
    tell_boxes(boxes, screen);
    Ok(0)
}

fn tell_boxes(count: u64, screen: &Screen) {
    if count > 0 {
        screen.say(&screen.told(&StickTerm::ToldBoxes { count }));
    }
}

/// The same beside data, which do not wait for it: what goes wrong is told. Gives the exit status.
pub(super) fn import_beside(engine: &Engine, place: &Path, screen: &Screen) -> u8 {
    let has_any = engine.has_handed_over();
    let imported = has_any.then(|| import(engine, place, screen)).transpose();
    imported
        .map(Option::unwrap_or_default)
        .unwrap_or_else(|trouble| {
            screen.trouble(&trouble);
            1
        })
}

/// Takes what the stick says of what this box handed over.
pub(super) fn import(engine: &Engine, place: &Path, screen: &Screen) -> Result<u8, Fault> {
    let arrived = engine.take_arrived(place)?;
    let (count, carried) = (arrived.count, arrived.carried);
    if screen.json {
        screen.object(json!({
            "organisation_id": engine.organisation_id(), "acknowledged": count, "carried": carried,
        }));
    } else {
        screen.line(&screen.told(&StickTerm::Arrived { count, carried }));
    }
    if arrived.flawed.is_empty() {
        return Ok(0);
    }
    let count = arrived.flawed.len();
    let names = arrived.flawed.into_iter().take(NAMED).collect();
    Err(Fault::new(
        Code::CarryChanged,
        SiteCause::Changed { count, names },
    ))
}
