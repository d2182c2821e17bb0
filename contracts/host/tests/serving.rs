//! What a host says to a test that is wrong. What it says to one that is right is in the tests of
//! the sample contracts.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use abi::testing::{Action, Answer, FUNDS, Failure, Request, Status, VERSION, frame, parse};
use quorate_contract_host::{HostError, serve};

struct Test {
    pipe: UnixStream,
    host: JoinHandle<Result<(), HostError>>,
}

impl Test {
    fn begin() -> Self {
        let (pipe, other) = UnixStream::pair().expect("there are sockets");
        let output = other.try_clone().expect("a socket has two sides");
        let host = thread::Builder::new().stack_size(64 << 20);
        let host = host.spawn(move || serve(other, output)).expect("there are threads");
        Self { pipe, host }
    }

    fn say(&mut self, request: &Request) {
        self.pipe.write_all(&frame(request)).expect("the host listens");
    }

    fn ask(&mut self, request: &Request) -> Answer {
        self.say(request);
        let mut length = [0; 4];
        self.pipe.read_exact(&mut length).expect("the host answers");
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.pipe.read_exact(&mut bytes).expect("the host answers");
        parse(&bytes).expect("it is an answer")
    }

    fn account(&mut self, name: &str) -> [u8; 32] {
        match self.ask(&Request::Account { name: name.into() }) {
            Answer::Address(address) => address,
            other => panic!("{other:?}"),
        }
    }

    /// Ends the test, and answers with how the host ended.
    fn end(self) -> Result<(), HostError> {
        drop(self.pipe);
        self.host.join().expect("it does not panic")
    }
}

#[test]
fn a_host_ends_with_its_test() {
    let mut test = Test::begin();
    let begun = test.ask(&Request::Begin { version: VERSION, native: true });
    assert!(matches!(begun, Answer::Begun { clock, .. } if clock.height == 1), "{begun:?}");
    test.end().expect("it was a good end");
}

#[test]
fn another_version_is_an_error() {
    let mut test = Test::begin();
    test.say(&Request::Begin { version: VERSION + 1, native: true });
    let error = test.end().expect_err("it is another version");
    assert!(matches!(error, HostError::Version), "{error}");
}

#[test]
fn what_does_not_belong_here_is_an_error() {
    let mut test = Test::begin();
    test.say(&Request::Left(abi::testing::Left::Escaped));
    assert!(matches!(test.end(), Err(HostError::Unexpected(_))));
}

#[test]
fn accounts_have_funds_and_strangers_send_nothing() {
    let mut test = Test::begin();
    let (alice, bob) = (test.account("alice"), test.account("bob"));
    assert_eq!(test.account("alice"), alice);
    let pay = |amount| Action::Transfer { to: bob, amount };
    let mut send = |sender, action| test.ask(&Request::Send { sender, action, gas: 0 });
    assert!(matches!(send([9; 32], pay(1)), Answer::Refused(_)));
    let Answer::Receipt(receipt) = send(alice, pay(FUNDS + 1)) else { panic!("it is executed") };
    assert!(matches!(receipt.status, Status::Failed(Failure::Rejected(_))), "{receipt:?}");
    let Answer::Receipt(receipt) = send(alice, pay(FUNDS)) else { panic!("it is executed") };
    assert_eq!(receipt.status, Status::Success);
    assert_eq!(test.ask(&Request::Balance { of: bob }), Answer::Balance(2 * FUNDS));
    assert_eq!(test.ask(&Request::Balance { of: alice }), Answer::Balance(0));
}

#[test]
fn a_module_that_a_node_refuses_is_refused() {
    let mut test = Test::begin();
    let answer = test.ask(&Request::Store { code: b"\0asm".to_vec(), native: false });
    assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
}
