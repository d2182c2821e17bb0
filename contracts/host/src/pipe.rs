//! Messages in and out.

use std::io::{self, Read, Write};

use abi::testing::{Answer, MESSAGE_BYTES_MAX, Request, frame, parse};

/// The way to the test.
pub(crate) struct Pipe {
    input: Box<dyn Read + Send>,
    output: Box<dyn Write + Send>,
}

impl Pipe {
    pub(crate) fn new(
        input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
    ) -> Self {
        Self { input: Box::new(input), output: Box::new(output) }
    }

    /// The next message. `None` when the test has ended.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Request>> {
        let mut length = [0; 4];
        match self.input.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a malformed message");
        if length > MESSAGE_BYTES_MAX {
            return Err(malformed());
        }
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        parse(&bytes).map(Some).ok_or_else(malformed)
    }

    pub(crate) fn send(&mut self, answer: &Answer) -> io::Result<()> {
        self.output.write_all(&frame(answer))?;
        self.output.flush()
    }
}
