//! `/proc/meminfo` (`fs/proc/meminfo.c`): `Name:   1234 kB` lines, where a kB is 1024 bytes.

use super::status;

/// The bytes of the line that begins with `name` (give it with its colon).
pub fn bytes(text: &[u8], name: &[u8]) -> Option<i64> {
    let kib = status::line(text, name)?.split(|&byte| byte == b' ').next()?;
    std::str::from_utf8(kib).ok()?.parse::<i64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_bytes() {
        let text =
            b"MemTotal:       16384 kB\nHugePages_Total:       2\nSwapTotal: 99999999999999999 kB\nActive: x kB\n";
        assert_eq!(bytes(text, b"MemTotal:"), Some(16 << 20));
        assert_eq!(bytes(text, b"SwapTotal:"), None);
        assert_eq!(bytes(text, b"Active:"), None);
        assert_eq!(bytes(text, b"Cached:"), None);
    }
}
