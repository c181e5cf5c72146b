//! X.509 certificates (RFC 5280) in DER, as far as a table shows them: a walk over tags and lengths, and what the parts
//! mean. Pure and total: any bytes in; nothing is followed that is not inside, nothing recurses, cost is linear.

use super::names::{self, Oid};

/// A tag, what it holds, and all of it with tag and length.
#[derive(Clone, Copy, Debug)]
struct Item<'a> {
    tag: u8,
    body: &'a [u8],
    whole: &'a [u8],
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const EXTENSIONS: u8 = 0xa3;
const SERVICES: &str = "1.3.6.1.5.5.7.3.";

/// Items one after the other; ends where the bytes are none.
struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        // Lengths of more than three bytes are those of no certificate; tags of many bytes stand in none.
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
            }
            _ => return None,
        };
        let (body, rest) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        (tag & 0x1f != 0x1f).then_some(Item { tag, body, whole })
    }
}

impl<'a> Items<'a> {
    /// The next one, if it has this tag.
    fn tagged(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|item| item.tag == tag).map(|item| item.body)
    }

    /// The next one, if it has this tag; otherwise it stays.
    fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.0.first() == Some(&tag) { self.tagged(tag) } else { None }
    }
}

/// A certificate's parts, as they stand in it.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// 0: the first version, which has no extensions.
    version: u8,
    serial: &'a [u8],
    signature: &'a [u8],
    issuer: &'a [u8],
    not_before: Item<'a>,
    not_after: Item<'a>,
    subject: &'a [u8],
    key_algorithm: &'a [u8],
    key_parameters: &'a [u8],
    key: &'a [u8],
    extensions: &'a [u8],
}

/// The certificate that `der` is; None: it is none.
pub fn parse(der: &[u8]) -> Option<Certificate<'_>> {
    let mut parts = Items(Items(Items(der).tagged(SEQUENCE)?).tagged(SEQUENCE)?);
    let version = parts.optional(0xa0).and_then(|version| Items(version).tagged(INTEGER)?.first().copied());
    let serial = parts.tagged(INTEGER)?;
    let signature = Items(parts.tagged(SEQUENCE)?).tagged(OID)?;
    let issuer = parts.tagged(SEQUENCE)?;
    let mut validity = Items(parts.tagged(SEQUENCE)?);
    let (not_before, not_after) = (validity.next()?, validity.next()?);
    let subject = parts.tagged(SEQUENCE)?;
    let mut public = Items(parts.tagged(SEQUENCE)?);
    let mut algorithm = Items(public.tagged(SEQUENCE)?);
    let (key_algorithm, key) = (algorithm.tagged(OID)?, public.tagged(BITS)?);
    let key_parameters = algorithm.0;
    let extensions = parts.find(|item| item.tag == EXTENSIONS).and_then(|item| Items(item.body).tagged(SEQUENCE));
    Some(Certificate {
        version: version.unwrap_or(0),
        serial,
        signature,
        issuer,
        not_before,
        not_after,
        subject,
        key_algorithm,
        key_parameters,
        key: key.get(1..)?,
        extensions: extensions.unwrap_or(&[]),
    })
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bytes that are no printable ASCII as `\xC3`.
    Escaped,
    /// UTF-8.
    Utf8,
}

/// A name's attributes: its type, its value, and whether it stands beside the one before it in one set.
fn attributes(name: &[u8]) -> impl Iterator<Item = (Oid<'_>, Item<'_>, bool)> {
    Items(name).flat_map(|set| {
        Items(set.body).enumerate().filter_map(|(index, pair)| {
            let mut pair = Items(pair.body);
            Some((Oid(pair.tagged(OID)?), pair.next()?, index > 0))
        })
    })
}

