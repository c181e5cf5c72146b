//! Which records reach us at all: a classic BPF program on the audit socket (socket(7), SO_ATTACH_FILTER), run by the
//! kernel for each datagram before it is queued. What nobody reads (PROCTITLE, EOE, the records of other people's rules,
//! every PATH but the first) costs neither a place in the buffer nor a copy nor a wake-up. Nobody else's records change.

use super::record::kind;
use crate::sys::netlink::Instruction;

const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// Where `nlmsg_type` lies.
const TYPE: u32 = 4;
/// Where the `)` of `audit(1700000000.123:S)` lies in a datagram, less the length of the serial S.
const CLOSING: u32 = 16 + 21;
/// Digits that a serial may have.
const SERIAL_DIGITS: u32 = 10;
/// From the `)` to the number in `): item=0`.
const ITEM: u32 = 8;

fn instruction(code: u16, jump_true: usize, jump_false: usize, k: u32) -> Instruction {
    Instruction { code, jt: jump_true as u8, jf: jump_false as u8, k }
}

/// The program: SYSCALL, EXECVE, CWD and PATH item 0 pass, and PATH records of a form it does not know.
pub fn program() -> Vec<Instruction> {
    let whole = [kind::SYSCALL, kind::EXECVE, kind::CWD];
    // A load takes its bytes in network order, the type lies there in the machine's.
    let number = |kind: u16| u32::from(u16::from_be_bytes(kind.to_ne_bytes()));
    let accept = 1 + whole.len() + 1 + 4 * SERIAL_DIGITS as usize;
    let mut program = vec![instruction(LOAD_HALF, 0, 0, TYPE)];
    // A jump counts from the instruction after it.
    let to_accept = |program: &[Instruction]| accept - program.len() - 1;
    for kind in whole {
        program.push(instruction(JUMP_IF_EQUAL, to_accept(&program), 0, number(kind)));
    }
    program.push(instruction(JUMP_IF_EQUAL, 0, to_accept(&program) + 1, number(kind::PATH)));
    for digits in 1..=SERIAL_DIGITS {
        let closing = CLOSING + digits;
        program.push(instruction(LOAD_BYTE, 0, 0, closing));
        program.push(instruction(JUMP_IF_EQUAL, 0, 2, u32::from(b')')));
        program.push(instruction(LOAD_BYTE, 0, 0, closing + ITEM));
        let found = to_accept(&program);
        program.push(instruction(JUMP_IF_EQUAL, found, found + 1, u32::from(b'0')));
    }
    program.push(instruction(RETURN, 0, 0, u32::MAX));
    program.push(instruction(RETURN, 0, 0, 0));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel does with the program, for the few instructions that are in it.
    fn passes(datagram: &[u8]) -> bool {
        let program = program();
        let (mut at, mut a) = (0, 0u32);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            let byte = |offset: usize| datagram.get(k as usize + offset).map(|&byte| u32::from(byte));
            at += 1;
            match code {
                LOAD_HALF => match (byte(0), byte(1)) {
                    (Some(high), Some(low)) => a = high << 8 | low,
                    _ => return false,
                },
                LOAD_BYTE => match byte(0) {
                    Some(value) => a = value,
                    None => return false,
                },
                JUMP_IF_EQUAL => at += usize::from(if a == k { jt } else { jf }),
                _ => return k != 0,
            }
        }
    }

    fn record(kind: u16, text: &str) -> Vec<u8> {
        let mut datagram = vec![0u8; 16];
        datagram[4..6].copy_from_slice(&kind.to_ne_bytes());
        datagram.extend_from_slice(text.as_bytes());
        datagram
    }

    #[test]
    fn lets_through_what_is_read_and_nothing_else() {
        for serial in ["1", "42", "24287", "4294967295", "9999999999"] {
            let text = |rest: &str| format!("audit(1364481363.243:{serial}): {rest}");
            for kind in [kind::SYSCALL, kind::EXECVE, kind::CWD] {
                assert!(passes(&record(kind, &text("a0=1"))));
            }
            assert!(passes(&record(kind::PATH, &text("item=0 name=\"/bin/sh\" inode=1"))), "{serial}");
            for item in ["1", "2", "10"] {
                assert!(!passes(&record(kind::PATH, &text(&format!("item={item} name=\"/lib/ld.so\" inode=1")))));
            }
            for kind in [kind::EOE, 1327, 1321, 1105, 1006] {
                assert!(!passes(&record(kind, &text(""))));
            }
        }
        assert!(passes(&record(kind::PATH, "audit(1.000:1): something of a form that nobody knows, but it is long")));
    }
}
