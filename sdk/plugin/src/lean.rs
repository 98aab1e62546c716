//! What a plug-in without the standard library needs to exist: memory and an end for panics.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE_BYTES: usize = 64 * 1024;

/// Hands out memory upwards and takes back only the block on top. An instance lives for one
/// request or a number of them, after which the host clears all of its memory at once, so that free
/// lists would be work for nothing.
struct Upwards {
    /// First free address; zero before the first block.
    top: AtomicUsize,
}

#[global_allocator]
static MEMORY: Upwards = Upwards {
    top: AtomicUsize::new(0),
};

#[expect(unsafe_code, reason = "the linker's symbol for where static data ends")]
fn heap_base() -> usize {
    unsafe extern "C" {
        static __heap_base: u8;
    }
    (&raw const __heap_base).addr()
}

impl Upwards {
    fn top(&self) -> usize {
        match self.top.load(Relaxed) {
            0 => heap_base(),
            top => top,
        }
    }

    /// Moves the top to `end`, growing the memory when it lies beyond. Past the host's limit the
    /// growing instruction itself traps.
    fn reach(&self, end: usize) -> bool {
        let here = wasm32::memory_size(0) * PAGE_BYTES;
        if end > here {
            let pages = (end - here).div_ceil(PAGE_BYTES);
            if wasm32::memory_grow(0, pages) == usize::MAX {
                return false;
            }
        }
        self.top.store(end, Relaxed);
        true
    }
}

#[expect(unsafe_code, reason = "the trait of allocators is unsafe")]
// SAFETY: blocks lie between the end of static data and the top, which only moves below a block
// when that block is given back; without threads nothing runs between reading and storing it.
unsafe impl GlobalAlloc for Upwards {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let end = self
            .top()
            .checked_next_multiple_of(layout.align())
            .and_then(|start| Some((start, start.checked_add(layout.size())?)));
        match end {
            Some((start, end)) if self.reach(end) => ptr::with_exposed_provenance_mut(start),
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block.addr() + layout.size() == self.top() {
            self.top.store(block.addr(), Relaxed);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let on_top = block.addr() + layout.size() == self.top();
        if on_top || size <= layout.size() {
            let end = block.addr().checked_add(size);
            let moved = !on_top || end.is_some_and(|end| self.reach(end));
            return if moved { block } else { ptr::null_mut() };
        }
        let Ok(wider) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        // SAFETY: the caller's promises about `block` and `layout` are those of this function; the
        // new block is longer than the old one and apart from it.
        unsafe {
            let copy = self.alloc(wider);
            if !copy.is_null() {
                ptr::copy_nonoverlapping(block, copy, layout.size());
            }
            copy
        }
    }
}

/// The host reports the trap with the function it happened in.
#[cfg(not(feature = "panic-log"))]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}

/// Comparing memory is libc's business on this target, and libc would bring start-up code and an
/// allocator of its own along. Copying and filling are instructions.
#[cfg(target_os = "wasi")]
#[expect(unsafe_code, reason = "the compiler calls it by this name")]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    for at in 0..length {
        // SAFETY: the caller promises `length` readable bytes at both.
        let (left, right) = unsafe { (*left.add(at), *right.add(at)) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}

/// Where the host asks for room for what it passes in. On this target libc would offer it; on
/// others the bindings' own crate does.
#[cfg(target_os = "wasi")]
#[expect(unsafe_code, reason = "the component model calls it by this name")]
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(
    block: *mut u8,
    length: usize,
    align: usize,
    wanted: usize,
) -> *mut u8 {
    let layout = |size| {
        // SAFETY: the component model only asks for alignments that are small powers of two, and
        // for lengths that fit the memory.
        unsafe { Layout::from_size_align_unchecked(size, align) }
    };
    // SAFETY: a block of length zero was never handed out, and any other came from here.
    let block = unsafe {
        match (length, wanted) {
            (0, 0) => return ptr::without_provenance_mut(align),
            (0, _) => alloc::alloc::alloc(layout(wanted)),
            _ => alloc::alloc::realloc(block, layout(length), wanted),
        }
    };
    if block.is_null() {
        wasm32::unreachable()
    }
    block
}
