//! Input, output, context, events, panic.

use primitives::receipt::Failure;
use primitives::{Event, codec, limits};

use super::{Host, misuse};
use crate::cost;
use crate::trap::Stop;

/// Bytes of a panic message that a receipt keeps.
const MESSAGE_BYTES_MAX: u32 = 256;
const _: () = assert!(limits::EVENT_TOPIC_BYTES_MAX == abi::limits::EVENT_TOPIC_BYTES_MAX);
/// Bytes of an event's encoded topics: a count, and each topic with its length.
const TOPICS_BYTES_MAX: usize = 4 + limits::EVENT_TOPICS_MAX * (4 + limits::EVENT_TOPIC_BYTES_MAX);

pub(crate) fn input(host: &mut Host<'_, '_>, ptr: i32) -> Result<(), Stop> {
    let input = std::mem::take(&mut host.frame.input);
    let written = host.write("the place for the input", ptr, &input);
    host.frame.input = input;
    written
}

pub(crate) fn set_output(host: &mut Host<'_, '_>, ptr: i32, len: i32) -> Result<(), Stop> {
    host.frame.output = host.read("the output", ptr, len, limits::ARGUMENTS_BYTES_MAX)?;
    Ok(())
}

pub(crate) fn context(host: &mut Host<'_, '_>, ptr: i32) -> Result<(), Stop> {
    host.charge(cost::CONTEXT)?;
    let (block, frame) = (host.machine.block, &*host.frame);
    let context = abi::host::Context {
        height: block.height.0,
        time_ms: block.timestamp.0,
        contract: frame.contract.0,
        caller: frame.caller.0,
        origin: host.machine.origin.0,
        value: frame.value.0,
        depth: frame.depth,
        is_static: u32::from(frame.is_static),
        chain: block.chain.0,
    };
    let mut bytes = Vec::with_capacity(abi::host::CONTEXT_BYTES);
    codec::encode_into(&context, &mut bytes);
    host.write("the place for the context", ptr, &bytes)
}

pub(crate) fn emit(
    host: &mut Host<'_, '_>,
    topics: i32,
    topics_len: i32,
    data: i32,
    data_len: i32,
) -> Result<(), Stop> {
    host.check_writable("emit")?;
    host.charge(cost::EVENT)?;
    let topics = host.read("the topics", topics, topics_len, TOPICS_BYTES_MAX)?;
    host.charge_bytes(topics.len(), cost::EVENT_BYTE)?;
    let topics = decode_topics(&topics)?;
    let data = host.read("the data", data, data_len, limits::EVENT_DATA_BYTES_MAX)?;
    host.charge_bytes(data.len(), cost::EVENT_BYTE)?;
    if host.machine.journal.events_len() >= limits::EVENTS_MAX {
        let max = limits::EVENTS_MAX;
        return Err(misuse(format!("a transaction emits at most {max} events")));
    }
    let contract = host.frame.contract;
    host.machine.journal.emit(Event { contract, topics, data });
    Ok(())
}

fn decode_topics(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Stop> {
    let malformed = || misuse("the topics are malformed".to_owned());
    let topics: Vec<Vec<u8>> = codec::decode(bytes, TOPICS_BYTES_MAX).map_err(|_| malformed())?;
    let fits = |topic: &Vec<u8>| topic.len() <= limits::EVENT_TOPIC_BYTES_MAX;
    if topics.len() > limits::EVENT_TOPICS_MAX || !topics.iter().all(fits) {
        return Err(malformed());
    }
    Ok(topics)
}

pub(crate) fn panic(host: &mut Host<'_, '_>, ptr: i32, len: i32) -> Result<(), Stop> {
    let kept = len.cast_unsigned().min(MESSAGE_BYTES_MAX).cast_signed();
    let max = MESSAGE_BYTES_MAX as usize;
    let bytes = host.read("the message", ptr, kept, max)?;
    let mut message = String::from_utf8_lossy(&bytes).into_owned();
    message.truncate(message.floor_char_boundary(max));
    Err(Failure::Panicked(message).into())
}
