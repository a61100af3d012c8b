//! Packages as a proxy or a broken disk may leave them: tail, directory, verification, delta.
//! Never trusts the product's word for a good member: CRC-32 and size are taken anew from the bytes.
//! Called by the target of this name with what libFuzzer makes up, and by a test of `logic` with the corpus.

use logic::zip::{
    DeltaSegment, Directory, LocalHeader, PackageTail, VerificationResult, Verifier, ZipFlaw, plan,
};

/// More members are not unpacked a second time.
const UNPACKED: usize = 64;

/// Holds what must be true of any input.
pub(crate) fn hold(data: &[u8]) {
    let Some((&[how, piece], rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    if how & 1 == 0 {
        return look(rest, piece).map_or((), drop);
    }
    // Two sound versions of a package: everything about them is known.
    let (old, new) = rest.split_at(rest.len() / 2);
    let (old, new) = (pack(old, how), pack(new, how));
    for package in [&old, &new] {
        let directory = look(package, piece).expect("a sound package has a directory");
        assert_eq!(directory.usual(), Ok(()));
        assert!(verdict(&directory, package, usize::MAX).clean());
    }
    assert_eq!(rebuild(&old, &new, piece), new);
    // The same, damaged: no panic, and nothing is believed that is not so.
    let mut damaged = new;
    for at in rest.chunks_exact(4).take(usize::from(how >> 4)) {
        let place = usize::from(u16::from_le_bytes([at[0], at[1]])) % damaged.len();
        damaged[place] ^= at[2];
    }
    if look(&damaged, piece).is_some() {
        assert_eq!(rebuild(&old, &damaged, piece).len(), damaged.len());
    }
}

/// Reads a package in every way there is and holds that all of them agree.
fn look(package: &[u8], piece: u8) -> Option<Directory> {
    let size = package.len() as u64;
    let whole = PackageTail::read(size, package);
    assert_eq!(whole, asked(package, piece), "in steps and at once");
    let Ok(PackageTail::Whole(directory)) = whole else {
        assert!(!matches!(whole, Ok(PackageTail::Need(_))), "all was given");
        return None;
    };
    assert!(directory.start <= size && directory.identity.size == size);
    let mut places: Vec<_> = directory.members.iter().filter(|m| !m.overlaps).collect();
    places.sort_by_key(|member| member.header_offset);
    let mut end = 0;
    for member in places {
        let extent = member.extent();
        assert!(end <= extent.start && extent.end <= directory.start);
        assert!(member.header().end <= extent.end);
        end = extent.end;
    }
    // Where a bad one was given up, and for which of its faults, depends on the pieces; that it is bad does not.
    let told = |verdict: &VerificationResult| {
        let bad = verdict.bad.iter().map(|(at, _)| *at).collect();
        [verdict.good.clone(), bad, verdict.unseen.clone()]
    };
    let found = verdict(&directory, package, usize::MAX);
    let pieces = verdict(&directory, package, usize::from(piece) + 1);
    assert_eq!(told(&found), told(&pieces), "in pieces");
    let mut each = told(&found).concat();
    each.sort_unstable();
    assert!(each.into_iter().eq(0..directory.members.len()), "once");
    for &at in found.good.iter().take(UNPACKED) {
        let member = &directory.members[at];
        let (crc, length) = content(package, &directory, at);
        assert_eq!((crc, length), (member.crc32, member.size), "a good member");
        // Fetched alone it is as good.
        let mut alone = Verifier::only(&directory, &[at]);
        let extent = member.extent();
        alone.feed(
            extent.start,
            &package[extent.start as usize..extent.end as usize],
        );
        assert_eq!(alone.finish().good, [at]);
    }
    Some(directory)
}

/// Reads the tail as a box does: a little, then what is asked for.
fn asked(package: &[u8], piece: u8) -> Result<PackageTail, ZipFlaw> {
    let mut from = package.len().saturating_sub(usize::from(piece) * 8);
    loop {
        match PackageTail::read(package.len() as u64, &package[from..])? {
            PackageTail::Need(earlier) => {
                assert!((earlier as usize) < from, "asking ends");
                from = earlier as usize;
            }
            whole => return Ok(whole),
        }
    }
}

fn verdict(directory: &Directory, package: &[u8], piece: usize) -> VerificationResult {
    let mut verifier = Verifier::new(directory);
    let mut at = 0;
    for bytes in package.chunks(piece.min(package.len().max(1))) {
        verifier.feed(at, bytes);
        at += bytes.len() as u64;
    }
    verifier.finish()
}

/// CRC-32 and length of a member's content, by nothing of the product.
fn content(package: &[u8], directory: &Directory, at: usize) -> (u32, u64) {
    let member = &directory.members[at];
    let local = &package[member.header_offset as usize..];
    let number = |at: usize| usize::from(u16::from_le_bytes([local[at], local[at + 1]]));
    let data = &local[30 + number(26) + number(28)..][..member.compressed as usize];
    let inflated;
    let content = match member.method {
        0 => data,
        _ => {
            inflated =
                miniz_oxide::inflate::decompress_to_vec_with_limit(data, member.size as usize)
                    .expect("a good member unpacks");
            &inflated
        }
    };
    (crc32fast::hash(content), content.len() as u64)
}

/// Builds the new package from the old one as the plan says.
fn rebuild(old: &[u8], new: &[u8], overhead: u8) -> Vec<u8> {
    let directory = |package: &[u8]| match PackageTail::read(package.len() as u64, package) {
        Ok(PackageTail::Whole(directory)) => directory,
        other => panic!("it had a directory: {other:?}"),
    };
    let (had, wanted) = (directory(old), directory(new));
    let plan = plan(&had, &wanted, overhead.into(), |member| {
        let header = member.header();
        LocalHeader::read(member, &old[header.start as usize..header.end as usize]).ok()
    });
    let mut out = Vec::with_capacity(new.len());
    for segment in &plan.segments {
        let range = segment.range();
        assert_eq!(range.start, out.len() as u64, "without gaps");
        let slice = |of: &[u8], range: &std::ops::Range<u64>| {
            of[range.start as usize..range.end as usize].to_vec()
        };
        out.extend(match segment {
            DeltaSegment::Copy { from, .. } => slice(old, from),
            DeltaSegment::Given { bytes, .. } => bytes.clone(),
            DeltaSegment::Fetch(range) | DeltaSegment::Tail(range) => slice(new, range),
        });
    }
    let tail = wanted.size - wanted.start;
    let given = out.len() as u64 - plan.fetched_bytes() - plan.copied_bytes() - tail;
    assert!(given <= wanted.start);
    out
}

/// A plain package: members are cut from the seed, their names from what they begin with.
fn pack(seed: &[u8], how: u8) -> Vec<u8> {
    let (mut out, mut central, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for content in seed.split(|byte| *byte == b'\n').take(200) {
        let name = format!(
            "{count:03}-{:02x}",
            content.first().copied().unwrap_or_default()
        );
        let packed = match how & 2 {
            0 => content.to_vec(),
            _ => miniz_oxide::deflate::compress_to_vec(content, 6),
        };
        let method: u16 = if how & 2 == 0 { 0 } else { 8 };
        let numbers = [
            crc32fast::hash(content),
            packed.len() as u32,
            content.len() as u32,
        ];
        let mut fields = [20, 0, method].map(u16::to_le_bytes).concat();
        fields.extend(0x5d77_7925_u32.to_le_bytes());
        fields.extend(numbers.map(u32::to_le_bytes).concat());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0; 2]);
        let offset = out.len() as u32;
        out.extend([&b"PK\x03\x04"[..], &fields, name.as_bytes(), &packed].concat());
        let rest = [&[0; 10][..], &offset.to_le_bytes(), name.as_bytes()].concat();
        central.extend([&b"PK\x01\x02\x14\0"[..], &fields, &rest].concat());
        count += 1;
    }
    let (start, length) = (out.len() as u32, central.len() as u32);
    out.extend(central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].map(u16::to_le_bytes).concat());
    out.extend([length, start].map(u32::to_le_bytes).concat());
    out.extend([0; 2]);
    out
}
