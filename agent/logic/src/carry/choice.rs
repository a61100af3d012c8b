//! Which package of a delivery leaves with an export: that of the box, or the one that lies on the stick already.
//! Never an older one in the place of one that is current, and never none where a whole one is at hand.
//! Called by the engine, which exports.
//!
//! | The box holds it whole | The stick has it whole | Then goes | It counts as |
//! |---|---|---|---|
//! | compared with central's as the delivery is now | or not | the box's | current |
//! | of before, or not at all | written for the delivery as it is now | the stick's | current |
//! | of before | of before, or not at all | the box's | older |
//! | not at all | of before | the stick's | older |
//! | not at all | not at all | none | lacking |
//!
//! On the morning of an exam an older package that is whole is better than none: it goes, is named, and the box that takes it
//! keeps whatever whole one it has, and does not take the older one for central's.

use crate::entity::Checksum;

/// Whose package goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageChoice {
    /// That of the box.
    Own {
        /// It was not compared with central's since its delivery changed.
        older: bool,
    },
    /// The one that lies on the stick.
    Lies {
        /// As with that of the box.
        older: bool,
    },
    /// None is whole.
    Lacks,
}

/// Chooses: for each of the two, `None` where it has none that is whole, else whether it is current.
pub fn choose(own: Option<bool>, lies: Option<bool>) -> PackageChoice {
    match (own, lies) {
        (Some(true), _) => PackageChoice::Own { older: false },
        (_, Some(true)) => PackageChoice::Lies { older: false },
        (Some(false), _) => PackageChoice::Own { older: true },
        (None, Some(false)) => PackageChoice::Lies { older: true },
        (None, None) => PackageChoice::Lacks,
    }
}

/// Whether a package that is held goes with its delivery as it is now.
///
/// | It was compared with central's when the delivery was | Then it is |
/// |---|---|
/// | as it is now, or nobody noted how it was | current |
/// | another one: central may have another package since | of before |
pub fn is_current(compared: Option<Checksum>, delivery: Option<Checksum>) -> bool {
    compared.is_none() || compared == delivery
}

/// What a package counts as compared with that is an older one: no delivery as it is now.
pub const NEVER_COMPARED: Checksum = Checksum([0; 16]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_a_delivery_that_changed_since_is_of_before() {
        let of = |digit: &str| Some(Checksum::of(&digit.repeat(32)));
        assert!(is_current(None, of("1")) && is_current(of("1"), of("1")));
        assert!(!is_current(of("2"), of("1")));
        assert!(!is_current(Some(NEVER_COMPARED), of("1")));
    }

    #[test]
    fn a_whole_package_is_never_left_behind_for_none() {
        use PackageChoice::{Lacks, Lies, Own};
        let all = [Some(true), Some(false), None];
        let chosen = all.map(|own| all.map(|lies| choose(own, lies)));
        let current = Own { older: false };
        let kept = Lies { older: false };
        assert_eq!(chosen[0], [current; 3]);
        assert_eq!(chosen[1], [kept, Own { older: true }, Own { older: true }]);
        assert_eq!(chosen[2], [kept, Lies { older: true }, Lacks]);
    }
}
