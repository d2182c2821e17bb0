//! What borsh leaves to us: bounds of lists, and values that only some bytes encode.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use borsh::{BorshDeserialize, io};

/// Reads a list, and refuses a longer one before it is read.
pub(crate) fn decode_list<T: BorshDeserialize, R: io::Read>(
    reader: &mut R,
    what: &str,
    length_max: usize,
) -> io::Result<Vec<T>> {
    let length = usize::try_from(u32::deserialize_reader(reader)?).unwrap_or(usize::MAX);
    if length > length_max {
        return Err(invalid(format!("{length} {what}; at most {length_max} are accepted")));
    }
    (0..length).map(|_| T::deserialize_reader(reader)).collect()
}

pub(crate) fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
