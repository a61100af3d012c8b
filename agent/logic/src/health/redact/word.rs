//! The number of a word in the list of boxsync's own words.
//! Never more than this one function: the build script that makes the list includes this file.
//! Called by `sieve` and by the build script of `agent`.

/// FNV-1a of the word in lower case: 32 bits keep a stranger's word out of a list of thousands.
pub fn number(word: &str) -> u32 {
    let lower = word.bytes().map(|byte| byte.to_ascii_lowercase());
    lower.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
