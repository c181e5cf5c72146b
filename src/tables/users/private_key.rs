//! What a private key's file tells without its passphrase: PEM in its old forms (RFC 1421 headers, PKCS#1, SEC 1),
//! PKCS#8, OpenSSH's own format (PROTOCOL.key) and dropbear's. Pure functions over bytes; nothing secret is kept or
//! given. Bound: the first 16 KiB of a key's binary form are looked at.

/// How much of a key's binary form is decoded, bytes; the largest usual key (RSA, 16,384 bits) has 9 KiB.
const DECODED: usize = 16 << 10;

/// What is known of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// Whether a passphrase protects it.
    pub encrypted: bool,
    /// rsa, dsa, dh, ec, ed25519, ed448, or empty.
    pub kind: &'static str,
    /// Curve in OpenSSL's words, or empty.
    pub group: &'static str,
    /// Length of modulus, prime or curve, bits.
    pub bits: Option<u32>,
    /// Length of the subgroup of DSA, bits.
    subgroup_bits: u32,
}

impl Key {
    fn of(kind: &'static str, bits: u32) -> Self {
        Key { kind, bits: Some(bits), ..Key::default() }
    }

    fn curve(group: &'static str, bits: u32) -> Self {
        Key { group, ..Key::of("ec", bits) }
    }

    /// Bits of security as of NIST SP 800-57 part 1, table 2 (with OpenSSL's steps between); of a length between two
    /// steps, the lower one's.
    pub fn security_bits(&self) -> Option<u32> {
        let bits = self.bits?;
        let step = |steps: &[(u32, u32)]| steps.iter().rev().find(|step| step.0 <= bits).map_or(0, |step| step.1);
        Some(match self.kind {
            "ec" => step(&[(160, 80), (224, 112), (256, 128), (384, 192), (512, 256)]),
            "ed25519" => 128,
            "ed448" => 224,
            kind => {
                const STEPS: [(u32, u32); 8] = [
                    (1024, 80),
                    (2048, 112),
                    (3072, 128),
                    (4096, 152),
                    (6144, 176),
                    (7680, 192),
                    (8192, 200),
                    (15360, 256),
                ];
                let security = step(&STEPS);
                if kind == "dsa" { security.min(self.subgroup_bits / 2) } else { security }
            }
        })
    }
}

/// What a file says that holds a private key; None if it holds none.
pub fn parse(file: &[u8]) -> Option<Key> {
    if ssh_string(file).is_some_and(|(kind, _)| kind.starts_with(b"ssh-") || kind.starts_with(b"ecdsa-")) {
        // dropbear's: the public part, then the secret one, as they are.
        return ssh_public(file);
    }
    let (label, body) = pem(file)?;
    match label {
        b"ENCRYPTED" => Some(Key { encrypted: true, ..Key::default() }),
        b"OPENSSH" => openssh(&base64(body)),
        _ if contains(body, b"Proc-Type:") && contains(body, b"ENCRYPTED") => {
            // The label is all that can be read.
            let kind =
                [(&b"RSA"[..], "rsa"), (b"DSA", "dsa"), (b"EC", "ec")].into_iter().find(|known| known.0 == label);
            Some(Key { encrypted: true, kind: kind.map_or("", |known| known.1), ..Key::default() })
        }
        b"RSA" => rsa(&base64(body)),
        b"DSA" => dsa(Der(&base64(body)).enter(SEQUENCE)?.after(INTEGER)?),
        b"EC" => sec1(&base64(body)),
        b"" => pkcs8(&base64(body)),
        _ => None,
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    find(text, what).is_some()
}

/// Label (without "PRIVATE KEY") and body of the first block that is a private key.
fn pem(file: &[u8]) -> Option<(&[u8], &[u8])> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut rest = file;
    loop {
        rest = rest.get(find(rest, BEGIN)? + BEGIN.len()..)?;
        let (label, body) = rest.split_at_checked(find(rest, b"-----")?)?;
        let body = body.get(5..)?;
        if let Some(label) = label.strip_suffix(b"PRIVATE KEY") {
            let end = find(body, b"-----END ").unwrap_or(body.len());
            return Some((label.trim_ascii_end(), body.get(..end)?));
        }
        rest = body;
    }
}

