//! `certificates`: X.509 certificates in files of the forms PEM and DER. Asked without a path: the machine's bundle of
//! authorities, the first places of [`BUNDLES`] that are there, each file once; where there is none, the single files in
//! /etc/ssl/certs. Asked with a path: that file or all that a pattern stands for (see [`super::pattern`]). A file is read
//! whole, 8 MiB at most; a certificate is decoded at a time, and parsed when a column is asked for. What is none is skipped.

use super::pattern::Pattern;
use super::walk::{Walk, asked};
use super::x509::{self, Certificate, Style};
use crate::sql::digest::{self, Wanted};
use crate::sql::functions::hashing::decoded;
use crate::sql::table::{
    ADDITIONAL, Column, Context, Cursor, OPTIMIZED, Table, TableError, Type, Value, column, elsewhere,
};
use crate::sys::root::MOST_BYTES;
use std::io::Read;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("common_name", Type::Text, 0, "Common name of the subject."),
    column(
        "subject",
        Type::Text,
        0,
        "Subject: /C=US/O=Example/CN=name; / and + in a value with a \\ before them, bytes beyond ASCII as \\xC3.",
    ),
    column("subject2", Type::Text, 0, "The same in UTF-8."),
    column("issuer", Type::Text, 0, "Issuer, as subject."),
    column("issuer2", Type::Text, 0, "Issuer, as subject2."),
    column("ca", Type::Integer, 0, "1 if it may sign others, else 0."),
    column("self_signed", Type::Integer, 0, "1 if subject and issuer are the same, else 0."),
    column("not_valid_before", Type::Text, 0, "First second of its validity, since the epoch."),
    column("not_valid_after", Type::Text, 0, "Last second of its validity, since the epoch."),
    column("signing_algorithm", Type::Text, 0, "Algorithm of its signature: sha256WithRSAEncryption."),
    column("key_algorithm", Type::Text, 0, "Algorithm of its key: rsaEncryption."),
    column("key_strength", Type::Text, 0, "Bits of an RSA or DSA key, or the curve."),
    column("key_usage", Type::Text, 0, "Uses of the key, and services."),
    hex("subject_key_id", Type::Text, 0, "Id of its key."),
    hex("authority_key_id", Type::Text, 0, "Id of its issuer's key."),
    hex("sha1", Type::Text, 0, "SHA-1 of the certificate."),
    column("path", Type::Text, ADDITIONAL | OPTIMIZED, "File in which it lies; asked for as in the table file."),
    hex("serial", Type::Text, 0, "Serial number."),
    elsewhere("sid", Type::Text),
    elsewhere("store_location", Type::Text),
    elsewhere("store", Type::Text),
    elsewhere("username", Type::Text),
    elsewhere("store_id", Type::Text),
];

const PATH: usize = 16;

/// Where distributions keep the certificates of all authorities they trust.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Longest certificate, bytes of base64.
const MOST_CODED: usize = 256 << 10;

const fn hex(name: &'static str, kind: Type, flags: u16, help: &'static str) -> Column {
    Column { collate: "NOCASE", ..column(name, kind, flags, help) }
}

/// See the module's head.
pub static TABLE: Table = Table {
    name: "certificates",
    help: "X.509 certificates of trusted authorities, or in files",
    columns: COLUMNS,
    open: |query| {
        let constrained = query.constraints.iter().any(|constraint| constraint.column == PATH);
        let patterns = if constrained { asked(&query, PATH, None) } else { bundles(&query.context) };
        let walk = Walk::new(&query.context, patterns, None);
        Ok(Box::new(Scan { walk, path: Vec::new(), text: Vec::new(), next: 0, der: Vec::new() }))
    },
};

