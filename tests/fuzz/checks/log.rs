//! Lines of logs: what is read of a line lies in it and is a record; all of them together hold what `lineage` asks of
//! events; and a whole replay of the same bytes counts each line once.

use super::lineage::Driven;
use std::path::Path;
use stemma::agent::replay::Replay;
use stemma::audit::log::{is_blank, parse};
use stemma::audit::record::Record;
use stemma::store::writer::{Limits, Writer};

/// A replay has a database, which takes some ms: one input of so many gets that far.
const REPLAYED: usize = 32;

pub fn check(data: &[u8]) {
    let mut driven = Driven::of_log(2 + data.len() % 20);
    let mut serial = 0;
    for line in data.split(|&byte| byte == b'\n') {
        let Ok(logged) = parse(line) else { continue };
        assert!(!is_blank(line));
        let place = logged.body.as_ptr() as usize - line.as_ptr() as usize;
        assert!(place + logged.body.len() <= line.len() && !logged.body.contains(&0));
        let record = Record::parse(logged.body).expect("a record");
        assert_eq!(record.stamp, logged.stamp);
        let Some(kind) = logged.kind else { continue };
        let plain = [format!("type={kind} msg=").as_bytes(), logged.body].concat();
        let again = parse(&plain).expect("the same in the plainest form");
        assert_eq!((again.kind, again.body.trim_ascii_end()), (Some(kind), logged.body.trim_ascii_end()));
        // As a replay does it, more or less: serials that fall far are of another boot.
        if logged.stamp.serial.saturating_add(10_000) < serial {
            driven.reboot();
            serial = 0;
        }
        serial = serial.max(logged.stamp.serial);
        driven.record(kind, logged.stamp.ms, logged.body);
    }
    driven.finish();
    if data.len() % REPLAYED == 0 {
        replay(data);
    }
}

fn replay(data: &[u8]) {
    let limits = Limits { expiry_s: i64::MAX / 1000, events: i64::MAX, bytes: i64::MAX };
    let writer = Writer::unsynced(Path::new(":memory:"), limits).unwrap();
    let (tally, result) = Replay::new(writer, &Replay::defaults(), "a check", None).unwrap().run(data);
    assert!(result.is_ok(), "{result:?}");
    assert!(tally.records + tally.malformed + tally.elsewhere <= tally.lines);
    assert!(tally.execs <= tally.records && tally.partial <= tally.execs && tally.boots <= tally.records);
}
