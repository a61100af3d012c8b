//! `sync --dry-run`: what a synchronization would do, in numbers, or by id for machines.
//! Never does it.
//! Called by `sync`.

use logic::fault::Fault;
use logic::language::{Language, Localized};
use logic::phrase;
use logic::schedule::Errand;
use serde_json::{Map, Value as Json, json};

use super::runtime;
use super::screen::{Screen, fold, pairs, remedied};
use super::sync::counts;
use super::words::{self, SyncTerm};
use crate::engine::preview::SyncPreview;
use crate::engine::{Engine, Request};

/// Shows it for each organisation that is asked for; 1 where something would fail or be held back.
pub(super) fn act(engine: &Engine, errand: Errand, screen: &Screen) -> Result<u8, Fault> {
    let mut status = 0;
    let request = Request::of(errand, true);
    for engine in engine.asked_for(&request.organisations)? {
        let preview = runtime(engine.preview(&request, None))?;
        status = status.max(told(&preview, screen));
    }
    Ok(status)
}

/// Shows it for one organisation; gives the exit status.
pub(super) fn told(preview: &SyncPreview, screen: &Screen) -> u8 {
    match screen.json {
        true => screen.object(object(preview)),
        false => lines(preview, screen)
            .iter()
            .for_each(|line| screen.line(line)),
    }
    u8::from(!preview.findings.is_empty())
}

fn object(preview: &SyncPreview) -> Json {
    let types = preview.types.iter().map(|(kind, of)| {
        let told = json!({
            "created": of.created, "updated": of.updated, "hidden": of.hidden, "kept": of.kept,
            "unchanged": of.unchanged, "held_back": of.held_back, "waiting": of.waiting,
        });
        (kind.word().to_owned(), told)
    });
    let findings: Vec<_> = preview.findings.iter().map(Fault::finding).collect();
    json!({
        "dry_run": true, "organisation_id": preview.organisation, "entities": types.collect::<Map<_, _>>(),
        "packages": { "fetch": preview.fetch, "compare": preview.compare, "held": preview.held },
        "findings": findings,
    })
}

fn lines(preview: &SyncPreview, screen: &Screen) -> Vec<String> {
    let mut lines = pairs(&rows(preview, screen.language), screen.width);
    for fault in &preview.findings {
        let told = phrase::cause(screen.language, Some(&fault.code.into()), &fault.cause);
        let told = remedied(&told, screen.width - 2);
        lines.extend(told.iter().map(|line| format!("  {line}")));
    }
    lines.extend(fold(&screen.told(&SyncTerm::DryRun), screen.width));
    lines
}

fn rows(preview: &SyncPreview, language: Language) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for (kind, of) in &preview.types {
        let count = |ids: &Vec<String>| ids.len() as u64;
        let told = counts(
            &[
                (count(&of.created), |count| SyncTerm::Created { count }),
                (count(&of.updated), |count| SyncTerm::Updated { count }),
                (of.unchanged, |count| SyncTerm::Unchanged { count }),
                (count(&of.hidden), |count| SyncTerm::Deleted { count }),
                (of.held_back, |count| SyncTerm::HeldBack { count }),
                (of.waiting, |count| SyncTerm::WaitsForExam { count }),
            ],
            language,
        );
        let told = match told.is_empty() {
            true => SyncTerm::Nothing.localized(language),
            false => told,
        };
        rows.push((words::entity(*kind).localized(language), told));
    }
    let packages = counts(
        &[
            (preview.fetch.len() as u64, |count| SyncTerm::ToFetch {
                count,
            }),
            (preview.compare.len() as u64, |count| SyncTerm::ToCompare {
                count,
            }),
            (preview.held, |count| SyncTerm::HeldBefore { count }),
        ],
        language,
    );
    if !packages.is_empty() {
        rows.push((SyncTerm::Packages.localized(language), packages));
    }
    rows
}

#[cfg(test)]
mod tests {
    use logic::entity::EntityType;
    use logic::preview::TypePreview;

    use super::*;
    use crate::cli::screen::each;

    #[test]
    fn a_preview_says_in_numbers_what_would_happen() {
        let ids = |count: usize| vec![String::from("i"); count];
        let mut preview = SyncPreview {
            fetch: ids(2),
            compare: ids(1),
            held: 4,
            ..SyncPreview::default()
        };
        let takers = TypePreview {
            created: ids(5),
            updated: ids(2),
            hidden: ids(1),
            unchanged: 290,
            waiting: 1,
            ..TypePreview::default()
        };
        preview.types.insert(EntityType::TestTaker, takers);
        preview
            .types
            .insert(EntityType::Delivery, TypePreview::default());
        each("sync-dry-run", |screen| lines(&preview, screen));
    }
}