/// The machine's bundles, each file once under the first of its names.
fn bundles(context: &Rc<Context>) -> Vec<Pattern> {
    let mut seen = Vec::new();
    let mut patterns: Vec<Pattern> = BUNDLES.iter().map(|path| Pattern::exact(path.as_bytes())).collect();
    patterns.retain(|pattern| {
        let file = Walk::to(context, &pattern.head, None).and_then(|mut walk| walk.status(true).copied().ok());
        let file = file.map(|status| (status.device, status.inode)).filter(|file| !seen.contains(file));
        seen.extend(file);
        file.is_some()
    });
    if patterns.is_empty() {
        patterns =
            ["/etc/ssl/certs/%.crt", "/etc/ssl/certs/%.pem"].map(|text| Pattern::like(text.as_bytes(), b"")).into();
    }
    patterns
}

struct Scan {
    walk: Walk,
    path: Vec<u8>,
    /// The file.
    text: Vec<u8>,
    /// What of it has been looked at.
    next: usize,
    /// The row's certificate.
    der: Vec<u8>,
}

/// The next certificate of a text from `next` on, which goes behind it; in PEM between its two lines, whatever stands
/// around them, or else the whole file if it is one in DER.
fn next_certificate(text: &[u8], next: &mut usize) -> Option<Vec<u8>> {
    if *next == 0
        && let Some(der) = x509::first(text)
    {
        *next = text.len();
        return Some(der.to_vec());
    }
    loop {
        let rest = text.get(*next..)?;
        let line = memchr::memmem::find(rest, b"-----BEGIN ")?;
        let body = line + memchr::memchr(b'\n', rest.get(line..)?)? + 1;
        *next += body;
        let title = rest.get(line..body)?.trim_ascii_end();
        if !title.ends_with(b"CERTIFICATE-----") {
            continue;
        }
        let coded = rest.get(body..)?;
        let coded = coded.get(..memchr::memmem::find(coded, b"-----END ")?)?;
        *next += coded.len();
        // A trusted certificate has more behind it.
        let der = if coded.len() <= MOST_CODED { decoded(coded) } else { None };
        if let Some(der) = der.as_deref().and_then(x509::first) {
            return Some(der.to_vec());
        }
    }
}

