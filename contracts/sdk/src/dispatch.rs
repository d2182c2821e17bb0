//! From the host's entry to the method, and back.

use alloc::vec::Vec;

use abi::layout::ContractLayout;
use abi::{MethodKind, Selector};

use crate::{Client, Data, host};

/// A contract: what it looks like and how its methods are reached. `#[contract]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no contract",
    note = "name the `#[storage]` struct of a module marked with `#[contract]`"
)]
pub trait Contract {
    const LAYOUT: ContractLayout;

    /// Where its package stands, for tests that build it.
    #[cfg(not(target_arch = "wasm32"))]
    const DIRECTORY: &'static str;

    /// `None` when no method of this kind has the selector.
    fn dispatch(kind: MethodKind, selector: Selector, input: &mut Input<'_>) -> Option<Output>;
}

/// The client that `#[contract]` made of a contract.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the client of a contract whose source is at hand",
    note = "`#[contract]` makes one: `TokenClient` for the storage `Token`"
)]
pub trait ContractClient: Client {
    type Contract: Contract;
}

/// The arguments that are still to be decoded.
#[derive(Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Arguments in canonical binary.
    pub fn new(arguments: &'a [u8]) -> Self {
        Self { rest: arguments }
    }

    /// The next argument.
    ///
    /// # Panics
    ///
    /// When the bytes are no value of the type; the panic ends the call.
    pub fn argument<T: Data>(&mut self, name: &str) -> T {
        match T::deserialize(&mut self.rest) {
            Ok(value) => value,
            Err(_) => panic!("argument `{name}` is malformed"),
        }
    }

    /// Checks that nothing follows the arguments.
    ///
    /// # Panics
    ///
    /// When something does; the panic ends the call.
    pub fn finish(&self) {
        assert!(self.rest.is_empty(), "bytes follow the arguments");
    }
}

/// How a method ended.
#[derive(Debug)]
pub struct Output {
    /// [`abi::host::OK`] or [`abi::host::REVERT`].
    pub status: i32,
    /// The value or the error, in canonical binary.
    pub bytes: Vec<u8>,
}

/// Fetches the input, runs the method it names, leaves the output, and answers with the status.
///
/// # Panics
///
/// When the input is malformed or names no method of this kind; the panic ends the call.
pub fn run<C: Contract>(kind: MethodKind, length: usize) -> i32 {
    let input = host::input(length);
    let Some((&selector, arguments)) = input.split_first_chunk() else {
        panic!("the input has no selector");
    };
    let Some(output) = C::dispatch(kind, selector, &mut Input::new(arguments)) else {
        panic!("the contract has no such method");
    };
    host::set_output(&output.bytes);
    output.status
}
