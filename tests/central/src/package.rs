//! A delivery's test package: QTI-like members made from a seed, changed member by member (protocol 6.2).
//! Never decides who gets it; content is made when first asked for and kept.
//! Called by the catalogue.

use std::fmt::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::php;
use crate::random::Random;
use crate::zip::{self, Member};

/// How a package becomes a new version under the same URI.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
pub struct Change {
    /// Share of the members that change, 0 to 100; at least one does.
    pub percent: f64,
    /// Whether the package keeps its size: only stored media change, in place.
    #[serde(default)]
    pub same_size: bool,
}

/// One package.
#[derive(Clone)]
pub(crate) struct Package {
    members: Vec<Spec>,
    target: u64,
    bytes: OnceLock<Bytes>,
}

#[derive(Clone)]
struct Spec {
    path: String,
    role: Role,
    /// Length of media and text before compression.
    length: u64,
    /// What the content is made from: the same salt, the same bytes.
    salt: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Item,
    Media,
    Text,
    Manifest,
    Test,
    Pad,
}

impl Package {
    /// A package of exactly `size` bytes, or of what the smallest test needs.
    pub(crate) fn new(seed: u64, size: u64) -> Self {
        let mut random = Random::new(seed);
        let items = (size / 60_000).clamp(2, 80);
        let has_text = |n: u64| n % 4 == 1 && size > 60_000;
        let texts = (0..items).filter(|n| has_text(*n)).count() as u64;
        let media = (size * 9 / 10).saturating_sub(items * 2_000 + texts * 12_000 + 4_000);
        let weights: Vec<u64> = (0..items).map(|_| 50 + random.below(100)).collect();
        let total: u64 = weights.iter().sum();
        let mut members = Vec::new();
        for n in 0..items {
            let folder = format!("items/i6b{}", random.hex(31));
            let mut add = |name: &str, role: Role, length: u64| {
                let path = format!("{folder}/{name}");
                members.push(Spec::new(path, role, length, random.next()));
            };
            add("qti.xml", Role::Item, 0);
            let length = media * weights[n as usize] / total;
            if length > 64 {
                add(&format!("assets/figure-{n}.jpg"), Role::Media, length);
            }
            if has_text(n) {
                add(
                    "assets/passage.html",
                    Role::Text,
                    8_000 + n * 7_919 % 16_000,
                );
            }
        }
        members.push(Spec::new(
            "imsmanifest.xml".into(),
            Role::Manifest,
            0,
            random.next(),
        ));
        let test = format!("tests/i6b{}/test.xml", random.hex(31));
        members.push(Spec::new(test, Role::Test, 0, random.next()));
        members.push(Spec::new(
            "assets/media.bin".into(),
            Role::Pad,
            0,
            random.next(),
        ));
        Self {
            members,
            target: size,
            bytes: OnceLock::new(),
        }
    }

    /// A package of given bytes, a ZIP or not.
    pub(crate) fn raw(bytes: Bytes) -> Self {
        Self {
            members: Vec::new(),
            target: bytes.len() as u64,
            bytes: OnceLock::from(bytes),
        }
    }

