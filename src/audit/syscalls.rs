//! The system calls that matter, by AUDIT_ARCH and number (`arch/*/entry/syscalls/*.tbl`,
//! `include/uapi/asm-generic/unistd.h`). All architectures are always here: a log may come from another machine.

use super::event::Syscall;

/// What a system call does to processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Makes a process or an image.
    Process(Syscall),
    /// Ends a thread, or the whole process.
    Exit {
        /// exit_group.
        group: bool,
    },
}

struct Numbers {
    archs: &'static [u32],
    execve: u64,
    execveat: u64,
    fork: Option<u64>,
    vfork: Option<u64>,
    clone: u64,
    exit: u64,
    exit_group: u64,
}

/// clone3 has one number everywhere but on alpha.
const CLONE3: u64 = 435;
/// Calls of the x32 ABI carry this bit (`__X32_SYSCALL_BIT`).
const X32: u64 = 0x4000_0000;
const X86_64: u32 = 0xc000_003e;

const TABLE: &[Numbers] = &[
    Numbers {
        archs: &[X86_64],
        execve: 59,
        execveat: 322,
        fork: Some(57),
        vfork: Some(58),
        clone: 56,
        exit: 60,
        exit_group: 231,
    },
    // i386; ARM EABI differs in execveat and exit_group only.
    Numbers {
        archs: &[0x4000_0003],
        execve: 11,
        execveat: 358,
        fork: Some(2),
        vfork: Some(190),
        clone: 120,
        exit: 1,
        exit_group: 252,
    },
    Numbers {
        archs: &[0x4000_0028],
        execve: 11,
        execveat: 387,
        fork: Some(2),
        vfork: Some(190),
        clone: 120,
        exit: 1,
        exit_group: 248,
    },
    // The generic table: aarch64, riscv64, riscv32, loongarch64.
    Numbers {
        archs: &[0xc000_00b7, 0xc000_00f3, 0x4000_00f3, 0xc000_0102],
        execve: 221,
        execveat: 281,
        fork: None,
        vfork: None,
        clone: 220,
        exit: 93,
        exit_group: 94,
    },
    // powerpc64, big and little endian, and powerpc.
    Numbers {
        archs: &[0x8000_0015, 0xc000_0015, 0x14],
        execve: 11,
        execveat: 362,
        fork: Some(2),
        vfork: Some(189),
        clone: 120,
        exit: 1,
        exit_group: 234,
    },
    Numbers {
        archs: &[0x8000_0016],
        execve: 11,
        execveat: 354,
        fork: Some(2),
        vfork: Some(190),
        clone: 120,
        exit: 1,
        exit_group: 248,
    },
    // mips o32, both endians (routers).
    Numbers {
        archs: &[0x8, 0x4000_0008],
        execve: 4011,
        execveat: 4356,
        fork: Some(4002),
        vfork: None,
        clone: 4120,
        exit: 4001,
        exit_group: 4246,
    },
];

/// What call `number` of `arch` is; None for all others.
pub fn call(arch: u32, number: u64) -> Option<Call> {
    let numbers = TABLE.iter().find(|numbers| numbers.archs.contains(&arch))?;
    // x32 has numbers of its own for the calls with pointers in arrays.
    let number = match (arch == X86_64 && number & X32 != 0, number & !X32) {
        (true, 520) => numbers.execve,
        (true, 545) => numbers.execveat,
        (true, number) => number,
        (false, _) => number,
    };
    let syscall = if number == numbers.execve {
        Syscall::Execve
    } else if number == numbers.execveat {
        Syscall::Execveat
    } else if Some(number) == numbers.fork {
        Syscall::Fork
    } else if Some(number) == numbers.vfork {
        Syscall::Vfork
    } else if number == numbers.clone {
        Syscall::Clone
    } else if number == CLONE3 || numbers.clone > 4000 && number == 4000 + CLONE3 {
        Syscall::Clone3
    } else if number == numbers.exit || number == numbers.exit_group {
        return Some(Call::Exit { group: number == numbers.exit_group });
    } else {
        return None;
    };
    Some(Call::Process(syscall))
}
