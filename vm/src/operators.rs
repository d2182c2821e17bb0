//! Which WebAssembly operators a contract may contain.

use wasmparser::Operator;

/// What the rules say of one operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Accepted, and priced by [`crate::cost::operator`].
    Accepted,
    /// Accepted, since it stands unused in much compiled code; executing it costs all gas.
    Float,
    /// Refused at upload; the name of the feature.
    Refused(&'static str),
}

/// Whether a metered block ends with this operator: those behind it may be entered on another way,
/// or not at all.
pub(crate) fn ends_block(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
    )
}

/// The accepted part of the bulk memory proposal; its other operators are refused.
fn bulk_memory(operator: &Operator<'_>) -> Class {
    match operator {
        Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } => Class::Accepted,
        _ => Class::Refused("bulk memory beyond memory.copy and memory.fill"),
    }
}

const fn accepted(operator_name: &str) -> Class {
    if works_on_floats(operator_name) { Class::Float } else { Class::Accepted }
}

/// Whether the operator's name in wasmparser says F32 or F64: all that compute, convert, load or
/// store floats.
const fn works_on_floats(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'F', [b'3', b'2', ..] | [b'6', b'4', ..]) = (*first, tail) {
            return true;
        }
        rest = tail;
    }
    false
}

macro_rules! classify {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident
        ($($ann:tt)*))*) => {
        /// The class of an operator, by the proposal that wasmparser says it comes from.
        pub(crate) fn classify(operator: &Operator<'_>) -> Class {
            match operator {
                $( Operator::$op { .. } => classify!(@$proposal operator $op), )*
                _ => Class::Refused("an unknown proposal"),
            }
        }
    };
    (@mvp $operator:ident $op:ident) => { const { accepted(stringify!($op)) } };
    (@sign_extension $operator:ident $op:ident) => { const { accepted(stringify!($op)) } };
    (@saturating_float_to_int $operator:ident $op:ident) => { Class::Float };
    (@bulk_memory $operator:ident $op:ident) => { bulk_memory($operator) };
    (@threads $operator:ident $op:ident) => { Class::Refused("threads") };
    (@shared_everything_threads $operator:ident $op:ident) => { Class::Refused("threads") };
    (@simd $operator:ident $op:ident) => { Class::Refused("SIMD") };
    (@relaxed_simd $operator:ident $op:ident) => { Class::Refused("SIMD") };
    (@reference_types $operator:ident $op:ident) => { Class::Refused("reference types") };
    (@tail_call $operator:ident $op:ident) => { Class::Refused("tail calls") };
    (@exceptions $operator:ident $op:ident) => { Class::Refused("exceptions") };
    (@legacy_exceptions $operator:ident $op:ident) => { Class::Refused("exceptions") };
    (@gc $operator:ident $op:ident) => { Class::Refused("garbage collection") };
    (@$proposal:ident $operator:ident $op:ident) => { Class::Refused(stringify!($proposal)) };
}
wasmparser::for_each_operator!(classify);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_known_by_name() {
        assert_eq!(classify(&Operator::F32Add), Class::Float);
        assert_eq!(classify(&Operator::I32TruncF64S), Class::Float);
        assert_eq!(classify(&Operator::I64TruncSatF32U), Class::Float);
        assert_eq!(classify(&Operator::I32Add), Class::Accepted);
        assert_eq!(classify(&Operator::I64Extend32S), Class::Accepted);
        assert_eq!(classify(&Operator::V128Not), Class::Refused("SIMD"));
        assert_eq!(classify(&Operator::DataDrop { data_index: 0 }), {
            Class::Refused("bulk memory beyond memory.copy and memory.fill")
        });
    }
}
