//! What `#[contract]` makes of a module: its description, and the way from an input to a method.

use abi::json::{decode_event, encode_call};
use abi::{Abi, MethodKind, StorageKind, Type, host};
use quorate_sdk::{Address, Client, Contract, Input, Output, contract, data, interface};
use serde_json::{Value, json};

/// Stands outside of the contract, for others to share.
#[data]
#[derive(Clone)]
struct Price {
    amount: u128,
    unit: String,
}

/// Sells things.
///
/// Everything an interface can have, once.
#[contract(state_version = 7)]
mod shop {
    use super::Price;

    #[storage]
    pub struct Shop {
        #[allow(dead_code)]
        owner: Item<Address>,
        #[allow(dead_code)]
        stock: Map<(Address, String), Vec<Price>>,
        #[allow(dead_code)]
        closed: Set<u32>,
        #[allow(dead_code)]
        orders: IndexedMap<u64, Ordered>,
        #[allow(dead_code)]
        sales: Totals<Address>,
    }

    #[data]
    #[derive(Clone)]
    pub struct Ordered {
        #[index]
        pub by: Address,
        pub price: u128,
        #[index]
        pub day: u32,
    }

    #[data]
    #[derive(Debug)]
    pub enum Order {
        Nothing,
        One(u64),
        Many { count: u32, gift: Option<String> },
    }

    #[event]
    pub struct Sold {
        pub price: u128,
        #[topic]
        pub to: Address,
        pub note: Vec<u8>,
        #[topic]
        pub number: u32,
    }

    #[error]
    #[derive(Debug)]
    pub enum Refused {
        Nothing,
        TooMany { most: u32 },
    }

    #[error]
    pub struct Closed;

    impl Shop {
        #[init(payable)]
        fn open(&mut self, _cx: &Context) {}

        /// Buys.
        #[call(payable, reentrant)]
        fn buy(&mut self, order: Order, paid: Price) -> Result<u128, Refused> {
            match order {
                Order::Nothing => Err(Refused::Nothing),
                Order::One(id) => Ok(paid.amount + u128::from(id)),
                Order::Many { count, .. } => {
                    ensure!(count <= 10, Refused::TooMany { most: 10 });
                    Ok(paid.amount * u128::from(count))
                }
            }
        }

        /// Brings the state of version 6 to this one.
        #[migrate]
        fn from_6(&mut self, owner: Address) {
            self.owner.set(owner);
        }

        #[call]
        fn close(&mut self) -> Result<(), Closed> {
            Err(Closed)
        }

        #[query]
        fn double(&self, n: u8) -> u8 {
            Self::twice(n)
        }

        /// No method: it bears no mark.
        fn twice(n: u8) -> u8 {
            n * 2
        }
    }
}

fn description() -> Abi {
    Abi::decode(&shop::ABI).expect("the macro describes validly")
}

fn run(kind: MethodKind, method: &str, arguments: &Value) -> Option<Output> {
    let input = encode_call(&description(), method, arguments).expect("the arguments fit");
    let (&selector, arguments) = input.split_first_chunk().expect("it begins with the selector");
    shop::Shop::dispatch(kind, selector, &mut Input::new(arguments))
}

#[test]
fn the_description_says_what_the_source_says() {
    let abi = description();
    assert_eq!((abi.name.as_str(), abi.state_version), ("shop", 7));
    assert_eq!(abi.docs, "Sells things.\n\nEverything an interface can have, once.");
    let signatures: Vec<String> = abi
        .methods
        .iter()
        .map(|method| {
            let parameters = method.parameters.iter().map(|p| format!("{}: {}", p.name, p.ty));
            let parameters: Vec<String> = parameters.collect();
            let error = method.error.as_ref().map(|error| format!(" or {error}"));
            format!(
                "{:?} {}({}) -> {}{}{}{}",
                method.kind,
                method.name,
                parameters.join(", "),
                method.returns,
                error.unwrap_or_default(),
                if method.payable { ", payable" } else { "" },
                if method.reentrant { ", reentrant" } else { "" },
            )
        })
        .collect();
    assert_eq!(
        signatures,
        [
            "Init open() -> (), payable",
            "Call buy(order: Order, paid: Price) -> u128 or Refused, payable, reentrant",
            "Migrate from_6(owner: Address) -> ()",
            "Call close() -> () or Closed",
            "Query double(n: u8) -> u8",
        ]
    );
    assert_eq!(abi.methods[1].docs, "Buys.");
    let storage = &abi.storage[1];
    let StorageKind::Map { key, value } = &storage.kind else { panic!("`stock` is a map") };
    assert_eq!(
        (key.to_string(), value.to_string()),
        ("(Address, String)".into(), "Vec<Price>".into())
    );
    assert_eq!(storage.prefix, abi::storage_prefix("stock"));
    assert_eq!(abi.storage[2].kind, StorageKind::Set(Type::U32));
    let StorageKind::IndexedMap { key, indexes, .. } = &abi.storage[3].kind else {
        panic!("`orders` is indexed")
    };
    let indexes: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
    assert_eq!((key, indexes.as_slice()), (&Type::U64, ["by", "day"].as_slice()));
    let sums = StorageKind::Map { key: Type::Address, value: Type::U128 };
    assert_eq!(abi.storage[4].kind, sums);
    assert_eq!(abi.errors.len(), 2);
    assert_eq!(abi.events[0].fields[2].ty, Type::Bytes);
}