/// The bytes of base64 text; blanks do not matter, anything else ends it.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for &byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
        if bytes.len() >= DECODED {
            break;
        }
    }
    bytes
}

/// Bits of a big-endian number.
fn bits(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    match number.get(zeros) {
        Some(first) => (number.len() - zeros) as u32 * 8 - first.leading_zeros(),
        None => 0,
    }
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// Explicit tag 0 of SEC 1, the curve.
const PARAMETERS: u8 = 0xa0;

/// A run of DER elements (X.690), of which the last may be cut.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Tag and contents of the first element, and what follows it.
    fn split(self) -> Option<(u8, &'a [u8], Der<'a>)> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match length {
            0..=0x7f => (usize::from(*length), rest),
            0x81..=0x83 => {
                let (length, rest) = rest.split_at_checked(usize::from(length & 3))?;
                (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
            }
            _ => return None,
        };
        let (contents, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        Some((*tag, contents, Der(after)))
    }

    /// The contents of the first element, if it is a `tag`.
    fn first(self, tag: u8) -> Option<&'a [u8]> {
        self.split().filter(|element| element.0 == tag).map(|element| element.1)
    }

    /// The elements within the first element, if it is a `tag`.
    fn enter(self, tag: u8) -> Option<Self> {
        self.first(tag).map(Der)
    }

    /// What follows the first element, if it is a `tag`.
    fn after(self, tag: u8) -> Option<Self> {
        self.split().filter(|element| element.0 == tag).map(|element| element.2)
    }
}

/// RSAPrivateKey: version, modulus, … (RFC 8017, A.1.2).
fn rsa(der: &[u8]) -> Option<Key> {
    let modulus = Der(der).enter(SEQUENCE)?.after(INTEGER)?.first(INTEGER)?;
    Some(Key::of("rsa", bits(modulus)))
}

/// p, q, g.
fn dsa(numbers: Der<'_>) -> Option<Key> {
    let (p, q) = (numbers.first(INTEGER)?, numbers.after(INTEGER)?.first(INTEGER)?);
    Some(Key { subgroup_bits: bits(q), ..Key::of("dsa", bits(p)) })
}

/// ECPrivateKey: version, secret, [0] curve, [1] public key (RFC 5915).
fn sec1(der: &[u8]) -> Option<Key> {
    let curve = Der(der).enter(SEQUENCE)?.after(INTEGER)?.after(OCTETS)?;
    curve.enter(PARAMETERS)?.first(OID).map(curve_of)
}

/// Curves by object identifier (SEC 2, RFC 5639 has more), with their names at OpenSSL.
fn curve_of(oid: &[u8]) -> Key {
    match oid {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1] => Key::curve("prime192v1", 192),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => Key::curve("prime256v1", 256),
        [0x2b, 0x81, 4, 0, 10] => Key::curve("secp256k1", 256),
        [0x2b, 0x81, 4, 0, 33] => Key::curve("secp224r1", 224),
        [0x2b, 0x81, 4, 0, 34] => Key::curve("secp384r1", 384),
        [0x2b, 0x81, 4, 0, 35] => Key::curve("secp521r1", 521),
        _ => Key { kind: "ec", ..Key::default() },
    }
}