    /// The content, made now if it was not yet.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.get_or_init(|| self.build()).clone()
    }

    /// Makes the next version; returns the paths of the members that changed.
    pub(crate) fn change(&mut self, change: Change, salt: u64) -> Vec<String> {
        let before = self.bytes();
        if self.members.is_empty() {
            let mut bytes = before.to_vec();
            if let Some(byte) = bytes.last_mut() {
                *byte ^= 1;
            }
            self.bytes = OnceLock::from(Bytes::from(bytes));
            return Vec::new();
        }
        self.settle_pad();
        let mut order: Vec<usize> = (0..self.members.len())
            .filter(|i| match self.members[*i].role {
                Role::Media => true,
                Role::Text | Role::Item => !change.same_size,
                _ => false,
            })
            .collect();
        Random::new(salt).shuffle(&mut order);
        // Compressed members may keep their size by chance; a stored one never does.
        if let Some(at) = order
            .iter()
            .position(|i| self.members[*i].role == Role::Media)
        {
            order.swap(0, at);
        }
        let share = change.percent.clamp(0.0, 100.0) / 100.0;
        let wanted = (share * self.members.len() as f64).ceil().max(1.0) as usize;
        let mut changed = Vec::new();
        for i in order.into_iter().take(wanted) {
            let member = &mut self.members[i];
            member.salt ^= salt | 1;
            if !change.same_size {
                member.length += member.length / 7 + 137;
            }
            changed.push(member.path.clone());
        }
        self.bytes = OnceLock::new();
        changed
    }

    /// Fixes the length of the padding member, so that later versions differ only where they are changed.
    fn settle_pad(&mut self) {
        let length = self.pad_length();
        if let Some(pad) = self.members.iter_mut().find(|m| m.role == Role::Pad) {
            pad.length = length;
        }
    }

    fn pad_length(&self) -> u64 {
        match self.members.iter().find(|m| m.role == Role::Pad) {
            Some(pad) if pad.length == 0 => {
                let rest = zip::write(&self.contents(0)).len() as u64;
                self.target.saturating_sub(rest + zip::overhead(&pad.path))
            }
            Some(pad) => pad.length,
            None => 0,
        }
    }

    fn build(&self) -> Bytes {
        zip::write(&self.contents(self.pad_length())).into()
    }

    fn contents(&self, pad: u64) -> Vec<Member> {
        self.members
            .iter()
            .filter(|m| m.role != Role::Pad || pad > 0)
            .map(|m| {
                let content = match m.role {
                    Role::Item => item(m).into(),
                    Role::Manifest => self.manifest(m).into(),
                    Role::Test => self.test(m).into(),
                    Role::Text => text(m).into(),
                    Role::Media => Random::new(m.salt).bytes(m.length).into(),
                    Role::Pad => Random::new(m.salt).bytes(pad).into(),
                };
                Member {
                    path: m.path.clone(),
                    content,
                    deflate: !matches!(m.role, Role::Media | Role::Pad),
                }
            })
            .collect()
    }

    fn manifest(&self, spec: &Spec) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\"?>\n<manifest xmlns=\"http://www.imsglobal.org/xsd/imscp_v1p1\" identifier=\"QTI-TEST-MANIFEST-{:016x}\">\n  <metadata>\n    <schema>QTIv2.1 Package</schema>\n    <schemaversion>1.0.0</schemaversion>\n  </metadata>\n  <organizations/>\n  <resources>\n",
            spec.salt
        );
        for member in &self.members {
            let kind = match member.role {
                Role::Item => "imsqti_item_xmlv2p1",
                Role::Test => "imsqti_test_xmlv2p1",
                _ => continue,
            };
            let (id, href) = (member.id(), &member.path);
            let _ = write!(
                out,
                "    <resource identifier=\"{id}\" type=\"{kind}\" href=\"{href}\">\n      <file href=\"{href}\"/>\n"
            );
            let folder = href.trim_end_matches("qti.xml");
            for asset in &self.members {
                if matches!(asset.role, Role::Media | Role::Text)
                    && member.role == Role::Item
                    && asset.path.starts_with(folder)
                {
                    let _ = writeln!(out, "      <file href=\"{}\"/>", asset.path);
                }
            }
            out.push_str("    </resource>\n");
        }
        out.push_str("  </resources>\n</manifest>\n");
        out
    }

    fn test(&self, spec: &Spec) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<assessmentTest xmlns=\"http://www.imsglobal.org/xsd/imsqti_v2p1\" identifier=\"Test-{:04x}\" title=\"Test\">\n  <testPart identifier=\"part-1\" navigationMode=\"linear\" submissionMode=\"individual\">\n    <assessmentSection identifier=\"section-1\" title=\"Section 1\" visible=\"true\">\n",
            spec.salt & 0xffff
        );
        let items = self.members.iter().filter(|m| m.role == Role::Item);
        for (n, item) in items.enumerate() {
            let _ = writeln!(
                out,
                "      <assessmentItemRef identifier=\"item-{}\" required=\"false\" fixed=\"false\" href=\"../../{}\"/>",
                n + 1,
                item.path
            );
        }
        out.push_str("    </assessmentSection>\n  </testPart>\n</assessmentTest>\n");
        out
    }
}

