//! Holds the zip format against a recorded package, packages written here byte by byte, and hostile bytes.
//! Never writes a file: packages are built in memory by `zip/writer.rs`.
//! Run by `cargo test -p logic --test zip`.

#[path = "zip/writer.rs"]
mod writer;

use std::sync::Arc;

use base64::Engine as _;
use logic::fault::Code;
use logic::zip::{
    Defect, DeltaPlan, DeltaSegment, Directory, LocalHeader, Member, PackageTail, Unusual,
    VerificationResult, Verifier, ZipFlaw, plan,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use writer::{WrittenEntry, ZipWriter, distinct, entries, noise, writer};

/// Reads a directory the way the box does: a little of the end first, then what is asked for.
fn open(package: &[u8], first: usize) -> Result<Directory, ZipFlaw> {
    let mut from = package.len().saturating_sub(first);
    for _ in 0..8 {
        match PackageTail::read(package.len() as u64, &package[from..])? {
            PackageTail::Whole(directory) => return Ok(directory),
            PackageTail::Need(need) => {
                assert!((need as usize) < from, "asks for {need}, has {from}..");
                from = need as usize;
            }
        }
    }
    panic!("asks without end");
}

fn verify(directory: &Directory, package: &[u8]) -> VerificationResult {
    let mut verifier = Verifier::new(directory);
    verifier.feed(0, package);
    verifier.finish()
}

/// Every (name, content), read by nothing of the product but its directory.
fn contents(directory: &Directory, package: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let read = |member: &Member| {
        let at = usize::try_from(member.header_offset).ok()?;
        let header = package.get(at..at + 30)?;
        let name = usize::from(u16::from_le_bytes([header[26], header[27]]));
        let extra = usize::from(u16::from_le_bytes([header[28], header[29]]));
        let start = at + 30 + name + extra;
        let data = package.get(start..start + member.compressed as usize)?;
        let content = match member.method {
            0 => data.to_vec(),
            _ => miniz_oxide::inflate::decompress_to_vec_with_limit(data, 1 << 22).ok()?,
        };
        Some((member.name.clone(), content))
    };
    directory.members.iter().map(read).collect()
}

fn recorded() -> Vec<u8> {
    let text = include_str!("../../../tests/fixtures/exchanges/106-deliverytest-basic.json");
    let json: serde_json::Value = serde_json::from_str(text).expect("a recorded exchange");
    base64::engine::general_purpose::STANDARD
        .decode(json["response"]["body_base64"].as_str().unwrap_or_default())
        .expect("a recorded body")
}

#[test]
fn the_recorded_package_is_read_and_verified() {
    let package = recorded();
    for first in [1, 22, 23, 300, 463, 464, 465, 3000, 3931] {
        let directory = open(&package, first).unwrap();
        assert_eq!(directory.usual(), Ok(()));
        assert_eq!((directory.size, directory.start), (3931, 3467));
        assert_eq!(directory.members.len(), 5);
        let manifest = &directory.members[1];
        assert_eq!(manifest.name, b"imsmanifest.xml");
        assert_eq!((manifest.compressed, manifest.size), (727, 3511));
        assert_eq!(directory.extent(1), 679..1451);
        assert_eq!(verify(&directory, &package).good, [0, 1, 2, 3, 4]);
        let tail: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&package[3467..]).into();
        assert_eq!(directory.identity.tail, tail);
        assert_eq!(directory.identity.size, 3931);
    }
}

#[test]
fn a_bad_member_is_named_and_repaired_alone() {
    let package = recorded();
    let directory = open(&package, 1024).unwrap();
    let mut damaged = package.clone();
    damaged[1000] ^= 1;
    let verdict = verify(&directory, &damaged);
    assert_eq!(verdict.good, [0, 2, 3, 4]);
    let [(1, fault)] = &verdict.bad[..] else {
        panic!("{:?}", verdict.bad);
    };
    assert!(fault.passing());
    let extent = directory.extent(1);
    let bytes = &package[extent.start as usize..extent.end as usize];
    let mut again = Verifier::only(Arc::new(directory), &[1, 99]);
    again.feed(extent.start, bytes);
    let verdict = again.finish();
    assert_eq!(verdict.good, [1]);
    assert!(verdict.clean());
}

