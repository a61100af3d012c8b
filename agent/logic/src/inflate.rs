//! Inflates a deflate stream piece by piece (RFC 1951).
//! Never lets a stream see what another one left, and never holds more of the content than one step.
//! Called by `zip` for the members of packages, and by the uplink for answers that came as gzip.

use zlib_rs::{InflateFlush, Status};

/// Content is made in steps of this size.
const STEP: usize = 64 << 10;

/// The stream is no deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

/// A deflate stream under way; reused for the next one.
pub struct Inflate {
    stream: zlib_rs::Inflate,
    made: Box<[u8; STEP]>,
    done: bool,
}

impl std::fmt::Debug for Inflate {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Inflate").finish_non_exhaustive()
    }
}

impl Default for Inflate {
    fn default() -> Self {
        Self {
            // Raw: the header that counts is the zip's or the gzip's.
            stream: zlib_rs::Inflate::new(false, 15),
            made: Box::new([0; STEP]),
            done: false,
        }
    }
}

impl Inflate {
    /// Forgets the stream before.
    pub fn open(&mut self) {
        self.stream.reset(false);
        self.done = false;
    }

    /// Whether the stream has come to its end.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Inflates `bytes` and hands on each new part of the content. Gives how many of them belong to the stream: fewer
    /// than there are when it ended before.
    ///
    /// # Errors
    /// `Damaged`, or what `part` says; the stream is then of no further use.
    pub fn feed<E: From<Damaged>>(
        &mut self,
        bytes: &[u8],
        mut part: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut taken = 0;
        while !self.done {
            let rest = bytes.get(taken..).unwrap_or_default();
            let (took, made) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(rest, &mut self.made[..], InflateFlush::NoFlush)
                .map_err(|_| Damaged)?;
            let took = (self.stream.total_in() - took) as usize;
            let made = (self.stream.total_out() - made) as usize;
            taken += took;
            part(self.made.get(..made).unwrap_or_default())?;
            self.done = status == Status::StreamEnd;
            if !self.done && made < STEP {
                // It wants more than there is; if there was something that it did not take, it will never take it.
                if taken < bytes.len() && took == 0 && made == 0 {
                    return Err(Damaged.into());
                }
                if taken == bytes.len() {
                    break;
                }
            }
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inflate(
        inflate: &mut Inflate,
        stream: &[u8],
        piece: usize,
    ) -> Result<(Vec<u8>, usize), Damaged> {
        inflate.open();
        let (mut content, mut taken) = (Vec::new(), 0);
        for bytes in stream.chunks(piece) {
            taken += inflate.feed(bytes, |part| {
                content.extend_from_slice(part);
                Ok::<(), Damaged>(())
            })?;
        }
        Ok((content, taken))
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_in_any_pieces(seed in any::<u8>(), length in 0usize..300_000, piece in 1usize..70_000) {
            let content: Vec<u8> = (0..length).map(|i| (i / 7 * (i % 5)) as u8 ^ seed).collect();
            let mut stream = miniz_oxide::deflate::compress_to_vec(&content, 6);
            let whole = stream.len();
            stream.extend(b"what follows");
            let mut one = Inflate::default();
            for _ in 0..2 {
                prop_assert_eq!(inflate(&mut one, &stream, piece), Ok((content.clone(), whole)));
                prop_assert!(one.is_done());
            }
        }

        /// Whatever another decoder makes of arbitrary bytes, this one makes too; and no byte of an earlier stream shows.
        #[test]
        fn arbitrary_bytes_mean_what_they_mean_to_others(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1usize..100) {
            let mut one = Inflate::default();
            let secret = miniz_oxide::deflate::compress_to_vec(&[b's'; 40_000], 6);
            inflate(&mut one, &secret, 1000).unwrap();
            let own = inflate(&mut one, &bytes, piece).ok().filter(|_| one.is_done());
            let other = miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes, 1 << 22).ok();
            prop_assert_eq!(own.map(|(content, _)| content), other);
        }
    }

    #[test]
    fn a_reference_to_before_the_start_is_damage() {
        let mut one = Inflate::default();
        let first = miniz_oxide::deflate::compress_to_vec(&[b's'; 40_000], 6);
        inflate(&mut one, &first, 1000).unwrap();
        // A fixed block whose first symbol is a match of length 3 at distance 1.
        assert_eq!(inflate(&mut one, &[0x03, 0x02, 0x00], 3), Err(Damaged));
    }
}
