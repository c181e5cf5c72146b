//! Netlink datagram sockets and batched receiving (netlink(7), recvmmsg(2)).

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

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
    vectors: Vec<libc::iovec>,
    senders: Vec<libc::sockaddr_nl>,
    received: usize,
}

impl Batch {
    /// Room for `count` datagrams of `stride` bytes.
    pub fn new(count: usize, stride: usize) -> Self {
        // SAFETY: all three are plain C structs for which zero is a valid value.
        let (headers, vectors, senders) = unsafe {
            (vec![mem::zeroed(); count], vec![mem::zeroed(); count], vec![mem::zeroed::<libc::sockaddr_nl>(); count])
        };
        Batch { data: vec![0; count * stride], stride, lengths: vec![0; count], headers, vectors, senders, received: 0 }
    }

    /// How many datagrams one call can take.
    pub fn capacity(&self) -> usize {
        self.lengths.len()
    }

    /// Takes what is waiting, at most [`Batch::capacity`] datagrams, without blocking; returns how many. A datagram
    /// that did not come from the kernel (port 0) or did not fit its buffer is kept with length 0.
    ///
    /// # Errors
    /// ENOBUFS: the socket overflowed and datagrams are gone. EAGAIN is not an error: it is `Ok(0)`.
    pub fn receive(&mut self, socket: &Netlink) -> io::Result<usize> {
        self.received = 0;
        let stride = self.stride;
        // The pointers are set anew on each call, so that moving a Batch is harmless.
        for (index, ((vector, header), sender)) in
            self.vectors.iter_mut().zip(&mut self.headers).zip(&mut self.senders).enumerate()
        {
            let Some(buffer) = self.data.get_mut(index * stride..(index + 1) * stride) else { break };
            vector.iov_base = buffer.as_mut_ptr().cast();
            vector.iov_len = stride;
            header.msg_hdr.msg_name = (&raw mut *sender).cast();
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_flags = 0;
        }
        // SAFETY: every header points at a buffer, vector and address of ours that live past the call.
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
        for ((length, header), sender) in
            self.lengths.iter_mut().zip(&self.headers).zip(&self.senders).take(self.received)
        {
            let cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            *length = if sender.nl_pid == 0 && !cut { (header.msg_len as usize).min(stride) } else { 0 };
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