/// A header that claims the bytes of the next member costs only its own.
#[test]
fn a_member_never_reaches_into_the_next() {
    let mut package = recorded();
    let directory = open(&package, 1024).unwrap();
    package[679 + 28] = 200;
    let verdict = verify(&directory, &package);
    assert_eq!(verdict.good, [0, 2, 3, 4]);
    let fault = Defect::Header("it leaves no room for the data");
    assert_eq!(verdict.bad, [(1, fault)]);
}

#[test]
fn a_gap_leaves_only_the_members_it_touches_unseen() {
    let package = recorded();
    let directory = open(&package, 1024).unwrap();
    let mut verifier = Verifier::new(&directory);
    verifier.feed(0, &package[..700]);
    verifier.feed(1400, &package[1400..2500]);
    verifier.feed(2100, &package[2100..2600]);
    verifier.feed(2600, &package[2600..3387]);
    let verdict = verifier.finish();
    assert_eq!(verdict.unseen, [1, 4]);
    assert_eq!(verdict.good, [0, 2, 3]);
}

#[test]
fn stored_empty_and_folder_members_are_verified() {
    let package = ZipWriter::default().pack(&[
        WrittenEntry::new("media/", b""),
        WrittenEntry::new("media/empty", b"").deflated(),
        WrittenEntry::new("media/big.mp4", &noise(7, 300_000)),
        WrittenEntry::new("media/text", &b"again and again ".repeat(20_000)).deflated(),
        WrittenEntry::new("last", b""),
    ]);
    let directory = open(&package, 100).unwrap();
    assert_eq!(directory.usual(), Ok(()));
    assert_eq!(verify(&directory, &package).good, [0, 1, 2, 3, 4]);
    // The last member is empty: it settles with its header, whether or not a byte follows.
    let members = &package[..directory.start as usize];
    assert!(verify(&directory, members).clean());
    let none = open(&ZipWriter::default().pack(&[]), 22).unwrap();
    assert_eq!((none.members.len(), none.start, none.size), (0, 0, 22));
}

#[test]
fn unusual_packages_are_verified_but_not_built_from() {
    let plain = [
        WrittenEntry::new("a", b"alpha"),
        WrittenEntry::new("b", &[5; 999]).deflated(),
    ];
    let one = |change: fn(&mut WrittenEntry)| {
        let mut entries = plain.clone();
        change(&mut entries[1]);
        ZipWriter::default().pack(&entries)
    };
    let with = |change: fn(&mut ZipWriter)| {
        let mut writer = ZipWriter::default();
        change(&mut writer);
        writer.pack(&plain)
    };
    let cases = [
        (with(|w| w.prefix = 77), Unusual::Prefixed),
        (
            with(|w| (w.prefix, w.shifted) = (77, true)),
            Unusual::Prefixed,
        ),
        (
            with(|w| (w.prefix, w.zip64) = (77, true)),
            Unusual::Prefixed,
        ),
        (with(|w| w.gap = 9), Unusual::Gap),
        (with(|w| w.trailing = 3), Unusual::Trailing),
        (with(|w| w.zip64 = true), Unusual::Zip64),
        (one(|e| e.zip64 = true), Unusual::Zip64),
        (one(|e| e.descriptor = true), Unusual::Descriptor(1)),
        (one(|e| e.name = b"a".to_vec()), Unusual::Duplicate(1)),
    ];
    for (package, why) in cases {
        let directory = open(&package, 30).unwrap();
        assert_eq!(directory.usual(), Err(why.clone()));
        assert_eq!(verify(&directory, &package).good, [0, 1], "{why}");
        let old = open(&ZipWriter::default().pack(&plain), 30).unwrap();
        let whole = plan(&old, &directory, 0, |_| panic!("no header is needed"));
        assert_eq!(whole, DeltaPlan::whole(&directory, 0));
        assert!(!whole.worthwhile());
    }
    let unread = [
        (
            one(|e| e.flags = 1),
            Unusual::Encrypted(1),
            Defect::Encrypted,
        ),
        (
            one(|e| e.method = 93),
            Unusual::Method(1, 93),
            Defect::Method(93),
        ),
    ];
    for (package, why, fault) in unread {
        let directory = open(&package, 30).unwrap();
        assert_eq!(directory.usual(), Err(why));
        assert!(!fault.passing());
        let verdict = verify(&directory, &package);
        assert_eq!((verdict.good, verdict.bad), (vec![0], vec![(1, fault)]));
    }
    let commented = with(|w| w.comment = b"made by PK\x05\x06 hand, at last, on paper".to_vec());
    let directory = open(&commented, 4).unwrap();
    assert_eq!(directory.usual(), Ok(()));
    assert!(verify(&directory, &commented).clean());
}