impl Spec {
    fn new(path: String, role: Role, length: u64, salt: u64) -> Self {
        Self {
            path,
            role,
            length,
            salt,
        }
    }

    /// The folder that names the resource, which is also its QTI identifier in the manifest (protocol 7.4).
    fn id(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or("")
    }
}

fn item(spec: &Spec) -> String {
    let mut random = Random::new(spec.salt);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<assessmentItem xmlns=\"http://www.imsglobal.org/xsd/imsqti_v2p1\" identifier=\"Q-{}\" title=\"{}\" adaptive=\"false\" timeDependent=\"false\" toolName=\"TAO\" toolVersion=\"2022.11\">\n  <responseDeclaration identifier=\"RESPONSE\" cardinality=\"single\" baseType=\"identifier\">\n    <correctResponse><value>choice_{}</value></correctResponse>\n  </responseDeclaration>\n  <outcomeDeclaration identifier=\"SCORE\" cardinality=\"single\" baseType=\"float\"/>\n  <itemBody>\n    <choiceInteraction responseIdentifier=\"RESPONSE\" shuffle=\"false\" maxChoices=\"1\">\n      <prompt>{}?</prompt>\n",
        random.hex(6),
        random.sentence(3),
        random.below(4),
        random.sentence(9)
    );
    for n in 0..4 {
        let _ = writeln!(
            out,
            "      <simpleChoice identifier=\"choice_{n}\">{}</simpleChoice>",
            random.sentence(6)
        );
    }
    out.push_str("    </choiceInteraction>\n  </itemBody>\n  <responseProcessing template=\"http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct\"/>\n</assessmentItem>\n");
    out
}

fn text(spec: &Spec) -> String {
    let mut random = Random::new(spec.salt);
    let mut out = String::from("<!doctype html>\n<div>\n");
    while (out.len() as u64) < spec.length {
        let _ = writeln!(out, "<p>{}.</p>", random.sentence(24));
    }
    out.push_str("</div>\n");
    out
}

/// Lower-case hexadecimal SHA-256, for comparisons in tests.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    php::hex(&sha2::Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Path to CRC-32, from the central directory.
    fn members(archive: &[u8]) -> BTreeMap<String, u32> {
        let number = |at: usize| u32::from_le_bytes(archive[at..at + 4].try_into().unwrap());
        let end = archive.len() - 22;
        let mut at = number(end + 16) as usize;
        let mut found = BTreeMap::new();
        while at < end {
            let length = usize::from(u16::from_le_bytes([archive[at + 28], archive[at + 29]]));
            let path = String::from_utf8(archive[at + 46..at + 46 + length].to_vec()).unwrap();
            found.insert(path, number(at + 16));
            at += 46 + length;
        }
        found
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
        #[test]
        fn a_package_has_the_size_that_was_asked_for(seed: u64, size in 9_000u64..600_000) {
            let package = Package::new(seed, size);
            proptest::prop_assert_eq!(package.bytes().len() as u64, size);
            proptest::prop_assert_eq!(package.bytes(), Package::new(seed, size).bytes());
        }

        #[test]
        fn a_change_changes_what_it_names(seed: u64, percent in 0.5f64..60.0, same_size: bool) {
            let mut package = Package::new(seed, 300_000);
            let before = package.bytes();
            let changed = package.change(Change { percent, same_size }, seed ^ 77);
            let after = package.bytes();
            proptest::prop_assert_eq!(before.len() == after.len(), same_size);
            let (old, new) = (members(&before), members(&after));
            let differing: Vec<&String> = old.iter().filter(|(p, c)| new[*p] != **c).map(|(p, _)| p).collect();
            let mut named: Vec<&String> = changed.iter().collect();
            named.sort();
            proptest::prop_assert_eq!(differing, named);
        }
    }
}
