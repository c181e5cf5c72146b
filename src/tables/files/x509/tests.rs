//! Certificates made by the host's openssl, which is the oracle too; and bytes that are none.

use super::*;
use crate::sql::testing::{Tree, host};

/// What `openssl x509` says with some options, its last line behind the first `=`.
fn says(path: &str, options: &[&str]) -> String {
    let out = host("openssl", &[&["x509", "-inform", "DER", "-in", path, "-noout"], options].concat()).unwrap();
    out.trim().split_once('=').map_or(out.trim(), |(_, value)| value).to_string()
}

fn made(tree: &Tree, name: &str, key: &[&str], more: &[&str]) -> Option<Vec<u8>> {
    let (place, secret) = (tree.place(name), tree.place("key"));
    let (path, secret) = (place.to_str().unwrap(), secret.to_str().unwrap());
    let subject = "/C=DE/O=A \\/ B/OU=Caf\u{e9}/CN=name.example/emailAddress=a@b.example";
    let arguments = [
        "req", "-x509", "-nodes", "-utf8", "-days", "4000", "-subj", subject, "-outform", "DER", "-out", path,
        "-keyout", secret,
    ];
    host("openssl", &[&arguments[..], key, more].concat())?;
    std::fs::read(&place).ok()
}

#[test]
fn what_openssl_makes_reads_as_openssl_says() {
    let tree = Tree::new("x509-made");
    let kinds: [(&[&str], &str, &str, &str); 4] = [
        (&["-newkey", "rsa:2048", "-sha256"], "rsaEncryption", "2048", "sha256WithRSAEncryption"),
        (&["-newkey", "rsa:1024", "-sha1"], "rsaEncryption", "1024", "sha1WithRSAEncryption"),
        (
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-sha512"],
            "id-ecPublicKey",
            "secp384r1",
            "ecdsa-with-SHA512",
        ),
        (&["-newkey", "ed25519"], "ED25519", "ED25519", "ED25519"),
    ];
    for (index, (key, algorithm, strength, signature)) in kinds.into_iter().enumerate() {
        let Some(der) = made(&tree, &format!("{index}.der"), key, &[]) else {
            return println!("skipped: needs openssl");
        };
        let place = tree.place(format!("{index}.der"));
        let path = place.to_str().unwrap();
        let certificate = parse(&der).unwrap();
        assert_eq!((&*certificate.key_algorithm(), &*certificate.key_strength()), (algorithm, strength));
        assert_eq!(certificate.signing_algorithm(), signature);
        assert_eq!(certificate.common_name(), "name.example");
        // Older ones write no backslash.
        let escaped = certificate.subject(Style::Escaped).replace("\\/", "/");
        assert_eq!(escaped, says(path, &["-subject", "-nameopt", "compat"]).replace("\\/", "/"));
        assert_eq!(
            certificate.subject(Style::Utf8),
            "/C=DE/O=A \\/ B/OU=Caf\u{e9}/CN=name.example/emailAddress=a@b.example"
        );
        assert_eq!(certificate.issuer(Style::Utf8), certificate.subject(Style::Utf8));
        assert_eq!(certificate.serial(), says(path, &["-serial"]));
        assert!(certificate.is_authority() && certificate.is_self_signed());
        assert_eq!(certificate.subject_key_id().len(), 40);
        assert_eq!(certificate.authority_key_id(), certificate.subject_key_id());
        for (option, seconds) in [("-startdate", certificate.not_before()), ("-enddate", certificate.not_after())] {
            let date = host("date", &["-u", "-d", &says(path, &[option]), "+%s"]).unwrap();
            assert_eq!(Some(date.trim().parse().unwrap()), seconds, "{option}");
        }
    }
}

#[test]
fn uses_are_named() {
    let tree = Tree::new("x509-uses");
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    let more = [
        "-addext",
        "keyUsage=critical,digitalSignature,keyAgreement,decipherOnly",
        "-addext",
        "extendedKeyUsage=serverAuth,1.2.3.4",
        "-addext",
        "basicConstraints=CA:FALSE",
    ];
    let Some(der) = made(&tree, "der", &key, &more) else { return println!("skipped: needs openssl") };
    let certificate = parse(&der).unwrap();
    let uses = "Digital Signature, Key Agreement, Decipher Only, TLS Web Server Authentication, 1.2.3.4";
    assert_eq!(certificate.key_usage(), uses);
    assert!(!certificate.is_authority());
    assert_eq!(certificate.key_strength(), "prime256v1");
}

#[test]
fn times_of_both_kinds() {
    let at = |tag, body: &[u8]| epoch(Item { tag, body, whole: &[] });
    assert_eq!(at(UTC_TIME, b"700101000000Z"), Some(0));
    assert_eq!(at(UTC_TIME, b"491231235959Z"), Some(2_524_607_999));
    assert_eq!(at(UTC_TIME, b"500101000000Z"), Some(-631_152_000));
    assert_eq!(at(TIME, b"20000229120000Z"), Some(951_825_600));
    assert_eq!(at(TIME, b"99991231235959Z"), Some(253_402_300_799));
    for wrong in [&b""[..], b"7", b"701301000000Z", b"700001000000Z", b"abcdefghijklm", b"7001010000"] {
        assert_eq!(at(UTC_TIME, wrong), None, "{wrong:?}");
    }
}

#[test]
fn numbers_names_and_strings() {
    assert_eq!(
        Oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]).name(names::ALGORITHMS),
        "sha256WithRSAEncryption"
    );
    assert_eq!(Oid(&[0x88, 0x37, 0x03]).dotted(), "2.999.3");
    assert_eq!(Oid(&[]).dotted(), "");
    assert_eq!(bits(&[0, 0x01, 0xff]), 9);
    assert_eq!(bits(&[]), 0);
    let string = |tag, body: &[u8]| text(Item { tag, body, whole: &[] });
    assert_eq!(string(0x1e, &[0, b'a', 0x20, 0xac]), "a\u{20ac}");
    assert_eq!(string(0x1c, &[0, 0, 0, b'a', 0, 1, 0xf6, 0]), "a\u{1f600}");
    assert_eq!(string(0x14, b"caf\xe9"), "caf\u{e9}");
    assert_eq!(string(0x0c, b"\xff"), "\u{fffd}");
}

#[test]
fn no_bytes_are_too_strange() {
    let tree = Tree::new("x509-strange");
    let Some(mut der) = made(&tree, "der", &["-newkey", "ed25519"], &[]) else {
        return println!("skipped: needs openssl");
    };
    let all = |der: &[u8]| {
        let Some(certificate) = parse(der) else { return };
        let texts = [
            certificate.common_name(),
            certificate.subject(Style::Escaped),
            certificate.issuer(Style::Utf8),
            certificate.key_usage(),
            certificate.key_strength(),
            certificate.subject_key_id(),
            certificate.authority_key_id(),
            certificate.serial(),
        ];
        assert!(texts.iter().map(String::len).sum::<usize>() < 100_000);
        let _ = (
            certificate.not_before(),
            certificate.not_after(),
            certificate.is_authority(),
            certificate.is_self_signed(),
        );
    };
    for length in 0..der.len() {
        all(&der[..length]);
    }
    for index in 0..der.len() {
        for value in [0, 1, 0x30, 0x7f, 0x80, 0x83, 0x84, 0xff] {
            let before = std::mem::replace(&mut der[index], value);
            all(&der);
            der[index] = before;
        }
    }
    assert_eq!(first(&[&der[..], b"more"].concat()), Some(&der[..]));
    assert_eq!(first(b"\x30\x80\0\0"), None);
}
