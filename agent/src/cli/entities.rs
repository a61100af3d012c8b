//! `entities`: what the catalogue holds.
//! Never changes it; reads one edition from beginning to end.
//! Called by `cli`.

use logic::entity::{Entity, EntityType, uri};
use logic::words::{Class, Outcome, Trouble};
use serde_json::json;

use super::screen::{Screen, table};
use crate::engine::Engine;
use crate::vault::catalogue::Catalogue;

pub(super) fn act(
    engine: &Engine,
    kind: Option<EntityType>,
    id: Option<&str>,
    screen: &Screen,
) -> Result<u8, Trouble> {
    let catalogue = Catalogue::open(engine.vault())?;
    let edition = catalogue.edition()?;
    if kind.is_none() && id.is_none() && !screen.json {
        let row =
            |kind: &EntityType| vec![kind.word().to_owned(), edition.count(*kind).to_string()];
        for line in table(
            &EntityType::ALL.iter().map(row).collect::<Vec<_>>(),
            screen.width,
        ) {
            screen.line(&line);
        }
        return Ok(0);
    }
    let mut reader = catalogue.reader();
    let mut found = false;
    for kind in EntityType::ALL
        .into_iter()
        .filter(|each| kind.is_none_or(|kind| kind == *each))
    {
        let wanted = id.map(|id| engine.vault().keys().name(kind.word(), id));
        for (name, row) in edition
            .rows(kind)
            .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == **name))
        {
            show(kind, &reader.entity(kind, name, row)?, id.is_some(), screen);
            found = true;
        }
    }
    match id {
        Some(id) if !found => {
            let reason = format!("the box holds no entity {id}");
            Err(Trouble::new(
                "catalogue.unknown_entity",
                Class::GiveUp,
                Outcome::Failed,
                reason,
            ))
        }
        _ => Ok(0),
    }
}

fn show(kind: EntityType, entity: &Entity, whole: bool, screen: &Screen) {
    if screen.json {
        return screen.object(json!({
            "id": entity.id, "type": kind.word(), "checksum": entity.checksum, "properties": entity.properties,
        }));
    }
    if !whole {
        let label = entity.properties.first(uri::LABEL).unwrap_or_default();
        return screen.line(&format!("{}  {label}", entity.id));
    }
    screen.line(&format!("{}  ({})", entity.id, kind.word()));
    for (predicate, _) in entity.properties.iter() {
        for text in entity.properties.values(predicate) {
            let secret = predicate == uri::PASSWORD;
            screen.line(&format!(
                "  {predicate} = {}",
                if secret { "(a password hash)" } else { text }
            ));
        }
    }
}
