//! A counter that is written in C: what others know of it.
//!
//! A contract is a module that imports and exports what [`quorate_sdk::abi::host`] says, and
//! carries its description. Nothing of that is Rust's. `counter.c` is the contract, `quorate.h` the
//! host interface for any contract in C; here are the description of this one, which
//! `cargo run -p c --example embed` puts into the module, and the client that calls it.

use quorate_sdk::abi::layout::{
    ContractLayout, EventFieldLayout, EventLayout, FieldLayout, MethodLayout, StorageKindLayout,
    StorageLayout, TypeLayout, to_vec,
};
use quorate_sdk::abi::{Abi, AbiError, MethodKind};
use quorate_sdk::{Address, Answer, Data, Event, Reading, Record, error, interface, selector};

/// Why the counter refuses.
#[error]
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// The sum would be more than a number can hold.
    Overflow { count: u64, by: u64 },
}

/// The counter.
#[interface]
pub trait Counter {
    /// Starts counting at `n`.
    #[init]
    fn new(&mut self, n: u64);
    /// Adds `by` and returns the sum.
    #[call]
    fn add(&mut self, by: u64) -> Result<u64, Refused>;
    /// The count.
    #[query]
    fn get(&self) -> u64;
}

/// Something was added.
#[derive(Debug, PartialEq, Eq)]
pub struct Counted {
    pub caller: Address,
    pub count: u64,
}

impl Event for Counted {
    const LAYOUT: EventLayout = EventLayout {
        name: "Counted",
        selector: selector!("Counted"),
        docs: "Something was added.",
        fields: &[
            EventFieldLayout { name: "caller", ty: Address::TYPE, indexed: true },
            EventFieldLayout { name: "count", ty: u64::TYPE, indexed: false },
        ],
    };

    fn write(&self, record: &mut Record) {
        record.topic(&self.caller);
        record.data(&self.count);
    }

    fn read(topics: &[Vec<u8>], bytes: &[u8]) -> Option<Self> {
        let mut reading = Reading::of::<Self>(topics, bytes)?;
        let event = Self { caller: reading.topic()?, count: reading.data()? };
        reading.is_over().then_some(event)
    }
}

/// The description of `counter.c`.
pub const LAYOUT: ContractLayout = ContractLayout {
    name: "counter",
    version: env!("CARGO_PKG_VERSION"),
    docs: "Counts up, for everyone. Written in C.",
    state_version: 1,
    methods: &[
        MethodLayout {
            parameters: &[FieldLayout { name: "n", ty: u64::TYPE }],
            ..method::<()>("new", selector!("new"), MethodKind::Init, "Starts counting at `n`.")
        },
        MethodLayout {
            parameters: &[FieldLayout { name: "by", ty: u64::TYPE }],
            ..method::<Result<u64, Refused>>(
                "add",
                selector!("add"),
                MethodKind::Call,
                "Adds `by` and returns the sum.",
            )
        },
        method::<u64>("get", selector!("get"), MethodKind::Query, "The count."),
    ],
    events: &[Counted::LAYOUT],
    errors: &[Refused::TYPE],
    storage: &[StorageLayout {
        name: "count",
        prefix: COUNT,
        kind: StorageKindLayout::Item(TypeLayout::U64),
    }],
};

/// What leads the storage key of `count`.
pub const COUNT: [u8; 4] = [186, 197, 36, 248];

/// A method without parameters that takes no value.
const fn method<A: Answer>(
    name: &'static str,
    selector: [u8; 4],
    kind: MethodKind,
    docs: &'static str,
) -> MethodLayout {
    MethodLayout {
        name,
        selector,
        kind,
        payable: false,
        reentrant: false,
        docs,
        parameters: &[],
        returns: A::RETURNS,
        error: A::ERROR,
    }
}

/// A compiled module with the description in it.
///
/// # Errors
///
/// [`AbiError`], when the description is none, or the module.
pub fn described(module: &[u8]) -> Result<Vec<u8>, AbiError> {
    Abi::decode(&to_vec(&LAYOUT))?.embed(module)
}
