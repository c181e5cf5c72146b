//! Rules against files, also beside YARA itself.

use super::*;
use crate::sql::testing::{Tree, host};
use crate::tables::yara::scan::Scan;

/// `names|count|tags|strings`, the file given in pieces of `piece` bytes.
fn scanned(rules: &Rules, file: &[u8], piece: usize) -> String {
    let mut scan = Scan::new(rules);
    file.chunks(piece).for_each(|part| scan.add(part));
    let verdict = scan.finish();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    format!("{}|{}|{}|{}", text(verdict.names()), verdict.count(), text(verdict.tags()), text(verdict.strings()))
}

/// The same for a text, which must not depend on the pieces.
fn scan(rules: &str, file: &[u8]) -> String {
    let rules = Rules::read(rules.as_bytes()).unwrap_or_else(|error| panic!("{rules}: {}", error.0));
    let whole = scanned(&rules, file, usize::MAX);
    for piece in [1, 2, 3, 7, 64] {
        assert_eq!(scanned(&rules, file, piece), whole, "in pieces of {piece}");
    }
    whole
}

fn matches(condition: &str, file: &[u8]) -> bool {
    let strings = r#"$a = "alpha" $b = "beta" nocase $c1 = { 00 ?? 4? [2] FF } $c2 = "wide" wide ascii fullword"#;
    scan(&format!("rule r {{ strings: {strings} condition: {condition} }}"), file).starts_with('r')
}

#[test]
fn the_rules_of_a_known_pack() {
    let jndi = r#"rule log4jJndiLookup { strings: $jndilookup = "JndiLookup" condition: $jndilookup }"#;
    assert_eq!(scan(jndi, b"PK..org/JndiLookup.class..JndiLookup"), "log4jJndiLookup|1||$jndilookup:8,$jndilookup:1a");
    assert_eq!(scan(jndi, b"PK..jndilookup"), "|0||");
    assert_eq!(scan(jndi, b""), "|0||");
}

#[test]
fn strings_are_found_as_they_are_described() {
    for (condition, file, wanted) in [
        ("$a", &b"an alpha"[..], true),
        ("$a", b"an ALPHA", false),
        ("$b", b"a BeTa", true),
        ("$b", b"a b\x65t", false),
        ("$c1", b"\x00\x99\x4f..\xff", true),
        ("$c1", b"\x00\x99\x5f..\xff", false),
        ("$c1", b"\x00\x99\x4f.\xff", false),
        ("$c2", b"a wide word", true),
        ("$c2", b"a wider word", false),
        ("$c2", b"worldwide", false),
        ("$c2", b"w\0i\0d\0e\0", true),
        ("$c2", b"w\0i\0d\0e\0r\0", false),
        ("$c2", b"w\0i\0d\0e\0 \0", true),
        ("$c2", b"a\0w\0i\0d\0e\0", false),
    ] {
        assert_eq!(matches(condition, file), wanted, "{condition} in {file:?}");
    }
}

#[test]
fn conditions_are_judged() {
    let file = b"\x7fELF alpha alpha BETA";
    for (condition, wanted) in [
        ("true", true),
        ("false or $a", true),
        ("$a and not $b", false),
        ("not $a or $b and $c1", false),
        ("not ($a and $c1)", true),
        ("#a == 2 and #b <= 1 and #c1 < 1 and #c2 != 1", true),
        ("#a > 2", false),
        ("any of them and not all of them", true),
        ("2 of them and not 3 of them", true),
        ("none of ($c*)", true),
        ("0 of ($c*)", true),
        ("all of ($a, $b)", true),
        ("1 of ($c1,$c2) // comment\n or false", false),
        ("filesize == 21 and filesize < 1KB and filesize < 1MB", true),
        ("uint32(0) == 0x464c457f and uint32be(0) == 0x7f454c46 and uint16(0) == 0x457f and uint8(1) == 69", true),
        ("uint16(20) == 1 or uint16(20) != 1", false),
        ("$a at 5 and $a at 11 /* and */ and not $a at 6", true),
    ] {
        assert_eq!(matches(condition, file), wanted, "{condition}");
    }
}

#[test]
fn several_rules_with_tags_and_meta() {
    let rules = "rule one : red blue { meta: author = \"x\" n = -1 b = true condition: filesize > 0 }\n\
                 rule two { condition: filesize > 9 } rule three:green{strings:$=\"b\" $=\"c\" condition:any of them}";
    assert_eq!(scan(rules, b"abc"), "one,three|2|red,blue,green|$:1,$:2");
}

