//! Hashes, base64 and community ids (osquery: `osquery/sql/sqlite_hashing.cpp`, `sqlite_encoding.cpp`, by their described
//! rules; github.com/corelight/community-id-spec).

use super::{Function, function, of_text, strict_text};
use crate::sql::digest::{Wanted, hex, sums};
use crate::sql::table::{TableError, Value};
use crate::sys::function::{Arguments, Kind};
use std::net::IpAddr;

/// See the module's head.
pub const FUNCTIONS: &[Function] = &[
    function(c"md5", &[1], "md5(TEXT): the MD5 sum in hexadecimal digits.", |arguments, _| {
        of_text(arguments, |text| shown(sums(Wanted { md5: true, ..Wanted::default() }, text).md5))
    }),
    function(c"sha1", &[1], "sha1(TEXT): the SHA-1 sum in hexadecimal digits.", |arguments, _| {
        of_text(arguments, |text| shown(sums(Wanted { sha1: true, ..Wanted::default() }, text).sha1))
    }),
    function(c"sha256", &[1], "sha256(TEXT): the SHA-256 sum in hexadecimal digits.", |arguments, _| {
        of_text(arguments, |text| shown(sums(Wanted { sha256: true, ..Wanted::default() }, text).sha256))
    }),
    function(c"to_base64", &[1], "to_base64(TEXT): the text in base64.", |arguments, _| {
        of_text(arguments, |text| Value::Text(encoded(text)))
    }),
    function(c"from_base64", &[1], "from_base64(TEXT): what stands in base64; '' for what is none.", |arguments, _| {
        of_text(arguments, |text| Value::Text(decoded(text).unwrap_or_default()))
    }),
    function(
        c"conditional_to_base64",
        &[1],
        "conditional_to_base64(TEXT): the text if all of it is printable ASCII, else in base64.",
        |arguments, _| {
            of_text(arguments, |text| {
                let printable = text.iter().all(|byte| (0x20..=0x7e).contains(byte));
                if printable { Value::text(text) } else { Value::Text(encoded(text)) }
            })
        },
    ),
    function(
        c"community_id_v1",
        &[5, 6],
        "community_id_v1(SADDR, DADDR, SPORT, DPORT, PROTO [, SEED]): Community ID of a flow; NULL for bad arguments.",
        |arguments, _| {
            Ok(community_id(arguments).unwrap_or_else(|sentence| {
                crate::log::warning(sentence);
                Value::Null
            }))
        },
    ),
    function(
        c"community_id_v1_strict",
        &[5, 6],
        "community_id_v1_strict(SADDR, DADDR, SPORT, DPORT, PROTO [, SEED]): the same; an error for bad arguments.",
        |arguments, _| community_id(arguments).map_err(TableError::new),
    ),
];

fn shown(sum: Option<impl AsRef<[u8]>>) -> Value {
    sum.map_or(Value::Null, |sum| Value::Text(hex(sum.as_ref())))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648).
pub fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = ALPHABET.get((bits >> (18 - 6 * index)) as usize & 63).copied().unwrap_or(b'=');
            out.push(if index <= chunk.len() { digit } else { b'=' });
        }
    }
    out
}

/// The way back: line ends and padding do not matter. None: it is no base64.
pub fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let length = text.iter().rposition(|&byte| !matches!(byte, b'=' | b'\n' | b'\r')).map_or(0, |last| last + 1);
    let text = text.get(..length)?;
    let mut out = Vec::with_capacity(length / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0u32);
    for &byte in text.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        // Certificates come by the hundred: a look through the alphabet for each digit would be most of their cost.
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    // A single digit over is no byte.
    (count < 6).then_some(out)
}

/// An integer argument within a range, or which sentence says what is wrong with it.
fn number(
    arguments: &Arguments<'_>,
    index: usize,
    (least, most): (i64, i64),
    (no_integer, too_big): (&'static str, &'static str),
) -> Result<i64, &'static str> {
    match arguments.kind(index) {
        Kind::Integer if (least..=most).contains(&arguments.integer(index)) => Ok(arguments.integer(index)),
        Kind::Integer => Err(too_big),
        _ => Err(no_integer),
    }
}

fn address(arguments: &Arguments<'_>, index: usize, no_address: &'static str) -> Result<IpAddr, &'static str> {
    let text = strict_text(arguments, index).ok_or("Community ID IPs must be strings")?;
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(no_address)
}

