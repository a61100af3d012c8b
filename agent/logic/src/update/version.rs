//! Versions of images: their order, and which of them a manifest names.
//! Never a version from outside that is more than letters, digits and a few signs.
//! Called by `update`.

use std::cmp::Ordering;

/// What the name of an image begins with; the version and `IMAGE_SUFFIX` follow. A manifest is `SHA256SUMS` as
/// systemd-sysupdate reads it (sysupdate.d(5)).
pub const IMAGE_PREFIX: &str = "boxsync_";
/// What follows the version in the name of a root image.
const IMAGE_SUFFIX: &str = ".root.raw";
/// What follows the version in the name of a boot entry.
pub const BOOT_SUFFIX: &str = ".efi";
/// A longer version is none of ours.
const LONGEST: usize = 50;

/// Whether a text may be a version (UAPI.10, "Version Format").
pub fn is_version(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-.~^".contains(&byte);
    // What begins with a dash is an option to whoever takes it as an argument.
    (1..=LONGEST).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_sign)
}

/// The lines of a manifest: SHA-256 and name. What cannot be read is passed over: whether the manifest is signed is looked at
/// by who installs.
pub(super) fn listed(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (hash, name) = line.split_at_checked(64)?;
        let is_hash = hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        let name = name
            .strip_prefix("  ")
            .or_else(|| name.strip_prefix(" *"))?;
        is_hash.then_some((hash, name))
    })
}

/// The version of the root image that has this name.
pub(super) fn root_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(IMAGE_PREFIX)?;
    let (version, packed) = rest.split_once(IMAGE_SUFFIX)?;
    let is_image = ["", ".gz", ".xz", ".zst"].contains(&packed);
    (is_image && is_version(version)).then_some(version)
}

/// The versions of the root images that a manifest names, each as often as it does. Lines that name something else are
/// passed over.
pub fn of_manifest(text: &str) -> Vec<String> {
    let versions = listed(text).filter_map(|(_, name)| root_of(name));
    versions.map(str::to_owned).collect()
}

/// The newest of several.
pub fn newest<'a>(versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    versions.max_by(|a, b| compare(a, b))
}

/// The order of two versions as systemd has it (UAPI.10, "Version Format"; `systemd-analyze compare-versions`): what
/// systemd-sysupdate takes for newer is newer here.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        (a, b) = (from_sign(a), from_sign(b));
        if let Some(order) = sign(&mut a, &mut b, b'~') {
            return order;
        }
        if a.is_empty() || b.is_empty() {
            return b.is_empty().cmp(&a.is_empty());
        }
        for mark in [b'-', b'^', b'.'] {
            if let Some(order) = sign(&mut a, &mut b, mark) {
                return order;
            }
        }
        let order = match (starts_with_digit(a), starts_with_digit(b)) {
            (false, false) => {
                let (first, second) = (
                    split(&mut a, u8::is_ascii_alphabetic),
                    split(&mut b, u8::is_ascii_alphabetic),
                );
                first.cmp(second)
            }
            (true, true) => {
                let (first, second) = (number(&mut a), number(&mut b));
                (first.len(), first).cmp(&(second.len(), second))
            }
            (one, other) => one.cmp(&other),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// What does not count is passed over.
fn from_sign(text: &[u8]) -> &[u8] {
    let counts = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.~^".contains(byte);
    &text[text.iter().position(counts).unwrap_or(text.len())..]
}

/// One that goes on with this sign is older than one that does not; where both do it is passed over.
fn sign(a: &mut &[u8], b: &mut &[u8], mark: u8) -> Option<Ordering> {
    let is = |text: &[u8]| text.first() == Some(&mark);
    match (is(a), is(b)) {
        (true, true) => {
            (*a, *b) = (&a[1..], &b[1..]);
            None
        }
        (false, false) => None,
        (one, other) => Some(other.cmp(&one)),
    }
}

fn starts_with_digit(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_digit)
}

/// Takes away what begins a text.
fn split<'a>(text: &mut &'a [u8], is: impl Fn(&u8) -> bool) -> &'a [u8] {
    let end = text.iter().position(|byte| !is(byte)).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    *text = rest;
    first
}

/// The digits of a number, without zeros before it.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let mut digits = split(text, u8::is_ascii_digit);
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of UAPI.10, and some of systemd's own tests.
    #[test]
    fn versions_are_ordered_as_systemd_orders_them() {
        let rising = [
            "122.1",
            "123~rc1-1",
            "123",
            "123-a",
            "123-a.1",
            "123-1",
            "123-1.1",
            "123^post1",
            "123.a-1",
            "123.1-1",
            "123a-1",
            "124-1",
        ];
        for (place, lower) in rising.iter().enumerate() {
            for higher in &rising[place + 1..] {
                assert_eq!(compare(lower, higher), Ordering::Less, "{lower} < {higher}");
                assert_eq!(
                    compare(higher, lower),
                    Ordering::Greater,
                    "{higher} > {lower}"
                );
            }
        }
        for (one, same) in [("001", "1"), ("1_", "1"), ("2022.11", "2022.011"), ("", "")] {
            assert_eq!(compare(one, same), Ordering::Equal, "{one} = {same}");
        }
    }

    #[test]
    fn what_would_be_an_option_is_no_version() {
        for (text, is) in [
            ("1-2", true),
            ("1~rc1^2", true),
            ("-1", false),
            ("--help", false),
            ("a/b", false),
        ] {
            assert_eq!(is_version(text), is, "{text}");
        }
    }

    #[test]
    fn a_manifest_names_images_and_more() {
        let hash = "a".repeat(64);
        let lines = [
            format!("{hash}  boxsync_2026.1.root.raw.xz"),
            format!("{hash} *boxsync_2026.2.root.raw"),
            format!("{hash}  boxsync_2026.2.efi"),
            format!("{hash}  boxsync_.root.raw"),
            format!("{hash}  boxsync_../../x.root.raw"),
            format!("{hash}  boxsync_2026.3.root.raw.exe"),
            format!("{}  boxsync_2026.4.root.raw", "g".repeat(64)),
            "boxsync_2026.5.root.raw".to_owned(),
            "é".repeat(40),
        ];
        assert_eq!(of_manifest(&lines.join("\n")), ["2026.1", "2026.2"]);
    }

    proptest! {
        #[test]
        fn the_order_is_one(a in "[0-9a-c.~^-]{0,8}", b in "[0-9a-c.~^-]{0,8}", c in "[0-9a-c.~^-]{0,8}") {
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le(), "{} {} {}", a, b, c);
            }
        }

        #[test]
        fn a_manifest_is_read_whatever_it_holds(text in "(.|\n){0,300}") {
            for version in of_manifest(&text) {
                prop_assert!(is_version(&version));
            }
        }
    }
}
