//! `entities`: what the catalogue holds, and with `--hidden` what it keeps though central no longer names it.
//! Never changes it; reads one edition from beginning to end.
//! Called by `cli`.

use logic::entity::{Entity, EntityType, uri};
use logic::fault::{CatalogueCause, Code, Fault};
use logic::outside;
use logic::seal::NameHash;
use serde_json::json;

use super::screen::{Screen, table};
use crate::engine::Engine;
use vault::catalogue::{CatalogueStore, EntityLocation};

pub(super) fn act(
    engine: &Engine,
    kind: Option<EntityType>,
    id: Option<&str>,
    hidden: bool,
    screen: &Screen,
) -> Result<u8, Fault> {
    let catalogue = CatalogueStore::open(engine.vault())?;
    let edition = catalogue.shown()?;
    if kind.is_none() && id.is_none() && !screen.json {
        let count = |kind: EntityType| match hidden {
            true => edition.count_hidden(kind),
            false => edition.count(kind),
        };
        let row = |kind: &EntityType| vec![kind.word().to_owned(), count(*kind).to_string()];
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
        let rows: Vec<(&NameHash, &EntityLocation)> = match hidden {
            true => edition
                .hidden(kind)
                .map(|(name, hidden)| (name, &hidden.row))
                .collect(),
            false => edition.rows(kind).collect(),
        };
        for (name, row) in rows
            .into_iter()
            .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == **name))
        {
            if screen.is_closed() {
                return Ok(0);
            }
            show(kind, &reader.entity(kind, name, row)?, id.is_some(), screen);
            found = true;
        }
    }
    match id {
        Some(id) if !found => {
            let id = id.into();
            let cause = match hidden {
                true => CatalogueCause::NoneHidden { id },
                false => CatalogueCause::NoEntity { id },
            };
            Err(Fault::new(Code::CatalogueUnknownEntity, cause))
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
        return screen.line(&format!(
            "{}  {}",
            outside::escaped(&entity.id),
            outside::escaped(label)
        ));
    }
    screen.line(&format!(
        "{}  ({})",
        outside::escaped(&entity.id),
        kind.word()
    ));
    for (predicate, _) in entity.properties.iter() {
        for text in entity.properties.values(predicate) {
            let secret = predicate == uri::PASSWORD;
            screen.line(&format!(
                "  {} = {}",
                outside::escaped(predicate),
                if secret {
                    "(a password hash)".into()
                } else {
                    outside::escaped(text)
                }
            ));
        }
    }
}
