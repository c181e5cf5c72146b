//! A region of anonymous memory that can give pages back: for buffers that are large once in a while.

use std::io;
use std::ops::Range;

/// Private anonymous pages, zero until written, given back on drop.
pub struct Region {
    start: *mut u8,
    length: usize,
}

impl Region {
    /// Maps `length` bytes; they cost nothing until touched.
    pub fn new(length: usize) -> io::Result<Self> {
        let length = length.max(1);
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let start = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Region { start: start.cast(), length })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: mapped, initialised (zero) and ours for as long as `self` lives.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }

    /// The bytes, to change.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.length) }
    }

    /// Gives the whole pages within `range` back to the system; they read as zero afterwards.
    pub fn release(&mut self, range: Range<usize>) {
        let page = super::process::page_bytes() as usize;
        let from = range.start.min(self.length).next_multiple_of(page);
        let to = range.end.min(self.length) / page * page;
        if from < to {
            // SAFETY: page-aligned, within the mapping, which is private and anonymous: contents become zero, which is
            // a valid value, and nobody else holds a reference (`&mut self`).
            unsafe { libc::madvise(self.start.add(from).cast(), to - from, libc::MADV_DONTNEED) };
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly what `new` mapped.
        unsafe { libc::munmap(self.start.cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::Region;

    #[test]
    fn released_pages_read_as_zero_and_the_rest_stays() {
        let mut region = Region::new(64 * 1024).unwrap();
        region.bytes_mut().fill(7);
        region.release(100..40_000);
        assert!(region.bytes()[..4096].iter().all(|&b| b == 7));
        assert!(region.bytes()[4096..36_864].iter().all(|&b| b == 0));
        assert!(region.bytes()[40_000..].iter().all(|&b| b == 7));
    }
}
