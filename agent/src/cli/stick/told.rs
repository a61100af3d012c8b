//! What lies on a stick, as people read it: no line wider than the screen.
//! Never decides anything.
//! Called by `stick`.

use logic::carry::StickHead;
use logic::language::Localized;
use logic::language::figure::{self, Seconds};
use logic::outside;
use serde_json::{Value as Json, json};

use super::NAMED;
use super::words::StickTerm;
use crate::cli::screen::{Screen, fold, pairs};
use vault::carry::FoundHead;
use vault::handed::HandedLook;

/// What a head says; with its age in seconds and whether it is whole where that was looked at, and more for machines.
pub(super) fn head(found: &FoundHead, looked: Option<(u64, bool)>, screen: &Screen, more: &Json) {
    if !screen.json {
        let lines = lines(found, looked, screen);
        return lines.iter().for_each(|line| screen.line(line));
    }
    let head = &found.head;
    let count = |one: &logic::carry::StickEntities| (one.kind.word().to_owned(), json!(one.count));
    let entities: serde_json::Map<_, _> = head.types.iter().map(count).collect();
    let mut told = json!({
        "organisation_id": head.organisation, "box_id": found.box_id, "export": found.number,
        "exported_at": found.at, "complete_at": head.complete_at, "entities": entities,
        "packages": head.packages.len(), "package_bytes": head.package_bytes(), "lacking": head.lacking,
        "older": head.older,
    });
    if let (Some(told), Some(more)) = (told.as_object_mut(), more.as_object()) {
        told.extend(more.clone());
    }
    screen.object(told);
}

fn lines(found: &FoundHead, looked: Option<(u64, bool)>, screen: &Screen) -> Vec<String> {
    use StickTerm::{
        Age, AsOf, Entities, Exported, From, Lacking, Older, Organisation, Packages, State,
        Unwhole, Whole,
    };
    let StickHead {
        organisation,
        complete_at,
        packages,
        lacking,
        older,
        ..
    } = &found.head;
    let moment = |at| figure::moment(screen.language, at, 0);
    let count = found.head.types.iter().map(|one| one.count).sum();
    let (from, at) = (outside::id(&found.box_id), moment(found.at));
    let exported = screen.told(&From { from, at });
    let at = moment(*complete_at);
    let entities = screen.told(&AsOf { count, at });
    let (count, bytes) = (packages.len(), found.head.package_bytes());
    let size = figure::bytes(screen.language, bytes);
    let mut rows = vec![
        (Exported, exported),
        (Entities, entities),
        (Packages, format!("{count}, {size}")),
    ];
    if *lacking > 0 {
        rows.push((Lacking, lacking.to_string()));
    }
    if !older.is_empty() {
        rows.push((Older, older.len().to_string()));
    }
    if let Some((age, whole)) = looked {
        rows.push((Age, Seconds(age).localized(screen.language)));
        rows.push((State, screen.told(if whole { &Whole } else { &Unwhole })));
    }
    let id = outside::id(organisation);
    let mut lines: Vec<String> = fold(&screen.told(&Organisation { id }), screen.width).collect();
    lines.extend(below(rows, screen));
    // An id stands there whole.
    let named = older.iter().take(NAMED).map(|id| outside::id(id));
    lines.extend(named.map(|id| format!("    {id}")));
    lines
}

/// Rows below a line that they belong to.
fn below(rows: Vec<(StickTerm, String)>, screen: &Screen) -> Vec<String> {
    let rows = rows
        .into_iter()
        .map(|(name, text)| (screen.told(&name), text));
    let lines = pairs(&rows.collect::<Vec<_>>(), screen.width - 2);
    lines.iter().map(|line| format!("  {line}")).collect()
}

/// What boxes handed over and what they are told of it.
pub(super) fn handed(look: &HandedLook, now: i64, screen: &Screen) {
    if !screen.json {
        let lines = handed_lines(look, now, screen);
        return lines.iter().for_each(|line| screen.line(line));
    }
    let boxes = look.boxes.iter().map(|one| {
        let (first, last) = one.came;
        json!({ "box_id": one.box_id, "items": one.items, "first_at": first, "last_at": last })
    });
    let lists = look.lists.iter().map(
        |list| json!({ "box_id": list.to, "from": list.from, "items": list.items, "at": list.at }),
    );
    screen.object(json!({
        "handed_over": boxes.collect::<Vec<_>>(), "arrived": lists.collect::<Vec<_>>(),
        "whole": look.changed.is_empty(), "changed": look.changed,
    }));
}

fn handed_lines(look: &HandedLook, now: i64, screen: &Screen) -> Vec<String> {
    let age = |at| Seconds(now.saturating_sub(at).max(0) as u64);
    let handed = look.boxes.iter().map(|one| {
        screen.told(&StickTerm::HandedBy {
            id: outside::id(&one.box_id),
            count: one.items,
            age: age(one.came.0),
        })
    });
    let listed = look.lists.iter().map(|list| {
        screen.told(&StickTerm::Listed {
            to: outside::id(&list.to),
            from: outside::id(&list.from),
            count: list.items,
            age: age(list.at),
        })
    });
    let all: Vec<String> = handed.chain(listed).collect();
    let folded = all.iter().flat_map(|text| fold(text, screen.width));
    folded.collect()
}

#[cfg(test)]
mod tests {
    use logic::carry::StickPackage;
    use logic::entity::EntityType;
    use vault::handed::{HandedBox, ListedBox};

    use super::*;
    use crate::cli::screen::each;

    /// No line is wider than the screen, in both languages.
    #[test]
    fn what_lies_on_a_stick_fits_the_screen() {
        let delivery = "https://central.example/tao.rdf#i16";
        let box_id = "5e0b1c2d3f4a5b6c7d8e";
        let package = StickPackage {
            delivery: delivery.into(),
            size: 123_456_789,
            tail: [1; 32],
        };
        let entities = |(kind, count)| logic::carry::StickEntities {
            kind,
            count,
            bodies: Vec::new(),
        };
        let found = FoundHead {
            number: 7,
            box_id: box_id.into(),
            at: 1_795_500_000,
            head: StickHead {
                organisation: "1001".into(),
                complete_at: 1_795_400_000,
                types: EntityType::ALL
                    .map(|kind| (kind, 12_000))
                    .map(entities)
                    .into(),
                packages: vec![package],
                lacking: 2,
                older: vec![delivery.into(); 2],
                ..StickHead::default()
            },
        };
        let look = HandedLook {
            boxes: vec![HandedBox {
                box_id: box_id.into(),
                items: 120,
                came: (1_795_300_000, 1_795_400_000),
            }],
            lists: vec![ListedBox {
                from: box_id.into(),
                to: box_id.into(),
                items: 1,
                at: 1_795_400_000,
            }],
            changed: Vec::new(),
        };
        each("stick", |screen| {
            let mut all = lines(&found, Some((100_000, false)), screen);
            all.extend(handed_lines(&look, 1_795_500_000, screen));
            all
        });
    }
}
