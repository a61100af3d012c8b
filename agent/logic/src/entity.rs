//! Minimal until the formats land: the six entity types.
//! Never more than their names.
//! Called by `api`.

/// The six types in the order of a synchronisation (protocol 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum EntityType {
    TestCenter,
    Administrator,
    Proctor,
    TestTaker,
    Eligibility,
    Delivery,
}

impl EntityType {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::TestCenter => "test-center",
            Self::Administrator => "administrator",
            Self::Proctor => "proctor",
            Self::TestTaker => "test-taker",
            Self::Eligibility => "eligibility",
            Self::Delivery => "delivery",
        }
    }
}