#[test]
fn members_that_share_bytes_are_read_once() {
    let entries = [
        WrittenEntry::new("a", &[1; 50]),
        WrittenEntry::new("b", &[2; 50]),
    ];
    let mut package = ZipWriter::default().pack(&entries);
    let second = open(&package, 22).unwrap().start as usize + 47;
    package[second + 42..second + 46].copy_from_slice(&0_u32.to_le_bytes());
    let directory = open(&package, 22).unwrap();
    assert_eq!(directory.usual(), Err(Unusual::Overlap(1)));
    let verdict = verify(&directory, &package);
    assert_eq!(verdict.good, [0]);
    assert_eq!(verdict.bad, [(1, Defect::Overlap)]);
}

#[test]
fn a_bomb_is_stopped_at_its_promised_size() {
    let mut bomb = WrittenEntry::new("bomb", &vec![0; 32 << 20]).deflated();
    bomb.size = Some(1000);
    let package = ZipWriter::default().pack(&[bomb, WrittenEntry::new("after", b"intact")]);
    let directory = open(&package, 200).unwrap();
    let verdict = verify(&directory, &package);
    assert_eq!(verdict.good, [1]);
    let [(0, Defect::Longer { said: 1000, found })] = verdict.bad[..] else {
        panic!("{:?}", verdict.bad);
    };
    assert!(found <= 1000 + (64 << 10));
}

#[test]
fn wrong_contents_are_told_apart() {
    let fault = |change: fn(&mut WrittenEntry), entry: WrittenEntry| {
        let mut entry = entry;
        change(&mut entry);
        let package = ZipWriter::default().pack(&[entry]);
        let directory = open(&package, 200).unwrap();
        verify(&directory, &package).bad[0].1.clone()
    };
    let plain = WrittenEntry::new("x", b"some text");
    let packed = plain.clone().deflated();
    let found = fault(|e| e.size = Some(10), packed.clone());
    assert_eq!(found, Defect::Shorter { said: 10, found: 9 });
    let found = fault(|e| e.size = Some(8), plain);
    assert_eq!(found, Defect::Longer { said: 8, found: 9 });
    let crc = Defect::Crc {
        said: 7,
        found: crc32fast::hash(b"some text"),
    };
    assert_eq!(fault(|e| e.crc = Some(7), packed.clone()), crc);
    let deflate = Defect::Deflate;
    assert_eq!(
        fault(|e| e.behind = b"more".into(), packed.clone()),
        deflate
    );
    assert_eq!(fault(|e| e.cut = 1, packed), deflate);
}

/// A reference to before the start of a member would repeat what another member left in the window.
#[test]
fn nothing_leaks_from_one_member_into_the_next() {
    let first = WrittenEntry::new("first", &[b'9'; 64 << 10]).deflated();
    // One fixed block (RFC 1951 3.2.6): length 3 at distance 1, end of block.
    let mut leak = WrittenEntry::new("leak", b"999").deflated();
    leak.raw = Some(vec![0x03, 0x02, 0x00]);
    let package = ZipWriter::default().pack(&[first, leak]);
    let directory = open(&package, 200).unwrap();
    let verdict = verify(&directory, &package);
    assert_eq!(verdict.good, [0]);
    assert_eq!(verdict.bad, [(1, Defect::Deflate)]);
}