#[test]
fn what_is_not_understood_is_said() {
    let rule = |strings: &str, condition: &str| {
        let text = format!("rule r {{ strings: $a = {strings} condition: {condition} }}");
        Rules::read(text.as_bytes()).expect_err(&text).0
    };
    assert_eq!(rule("/re+/", "$a"), "line 1: regular expressions are not supported");
    assert_eq!(rule("\"a\" xor", "$a"), "line 1: 'xor' is not understood");
    assert_eq!(rule("{ 00 [2-4] 01 }", "$a"), "line 1: jumps of several lengths are not supported");
    assert_eq!(rule("{ ?? }", "$a"), "line 1: a hex string without a byte");
    assert_eq!(rule("{ 0 }", "$a"), "line 1: '}' is not understood");
    assert_eq!(rule("\"a\"", "$b"), "line 1: there is no string $b");
    assert_eq!(rule("\"a\"", "for all i in (1..2): ($a)"), "line 1: 'for' is not understood");
    assert_eq!(rule("\"a\"", "$a in (0..9)"), "line 1: 'in' is not understood");
    assert_eq!(rule("\"a\"", "uint16(4095) == 1"), "line 1: only the file's first 4 KiB can be compared");
    assert_eq!(rule("\"a", "$a"), "line 1: a text does not end");
    assert_eq!(rule("\"a\"", &"(".repeat(100_000)), "line 1: too many parentheses");
    assert_eq!(rule("\"a\"", &"not ".repeat(100_000)), "line 1: too many parentheses");
    for (text, wanted) in [
        ("", "line 1: there is no rule"),
        ("\n\nimport \"pe\"", "line 3: 'import' is not understood"),
        ("rule a { condition: true", "line 1: something is missing at the end"),
        ("rule a { condition: true } rule a { condition: true }", "line 1: a second rule a"),
        ("rule a { condition: any of them }", "line 1: the rule has no strings"),
    ] {
        assert_eq!(Rules::read(text.as_bytes()).expect_err(text).0, wanted);
    }
}

#[test]
fn every_beginning_of_a_rule_is_an_error_and_no_more() {
    let text = br#"rule r : t { meta: a = "b" strings: $a = "x" wide $b = { 0? [2] ff } condition: 2 of ($a*, $b) and uint8(3) == 0x4 }"#;
    assert!(Rules::read(text).is_ok());
    for end in 0..text.len() {
        assert!(Rules::read(&text[..end]).is_err(), "{end}");
    }
    for at in 0..text.len() {
        for byte in [0, 0xff, b'$', b'"', b'{', b'[', b'9'] {
            let mut text = text.to_vec();
            text[at] = byte;
            let _ = Rules::read(&text);
        }
    }
}

#[test]
fn yara_itself_says_the_same() {
    let tree = Tree::new("yara-peer");
    let rules = "rule elf : bin { strings: $a = { 7f 45 4c 46 } condition: $a at 0 and uint32(0) == 0x464c457f }\n\
                 rule words { strings: $a = \"bin\" nocase fullword $b = \"lib\" $c = \"name\" wide ascii \
                 condition: ($a and #b > 3) or 2 of them }\n\
                 rule hex { strings: $h = { 00 0? [3] ?0 00 } condition: #h > 10 and filesize < 10MB }\n\
                 rule none { strings: $a = \"no such text anywhere\" condition: not any of them }";
    tree.file("rules.yar", rules);
    let place = tree.place("rules.yar");
    let read = Rules::read(rules.as_bytes()).unwrap();
    for path in ["/bin/ls", "/bin/sh", "/etc/passwd", "/etc/services", "/dev/null"] {
        let Some(theirs) = host("yara", &[place.to_str().unwrap(), path]) else {
            return println!("skipped: needs yara");
        };
        let Ok(file) = std::fs::read(path) else { continue };
        let names: Vec<_> = theirs.lines().filter_map(|line| line.split(' ').next()).collect();
        let mut theirs = names.clone();
        theirs.sort_unstable();
        let ours = scanned(&read, &file, crate::tables::yara::scan::BLOCK_BYTES);
        let mut ours: Vec<_> = ours.split('|').next().unwrap().split(',').filter(|name| !name.is_empty()).collect();
        ours.sort_unstable();
        assert_eq!(ours, theirs, "{path}");
    }
}
