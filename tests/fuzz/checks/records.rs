//! Record views: header, fields, decoding.

use stemma::audit::record::{self, Record, decimal, decode, hexadecimal};

pub fn check(data: &[u8]) {
    numbers(data);
    if let Ok(parsed) = Record::parse(data) {
        assert!(data.ends_with(parsed.body));
        let (ms, serial) = (parsed.stamp.ms, parsed.stamp.serial);
        let header = format!("audit({}.{:03}:{serial}):", ms / 1000, ms % 1000);
        let again = [header.as_bytes(), parsed.body].concat();
        assert_eq!(Record::parse(&again), Ok(parsed), "what was read can be written and read again");
        assert!(ms.checked_mul(1_000_000).is_some_and(|ns| i64::try_from(ns).is_ok()), "a stamp fits in ns");
        fields(&parsed);
    }
    fields(&Record { stamp: Default::default(), body: data });
}

/// Every field lies in the body, after the one before it.
fn fields(parsed: &Record<'_>) {
    let place = |part: &[u8]| part.as_ptr() as usize - parsed.body.as_ptr() as usize;
    let (mut iterator, mut before) = (parsed.fields(), 0);
    while let Some((name, value)) = iterator.next() {
        assert!(!name.contains(&b' ') && !name.contains(&b'='));
        assert!(place(name) >= before && place(name) + name.len() + 1 == place(value));
        before = place(value) + value.len();
        assert!(before <= parsed.body.len());
        assert_eq!(iterator.at_end(), before == parsed.body.len());
        numbers(value);
        decoded(value);
    }
}

fn numbers(text: &[u8]) {
    let plain = std::str::from_utf8(text).ok().filter(|text| !text.starts_with('+'));
    assert_eq!(decimal(text), plain.and_then(|text| text.parse().ok()));
    let hex = plain.filter(|text| text.len() <= 16);
    assert_eq!(hexadecimal(text), hex.and_then(|text| u64::from_str_radix(text, 16).ok()));
    let pid = decimal(text).filter(|&pid| pid > 0 && pid <= i32::MAX as u64);
    assert_eq!(record::pid(text).map(u64::from), pid);
}

/// The length does not depend on the room, what does not fit is cut, and nothing is written beyond the text.
fn decoded(value: &[u8]) {
    let mut whole = vec![0xa5; value.len() + 1];
    let length = decode(value, &mut whole);
    assert!(length <= value.len());
    assert!(whole[length..].iter().all(|&byte| byte == 0xa5));
    for room in [0, 1, length / 2, length.saturating_sub(1), length] {
        let mut out = vec![0x5a; room];
        assert_eq!(decode(value, &mut out), length);
        let written = room.min(length);
        assert_eq!(out[..written], whole[..written]);
        assert!(out[written..].iter().all(|&byte| byte == 0x5a));
    }
    let text = &whole[..length];
    if record::is_whole(value) && value.starts_with(b"\"") {
        assert_eq!(text, &value[1..value.len() - 1]);
    }
    // What the kernel would make of this text is read back as it was.
    let written = super::texts::encoded(text);
    let mut out = vec![0; length];
    assert_eq!(decode(&written, &mut out), length);
    assert_eq!(out, text);
    assert!(record::is_whole(&written));
}