#[test]
fn what_is_no_package_is_named() {
    let name = |bytes: &[u8]| open(bytes, 22).unwrap_err();
    assert_eq!(name(b""), ZipFlaw::NotZip);
    assert_eq!(name(&[b' '; 100_000]), ZipFlaw::NotZip);
    assert_eq!(name(b"<html>maintenance</html>"), ZipFlaw::NotZip);
    let short = ZipFlaw::TooShort { given: 6, size: 5 };
    assert_eq!(PackageTail::read(5, &[0; 6]), Err(short));
    let good = ZipWriter::default().pack(&[
        WrittenEntry::new("a", &[1; 500]),
        WrittenEntry::new("b", b"2"),
    ]);
    let start = open(&good, 22).unwrap().start as usize;
    assert_eq!(name(&good[..good.len() - 1]), ZipFlaw::NotZip);
    let cut = ZipFlaw::Truncated {
        said: start as u64,
        found: start as u64 - 100,
    };
    assert_eq!(name(&good[100..]), cut);
    let change = |at: usize, bytes: &[u8]| {
        let mut package = good.clone();
        package[at..at + bytes.len()].copy_from_slice(bytes);
        name(&package)
    };
    let end = good.len() - 22;
    assert_eq!(change(end + 4, &[1]), ZipFlaw::Multidisk);
    let count = |said, found| ZipFlaw::Count { said, found };
    assert_eq!(change(end + 8, &[3, 0, 3, 0]), count(3, 2));
    assert_eq!(change(end + 8, &[1, 0, 1, 0]), count(1, 2));
    let outside = change(start + 42, &600_u32.to_le_bytes());
    assert_eq!(outside.code(), Code::PackageDirectory);
    assert!(matches!(outside, ZipFlaw::Entry { index: 0, .. }));
}

/// A huge package whose end record asks for a huge directory is refused before a byte more is fetched.
#[test]
fn the_directory_is_bounded_before_it_is_fetched() {
    let end = |members: u16, bytes: u32| {
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend([members, members].map(u16::to_le_bytes).concat());
        end.extend(bytes.to_le_bytes());
        end.extend([0; 6]);
        end
    };
    let large = PackageTail::read(1 << 40, &end(1, 100 << 20));
    assert!(matches!(large, Err(ZipFlaw::TooLarge(_))));
    let need = PackageTail::read(1 << 40, &end(1, 64 << 20));
    assert_eq!(need, Ok(PackageTail::Need((1 << 40) - 22 - (64 << 20))));
    let zip64 = PackageTail::read(1 << 40, &end(1, u32::MAX));
    assert_eq!(zip64, Ok(PackageTail::Need((1 << 40) - 22 - 76)));
    let writer = ZipWriter {
        zip64: true,
        ..ZipWriter::default()
    };
    let mut many = writer.pack(&[]);
    many[24..40].copy_from_slice(&[1_000_001_u64.to_le_bytes(); 2].concat());
    assert_eq!(open(&many, 22), Err(ZipFlaw::TooMany(1_000_001)));
}

fn cut(bytes: &[u8], range: &std::ops::Range<u64>) -> Vec<u8> {
    bytes[range.start as usize..range.end as usize].to_vec()
}

/// Executes a plan as the box does.
fn rebuild(plan: &DeltaPlan, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut built = Vec::new();
    for segment in &plan.segments {
        assert_eq!(segment.range().start, built.len() as u64);
        built.extend(match segment {
            DeltaSegment::Copy { from, .. } => cut(old, from),
            DeltaSegment::Given { bytes, .. } => bytes.clone(),
            DeltaSegment::Fetch(range) | DeltaSegment::Tail(range) => cut(new, range),
        });
    }
    built
}

fn delta(old: &[u8], new: &[u8], overhead: u64) -> DeltaPlan {
    let [was, is] = [old, new].map(|package| open(package, 100).expect("a package"));
    let mut last = 0;
    plan(&was, &is, overhead, |member| {
        assert!(member.header_offset >= last, "asked for in order");
        last = member.header_offset;
        LocalHeader::read(member, &cut(old, &member.header())).ok()
    })
}