impl Scan {
    fn value(column: usize, certificate: &Certificate<'_>) -> Value {
        let second = |second: Option<i64>| second.map_or(String::new(), |second| second.to_string());
        Value::text(match column {
            0 => certificate.common_name(),
            1 => certificate.subject(Style::Escaped),
            2 => certificate.subject(Style::Utf8),
            3 => certificate.issuer(Style::Escaped),
            4 => certificate.issuer(Style::Utf8),
            5 => return i64::from(certificate.is_authority()).into(),
            6 => return i64::from(certificate.is_self_signed()).into(),
            7 => second(certificate.not_before()),
            8 => second(certificate.not_after()),
            9 => certificate.signing_algorithm(),
            10 => certificate.key_algorithm(),
            11 => certificate.key_strength(),
            12 => certificate.key_usage(),
            13 => certificate.subject_key_id(),
            14 => certificate.authority_key_id(),
            _ => certificate.serial(),
        })
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            while let Some(der) = next_certificate(&self.text, &mut self.next) {
                if x509::parse(&der).is_some() {
                    self.der = der;
                    return Ok(true);
                }
            }
            self.text.clear();
            self.next = 0;
            if !self.walk.advance()? {
                return Ok(false);
            }
            self.path = self.walk.path();
            if let Ok(file) = self.walk.open() {
                let _ = file.take(MOST_BYTES).read_to_end(&mut self.text);
            }
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match column {
            PATH => Value::text(&self.path),
            15 => {
                let sums = digest::sums(Wanted { sha1: true, ..Wanted::default() }, &self.der);
                Value::Text(sums.sha1.map(|sum| digest::hex(&sum)).unwrap_or_default())
            }
            _ => x509::parse(&self.der).map_or(Value::Null, |certificate| Self::value(column, &certificate)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::{Tree, host, rows};

    fn bundle() -> Option<String> {
        std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").ok()
    }

    #[test]
    fn the_hosts_authorities_are_those_of_openssl() {
        let Some(bundle) = bundle() else { return println!("skipped: needs ca-certificates") };
        let sql = "SELECT sha1, subject, issuer, serial, ca, self_signed, not_valid_after, path FROM certificates";
        let ours = rows("", sql);
        assert_eq!(ours.len(), bundle.matches("-----BEGIN CERTIFICATE-----").count());
        let tree = Tree::new("certificates-host");
        let begin = "-----BEGIN CERTIFICATE-----";
        for (index, part) in bundle.split(begin).skip(1).enumerate().step_by(7) {
            tree.file("one.pem", format!("{begin}{part}"));
            let place = tree.place("one.pem");
            let path = place.to_str().unwrap();
            let arguments = [
                "x509",
                "-in",
                path,
                "-noout",
                "-nameopt",
                "compat",
                "-fingerprint",
                "-subject",
                "-issuer",
                "-serial",
                "-enddate",
                "-purpose",
            ];
            let Some(theirs) = host("openssl", &arguments) else { return println!("skipped: needs openssl") };
            let value = |key: &str| {
                let mut lines = theirs.lines().filter_map(|line| line.split_once('='));
                lines.find(|(name, _)| name.eq_ignore_ascii_case(key)).unwrap().1.to_string()
            };
            let end = host("date", &["-u", "-d", &value("notAfter"), "+%s"]).unwrap();
            let row = &ours[index];
            assert_eq!(row[0], value("sha1 Fingerprint").replace(':', "").to_lowercase());
            assert_eq!((&row[1], &row[2]), (&value("subject"), &value("issuer")), "{index}");
            assert_eq!(row[3], value("serial"));
            assert_eq!(row[4] == "1", theirs.contains("SSL server CA : Yes"), "{index}");
            assert_eq!(row[5] == "1", value("subject") == value("issuer"));
            assert_eq!(row[6], end.trim());
        }
        let one = rows(
            "",
            &format!(
                "SELECT count(*) FROM certificates WHERE serial = lower('{}') AND sha1 = upper('{}')",
                ours[0][3], ours[0][0]
            ),
        );
        assert_eq!(one, [["1"]]);
    }

    #[test]
    fn files_of_both_forms_and_what_is_none() {
        let Some(bundle) = bundle() else { return println!("skipped: needs ca-certificates") };
        let end = "-----END CERTIFICATE-----\n";
        let one = &bundle[..bundle.find(end).unwrap() + end.len()];
        let coded: String = one.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = decoded(coded.as_bytes()).unwrap();
        let tree = Tree::new("certificates-files");
        tree.file("etc/ssl/certs/a.pem", format!("# a comment\r\n{}", one.replace('\n', "\r\n")));
        tree.file("etc/ssl/certs/b.crt", &der).file("etc/ssl/certs/c.0", one);
        let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        tree.file("opt/two.pem", format!("{broken}{one}text\n{one}")).file("opt/cut.pem", &one[..one.len() / 2]);
        tree.file("opt/none.pem", b"\x30\x03\x02\x01\x01");
        let paths = |condition: &str| {
            let sql = format!("SELECT path FROM certificates {condition} ORDER BY path");
            tree.rows(&sql).into_iter().map(|mut row| row.remove(0)).collect::<Vec<_>>()
        };
        assert_eq!(paths(""), ["/etc/ssl/certs/a.pem", "/etc/ssl/certs/b.crt"]);
        assert_eq!(paths("WHERE path = '/opt/two.pem'"), ["/opt/two.pem"; 2]);
        assert_eq!(paths("WHERE path LIKE '/%%'").len(), 5);
        assert_eq!(paths("WHERE path IN ('/opt/cut.pem', '/opt/none.pem', '/opt')"), Vec::<String>::new());
        let sums = tree.rows("SELECT DISTINCT sha1 FROM certificates WHERE path LIKE '/%%'");
        assert_eq!(sums.len(), 1);
        tree.file("etc/pki/tls/certs/ca-bundle.crt", one).link("etc/ssl/cert.pem", "../pki/tls/certs/ca-bundle.crt");
        assert_eq!(paths(""), ["/etc/pki/tls/certs/ca-bundle.crt"], "a file has one name");
    }
}
