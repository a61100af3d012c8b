//! A package that comes whole in one answer, from its first byte on, because ranges are of no use here.
//! Never takes its end for the package's before its directory was read; a cut costs everything that came.
//! Called by `download`, when it knows no safer way.

use super::bring::Bring;
use super::command::{ContentTarget, DownloadCommand, EndRead, RequestId};
use super::faults::{beyond, flawed, not_zip};
use super::look::LookedAt;
use super::records::RecordMap;
use super::{Download, For, Stage};
use crate::fault::{Code, Fault, PackageCause, ZipLack};
use crate::words::Outcome;
use crate::zip::ZipFlaw;

/// Room is taken in steps of this, in bytes, where nothing says how long the package will be: a multiple of a record.
const STEP: u64 = 16 << 20;

/// A package on its way to the disk, from its first byte on.
#[derive(Debug)]
pub(super) struct Stream {
    request: RequestId,
    /// As announced.
    length: Option<u64>,
    /// Bytes that were placed; at first those that the look took.
    at: u64,
    records: RecordMap,
}

impl Download {
    /// The rest of the answer is the package; so many bytes of it lie in the end.
    pub(super) fn streams(&mut self, request: RequestId, length: Option<u64>, have: u64) {
        self.requests.insert(request, For::Stream);
        (self.bring, self.swarm) = (None, None);
        self.stage = Stage::Stream(Stream {
            request,
            length,
            at: have,
            records: RecordMap::default(),
        });
        self.commands.push_back(DownloadCommand::KeepEnd);
        self.commands.push_back(DownloadCommand::Recall(None));
    }

    /// What is known of the delivery's package is told.
    pub(super) fn stream_may_begin(&mut self) {
        let Stage::Stream(stream) = &self.stage else {
            return;
        };
        match self.known_as_bad(stream.length) {
            Some(fault) => self.fail(fault),
            None => {
                let size = stream.length.unwrap_or(STEP);
                self.commands.push_back(DownloadCommand::Begin(size));
            }
        }
    }

    pub(super) fn stream_opened(&mut self, record: u64, have: Vec<bool>) {
        let Stage::Stream(stream) = &mut self.stage else {
            return;
        };
        let size = stream.length.unwrap_or(STEP);
        stream.records = RecordMap::new(size, record, have);
        let (request, at) = (stream.request, stream.at);
        if at > 0 {
            let written = stream.records.fill(0, at);
            self.commands.push_back(DownloadCommand::PlaceEnd(0..at));
            self.carriage.flow.written(written);
        }
        self.carriage.flow.read(request, 0, self.now.mono);
    }

    pub(super) fn stream_came(&mut self, request: RequestId, bytes: u64) {
        let Stage::Stream(stream) = &mut self.stage else {
            return;
        };
        let end = stream.at + bytes;
        if stream.length.is_some_and(|length| end > length) {
            return self.fail(beyond());
        }
        while end > stream.records.size {
            stream.records.grow(STEP);
            self.commands.push_back(DownloadCommand::Grow(STEP));
        }
        self.commands.push_back(DownloadCommand::Put {
            request,
            bytes,
            place: ContentTarget::Records(stream.at),
        });
        let written = stream.records.fill(stream.at, bytes);
        stream.at = end;
        self.carriage.flow.written(written);
        self.carriage.flow.read(request, bytes, self.now.mono);
    }

    pub(super) fn stream_over(&mut self, fault: Option<Fault>) {
        let Stage::Stream(stream) = &self.stage else {
            return;
        };
        if let Some(fault) = fault {
            return self.fail(fault);
        }
        match stream.length {
            Some(length) if stream.at < length => {
                let cut = Fault::new(Code::NetCut, PackageCause::Ended);
                return self.fail(cut.ending(Outcome::Failed));
            }
            Some(_) => {}
            None => self.commands.push_back(DownloadCommand::EndAt(stream.at)),
        }
        self.commands.push_back(DownloadCommand::Identify);
    }

    /// The directory of what has come.
    pub(super) fn identified(&mut self, read: Result<EndRead, ZipFlaw>) {
        let directory = match read {
            Ok(EndRead::Whole(directory)) => directory,
            Ok(EndRead::Need(_)) => return self.fail(not_zip(ZipLack::Directory)),
            Err(flaw) => return self.fail(flawed(&flaw)),
        };
        if self.is_unreadable(&directory) {
            return;
        }
        let Stage::Stream(stream) = std::mem::replace(&mut self.stage, Stage::Verify) else {
            return;
        };
        self.seen = Some(LookedAt {
            directory: directory.clone(),
            from: directory.identity.size,
            tag: None,
            whole: true,
        });
        self.bring = Some(Bring::new(directory, stream.records, None, true));
        self.commands.push_back(DownloadCommand::Verify);
    }
}