#[test]
fn a_republished_package_costs_what_changed() {
    let asset = |n: u32| {
        let name = format!("items/i{n}/asset");
        let mut entry = WrittenEntry::new(&name, &noise(n, 20_000 + n as usize));
        entry.modified = Some(1_700_000_000);
        entry.method = if n.is_multiple_of(3) { 8 } else { 0 };
        entry
    };
    let mut entries: Vec<WrittenEntry> = (0..200).map(asset).collect();
    let old = ZipWriter::default().pack(&entries);
    for entry in &mut entries {
        (entry.stamp, entry.modified) = (0x5d78_0000, Some(1_800_000_000));
    }
    let changed = [3, 50, 51, 120, 160, 199];
    for at in changed {
        entries[at].content = noise(1000 + at as u32, 21_000);
    }
    entries.swap(10, 170);
    let inserted = WrittenEntry::new("items/inserted/qti.xml", &noise(5, 30_000));
    entries.insert(0, inserted);
    let new = ZipWriter::default().pack(&entries);
    let directory = open(&new, 100).unwrap();
    let held = directory.size - directory.start;

    let plan = delta(&old, &new, 400);
    assert_eq!(rebuild(&plan, &old, &new), new);
    assert_eq!(plan.fetches(), 6, "50 and 51 are neighbours");
    let floor = 6 * 21_000 + 30_000 + held;
    let wire = plan.fetched_bytes() + held;
    assert!(wire * 100 <= floor * 102, "{wire} over {floor}");
    assert!(plan.worthwhile());
    assert!(plan.copied_bytes() > 3_800_000);

    let costly = delta(&old, &new, 1 << 30);
    assert_eq!(rebuild(&costly, &old, &new), new);
    assert_eq!(costly.fetches(), 1);
}

#[test]
fn an_equal_package_is_one_copy() {
    let package = recorded();
    let plan = delta(&package, &package, 0);
    let copy = DeltaSegment::Copy {
        from: 0..3467,
        to: 0,
    };
    assert_eq!(plan.segments, [copy, DeltaSegment::Tail(3467..3931)]);
}

#[test]
fn another_extra_field_is_fetched_and_the_data_kept() {
    let mut entries = [
        WrittenEntry::new("a", &noise(1, 5000)),
        WrittenEntry::new("b", &noise(2, 5000)),
    ];
    let old = ZipWriter::default().pack(&entries);
    entries[1].modified = Some(9);
    let new = ZipWriter::default().pack(&entries);
    let kept = delta(&old, &new, 0);
    assert_eq!(kept.fetched_bytes(), 30 + 1 + 13);
    assert_eq!(rebuild(&kept, &old, &new), new);
    let (was, is) = (open(&old, 99).unwrap(), open(&new, 99).unwrap());
    let blind = plan(&was, &is, 0, |_| None);
    assert!(!blind.worthwhile());
    assert_eq!(rebuild(&blind, &old, &new), new);
}

fn change() -> impl Strategy<Value = (Index, u8)> {
    (any::<Index>(), 1..=u8::MAX)
}

