//! Netlink datagram sockets and batched receiving (netlink(7), recvmmsg(2)).

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// One instruction of a classic BPF program (`include/uapi/linux/filter.h`).
pub type Instruction = libc::sock_filter;

/// A non-blocking, close-on-exec netlink socket, bound to a port of its own.
pub struct Netlink {
    fd: OwnedFd,
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

impl Netlink {
    /// Opens `protocol` (`libc::NETLINK_AUDIT`, `libc::NETLINK_CONNECTOR`) and joins the multicast `groups` (bit mask).
    ///
    /// # Errors
    /// EPROTONOSUPPORT where the kernel lacks the protocol, EPERM where a group needs a capability we lack.
    pub fn open(protocol: i32, groups: u32) -> io::Result<Self> {
        // SAFETY: plain system calls; the descriptor is owned from the moment it exists.
        unsafe {
            let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
            let fd = OwnedFd::from_raw_fd(check(libc::socket(libc::AF_NETLINK, kind, protocol))?);
            let mut address: libc::sockaddr_nl = mem::zeroed();
            address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
            address.nl_groups = groups;
            let length = mem::size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            check(libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length))?;
            // To the kernel (port 0): what other processes send to our port is refused
            // (`af_netlink.c: netlink_getsockbyportid`), so no datagram's sender need be looked at.
            address.nl_groups = 0;
            check(libc::connect(fd.as_raw_fd(), (&raw const address).cast(), length))?;
            Ok(Netlink { fd })
        }
    }

    /// Asks for a receive buffer of `bytes`, beyond the system's limit where we may (SO_RCVBUFFORCE); returns what the
    /// kernel gave (it doubles the number, socket(7)).
    pub fn set_receive_buffer(&self, bytes: usize) -> io::Result<usize> {
        let wanted = bytes.min(i32::MAX as usize) as libc::c_int;
        let mut got: libc::c_int = 0;
        let mut length = mem::size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: pointers to live integers of the stated length.
        unsafe {
            let size = length;
            let force = libc::SO_RCVBUFFORCE;
            let fd = self.fd.as_raw_fd();
            if libc::setsockopt(fd, libc::SOL_SOCKET, force, (&raw const wanted).cast(), size) < 0 {
                check(libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, (&raw const wanted).cast(), size))?;
            }
            check(libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, (&raw mut got).cast(), &raw mut length))?;
        }
        Ok(got.max(0) as usize)
    }

    /// Lets the kernel drop what `program` returns 0 for before it is queued (SO_ATTACH_FILTER).
    ///
    /// # Errors
    /// EINVAL for a program that the kernel does not take.
    pub fn attach_filter(&self, program: &[Instruction]) -> io::Result<()> {
        let list = libc::sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_ptr().cast_mut() };
        let size = mem::size_of::<libc::sock_fprog>() as libc::socklen_t;
        // SAFETY: the kernel copies the program, which is live for the call, and does not write to it.
        unsafe {
            let fd = self.fd.as_raw_fd();
            check(libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, (&raw const list).cast(), size))?;
        }
        Ok(())
    }

    /// Sends one datagram to the kernel (port 0).
    pub fn send(&self, datagram: &[u8]) -> io::Result<()> {
        // SAFETY: the address is fully initialised, the buffer is live for the call.
        unsafe {
            let mut address: libc::sockaddr_nl = mem::zeroed();
            address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
            let sent = libc::sendto(
                self.fd.as_raw_fd(),
                datagram.as_ptr().cast(),
                datagram.len(),
                0,
                (&raw const address).cast(),
                mem::size_of::<libc::sockaddr_nl>() as libc::socklen_t,
            );
            if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        }
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Buffers for one recvmmsg, allocated once: `count` datagrams of at most `stride` bytes. Pages that no datagram ever
/// reached cost nothing.
pub struct Batch {
    data: Vec<u8>,
    stride: usize,
    lengths: Vec<usize>,
    headers: Vec<libc::mmsghdr>,
    /// Only pointed at.
    _vectors: Vec<libc::iovec>,
    received: usize,
}

impl Batch {
    /// Room for `count` datagrams of `stride` bytes.
    pub fn new(count: usize, stride: usize) -> Self {
        let mut data = vec![0u8; count * stride];
        // SAFETY: both are plain C structs for which zero is a valid value.
        let (mut headers, mut vectors): (Vec<libc::mmsghdr>, Vec<libc::iovec>) =
            unsafe { (vec![mem::zeroed(); count], vec![mem::zeroed(); count]) };
        // None of the three is resized, ever: what they point at stays where it is, even when the Batch is moved.
        for ((buffer, vector), header) in data.chunks_exact_mut(stride).zip(&mut vectors).zip(&mut headers) {
            vector.iov_base = buffer.as_mut_ptr().cast();
            vector.iov_len = stride;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        Batch { data, stride, lengths: vec![0; count], headers, _vectors: vectors, received: 0 }
    }

    /// How many datagrams one call can take.
    pub fn capacity(&self) -> usize {
        self.lengths.len()
    }

    /// Takes what is waiting, at most [`Batch::capacity`] datagrams, without blocking; returns how many. A datagram that
    /// did not fit its buffer is kept with length 0.
    ///
    /// # Errors
    /// ENOBUFS: the socket overflowed and datagrams are gone. EAGAIN is not an error: it is `Ok(0)`.
    pub fn receive(&mut self, socket: &Netlink) -> io::Result<usize> {
        self.received = 0;
        // SAFETY: every header points at a vector and that at a buffer of ours, both live past the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.fd.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        }
        self.received = count as usize;
        for (length, header) in self.lengths.iter_mut().zip(&self.headers).take(self.received) {
            let cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            *length = if cut { 0 } else { (header.msg_len as usize).min(self.stride) };
        }
        Ok(self.received)
    }

    /// Datagram `index` of the last [`Batch::receive`].
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        if index >= self.received {
            return None;
        }
        let start = index * self.stride;
        self.data.get(start..start + self.lengths.get(index)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::poll;

    #[test]
    fn a_datagram_that_does_not_fit_is_kept_empty() {
        let socket = Netlink::open(libc::NETLINK_ROUTE, 0).unwrap();
        // RTM_GETLINK of interface 1, without flags that ask for more: nlmsghdr and ifinfomsg.
        let mut request = [0u8; 32];
        request[0] = 32;
        request[4] = 18;
        request[6] = 1;
        request[20] = 1;
        for (stride, fits) in [(64, false), (32 * 1024, true)] {
            let mut batch = Batch::new(1, stride);
            socket.send(&request).unwrap();
            poll::readable(&[socket.as_fd()], Some(1000)).unwrap();
            assert_eq!(batch.receive(&socket).unwrap(), 1);
            assert_eq!(batch.get(0).unwrap().is_empty(), !fits);
        }
    }
}
