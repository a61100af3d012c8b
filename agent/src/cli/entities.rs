//! `entities`: what the catalogue holds, and with `--hidden` what it keeps though central no longer names it.
//! Never changes it; reads one edition from beginning to end.
//! Called by `cli`.

use logic::entity::{Entity, EntityType, uri};
use logic::fault::{CatalogueCause, Code, Fault};
use logic::outside;
use logic::seal::NameHash;
use serde_json::json;

use super::screen::{Screen, table};
use super::words::ActTerm;
use crate::engine::Engine;
use vault::catalogue::{CatalogueStore, EntityLocation};

/// What is asked of the catalogue.
pub(super) struct EntityQuery {
    pub(super) kind: Option<EntityType>,
    pub(super) id: Option<String>,
    pub(super) hidden: bool,
    /// Only these organisations of the box; none is all.
    pub(super) organisations: Vec<String>,
}

pub(super) fn act(engine: &Engine, query: &EntityQuery, screen: &Screen) -> Result<u8, Fault> {
    let all = engine.asked_for(&query.organisations)?;
    let mut found = false;
    for one in &all {
        let of = match all.len() {
            1 => None,
            _ => one.organisation_id(),
        };
        found |= list(one, query, of.as_deref(), screen)?;
    }
    match query.id.as_deref() {
        Some(id) if !found => {
            let id = id.into();
            let cause = match query.hidden {
                true => CatalogueCause::NoneHidden { id },
                false => CatalogueCause::NoEntity { id },
            };
            Err(Fault::new(Code::CatalogueUnknownEntity, cause))
        }
        _ => Ok(0),
    }
}

/// Shows what one organisation has; whether there was anything. `of`: which one, where there are several.
fn list(
    engine: &Engine,
    query: &EntityQuery,
    of: Option<&str>,
    screen: &Screen,
) -> Result<bool, Fault> {
    let (kind, id, hidden) = (query.kind, query.id.as_deref(), query.hidden);
    let catalogue = CatalogueStore::open(engine.vault())?;
    let edition = catalogue.shown()?;
    if kind.is_none() && id.is_none() && !screen.json {
        let count = |kind: EntityType| match hidden {
            true => edition.count_hidden(kind),
            false => edition.count(kind),
        };
        if let Some(of) = of {
            let ids = of.to_owned();
            screen.line(&screen.told(&ActTerm::Organisation { ids }));
        }
        let row = |kind: &EntityType| vec![kind.word().to_owned(), count(*kind).to_string()];
        for line in table(
            &EntityType::ALL.iter().map(row).collect::<Vec<_>>(),
            screen.width,
        ) {
            screen.line(&line);
        }
        return Ok(true);
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
                return Ok(true);
            }
            let entity = reader.entity(kind, name, row)?;
            show(kind, &entity, id.is_some(), of, screen);
            found = true;
        }
    }
    Ok(found)
}

fn show(kind: EntityType, entity: &Entity, whole: bool, of: Option<&str>, screen: &Screen) {
    if screen.json {
        let mut told = json!({
            "id": entity.id, "type": kind.word(), "checksum": entity.checksum, "properties": entity.properties,
        });
        if let Some(of) = of {
            told["organisation_id"] = json!(of);
        }
        return screen.object(told);
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
