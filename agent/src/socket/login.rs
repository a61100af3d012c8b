//! Finds entities by their login: through a table that is made when somebody asks first, and goes with its edition.
//! Never holds a login (a keyed hash stands for it), and never holds up others while the table is made.
//! Called by the route `entities`.

use logic::entity::{Entity, EntityType, Value, uri};
use logic::fault::Fault;
use tokio::sync::OnceCell;

use super::snapshot::FeedSnapshot;

/// What has a login.
const KINDS: [EntityType; 3] = [
    EntityType::Administrator,
    EntityType::Proctor,
    EntityType::TestTaker,
];
/// Entities that are read before others have their turn.
const TURN: usize = 32;

/// Hashes of logins in order, each with the place of its entity.
pub(super) type Logins = OnceCell<Vec<(u64, EntityType, u32)>>;

fn login(entity: &Entity) -> Option<&str> {
    match entity.properties.get(uri::LOGIN)? {
        Value::One(login) => Some(login),
        Value::Many(_) => None,
    }
}

fn hash(shelf: &FeedSnapshot, login: &str) -> u64 {
    let name = shelf.vault().keys().name("login", login);
    name.0
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

async fn table(shelf: &FeedSnapshot) -> Result<Vec<(u64, EntityType, u32)>, Fault> {
    let mut table = Vec::new();
    for kind in KINDS {
        let mut place = 0;
        while let Some(entity) = shelf.entity(kind, place)? {
            if let Some(login) = login(&entity) {
                table.push((hash(shelf, login), kind, place as u32));
            }
            place += 1;
            if place % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    table.sort_unstable();
    Ok(table)
}

/// The entities of these types with a login, written as central has it.
///
/// # Errors
/// As `FeedSnapshot::entity`.
pub(super) async fn find(
    shelf: &FeedSnapshot,
    kinds: &[EntityType],
    wanted: &str,
) -> Result<Vec<(EntityType, Entity)>, Fault> {
    let table = shelf.logins().get_or_try_init(|| table(shelf)).await?;
    let hash = hash(shelf, wanted);
    let from = table.partition_point(|(each, ..)| *each < hash);
    let mut found = Vec::new();
    for (_, kind, place) in table[from..].iter().take_while(|(each, ..)| *each == hash) {
        let entity = shelf.entity(*kind, *place as usize)?;
        let is_it = |entity: &Entity| login(entity) == Some(wanted) && kinds.contains(kind);
        found.extend(entity.filter(is_it).map(|entity| (*kind, entity)));
    }
    Ok(found)
}
