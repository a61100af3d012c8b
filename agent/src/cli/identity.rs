//! `identity`: who this box is to central.
//! Never prints a secret.
//! Called by `cli`.

use logic::words::Trouble;
use serde_json::json;

use super::screen::{Screen, table, time};
use crate::engine::Engine;

pub(super) fn act(engine: &Engine, screen: &Screen) -> Result<u8, Trouble> {
    let identity = engine.identity()?;
    let enrolment = engine.enrolment()?;
    let (organisation, version) = (engine.organisation(), engine.version());
    if screen.json {
        screen.object(json!({
            "box_id": identity.box_id, "copied_from": identity.copied_from, "sync_id": identity.sync_id, "tao_version": version.ok(),
            "organisation_id": organisation.ok(), "client": enrolment.as_ref().map(|e| &e.key),
            "enrolled_at": enrolment.as_ref().map(|e| e.enrolled_at),
        }));
        return Ok(0);
    }
    let or_why = |result: Result<String, Trouble>| {
        result.unwrap_or_else(|trouble| format!("unknown: {}", trouble.reason))
    };
    let mut rows = vec![
        vec!["box id".into(), identity.box_id],
        vec!["synchronizations".into(), identity.sync_id.to_string()],
        vec!["organisation".into(), or_why(organisation)],
        vec!["VM version".into(), or_why(version)],
        vec![
            "enrolled".into(),
            enrolment.map_or("no".into(), |e| {
                format!("{} as client {}", time(e.enrolled_at), e.key)
            }),
        ],
    ];
    if let Some(original) = identity.copied_from {
        rows.insert(
            1,
            vec![
                "copied from".into(),
                format!("{original} (this machine is another one: enrol it)"),
            ],
        );
    }
    for line in table(&rows) {
        screen.line(&line);
    }
    Ok(0)
}
