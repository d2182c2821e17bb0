//! How messages stand in a direct stream: a version byte, the length as four little-endian bytes,
//! the message.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use thiserror::Error;

/// The version of the framing; what the frames hold has its own.
const VERSION: u8 = 1;
/// Bytes set aside for a message beyond those that have come.
const CHUNK_BYTES: usize = 64 << 10;

/// Why a direct stream ended.
#[derive(Debug, Error)]
pub(super) enum StreamError {
    #[error("the frame has version {0}, we speak {VERSION}")]
    Version(u8),
    #[error("a message of {length} bytes, of at most {max}")]
    Length { length: usize, max: usize },
    #[error("the peer does not speak {0}: another chain, or another version")]
    Unsupported(libp2p::StreamProtocol),
    #[error("no stream within the time for its negotiation")]
    Negotiation,
    #[error("the stream broke: {0}")]
    Io(#[from] io::Error),
}

impl StreamError {
    /// Whether the peer broke the protocol, as opposed to the line.
    pub(super) fn is_violation(&self) -> bool {
        match self {
            Self::Version(_) | Self::Length { .. } => true,
            Self::Unsupported(_) | Self::Negotiation | Self::Io(_) => false,
        }
    }
}

/// Reads the head of the next frame and returns its length, or nothing when the stream ended before
/// it.
pub(super) async fn read_length(
    stream: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> Result<Option<usize>, StreamError> {
    let mut version = [0];
    if stream.read(&mut version).await? == 0 {
        return Ok(None);
    }
    let [version] = version;
    if version != VERSION {
        return Err(StreamError::Version(version));
    }
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > bytes_max {
        return Err(StreamError::Length { length, max: bytes_max });
    }
    Ok(Some(length))
}

/// Reads the `length` bytes after a head. Memory grows with what has come, not with what was
/// announced.
pub(super) async fn read_message(
    stream: &mut (impl AsyncRead + Unpin),
    length: usize,
) -> Result<Vec<u8>, StreamError> {
    let mut message = Vec::new();
    let mut missing = length;
    while missing > 0 {
        // Not `read_to_end`: that zeroes all its spare capacity again each time it has to wait.
        let (come, chunk) = (message.len(), missing.min(CHUNK_BYTES));
        message.resize(come + chunk, 0);
        let (_, space) = message.split_at_mut(come);
        stream.read_exact(space).await?;
        missing -= chunk;
    }
    Ok(message)
}

/// Writes one frame, without flushing.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &[u8],
) -> Result<(), StreamError> {
    let length = u32::try_from(message.len())
        .map_err(|_| StreamError::Length { length: message.len(), max: u32::MAX as usize })?;
    stream.write_all(&[VERSION]).await?;
    stream.write_all(&length.to_le_bytes()).await?;
    stream.write_all(message).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::io::Cursor;

    use super::*;

    fn read(bytes: &[u8], bytes_max: usize) -> Result<Option<Vec<u8>>, StreamError> {
        block_on(async {
            let mut stream = Cursor::new(bytes);
            let Some(length) = read_length(&mut stream, bytes_max).await? else { return Ok(None) };
            read_message(&mut stream, length).await.map(Some)
        })
    }

    #[test]
    fn a_frame_has_fixed_bytes_and_is_read_back() {
        let mut stream = Vec::new();
        block_on(write(&mut stream, b"vote")).unwrap();
        assert_eq!(stream, [&[1, 4, 0, 0, 0][..], b"vote"].concat());
        assert_eq!(read(&stream, 4).unwrap().unwrap(), b"vote");
    }

    #[test]
    fn a_stream_may_end_between_frames_only() {
        assert!(read(&[], 4).unwrap().is_none());
        for torn in [&[1][..], &[1, 4, 0, 0], &[1, 4, 0, 0, 0], &[1, 4, 0, 0, 0, b'v']] {
            assert!(matches!(read(torn, 4), Err(StreamError::Io(_))), "{torn:?}");
        }
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_the_message() {
        let error = read(&[1, 5, 0, 0, 0], 4).unwrap_err();
        assert!(matches!(error, StreamError::Length { length: 5, max: 4 }) && error.is_violation());
        let error = read(&[1, 255, 255, 255, 255], 4).unwrap_err();
        assert!(matches!(error, StreamError::Length { .. }));
    }

    /// Torn anywhere and with any byte changed, a stream of frames is read or refused, within the limit.
    #[test]
    fn whatever_comes_is_read_within_the_limit_or_refused() {
        let mut stream = Vec::new();
        for message in [&b"vote"[..], b"", b"another"] {
            block_on(write(&mut stream, message)).unwrap();
        }
        let torn = (0..=stream.len()).map(|length| stream[..length].to_vec());
        let changed = (0..stream.len()).flat_map(|at| {
            (0..=u8::MAX).map({
                let stream = &stream;
                move |byte| [&stream[..at], &[byte], &stream[at + 1..]].concat()
            })
        });
        for bytes in torn.chain(changed) {
            if let Ok(Some(message)) = read(&bytes, 8) {
                assert!(message.len() <= 8);
            }
        }
    }

    #[test]
    fn another_version_is_refused() {
        assert!(matches!(read(&[2, 0, 0, 0, 0], 4), Err(StreamError::Version(2))));
    }
}
