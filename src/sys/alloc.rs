//! The system allocator with a counter, so that "no heap allocation per event" is a number anybody can read on the
//! shipped binary (`SELECT heap_allocations FROM stemma_status`) and not a promise. SQLite allocates with libc's malloc
//! directly and is not in this count; its own memory is bounded by its heap limit.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// The allocator that `main.rs` installs: [`System`], plus one relaxed addition per allocation.
pub struct Counting;

// SAFETY: every call is passed on unchanged to `System`, which upholds the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// Allocations and reallocations since the process began (0 where [`Counting`] is not installed, as in unit tests).
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Relaxed)
}
