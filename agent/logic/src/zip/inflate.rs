//! Inflates a member piece by piece through one window (RFC 1951).
//! Never holds more than the window, and never lets a member see what another one left in it.
//! Called by the verifier.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Fault;

/// A power of two, at least the 32 KiB of RFC 1951; larger means fewer turns.
const WINDOW: usize = 64 << 10;

/// A deflate stream under way; reused for the next one.
pub(super) struct Inflate {
    state: DecompressorOxide,
    window: Box<[u8; WINDOW]>,
    /// Where in the window the next byte goes.
    fill: usize,
    /// Whether the window was full once: before that, nothing may refer to bytes before its start.
    wrapped: bool,
    done: bool,
}

impl std::fmt::Debug for Inflate {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Inflate").finish_non_exhaustive()
    }
}

impl Inflate {
    pub(super) fn boxed() -> Box<Self> {
        Box::new(Self {
            state: DecompressorOxide::new(),
            window: Box::new([0; WINDOW]),
            fill: 0,
            wrapped: false,
            done: false,
        })
    }

    /// Forgets the stream before.
    pub(super) fn open(&mut self) {
        self.state.init();
        self.fill = 0;
        self.wrapped = false;
        self.done = false;
    }

    /// Inflates `bytes`, `last` when the stream has no more, and hands on each new part of the content.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        last: bool,
        mut part: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let more = if last { 0 } else { TINFL_FLAG_HAS_MORE_INPUT };
        while !self.done {
            // A window that was never full holds the content from its first byte: there, and only there, the
            // decoder can tell a reference to before the start, which would repeat bytes of another member.
            let young = match self.wrapped {
                true => 0,
                false => TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
            };
            let (status, took, made) = decompress(
                &mut self.state,
                bytes,
                &mut self.window[..],
                self.fill,
                more | young,
            );
            bytes = bytes.get(took..).unwrap_or_default();
            let end = self.fill + made;
            part(self.window.get(self.fill..end).unwrap_or_default())?;
            self.fill = end;
            if self.fill >= WINDOW {
                self.fill = 0;
                self.wrapped = true;
            }
            match status {
                TINFLStatus::Done => self.done = true,
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput if !last => return Ok(()),
                _ => return Err(Fault::Deflate),
            }
        }
        // Bytes behind the end of the stream are no content.
        match bytes.is_empty() {
            true => Ok(()),
            false => Err(Fault::Deflate),
        }
    }
}
