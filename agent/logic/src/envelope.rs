//! What to do next with the key files of a state folder: which of them opens the data key decides.
//! Never names a step that takes away a copy which may be the only one that opens.
//! Called by `vault::key`, which looks, does one step, and looks again.
//!
//! The data key is wrapped in `data.key`. The envelope key that opens it is a credential, or the file `boxsync.key`.
//! A rotation writes the successor as `boxsync.key.next`, wraps the data key with it, and renames it to `boxsync.key`:
//! at every moment one of the two files opens `data.key`, and the table below says which one may go.

use KeyCopy::{Absent, Opens, Other};

/// What lies at one place for an envelope key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyCopy {
    /// Nothing.
    Absent,
    /// A key that opens `data.key`.
    Opens,
    /// Something that does not open it: another key, or no key at all.
    Other,
    /// Something that cannot be read; nobody knows what it opens.
    Unread,
}

/// One look at the key files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyFiles {
    /// The credential in force.
    pub credential: KeyCopy,
    /// The credential before it, laid beside it for one start.
    pub old_credential: KeyCopy,
    /// `boxsync.key`.
    pub key: KeyCopy,
    /// `boxsync.key.next`, which a rotation wrote.
    pub next: KeyCopy,
    /// Beside `data.key` lies another copy of the wrapped data key that one of these keys opens.
    pub spare: bool,
    /// Files under temporary names, left by a cut.
    pub leftovers: bool,
}

/// What to do next; each step is safe to be cut and to be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RotationStep {
    /// All is in order: one key opens, and no change of keys is half done.
    Done,
    /// Replace `data.key` by one that the credential in force opens.
    WrapWithCredential,
    /// Rename `boxsync.key.next` to `boxsync.key`: what was there opens nothing any more.
    NextBecomesKey,
    /// Remove `boxsync.key.next`, which opens nothing yet or nothing any more.
    RemoveNext,
    /// Put the other copy of the wrapped data key in the place of `data.key`, whose content is kept aside.
    SpareBecomesWrapped,
    /// Remove what a cut left under temporary names.
    RemoveLeftovers,
    /// A key opens the data, but something beside it cannot be read: leave everything as it is.
    Leave,
    /// No key at hand opens the data: change nothing.
    Locked,
}

impl KeyFiles {
    /// Whether a key at hand opens `data.key`.
    pub fn opens(&self) -> bool {
        [self.credential, self.old_credential, self.key, self.next].contains(&Opens)
    }

    /// The next step towards a folder in which no change of keys is half done.
    ///
    /// | opens `data.key` | beside it | step |
    /// |---|---|---|
    /// | none | a copy that a key opens | `SpareBecomesWrapped` |
    /// | none | – | `Locked` |
    /// | the old credential, `key` or `next` | another credential in force | `WrapWithCredential` |
    /// | `next` alone | – | `NextBecomesKey` |
    /// | any but `next` | `next` | `RemoveNext` |
    /// | any | temporary files | `RemoveLeftovers` |
    /// | any | – | `Done` |
    pub fn step(&self) -> RotationStep {
        let others = [self.credential, self.old_credential, self.key].contains(&Opens);
        match self {
            _ if !self.opens() && self.spare => RotationStep::SpareBecomesWrapped,
            _ if !self.opens() => RotationStep::Locked,
            Self {
                credential: Other, ..
            } => RotationStep::WrapWithCredential,
            Self {
                next: KeyCopy::Unread,
                ..
            } => RotationStep::Leave,
            Self { next: Absent, .. } if self.leftovers => RotationStep::RemoveLeftovers,
            Self { next: Absent, .. } => RotationStep::Done,
            _ if others => RotationStep::RemoveNext,
            Self {
                key: KeyCopy::Unread,
                ..
            } => RotationStep::Leave,
            _ => RotationStep::NextBecomesKey,
        }
    }
}

#[cfg(test)]
mod tests;
