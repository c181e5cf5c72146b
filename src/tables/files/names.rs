//! Object identifiers and the names that OpenSSL has for them: attributes of names, algorithms, curves, uses of keys.

/// An object identifier as it stands in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oid<'a>(pub &'a [u8]);

impl Oid<'_> {
    /// Numbers with dots between them; of a number beyond 64 bits the lowest.
    pub fn dotted(&self) -> String {
        let mut out = String::new();
        let mut number = 0u64;
        for &byte in self.0 {
            number = number << 7 | u64::from(byte & 0x7f);
            if byte & 0x80 != 0 {
                continue;
            }
            if out.is_empty() {
                let first = (number / 40).min(2);
                out = format!("{first}.{}", number - first * 40);
            } else {
                out.push_str(&format!(".{number}"));
            }
            number = 0;
        }
        out
    }

    /// Its name in a list, or its numbers.
    pub fn name(&self, list: &[(&str, &str)]) -> String {
        let dotted = self.dotted();
        list.iter().find(|(known, _)| *known == dotted).map_or(dotted.clone(), |(_, name)| name.to_string())
    }
}

/// Attributes of names.
pub const ATTRIBUTES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
];

/// Algorithms of signatures and keys.
pub const ALGORITHMS: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", "rsaEncryption"),
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.2.840.10045.2.1", "id-ecPublicKey"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.2.840.10040.4.1", "dsaEncryption"),
    ("1.2.840.10040.4.3", "dsaWithSHA1"),
    ("2.16.840.1.101.3.4.3.2", "dsa_with_SHA256"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
];

/// Elliptic curves.
pub const CURVES: &[(&str, &str)] = &[
    ("1.2.840.10045.3.1.1", "prime192v1"),
    ("1.2.840.10045.3.1.7", "prime256v1"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "secp224r1"),
    ("1.3.132.0.34", "secp384r1"),
    ("1.3.132.0.35", "secp521r1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.2.156.10197.1.301", "SM2"),
];

/// Uses of a key by bit (RFC 5280, 4.2.1.3).
pub const USAGES: [&str; 9] = [
    "Digital Signature",
    "Non Repudiation",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Key Cert Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
];

/// Services by the last number below id-kp, or by the whole identifier.
pub const SERVICES: &[(&str, &str)] = &[
    ("1", "TLS Web Server Authentication"),
    ("2", "TLS Web Client Authentication"),
    ("3", "Code Signing"),
    ("4", "E-mail Protection"),
    ("8", "Time Stamping"),
    ("9", "OCSP Signing"),
    ("2.5.29.37.0", "Any Extended Key Usage"),
];
