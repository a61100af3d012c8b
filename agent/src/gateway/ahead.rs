//! Spans of a package, opened a few records ahead of the one who sends them.
//! Never writes a decrypted byte to disk, and never opens more than a batch of records before the one before it is taken.
//! Called by `response`.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use logic::fault::Fault;
use logic::seal::NONCE;
use system::task::spawn_blocking;
use tokio::task::JoinHandle;

use crate::server::ExactContent;
use system::blocking::ended;
use vault::package::Content;

/// Records that are opened at once, while those before them are sent.
const BATCH: usize = 4;

/// Spans of a package, one behind the other.
pub(super) struct SpanReader {
    content: Arc<Content>,
    /// What has not been opened yet.
    spans: VecDeque<Range<u64>>,
    opening: Option<JoinHandle<Result<Vec<OpenedRecord>, Fault>>>,
    ready: VecDeque<OpenedRecord>,
    /// Buffers that were lent to the sender: fresh memory would cost more than the opening.
    lent: VecDeque<Bytes>,
    left: u64,
}

/// A record in its buffer, and the part of it that lies in a span.
type OpenedRecord = (Bytes, Range<usize>);

impl SpanReader {
    pub(super) fn new(content: Content, spans: Vec<Range<u64>>) -> Self {
        Self {
            content: Arc::new(content),
            left: spans.iter().map(|span| span.end - span.start).sum(),
            spans: spans.into(),
            opening: None,
            ready: VecDeque::new(),
            lent: VecDeque::new(),
        }
    }

    /// Opens the next records, away from the event loop.
    fn open(&mut self) -> JoinHandle<Result<Vec<OpenedRecord>, Fault>> {
        let record = u64::from(self.content.meta().record);
        let mut parts = Vec::with_capacity(BATCH);
        while let Some(span) = self.spans.front_mut().filter(|_| parts.len() < BATCH) {
            let index = span.start / record;
            let end = span.end.min((index + 1) * record);
            if !span.is_empty() {
                let part = span.start - index * record..end - index * record;
                let free = self.lent.pop_front_if(|lent| lent.is_unique());
                let buffer = free.and_then(|lent| lent.try_into_mut().ok());
                parts.push((index, part, buffer));
            }
            span.start = end;
            if span.is_empty() {
                self.spans.pop_front();
            }
        }
        let content = self.content.clone();
        spawn_blocking(move || {
            let open = |(index, part, buffer): (u64, Range<u64>, Option<BytesMut>)| {
                let room = content.room(index);
                let buffer = buffer.filter(|buffer| buffer.len() == room);
                let mut buffer = buffer.unwrap_or_else(|| BytesMut::zeroed(room));
                content.record_in(index, &mut buffer)?;
                // Behind the nonce lie the plain bytes now.
                let part = NONCE + part.start as usize..NONCE + part.end as usize;
                Ok((buffer.freeze(), part))
            };
            parts.into_iter().map(open).collect()
        })
    }
}

impl ExactContent for SpanReader {
    fn left(&self) -> u64 {
        self.left
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        if self.ready.is_empty() {
            let opening = self.opening.take();
            let mut opening = opening.unwrap_or_else(|| self.open());
            let Poll::Ready(opened) = Pin::new(&mut opening).poll(cx) else {
                self.opening = Some(opening);
                return Poll::Pending;
            };
            self.ready = opened.unwrap_or_else(|error| Err(ended(&error)))?.into();
            if !self.spans.is_empty() {
                self.opening = Some(self.open());
            }
        }
        let (whole, part) = self.ready.pop_front().unwrap_or_default();
        self.left -= part.len() as u64;
        let piece = whole.slice(part);
        self.lent.push_back(whole);
        Poll::Ready(Ok(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::fault::Code;
    use proptest::prelude::*;
    use vault::package::{PackageStore, PartialPackage, RECORD};

    const SIZE: u64 = RECORD as u64 * 9 + 77;

    fn byte(at: u64) -> u8 {
        (at ^ (at >> 8) ^ (at >> 16)) as u8
    }

    /// A package of ten records.
    fn package() -> (tempfile::TempDir, PackageStore) {
        let (dir, vault) = crate::fixture::fresh_vault();
        let packages = PackageStore::open(&vault).unwrap();
        let mut part = packages.begin("d", SIZE, None, 0).unwrap();
        for index in 0..part.meta().records() {
            let start = index * u64::from(RECORD);
            let mut buffer = PartialPackage::buffer();
            buffer.extend((start..SIZE.min(start + u64::from(RECORD))).map(byte));
            part.write(index, &mut buffer).unwrap();
        }
        part.publish(false, None).unwrap();
        (dir, packages)
    }

    /// Everything that comes; every piece is still held while the next ones are opened, or none is.
    async fn all(mut ahead: SpanReader, held: bool) -> Result<Vec<u8>, Fault> {
        let (mut came, mut pieces) = (Vec::new(), Vec::new());
        while ahead.left() > 0 {
            let piece = std::future::poll_fn(|cx| ahead.poll_piece(cx)).await?;
            came.extend_from_slice(&piece);
            pieces.extend(held.then_some(piece));
        }
        Ok(came)
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(work)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_spans_come_as_they_are_named(spans in prop::collection::vec((0..SIZE, 1..SIZE), 1..5), held in any::<bool>()) {
            let (_dir, packages) = package();
            let meta = packages.held("d").unwrap().unwrap();
            let spans: Vec<_> = spans.iter().map(|(start, length)| *start..SIZE.min(start + length)).collect();
            let expected: Vec<u8> = spans.iter().cloned().flatten().map(byte).collect();
            let ahead = SpanReader::new(packages.content(&meta).unwrap(), spans);
            prop_assert_eq!(ahead.left(), expected.len() as u64);
            prop_assert!(run(all(ahead, held)).unwrap() == expected);
        }
    }

    #[test]
    fn a_record_that_does_not_open_ends_it() {
        let (dir, packages) = package();
        let meta = packages.held("d").unwrap().unwrap();
        let files = std::fs::read_dir(dir.path().join("var/lib/boxsync/packages")).unwrap();
        let data = files.map(|file| file.unwrap().path());
        let data = data
            .into_iter()
            .find(|path| path.extension().is_some_and(|e| e == "data"));
        let data = data.unwrap();
        let mut bytes = std::fs::read(&data).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&data, bytes).unwrap();
        let span = |span| {
            SpanReader::new(
                packages.content(&meta).unwrap(),
                std::iter::once(span).collect(),
            )
        };
        let trouble = run(all(span(0..SIZE), false)).unwrap_err();
        assert_eq!(trouble.code, Code::StoreDamaged);
        assert!(run(all(span(0..SIZE - 77), false)).is_ok());
    }
}
