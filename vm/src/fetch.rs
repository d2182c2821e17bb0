//! What bringing a contract's compiled code into memory is taken to cost.
//!
//! A node keeps what was called last, but whoever calls enough large contracts in turn makes each
//! call wait for the disk, the checksum and the linker. So every transaction pays for the code that
//! it calls, whether it is in memory or not: what is in whose memory must not show in a result. The
//! compiled code's size depends on the machine, and is estimated by counting what it is made of.

use primitives::Gas;
use wasmparser::{FunctionBody, Operator, Parser, Payload};

use crate::cost;
use crate::operators::ends_block;

/// The price of a module that [`crate::check_code`] accepts.
pub(crate) fn fetch_gas(code: &[u8]) -> Gas {
    let bytes = cost::FETCH_BYTE.saturating_mul(code.len() as u64);
    let mut gas = cost::FETCH.saturating_add(bytes);
    for payload in Parser::new(0).parse_all(code) {
        let part = match payload {
            Ok(Payload::TypeSection(section)) => {
                cost::FETCH_TYPE.saturating_mul(section.count().into())
            }
            Ok(Payload::GlobalSection(section)) => {
                cost::FETCH_GLOBAL.saturating_mul(section.count().into())
            }
            Ok(Payload::CodeSectionEntry(body)) => function(&body),
            Ok(_) => 0,
            // Nobody asks about such a module.
            Err(_) => break,
        };
        gas = gas.saturating_add(part);
    }
    Gas(gas)
}

fn function(body: &FunctionBody<'_>) -> u64 {
    let operators = body.get_operators_reader().into_iter().flatten().map_while(Result::ok);
    operators
        .map(|operator| self::operator(&operator))
        .fold(cost::FETCH_FUNCTION, u64::saturating_add)
}

fn operator(operator: &Operator<'_>) -> u64 {
    use Operator::*;
    let more = match operator {
        Call { .. }
        | CallIndirect { .. }
        | MemorySize { .. }
        | MemoryGrow { .. }
        | MemoryCopy { .. }
        | MemoryFill { .. } => cost::FETCH_CALL,
        I32DivS | I32DivU | I32RemS | I32RemU | I64DivS | I64DivU | I64RemS | I64RemU => {
            cost::FETCH_DIVISION
        }
        _ if ends_block(operator) => cost::FETCH_BLOCK,
        _ => 0,
    };
    cost::FETCH_OPERATOR.saturating_add(more)
}