/// A string of any of the kinds that names have, as UTF-8.
fn text(item: Item<'_>) -> String {
    let wide =
        |size: usize| item.body.chunks(size).map(|unit| unit.iter().fold(0, |unit, &byte| unit << 8 | u32::from(byte)));
    match item.tag {
        // T61String, by custom Latin-1.
        0x14 => item.body.iter().map(|&byte| char::from(byte)).collect(),
        0x1c => wide(4).map(|unit| char::from_u32(unit).unwrap_or('\u{fffd}')).collect(),
        0x1e => char::decode_utf16(wide(2).map(|unit| unit as u16)).map(|unit| unit.unwrap_or('\u{fffd}')).collect(),
        _ => String::from_utf8_lossy(item.body).into_owned(),
    }
}

/// A distinguished name as `/C=US/O=Example/CN=name`, with a backslash before `/` and `+` in a value, as OpenSSL has it.
fn distinguished(name: &[u8], style: Style) -> String {
    let mut out = String::new();
    for (kind, value, beside) in attributes(name) {
        out.push(if beside { '+' } else { '/' });
        out.push_str(&kind.name(names::ATTRIBUTES));
        out.push('=');
        let text = match style {
            Style::Utf8 => text(value),
            // A byte a character, for the time being.
            Style::Escaped => value.body.iter().map(|&byte| char::from(byte)).collect(),
        };
        for character in text.chars() {
            match character {
                '/' | '+' => out.extend(['\\', character]),
                ' '..='~' => out.push(character),
                _ if style == Style::Utf8 => out.push(character),
                _ => out.push_str(&format!("\\x{:02X}", u32::from(character))),
            }
        }
    }
    out
}

/// Upper-case hexadecimal digits.
fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Bits of an unsigned number.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let rest = number.get(zeros..).unwrap_or(&[]);
    rest.first().map_or(0, |first| rest.len() * 8 - first.leading_zeros() as usize)
}

/// Seconds since the epoch of `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn epoch(time: Item<'_>) -> Option<i64> {
    let (year, rest) = match time.tag {
        UTC_TIME => time.body.split_at_checked(2)?,
        TIME => time.body.split_at_checked(4)?,
        _ => return None,
    };
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u16>().ok().map(i64::from);
    let mut year = number(year)?;
    if time.tag == UTC_TIME {
        year += if year < 50 { 2000 } else { 1900 };
    }
    let part = |index: usize| number(rest.get(index * 2..index * 2 + 2)?);
    let (month, day, seconds) = (part(0)?, part(1)?, part(2)? * 3600 + part(3)? * 60 + part(4)?);
    if !(1..=12).contains(&month) {
        return None;
    }
    // Days of the civil calendar, from 1 March of the year 0.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    Some((days + (months * 153 + 2) / 5 + day - 1 - 719_468) * 86_400 + seconds)
}

