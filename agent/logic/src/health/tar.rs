//! Files in one tar (POSIX ustar): the same files give the same bytes, on every box and at every hour.
//! Never a time, an owner or a long name in it.
//! Called by the support bundle.

/// The unit of a tar.
const BLOCK: usize = 512;

/// Writes plain files, readable for all, in the order given. Names have at most 100 bytes and no folder above them.
pub fn tar<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        out.extend_from_slice(&header(name, content.len()));
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    // Two empty blocks end it.
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

fn header(name: &str, length: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    // The checksum counts itself as blanks.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tar_is_blocks_with_headers_and_two_empty_ones() {
        let out = tar([("a.json", &b"{}"[..]), ("b", &[7; 600])]);
        assert_eq!(out.len(), 512 * (2 + 3 + 2));
        assert_eq!(&out[..7], b"a.json\0");
        assert_eq!(&out[124..136], b"00000000002\0");
        assert_eq!(&out[257..265], b"ustar\x0000");
        assert_eq!(&out[512..514], b"{}");
        assert_eq!(&out[1024 + 124..1024 + 136], b"00000001130\0");
        assert_eq!(out, tar([("a.json", &b"{}"[..]), ("b", &[7; 600])]));
        let sum: u32 = out[..512]
            .iter()
            .enumerate()
            .map(|(at, byte)| {
                if (148..156).contains(&at) {
                    32
                } else {
                    u32::from(*byte)
                }
            })
            .sum();
        assert_eq!(&out[148..156], format!("{sum:06o}\0 ").as_bytes());
    }
}
