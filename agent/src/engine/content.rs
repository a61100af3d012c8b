//! Reads of package content that need more than one record: the directory, a span, a whole verification.
//! Never holds more than the span asked for.
//! Called by `download` and the verbs on packages.

use std::ops::Range;

use logic::fault::{Code, Fault, PackageCause};
use logic::zip::{Directory, PackageTail, VerificationResult, Verifier};

use vault::package::Content;

/// The bytes of a span.
///
/// # Errors
/// `store.damaged` for a record that does not open.
pub fn span(content: &Content, span: Range<u64>) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::with_capacity((span.end - span.start) as usize);
    each(content, span, |_, piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(bytes)
}

/// Hands the pieces of a span over, in order, with their offsets.
///
/// # Errors
/// `store.damaged` for a record that does not open, or what `take` says.
pub fn each(
    content: &Content,
    span: Range<u64>,
    mut take: impl FnMut(u64, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let record = u64::from(content.meta().record);
    let mut buffer = Vec::new();
    let mut at = span.start;
    while at < span.end {
        let index = at / record;
        let plain = content.record(index, &mut buffer)?;
        let from = (at - index * record) as usize;
        let to = plain.len().min((span.end - index * record) as usize);
        if from >= to {
            break;
        }
        take(at, &plain[from..to])?;
        at += (to - from) as u64;
    }
    Ok(())
}

/// The directory of a package that is on disk to its end.
///
/// # Errors
/// `package.not_zip`, or `store.damaged` for a record that does not open.
pub fn directory(content: &Content) -> Result<Directory, Fault> {
    let size = content.meta().size;
    let mut start = size.saturating_sub(PackageTail::FIRST_REQUEST_BYTES);
    loop {
        match PackageTail::read(size, &span(content, start..size)?) {
            Ok(PackageTail::Whole(directory)) => return Ok(directory),
            Ok(PackageTail::Need(from)) => start = from,
            Err(flaw) => {
                let flaw = flaw.to_string().as_str().into();
                return Err(Fault::new(Code::PackageNotZip, PackageCause::Zip { flaw }));
            }
        }
    }
}

/// Checks every member of a package on disk.
///
/// # Errors
/// `package.not_zip`, or `store.damaged` for a record that does not open.
pub fn verify(content: &Content) -> Result<VerificationResult, Fault> {
    let directory = directory(content)?;
    let mut verifier = Verifier::new(&directory);
    each(content, 0..content.meta().size, |at, piece| {
        verifier.feed(at, piece);
        Ok(())
    })?;
    Ok(verifier.finish())
}
