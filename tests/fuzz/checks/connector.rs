//! The proc connector's datagrams.

use stemma::source::connector::parse;
use stemma::source::{Life, LifeKind};

const FORK: u32 = 1;
const EXEC: u32 = 2;
const EXIT: u32 = 0x8000_0000;
/// Makes another number of a thread's than its process's.
const THREAD: u32 = 0x2_0000;

/// A datagram as the kernel sends it (76 bytes).
pub fn datagram(life: &Life) -> Vec<u8> {
    let (what, words) = match life.kind {
        LifeKind::Fork { parent } => (FORK, [parent, parent, life.pid, life.pid]),
        LifeKind::ThreadBegun => (FORK, [1, 1, life.pid ^ THREAD, life.pid]),
        LifeKind::ThreadEnded { status } => (EXIT, [life.pid ^ THREAD, life.pid, status, 17]),
        LifeKind::Exec => (EXEC, [life.pid, life.pid, 0, 0]),
        LifeKind::Exit { status } => (EXIT, [life.pid, life.pid, status, 17]),
    };
    let mut out = Vec::new();
    // nlmsghdr: length, NLMSG_DONE, flags, seq, pid; cn_msg: idx, val, seq, ack, len and flags.
    for word in [76u32, 3, 0, 0, 1, 1, 0, 0, 40] {
        out.extend(word.to_ne_bytes());
    }
    out.extend(what.to_ne_bytes());
    out.extend(0u32.to_ne_bytes());
    out.extend(life.time_ns.to_ne_bytes());
    words.iter().for_each(|word| out.extend(word.to_ne_bytes()));
    out.resize(76, 0);
    out
}

pub fn check(data: &[u8]) {
    for cut in [data.len(), data.len() / 2] {
        let Ok(Some(life)) = parse(&data[..cut]) else { continue };
        assert!(life.pid > 0 && i32::try_from(life.pid).is_ok());
        assert!((0..=i64::MAX / 2).contains(&life.time_ns));
        if let LifeKind::Fork { parent } = life.kind {
            assert!(parent != life.pid && i32::try_from(parent).is_ok());
        }
        assert_eq!(parse(&datagram(&life)), Ok(Some(life)), "what was read can be written and read again");
    }
}
