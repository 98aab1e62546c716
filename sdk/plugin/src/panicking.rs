//! The end for panics of a plug-in that writes lines for the operator: it says why before it traps,
//! since a trap itself carries no text.

use core::arch::wasm32;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use alloc::vec::Vec;

use crate::log::{self, Level};

/// Where in the source it was, and what it says: more than that is cut.
const LINE_BYTES: usize = 512;

/// A line without a block of memory: there may be none left.
struct Line {
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Line {
    fn text(&self) -> &str {
        let written = self.bytes.get(..self.length).unwrap_or_default();
        core::str::from_utf8(written).unwrap_or("a panic")
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LINE_BYTES - self.length;
        let text = text
            .get(..text.floor_char_boundary(room))
            .unwrap_or_default();
        let end = self.length + text.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(text.as_bytes());
            self.length = end;
        }
        Ok(())
    }
}

#[panic_handler]
fn panicked(why: &PanicInfo<'_>) -> ! {
    /// A panic on the way to telling of one is not told.
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Relaxed) {
        let mut line = Line {
            bytes: [0; LINE_BYTES],
            length: 0,
        };
        // A line takes whatever it is given.
        let _ = write!(line, "{why}");
        log::write(Level::Warning, line.text(), &Vec::new());
    }
    wasm32::unreachable()
}
