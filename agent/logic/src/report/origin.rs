//! Where the catalogue of a box came from, when it was no link.
//! Never tells how old it is by itself: the catalogue does.
//! Called by the engine, which keeps it, and by whoever shows where a box stands.

use serde::{Deserialize, Serialize};

/// Where the catalogue of a box came from, when it was a stick.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StickOrigin {
    /// The box that exported.
    pub box_id: String,
    /// When it did, Unix seconds.
    pub exported_at: i64,
    /// When the catalogue was read from central, Unix seconds: by this it is known whether it still stands.
    pub complete_at: i64,
    /// When it was taken from the stick, Unix seconds.
    pub imported_at: i64,
}

impl StickOrigin {
    /// Whether it is where a catalogue came from that was complete then: what is read from central, or from another stick,
    /// has another time.
    pub fn is_of(&self, complete_at: Option<i64>) -> bool {
        complete_at == Some(self.complete_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_the_catalogue_that_it_came_with() {
        let origin = StickOrigin {
            complete_at: 5,
            ..StickOrigin::default()
        };
        assert!(origin.is_of(Some(5)) && !origin.is_of(Some(6)) && !origin.is_of(None));
    }
}
