//! The kernel's own copy of an iptables table (`include/uapi/linux/netfilter_ipv4/ip_tables.h`): two socket options, the
//! first of which says how large the second will be. Needs CAP_NET_ADMIN.
//!
//! Bound: [`MOST_BYTES`] of rules; a table that changes in between is asked for again [`TRIES`] times.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Largest table, bytes: some hundred thousand rules.
pub const MOST_BYTES: usize = 32 << 20;
const TRIES: u32 = 3;
const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;
/// Longest name of a table, with its NUL.
const NAME_BYTES: usize = 32;

/// `struct ipt_getinfo`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Info {
    name: [u8; NAME_BYTES],
    valid_hooks: u32,
    hook_entry: [u32; 5],
    underflow: [u32; 5],
    count: u32,
    size: u32,
}

/// `struct ipt_get_entries` up to its entries, which hold 64-bit counters: where they begin is a matter of the machine.
#[repr(C)]
struct Head {
    name: [u8; NAME_BYTES],
    size: u32,
    entries: [u64; 0],
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// Of PREROUTING, INPUT, FORWARD, OUTPUT and POSTROUTING, where the chain exists: offsets of its first entry and of
    /// the one that is its policy.
    pub hooks: [Option<(u32, u32)>; 5],
    /// All entries, one after the other.
    pub entries: Vec<u8>,
}

/// Reads a table by name.
///
/// # Errors
/// EPERM without CAP_NET_ADMIN, ENOENT for no such table, ENOPROTOOPT without iptables in the kernel; FileTooLarge beyond
/// [`MOST_BYTES`].
pub fn ruleset(name: &[u8]) -> io::Result<Ruleset> {
    let mut padded = [0u8; NAME_BYTES];
    match padded.get_mut(..name.len()) {
        Some(start) if name.len() < NAME_BYTES => start.copy_from_slice(name),
        _ => return Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
    // SAFETY: the descriptor is owned from the moment it exists.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        OwnedFd::from_raw_fd(fd)
    };
    let mut result = Err(io::Error::from(io::ErrorKind::WouldBlock));
    for _ in 0..TRIES {
        result = read(&socket, padded);
        // EAGAIN: the table's size is not what it was a moment ago.
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            break;
        }
    }
    result
}

fn read(socket: &OwnedFd, name: [u8; NAME_BYTES]) -> io::Result<Ruleset> {
    // SAFETY: a plain C struct for which zero is a valid value.
    let mut info: Info = unsafe { mem::zeroed() };
    info.name = name;
    // SAFETY: the structure is live and as long as is said.
    unsafe { option(socket, GET_INFO, (&raw mut info).cast(), mem::size_of::<Info>())? };
    let size = info.size as usize;
    if size > MOST_BYTES {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    let start = mem::offset_of!(Head, entries);
    // Of u64, so that it is aligned as the kernel's structure is.
    let mut buffer = vec![0u64; (start + size).div_ceil(8)];
    let bytes = buffer.as_mut_ptr().cast::<u8>();
    // SAFETY: the buffer is at least start + size bytes long and start is at least 36; no other reference to it is alive
    // while it is used through the pointer.
    let entries = unsafe {
        bytes.copy_from_nonoverlapping(name.as_ptr(), NAME_BYTES);
        bytes.add(mem::offset_of!(Head, size)).cast::<u32>().write(info.size);
        option(socket, GET_ENTRIES, bytes.cast(), start + size)?;
        std::slice::from_raw_parts(bytes.add(start), size).to_vec()
    };
    let mut hooks = [None; 5];
    for (index, (hook, (entry, policy))) in
        hooks.iter_mut().zip(info.hook_entry.into_iter().zip(info.underflow)).enumerate()
    {
        *hook = (info.valid_hooks & (1 << index) != 0).then_some((entry, policy));
    }
    Ok(Ruleset { hooks, entries })
}

/// getsockopt(2) at level IP that must fill exactly `length` bytes.
///
/// # Safety
/// `value` points at `length` writable bytes.
unsafe fn option(socket: &OwnedFd, name: libc::c_int, value: *mut libc::c_void, length: usize) -> io::Result<()> {
    let mut got = length as libc::socklen_t;
    // SAFETY: as promised by the caller.
    if unsafe { libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_IP, name, value, &raw mut got) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if got as usize == length { Ok(()) } else { Err(io::Error::from(io::ErrorKind::InvalidData)) }
}
