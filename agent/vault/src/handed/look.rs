//! What lies at a place of what boxes handed over, and of the lists that tell them what central has.
//! Never tells what an item is, or of whom.
//! Called by the engine for `carry show`, and for an import that finds no data.

use std::path::Path;

use logic::fault::Fault;
use logic::site::{ObjectFlaw, ObjectKind, OrganisationKey};
use logic::spool::ArrivedList;

use crate::copies::each_object;

/// What one box handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedBox {
    /// The box.
    pub box_id: String,
    /// Items that open.
    pub items: u64,
    /// When the first and the last of them were handed in on that box, Unix seconds.
    pub came: (i64, i64),
}

/// A list of what central has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBox {
    /// The box that brought it home.
    pub from: String,
    /// The box that had handed it over.
    pub to: String,
    /// Items that it names.
    pub items: u64,
    /// When the list was written, Unix seconds.
    pub at: i64,
}

/// What lies at a place beside data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HandedLook {
    /// By box.
    pub boxes: Vec<HandedBox>,
    /// By list.
    pub lists: Vec<ListedBox>,
    /// Names of files of this site that do not open.
    pub changed: Vec<String>,
}

impl HandedLook {
    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Items that other boxes than this one handed over.
    pub fn of_others(&self, own: &str) -> u64 {
        let others = self.boxes.iter().filter(|one| one.box_id != own);
        others.map(|one| one.items).sum()
    }

    /// Whether a list is for this box.
    pub fn tells(&self, own: &str) -> bool {
        self.lists.iter().any(|list| list.to == own)
    }
}

/// Opens what lies at a place, but for the data of these organisations. A folder that cannot be listed, such as `lost+found`,
/// keeps nothing else from being told.
///
/// # Errors
/// What the file system says.
pub fn look(place: &Path, keys: &[OrganisationKey]) -> Result<HandedLook, Fault> {
    let mut look = HandedLook::default();
    let unlisted = |trouble: Fault| {
        tracing::warn!(code = %trouble.code, "{trouble}: the folder is not looked at");
        Ok(())
    };
    each_object(
        place,
        keys,
        &unlisted,
        &mut |path, _, _, opened| match opened {
            Ok(object) if object.kind == ObjectKind::Handed => {
                let at = look
                    .boxes
                    .iter()
                    .position(|one| one.box_id == object.box_id);
                let at = at.unwrap_or_else(|| {
                    look.boxes.push(HandedBox {
                        box_id: object.box_id,
                        items: 0,
                        came: (object.at, object.at),
                    });
                    look.boxes.len() - 1
                });
                let one = &mut look.boxes[at];
                one.items += 1;
                one.came = (one.came.0.min(object.at), one.came.1.max(object.at));
            }
            Ok(object) if object.kind == ObjectKind::Arrived => {
                let list = ArrivedList::open(&object.body);
                look.lists.extend(list.map(|list| ListedBox {
                    from: object.box_id,
                    to: list.to,
                    items: list.names.len() as u64,
                    at: object.at,
                }));
            }
            Err(ObjectFlaw::Changed) => {
                let name = path.file_name().unwrap_or_default();
                look.changed.push(name.display().to_string());
            }
            // Second copies are told by `results adopt`, and what another site sealed is nobody's here.
            Ok(_) | Err(_) => {}
        },
    )?;
    Ok(look)
}
