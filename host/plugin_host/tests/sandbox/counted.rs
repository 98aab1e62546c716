//! An allocator that counts what the present thread asks of it. A test that runs on one thread counts
//! its own, whatever others do meanwhile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static MADE: Cell<Count> = const { Cell::new(Count { times: 0, bytes: 0 }) };
}

/// What was asked of the allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) times: usize,
    pub(crate) bytes: usize,
}

struct Counting;

#[expect(
    unsafe_code,
    reason = "an allocator is the only place that sees every allocation"
)]
// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends has no count any more.
        let _ = MADE.try_with(|made| {
            let Count { times, bytes } = made.get();
            made.set(Count {
                times: times + 1,
                bytes: bytes + layout.size(),
            });
        });
        // SAFETY: the caller keeps the promises of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of this very function.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What this thread has asked for so far.
pub(crate) fn made() -> Count {
    MADE.with(Cell::get)
}

impl Count {
    /// What was asked for since.
    pub(crate) fn since(self) -> Count {
        let now = made();
        Count {
            times: now.times - self.times,
            bytes: now.bytes - self.bytes,
        }
    }
}
