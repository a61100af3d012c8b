//! `carry export --results` and `carry import --results`: what is owed leaves on a stick, and the word that it is home comes back.
//! Never says that something was handed over before it lies on the stick, and never lets go what no list names.
//! Called by `carry`.

use std::path::Path;

use logic::fault::{Code, Fault, SiteCause};
use serde_json::json;

use super::words::StickTerm;
use super::{ImportOrder, NAMED, told};
use crate::cli::carry::tell_stays;
use crate::cli::screen::Screen;
use crate::engine::Engine;
use system::clock;
use vault::handed::HandedLook;

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
        screen.line_folded(&StickTerm::HandedOver { count, path });
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
        screen.say_folded(&StickTerm::ToldBoxes { count });
    }
}

/// The same beside data, which do not wait for it: what goes wrong is told. Gives the exit status.
pub(super) fn import_beside(engine: &Engine, place: &Path, screen: &Screen) -> u8 {
    import(engine, place, screen).unwrap_or_else(|trouble| {
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
        screen.line_folded(&StickTerm::Arrived { count, carried });
    }
    changed(arrived.flawed).map(|()| 0)
}

/// Says of files that they do not open.
fn changed(files: Vec<String>) -> Result<(), Fault> {
    if files.is_empty() {
        return Ok(());
    }
    let count = files.len();
    let names = files.into_iter().take(NAMED).collect();
    let cause = SiteCause::Changed { count, names };
    Err(Fault::new(Code::CarryChanged, cause))
}

/// There is no data for this organisation: that is how it is where the stick brings word of what this box handed over, which
/// was taken by now; else it is told what lies there, and for whom. A dry run asks for data alone. `is_told`: what was taken is
/// told as an object already.
pub(super) fn only(
    engine: &Engine,
    order: &ImportOrder,
    is_told: bool,
    none: Fault,
    screen: &Screen,
) -> Result<(), Fault> {
    let place = &*order.dir;
    let (handed, own) = (engine.look_at_handed(place)?, engine.identity()?.box_id);
    if !order.dry_run && handed.tells(&own) {
        if screen.json && !is_told {
            let id = engine.organisation_id();
            screen.object(json!({ "organisation_id": id, "data": false }));
        }
        screen.say_folded(&StickTerm::NoData);
        return Ok(());
    }
    match handed.of_others(&own) {
        0 => Err(none),
        count => {
            let path = place.display().to_string();
            let cause = SiteCause::OnlyHanded { path, count };
            Err(Fault::new(Code::CarryNone, cause))
        }
    }
}

/// What lies on the stick beside data.
pub(super) fn show(handed: &HandedLook, screen: &Screen) -> Result<(), Fault> {
    if !handed.is_empty() {
        told::handed(handed, clock::now().wall, screen);
    }
    changed(handed.changed.clone())
}