#[test]
fn inputs_reach_their_method() {
    let price = json!({"amount": "5", "unit": "q"});
    let check = |order: Value, status: i32, expected: &[u8]| {
        let arguments = json!({"order": order, "paid": price});
        let output = run(MethodKind::Call, "buy", &arguments).expect("there is the method");
        assert_eq!((output.status, output.bytes.as_slice()), (status, expected));
    };
    check(json!({"One": "3"}), host::OK, &8_u128.to_le_bytes());
    check(json!({"Many": {"count": 4}}), host::OK, &20_u128.to_le_bytes());
    check(json!({"Many": {"count": 11, "gift": "bow"}}), host::REVERT, &[1, 10, 0, 0, 0]);
    check(json!("Nothing"), host::REVERT, &[0]);
    let output = run(MethodKind::Query, "double", &json!([21])).expect("there is the query");
    assert_eq!((output.status, output.bytes), (host::OK, vec![42]));
}

/// A transaction must not reach a query's code through `call`, nor `init` twice.
#[test]
fn a_method_is_reached_through_its_own_entry_only() {
    for entry in [MethodKind::Init, MethodKind::Call] {
        assert!(run(entry, "double", &json!([1])).is_none(), "{entry:?}");
    }
    assert!(run(MethodKind::Query, "close", &json!([])).is_none());
    assert!(shop::Shop::dispatch(MethodKind::Call, [0; 4], &mut Input::new(&[])).is_none());
}

#[test]
#[should_panic(expected = "bytes follow the arguments")]
fn nothing_may_follow_the_arguments() {
    let selector = abi::selector("double");
    shop::Shop::dispatch(MethodKind::Query, selector, &mut Input::new(&[1, 2]));
}

#[test]
#[should_panic(expected = "argument `n` is malformed")]
fn a_malformed_argument_is_named() {
    let selector = abi::selector("double");
    shop::Shop::dispatch(MethodKind::Query, selector, &mut Input::new(&[]));
}

#[test]
fn events_are_what_the_description_decodes() {
    let sold = shop::Sold { price: 5, to: Address([7; 32]), note: vec![1, 2], number: 9 };
    let record = quorate_sdk::Record::of(&sold);
    let decoded = decode_event(&description(), record.topics(), record.bytes());
    let to = format!("0x{}", "07".repeat(32));
    let fields = json!({"price": "5", "to": to, "note": "AQI=", "number": 9});
    assert_eq!(decoded, Some(("Sold".into(), fields)));
    assert_eq!(record.topics().len(), 3);
}

#[test]
fn selectors_at_compile_time_are_those_of_the_description() {
    assert_eq!(quorate_sdk::selector!("buy"), description().methods[1].selector);
}

/// What others know of the shop, written by hand.
#[interface]
pub trait Store {
    #[call(payable)]
    fn buy(&mut self, order: shop::Order, paid: Price) -> Result<u128, shop::Refused>;

    #[query]
    fn double(&self, n: u8) -> u8;
}

#[test]
fn clients_say_what_the_contract_reads() {
    let price = || Price { amount: 5, unit: "q".into() };
    let address = Address([3; 32]);
    let arguments = json!({"order": {"One": "3"}, "paid": {"amount": "5", "unit": "q"}});
    let expected = encode_call(&description(), "buy", &arguments).expect("the arguments fit");
    let generated = shop::ShopClient::at(address).buy(shop::Order::One(3), price());
    assert_eq!(generated.input(), expected);
    let written = StoreClient::at(address).buy(shop::Order::One(3), price());
    assert_eq!(written.input(), expected);
    assert_eq!(
        StoreClient::at(address).double(7).input(),
        [&abi::selector("double")[..], &[7]].concat()
    );
}

#[test]
fn events_are_read_back() {
    use quorate_sdk::Event;
    let sold = shop::Sold { price: 5, to: Address([7; 32]), note: vec![1, 2], number: 9 };
    let record = quorate_sdk::Record::of(&sold);
    let (topics, bytes) = (record.topics(), record.bytes());
    let read = shop::Sold::read(topics, bytes).expect("it was written so");
    assert_eq!((read.price, read.to, read.note, read.number), (5, sold.to, vec![1, 2], 9));
    assert!(shop::Sold::read(&topics[..2], bytes).is_none(), "a topic is missing");
    assert!(shop::Sold::read(topics, &bytes[1..]).is_none(), "a byte is missing");
    assert!(shop::Sold::read(topics, &[bytes, &[0]].concat()).is_none(), "a byte follows");
    let other = [vec![vec![0; 4]], topics[1..].to_vec()].concat();
    assert!(shop::Sold::read(&other, bytes).is_none(), "it is another event");
}
