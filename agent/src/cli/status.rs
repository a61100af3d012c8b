//! `status`: where the box stands, on one screen.
//! Never speaks to central.
//! Called by `cli`.

use logic::entity::EntityType;
use logic::words::{Outcome, Trouble};
use serde_json::json;

use super::screen::{Mood, Screen, bytes, span, table, time};
use crate::clock;
use crate::engine::{Engine, survey};
use crate::vault::catalogue::Catalogue;
use crate::vault::package::Packages;

pub(super) fn act(engine: &Engine, screen: &Screen) -> Result<u8, Trouble> {
    let edition = Catalogue::open(engine.vault())?.edition()?;
    let (held, coming) = Packages::open(engine.vault())?.list()?;
    let held = held.iter().filter(|meta| !meta.damaged).count();
    let wanted = edition.count(EntityType::Delivery);
    let last = engine.last()?;
    let enrolled = engine.enrolment()?.is_some();
    let identity = engine.identity()?;
    let free = survey::free(engine.vault().state());
    if screen.json {
        let entities: serde_json::Map<_, _> = EntityType::ALL
            .iter()
            .map(|kind| (kind.word().to_owned(), json!(edition.count(*kind))))
            .collect();
        screen.object(json!({
            "box_id": identity.box_id, "enrolled": enrolled, "organisation_id": edition.organisation_id,
            "generation": edition.generation, "complete_at": edition.complete_at, "entities": entities,
            "packages": { "held": held, "wanted": wanted, "coming": coming.len() },
            "free_bytes": free, "last": last,
        }));
        return Ok(0);
    }
    let mut rows = vec![
        vec!["box".into(), identity.box_id],
        vec![
            "enrolled".into(),
            (if enrolled {
                "yes"
            } else {
                "no: boxsync enroll"
            })
            .into(),
        ],
    ];
    let complete = match edition.complete_at {
        Some(at) => format!(
            "complete as of {} (organisation {})",
            time(at),
            edition.organisation_id
        ),
        None => "never complete".into(),
    };
    rows.push(vec!["catalogue".into(), complete]);
    for kind in EntityType::ALL {
        rows.push(vec![
            format!("  {}", kind.word()),
            edition.count(kind).to_string(),
        ]);
    }
    rows.push(vec![
        "packages".into(),
        format!("{held} of {wanted} held, {} coming", coming.len()),
    ]);
    if let Some(free) = free {
        rows.push(vec!["disk".into(), format!("{} free", bytes(free))]);
    }
    for line in table(&rows) {
        screen.line(&line);
    }
    match last {
        None => screen.line("no synchronization yet"),
        Some(report) => {
            let ago = (clock::now().wall - report.finished_at).max(0) as u64;
            let mood = if report.outcome == Outcome::Finished {
                Mood::Good
            } else {
                Mood::Bad
            };
            let word = screen.paint(mood, report.outcome.word());
            screen.line(&format!("last synchronization: {word}, {} ago", span(ago)));
            if !report.reason.is_empty() {
                screen.line(&format!("  {} [{}]", report.reason, report.code));
            }
        }
    }
    Ok(0)
}