fn community_id(arguments: &Arguments<'_>) -> Result<Value, &'static str> {
    let seed = match arguments.count() {
        6 => {
            let sentences = ("Community ID seed must be an integer", "Community ID seed must fit in 2 bytes");
            number(arguments, 5, (i64::from(i16::MIN), i64::from(i16::MAX)), sentences)?
        }
        _ => 0,
    };
    // What is of the wrong type is told before what is out of range.
    strict_text(arguments, 1).ok_or("Community ID IPs must be strings")?;
    let source = address(arguments, 0, "Community ID saddr cannot be parsed as IP")?;
    let target = address(arguments, 1, "Community ID daddr cannot be parsed as IP")?;
    let sentences = ("Community ID ports must be integers", "Community ID ports must fit in 2 bytes");
    number(arguments, 3, (i64::MIN, i64::MAX), sentences)?;
    let source_port = number(arguments, 2, (0, 65_535), sentences)?;
    let target_port = number(arguments, 3, (0, 65_535), sentences)?;
    let sentences = ("Community ID protocol must be an integer", "Community ID protocol must fit in 1 byte");
    let protocol = number(arguments, 4, (0, 255), sentences)?;

    let (from, to) = ((source, source_port), (target, target_port));
    let (first, second) = if from < to { (from, to) } else { (to, from) };
    let mut bytes = (seed as i16).to_be_bytes().to_vec();
    for (address, _) in [first, second] {
        match address {
            IpAddr::V4(address) => bytes.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => bytes.extend_from_slice(&address.octets()),
        }
    }
    bytes.extend_from_slice(&[protocol as u8, 0]);
    bytes.extend_from_slice(&(first.1 as u16).to_be_bytes());
    bytes.extend_from_slice(&(second.1 as u16).to_be_bytes());
    let sum = sums(Wanted { sha1: true, ..Wanted::default() }, &bytes).sha1.unwrap_or_default();
    Ok(Value::Text([b"1:".to_vec(), encoded(&sum)].concat()))
}

#[cfg(test)]
mod tests {
    use super::{decoded, encoded};
    use crate::sql::functions::tests::{check, check_failures};

    #[test]
    fn hashes_are_of_the_text_up_to_its_first_nul() {
        check(&[
            ("md5('abc')", "900150983cd24fb0d6963f7d28e17f72"),
            ("md5('')", "d41d8cd98f00b204e9800998ecf8427e"),
            ("md5(NULL)", "NULL"),
            ("md5(1) = md5('1')", "1"),
            ("md5(1.5) = md5('1.5')", "1"),
            ("md5(x'610062') = md5('a')", "1"),
            ("md5(x'ff')", "00594fd4f42ba43fc1ca0427a0576295"),
            ("sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("sha1(NULL)", "NULL"),
            ("sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("sha256(NULL)", "NULL"),
        ]);
    }

    #[test]
    fn base64_there_and_back() {
        check(&[
            ("to_base64('')", ""),
            ("to_base64('f')", "Zg=="),
            ("to_base64('fo')", "Zm8="),
            ("to_base64('foobar')", "Zm9vYmFy"),
            ("to_base64(x'fbff')", "+/8="),
            ("to_base64(12)", "MTI="),
            ("to_base64(NULL)", "NULL"),
            ("from_base64('Zm9vYmFy')", "foobar"),
            ("from_base64('Zm8=')", "fo"),
            ("from_base64('Zm8')", "fo"),
            ("from_base64('Zm9v' || char(10) || 'YmFy' || char(13, 10))", "foobar"),
            ("from_base64('')", ""),
            ("from_base64('Zm9v!')", ""),
            ("from_base64('Z')", ""),
            ("from_base64('=Zg')", ""),
            ("from_base64(NULL)", "NULL"),
            ("conditional_to_base64('plain text~')", "plain text~"),
            ("conditional_to_base64('tab' || char(9))", "dGFiCQ=="),
            ("conditional_to_base64('é')", "w6k="),
            ("conditional_to_base64(char(127))", "fw=="),
            ("conditional_to_base64('')", ""),
            ("conditional_to_base64(NULL)", "NULL"),
        ]);
        for length in 0..200u8 {
            let bytes: Vec<u8> = (0..length).map(|i| i.wrapping_mul(151)).collect();
            assert_eq!(decoded(&encoded(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn community_ids() {
        // The first is the specification's own example; the others were computed apart from this program by its rules.
        check(&[
            ("community_id_v1('128.232.110.120', '66.35.250.204', 34855, 80, 6)", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ("community_id_v1('66.35.250.204', '128.232.110.120', 80, 34855, 6)", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ("community_id_v1('128.232.110.120', '66.35.250.204', 34855, 80, 6, 1)", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="),
            (
                "community_id_v1('fe80::200:86ff:fe05:80fa', 'fe80::260:97ff:fe07:69ea', 135, 136, 58)",
                "1:3Ywj8lNA65fMUJLeOq2OBVtFmXc=",
            ),
            ("community_id_v1_strict('1.2.3.4', '5.6.7.8', 1122, 3344, 6)", "1:wCb3OG7yAFWelaUydu0D+125CLM="),
            (
                "community_id_v1_strict('10.0.0.1', '10.0.0.1', 2, 1, 17) = community_id_v1('10.0.0.1', '10.0.0.1', 1, 2, 17)",
                "1",
            ),
        ]);
    }

    #[test]
    fn bad_flows_are_null_or_an_error() {
        for (arguments, sentence) in [
            ("NULL, '1.1.1.1', 1, 2, 6", "IPs must be strings"),
            ("'1.1.1.1', 1, 1, 2, 6", "IPs must be strings"),
            ("'x', '1.1.1.1', 1, 2, 6", "saddr cannot be parsed as IP"),
            ("'1.1.1.1', '1.1.1', 1, 2, 6", "daddr cannot be parsed as IP"),
            ("'1.1.1.1', '1.1.1.2', '1', 2, 6", "ports must be integers"),
            ("'1.1.1.1', '1.1.1.2', 65536, NULL, 6", "ports must be integers"),
            ("'1.1.1.1', '1.1.1.2', 1, 65536, 6", "ports must fit in 2 bytes"),
            ("'1.1.1.1', '1.1.1.2', -1, 2, 6", "ports must fit in 2 bytes"),
            ("'1.1.1.1', '1.1.1.2', 1, 2, 'tcp'", "protocol must be an integer"),
            ("'1.1.1.1', '1.1.1.2', 1, 2, 256", "protocol must fit in 1 byte"),
            ("'1.1.1.1', '1.1.1.2', 1, 2, 6, 1.0", "seed must be an integer"),
            ("'1.1.1.1', '1.1.1.2', 1, 2, 6, 32768", "seed must fit in 2 bytes"),
        ] {
            check(&[(&format!("community_id_v1({arguments})"), "NULL")]);
            check_failures(&[(&format!("community_id_v1_strict({arguments})"), &format!("Community ID {sentence}"))]);
        }
    }
}
