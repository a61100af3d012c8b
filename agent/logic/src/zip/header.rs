//! The local header that stands before a member's data: read, compared with the directory, composed anew.
//! Never believed where it contradicts the directory.
//! Called by the verifier and the delta.

use super::directory::LOCAL;
use super::{Defect, EXTRA_TIME, FLAG_DESCRIPTOR, FLAG_ENCRYPTED, Member, blocks, le16, le32};

/// A local header (APPNOTE 4.3.7) that agrees with its directory entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalHeader {
    fixed: [u8; LOCAL as usize],
    name: Vec<u8>,
    extra: Vec<u8>,
}

/// The 30 bytes before the name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed<'a>(pub(super) &'a [u8; LOCAL as usize]);

impl Fixed<'_> {
    /// Bytes of the name.
    pub(super) fn name(self) -> usize {
        le16(self.0, 26).into()
    }

    /// Bytes of the extra field.
    pub(super) fn extra(self) -> usize {
        le16(self.0, 28).into()
    }

    /// Whether it speaks of the member that the directory names here. Sizes may be saturated (zip64) or, with a
    /// data descriptor, absent.
    pub(super) fn agrees(self, member: &Member) -> Result<(), Defect> {
        let header = self.0;
        let wrong = |what| Err(Defect::Header(what));
        if !header.starts_with(b"PK\x03\x04") {
            return wrong("none starts here");
        }
        let flags = le16(header, 6);
        if flags & FLAG_ENCRYPTED != 0 {
            return wrong("it says encrypted, the directory does not");
        }
        if le16(header, 8) != member.method {
            return wrong("it names another method than the directory");
        }
        if self.name() != member.name.len() {
            return wrong("it has another name than the directory");
        }
        let behind = flags & FLAG_DESCRIPTOR != 0;
        let crc = le32(header, 14);
        if crc != member.crc32 && !(behind && crc == 0) {
            return wrong("it has another CRC-32 than the directory");
        }
        for (at, said) in [(18, member.compressed), (22, member.size)] {
            let small = le32(header, at);
            let absent = small == u32::MAX || (behind && small == 0);
            if u64::from(small) != said && !absent {
                return wrong("it has another size than the directory");
            }
        }
        Ok(())
    }
}

impl LocalHeader {
    /// Reads the header of a member from bytes that start with it: those of `Member::header` suffice.
    ///
    /// # Errors
    /// `Defect::Header` when the bytes are not the header of this member, or cut.
    pub fn read(member: &Member, bytes: &[u8]) -> Result<Self, Defect> {
        let cut = Defect::Header("it is cut");
        let (fixed, rest) = bytes
            .split_first_chunk::<{ LOCAL as usize }>()
            .ok_or(cut.clone())?;
        let head = Fixed(fixed);
        head.agrees(member)?;
        let (name, rest) = rest.split_at_checked(head.name()).ok_or(cut.clone())?;
        if name != member.name {
            return Err(Defect::Header("it has another name than the directory"));
        }
        let extra = rest.get(..head.extra()).ok_or(cut)?;
        Ok(Self {
            fixed: *fixed,
            name: name.to_vec(),
            extra: extra.to_vec(),
        })
    }

    /// Bytes from the start of the header to the data. (Never empty.)
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        LOCAL + (self.name.len() + self.extra.len()) as u64
    }

    /// The bytes as they stand in the package.
    pub fn bytes(&self) -> Vec<u8> {
        [&self.fixed[..], &self.name, &self.extra].concat()
    }

    /// The header of the same content in a new version of the package, written as the same program would: where
    /// this header repeated the old directory, the new one repeats the new directory; else it stays. `None` when
    /// `room`, the bytes between the new header's start and the data, says that its extra field is another one.
    pub(super) fn renewed(&self, old: &Member, new: &Member, room: u64) -> Option<Vec<u8>> {
        let plain = LOCAL + new.name.len() as u64;
        let mut extra = match room.checked_sub(plain)? {
            0 => Vec::new(),
            same if same == self.extra.len() as u64 => self.extra.clone(),
            _ => return None,
        };
        if let (Some(was), Some(is)) = (old.modified, new.modified) {
            let place = blocks(&extra)
                .find(|(id, _, body)| {
                    *id == EXTRA_TIME && body.len() >= 5 && body[0] & 1 != 0 && le32(body, 1) == was
                })
                .map(|(_, at, _)| at + 1);
            if let Some(field) = place.and_then(|at| extra.get_mut(at..at + 4)) {
                field.copy_from_slice(&is.to_le_bytes());
            }
        }
        let follow = |here: u16, was: u16, is: u16| if here == was { is } else { here };
        let version = follow(le16(&self.fixed, 4), old.version, new.version);
        let flags = follow(le16(&self.fixed, 6), old.flags, new.flags);
        let here = le32(&self.fixed, 10);
        let stamp = if here == old.stamp { new.stamp } else { here };
        let mut bytes = Vec::with_capacity(room as usize);
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&new.method.to_le_bytes());
        bytes.extend_from_slice(&stamp.to_le_bytes());
        bytes.extend_from_slice(&new.crc32.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(new.compressed).ok()?.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(new.size).ok()?.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(new.name.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(extra.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(&new.name);
        bytes.extend_from_slice(&extra);
        Some(bytes)
    }
}