/// PrivateKeyInfo: version, algorithm with parameters, key (RFC 5208).
fn pkcs8(der: &[u8]) -> Option<Key> {
    let fields = Der(der).enter(SEQUENCE)?.after(INTEGER)?;
    let algorithm = fields.enter(SEQUENCE)?;
    let parameters = algorithm.after(OID)?;
    let key = fields.after(SEQUENCE)?.first(OCTETS)?;
    match algorithm.first(OID)? {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => rsa(key),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 3, 1] => {
            Some(Key::of("dh", bits(parameters.enter(SEQUENCE)?.first(INTEGER)?)))
        }
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1] => dsa(parameters.enter(SEQUENCE)?),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => parameters.first(OID).map(curve_of),
        [0x2b, 0x65, 0x70] => Some(Key::of("ed25519", 256)),
        [0x2b, 0x65, 0x71] => Some(Key::of("ed448", 456)),
        _ => Some(Key::default()),
    }
}

/// A string of the ssh protocol (RFC 4251, 5) and what follows it.
fn ssh_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = text.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// A key that begins like a public one: its kind, then its numbers (RFC 4253, 6.6; RFC 5656, 3.1).
fn ssh_public(blob: &[u8]) -> Option<Key> {
    let (kind, rest) = ssh_string(blob)?;
    let (first, rest) = ssh_string(rest)?;
    match kind {
        b"ssh-rsa" => Some(Key::of("rsa", bits(ssh_string(rest)?.0))),
        b"ssh-dss" => Some(Key { subgroup_bits: bits(ssh_string(rest)?.0), ..Key::of("dsa", bits(first)) }),
        b"ssh-ed25519" | b"sk-ssh-ed25519@openssh.com" => Some(Key::of("ed25519", 256)),
        b"ssh-ed448" => Some(Key::of("ed448", 456)),
        _ => match first {
            b"nistp256" => Some(Key::curve("prime256v1", 256)),
            b"nistp384" => Some(Key::curve("secp384r1", 384)),
            b"nistp521" => Some(Key::curve("secp521r1", 521)),
            _ => Some(Key::default()),
        },
    }
}

/// OpenSSH's format: magic, cipher, kdf, its options, number of keys, public key (PROTOCOL.key).
fn openssh(bytes: &[u8]) -> Option<Key> {
    let (cipher, rest) = ssh_string(bytes.strip_prefix(b"openssh-key-v1\0")?)?;
    let (_, rest) = ssh_string(rest)?;
    let (_, rest) = ssh_string(rest)?;
    let (public, _) = ssh_string(rest.get(4..)?)?;
    Some(Key { encrypted: cipher != b"none", ..ssh_public(public).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::{Key, base64, bits, parse};

    #[test]
    fn numbers_and_base64() {
        assert_eq!([bits(b""), bits(b"\0"), bits(b"\0\x80"), bits(b"\x01\0"), bits(b"\x7f")], [0, 0, 8, 9, 7]);
        assert_eq!(base64(b"aGVs\nbG8=\n"), b"hello");
        assert_eq!(base64(b"aGVsbG8"), b"hello");
        assert_eq!(base64(b"!"), b"");
        assert_eq!(base64(&vec![b'A'; 1 << 20]).len(), super::DECODED);
    }

    #[test]
    fn broken_keys_are_none() {
        for text in [
            "",
            "-----BEGIN ",
            "-----BEGIN PRIVATE KEY",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\n////////////\n-----END PRIVATE KEY-----\n",
            "-----BEGIN FOREIGN PRIVATE KEY-----\nAAAA\n-----END FOREIGN PRIVATE KEY-----\n",
            "\0\0\0\x07ssh-rsa\0\0\0\x03abc",
            "\u{7f}\0\0\0ssh-rsa",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        let sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(parse(sealed.as_bytes()), Some(Key { encrypted: true, ..Key::default() }));
    }

    #[test]
    fn keys_of_dropbear() {
        let file = [&b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01\0\0\x01\0"[..], &[0xff; 256], b"\0\0\0\x01\x05"].concat();
        assert_eq!(parse(&file), Some(Key::of("rsa", 2048)));
        let file = b"\0\0\0\x0bssh-ed25519\0\0\0\x04abcd";
        assert_eq!(parse(file), Some(Key::of("ed25519", 256)));
    }
}
