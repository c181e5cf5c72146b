//! `/proc/PID/stat` (`fs/proc/array.c: do_task_stat`).

/// What stat tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Stat<'a> {
    /// The name, at most 15 bytes, anything in it.
    pub comm: &'a [u8],
    pub state: u8,
    pub ppid: i64,
    pub pgroup: i64,
    /// `PF_…` of `include/linux/sched.h`.
    pub flags: i64,
    pub user_ticks: i64,
    pub system_ticks: i64,
    pub nice: i64,
    pub threads: i64,
    /// Since boot.
    pub start_ticks: i64,
    pub total_bytes: i64,
    pub resident_pages: i64,
}

/// `PF_KTHREAD`: a thread of the kernel, which has no memory of its own, so no arguments, no environment, no image.
const KERNEL_THREAD: i64 = 0x0020_0000;

impl Stat<'_> {
    /// Whether it is a thread of the kernel.
    pub fn is_kernel_thread(&self) -> bool {
        self.flags & KERNEL_THREAD != 0
    }
}

/// Parses it; None if it is cut short. The name may hold anything: the last `)` ends it.
pub fn parse(text: &[u8]) -> Option<Stat<'_>> {
    let open = memchr::memchr(b'(', text)?;
    let close = memchr::memrchr(b')', text)?;
    let comm = text.get(open + 1..close)?;
    let mut fields = text.get(close + 2..)?.split(|&byte| byte == b' ' || byte == b'\n');
    let state = *fields.next()?.first()?;
    // Fields 4 (ppid) to 24 (rss) of proc(5).
    let mut numbers = [0i64; 21];
    for number in &mut numbers {
        *number = parse_number(fields.next()?)?;
    }
    let [
        ppid,
        pgroup,
        _,
        _,
        _,
        flags,
        _,
        _,
        _,
        _,
        user_ticks,
        system_ticks,
        _,
        _,
        _,
        nice,
        threads,
        _,
        start_ticks,
        total_bytes,
        resident_pages,
    ] = numbers;
    Some(Stat {
        comm,
        state,
        ppid,
        pgroup,
        flags,
        user_ticks,
        system_ticks,
        nice,
        threads,
        start_ticks,
        total_bytes,
        resident_pages,
    })
}

/// A decimal number with an optional sign; numbers beyond i64 (some fields are unsigned) come out as i64::MAX.
fn parse_number(text: &[u8]) -> Option<i64> {
    let (digits, negative) = match text.strip_prefix(b"-") {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value =
        digits.iter().fold(0i64, |value, &digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let text = b"7 (a) b (c\n) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 -5 3 0 12345 4096 18446744073709551615 1\n";
        let stat = parse(text).unwrap();
        assert_eq!((stat.comm, stat.state, stat.ppid), (b"a) b (c\n".as_slice(), b'S', 1));
        assert_eq!((stat.user_ticks, stat.system_ticks, stat.nice, stat.threads), (5, 6, -5, 3));
        assert!(!stat.is_kernel_thread());
        assert!(parse(b"2 (k) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 1 0 0 0 0 1").unwrap().is_kernel_thread());
        assert_eq!((stat.start_ticks, stat.total_bytes, stat.resident_pages), (12345, 4096, i64::MAX));
    }

    #[test]
    fn what_is_cut_short_is_none_or_the_same() {
        let text = b"7 (x) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 -5 3 0 12345 4096 17 1\n";
        for length in 0..text.len() - 4 {
            assert!(parse(&text[..length]).is_none_or(|stat| stat.start_ticks == 12345), "{length}");
        }
    }
}