impl<'a> Certificate<'a> {
    /// What an extension holds.
    fn extension(&self, wanted: &str) -> Option<&'a [u8]> {
        Items(self.extensions).find_map(|extension| {
            let mut parts = Items(extension.body);
            let is_wanted = Oid(parts.tagged(OID)?).dotted() == wanted;
            let _critical = parts.optional(BOOLEAN);
            parts.tagged(OCTETS).filter(|_| is_wanted)
        })
    }

    /// The subject's first common name.
    pub fn common_name(&self) -> String {
        let common = attributes(self.subject).find(|(kind, _, _)| kind.dotted() == "2.5.4.3");
        common.map(|(_, value, _)| text(value)).unwrap_or_default()
    }

    /// The subject.
    pub fn subject(&self, style: Style) -> String {
        distinguished(self.subject, style)
    }

    /// The issuer.
    pub fn issuer(&self, style: Style) -> String {
        distinguished(self.issuer, style)
    }

    /// The first second of its validity, since the epoch.
    pub fn not_before(&self) -> Option<i64> {
        epoch(self.not_before)
    }

    /// The last second of its validity, since the epoch.
    pub fn not_after(&self) -> Option<i64> {
        epoch(self.not_after)
    }

    /// The bits of the key usage, the first one highest; None: it may be used for anything.
    fn usage(&self) -> Option<u16> {
        let bits = Items(self.extension("2.5.29.15")?).tagged(BITS)?;
        let byte = |index: usize| u16::from(bits.get(index).copied().unwrap_or(0));
        Some(byte(1) << 8 | byte(2))
    }

    /// Whether it may sign others: by its basic constraints, or where it has none, as a self-signed one of the first
    /// version or by its key usage.
    pub fn is_authority(&self) -> bool {
        let signs = self.usage().map(|usage| usage & 0x0400 != 0);
        if signs == Some(false) {
            return false;
        }
        let constraints = self.extension("2.5.29.19").and_then(|constraints| Items(constraints).tagged(SEQUENCE));
        match constraints {
            Some(constraints) => Items(constraints).tagged(BOOLEAN).is_some_and(|value| value != [0]),
            None => signs == Some(true) || self.version == 0 && self.is_self_signed(),
        }
    }

    /// Whether subject and issuer are the same, and their keys' ids too where both are there.
    pub fn is_self_signed(&self) -> bool {
        let (own, issuers) = (self.subject_key_id(), self.authority_key_id());
        self.subject == self.issuer && (own.is_empty() || issuers.is_empty() || own == issuers)
    }

    /// The algorithm of its signature.
    pub fn signing_algorithm(&self) -> String {
        Oid(self.signature).name(names::ALGORITHMS)
    }

    /// The algorithm of its key.
    pub fn key_algorithm(&self) -> String {
        Oid(self.key_algorithm).name(names::ALGORITHMS)
    }

    /// Bits of an RSA or DSA key, or the curve of another.
    pub fn key_strength(&self) -> String {
        let number =
            |items: &[u8]| Items(Items(items).tagged(SEQUENCE)?).tagged(INTEGER).map(|number| bits(number).to_string());
        match &*self.key_algorithm() {
            "rsaEncryption" | "rsassaPss" => number(self.key).unwrap_or_default(),
            "dsaEncryption" => number(self.key_parameters).unwrap_or_default(),
            "id-ecPublicKey" => {
                let curve = Items(self.key_parameters).tagged(OID);
                curve.map(|curve| Oid(curve).name(names::CURVES)).unwrap_or_default()
            }
            curve @ ("ED25519" | "ED448" | "X25519" | "X448") => curve.to_string(),
            _ => String::new(),
        }
    }

    /// For what its key may be used, and for which services.
    pub fn key_usage(&self) -> String {
        let usage = self.usage().unwrap_or(0);
        let uses = names::USAGES.iter().enumerate().filter(|(bit, _)| usage & 0x8000 >> bit != 0);
        let mut out: Vec<String> = uses.map(|(_, name)| name.to_string()).collect();
        let services = self.extension("2.5.29.37").and_then(|services| Items(services).tagged(SEQUENCE));
        for service in Items(services.unwrap_or(&[])).filter(|item| item.tag == OID) {
            let dotted = Oid(service.body).dotted();
            let number = dotted.strip_prefix(SERVICES);
            let known = names::SERVICES.iter().find(|(known, _)| number == Some(*known) || dotted == *known);
            out.push(known.map_or(dotted.clone(), |(_, name)| name.to_string()));
        }
        out.join(", ")
    }

    /// The id of its key; empty: it has none.
    pub fn subject_key_id(&self) -> String {
        let id = self.extension("2.5.29.14").and_then(|id| Items(id).tagged(OCTETS));
        digits(id.unwrap_or(&[]))
    }

    /// The id of its issuer's key; empty: it has none.
    pub fn authority_key_id(&self) -> String {
        let parts = self.extension("2.5.29.35").and_then(|parts| Items(parts).tagged(SEQUENCE));
        digits(parts.and_then(|parts| Items(parts).find(|item| item.tag == 0x80)).map_or(&[], |id| id.body))
    }

    /// Its serial number.
    pub fn serial(&self) -> String {
        let zeros = self.serial.iter().take(self.serial.len().saturating_sub(1)).take_while(|&&byte| byte == 0).count();
        digits(self.serial.get(zeros..).unwrap_or(&[]))
    }
}

/// The DER of the certificate with which `bytes` begin: what follows it does not belong to it.
pub fn first(bytes: &[u8]) -> Option<&[u8]> {
    Items(bytes).next().filter(|item| item.tag == SEQUENCE).map(|item| item.whole)
}

#[cfg(test)]
mod tests;