// `PROPTEST_CASES` makes these longer by hand.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A changed byte is either noticed or changed nothing that a reader of members sees.
    #[test]
    fn a_mutation_is_noticed_or_harmless(
        writer in writer(), entries in entries(5), changes in vec(change(), 1..4), late in any::<bool>(),
    ) {
        let package = writer.pack(&entries);
        let directory = open(&package, 64).unwrap();
        let truth = contents(&directory, &package).unwrap();
        prop_assert!(verify(&directory, &package).clean());
        let mut mutated = package.clone();
        for (at, xor) in changes {
            let base = if late { directory.start as usize } else { 0 };
            mutated[base + at.index(package.len() - base)] ^= xor;
        }
        if let Ok(found) = open(&mutated, 64)
            && verify(&found, &mutated).clean()
        {
            prop_assert_eq!(contents(&found, &mutated), Some(truth));
        }
    }

    /// However the stream is cut, the verdict is the same, damage included.
    #[test]
    fn the_cut_of_the_stream_does_not_matter(
        writer in writer(), entries in entries(6), damage in option::of(change()),
        cuts in vec(prop_oneof![1..5_usize, 1..400_usize, 1..40_000_usize], 1..40),
    ) {
        let mut package = writer.pack(&entries);
        let directory = open(&package, 64).unwrap();
        if let Some((at, xor)) = damage {
            let at = at.index(package.len());
            package[at] ^= xor;
        }
        let whole = verify(&directory, &package);
        let mut verifier = Verifier::new(&directory);
        let mut at = 0;
        for cut in cuts.iter().cycle() {
            let end = package.len().min(at + cut);
            verifier.feed(at as u64, &package[at..end]);
            at = end;
            if at == package.len() {
                break;
            }
        }
        prop_assert_eq!(verifier.finish(), whole);
    }

    /// Lost ranges cost the members they touch, never a wrong yes and never another member.
    #[test]
    fn lost_ranges_cost_what_they_touch(
        entries in entries(6), from in any::<Index>(), length in 1..500_usize,
    ) {
        let package = ZipWriter::default().pack(&entries);
        let directory = open(&package, 64).unwrap();
        let from = from.index(package.len());
        let to = package.len().min(from + length);
        let mut verifier = Verifier::new(&directory);
        verifier.feed(0, &package[..from]);
        verifier.feed(to as u64, &package[to..]);
        let verdict = verifier.finish();
        let touched = |at: &usize| {
            let extent = directory.extent(*at);
            extent.start < to as u64 && (from as u64) < extent.end
        };
        let expected: Vec<usize> = (0..directory.members.len()).filter(touched).collect();
        prop_assert_eq!(verdict.unseen, expected);
        prop_assert!(verdict.bad.is_empty());
    }

    /// Random versions: the rebuilt package is the new one, whatever a request costs.
    #[test]
    fn a_rebuilt_package_is_the_new_one(
        old in entries(8), fresh in entries(4), order in any::<u64>(), keep in any::<u8>(),
        overhead in prop_oneof![Just(0_u64), 0..5000_u64], stamp in any::<u32>(),
    ) {
        let kept = old.iter().enumerate().filter(|(n, _)| keep >> (n % 8) & 1 == 1);
        let mut new: Vec<WrittenEntry> = kept.map(|(_, entry)| entry.clone()).collect();
        for entry in &mut new {
            entry.stamp = stamp;
            entry.modified = entry.modified.map(|_| stamp ^ 1);
        }
        new.extend(fresh);
        let mut new = distinct(new);
        new.sort_by_key(|entry| crc32fast::hash(&[&order.to_le_bytes()[..], &entry.name].concat()));
        let (old, new) = (ZipWriter::default().pack(&old), ZipWriter::default().pack(&new));
        let plan = delta(&old, &new, overhead);
        let built = rebuild(&plan, &old, &new);
        let directory = open(&new, 64).unwrap();
        prop_assert!(verify(&directory, &built).clean());
        // A deflated member equal in size and CRC-32 is equal: one packer made both.
        prop_assert_eq!(built, new);
    }

    /// Bytes from anywhere: an error or a directory, never a panic; what is read stays inside the package.
    #[test]
    fn arbitrary_bytes_never_panic(
        start in vec(any::<u8>(), 0..300), fields in vec(prop_oneof![Just(0_u8), 0..64_u8, any::<u8>()], 40),
        size in any::<u64>(), offset in any::<u64>(), kind in 1..8_u8,
    ) {
        let mut package = start;
        package.extend([b'P', b'K', kind, kind + 1]);
        package.extend(&fields[..22]);
        package.extend(b"PK\x05\x06\0\0\0\0");
        package.extend([fields[30] & 3, 0, fields[30] & 3, 0]);
        package.extend([fields[31], 0, 0, 0, fields[32], 0, 0, 0, 0, 0]);
        let _ = PackageTail::read(size, &package);
        if let Ok(PackageTail::Whole(directory)) = PackageTail::read(package.len() as u64, &package) {
            let mut verifier = Verifier::new(&directory);
            verifier.feed(offset, &package);
            let _ = verifier.finish();
            let verdict = verify(&directory, &package);
            let told = verdict.good.len() + verdict.bad.len() + verdict.unseen.len();
            prop_assert_eq!(told, directory.members.len());
            for member in &directory.members {
                prop_assert!(member.limit <= package.len() as u64);
                prop_assert!(member.header().end <= member.limit);
                let _ = LocalHeader::read(member, &package);
            }
        }
    }
}
