//! A panic ends the call with its message and its place.

use core::fmt::Write;
use core::panic::PanicInfo;

use crate::host;

/// As much as a receipt keeps.
const MESSAGE_BYTES_MAX: usize = 256;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut message = Message { bytes: [0; MESSAGE_BYTES_MAX], length: 0 };
    // A message that is cut short is still worth sending.
    let _ = write!(message, "{}", info.message());
    if let Some(place) = info.location() {
        let _ = write!(message, ", {}:{}", place.file(), place.line());
    }
    host::panic(message.bytes.get(..message.length).unwrap_or_default())
}

/// Text on the stack: a panic may be about the heap.
struct Message {
    bytes: [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl Write for Message {
    /// Takes as many whole characters as fit.
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for character in text.chars() {
            let end = self.length + character.len_utf8();
            let room = self.bytes.get_mut(self.length..end).ok_or(core::fmt::Error)?;
            character.encode_utf8(room);
            self.length = end;
        }
        Ok(())
    }
}
