//! The multisig, as its owners and others see it.

use multisig::multisig::{
    ABI, ARGUMENTS_BYTES_MAX, Action, Confirmed, Error, Executed, Failure, MultisigClient,
    OWNERS_MAX, Proposed, Revoked,
};
use quorate_sdk::abi::Abi;
use quorate_sdk::borsh::{BorshDeserialize, to_vec};
use quorate_sdk::testing::{Failure as CallFailure, TestChain, contract_test};
use quorate_sdk::{Address, Client, selector};
use token::token::{Error as TokenError, TokenClient};

const MINUTE_MS: u64 = 60_000;

struct World {
    multisig: MultisigClient,
    /// Alice, bob and carol; two of them must confirm.
    owners: [Address; 3],
    stranger: Address,
}

impl World {
    /// With 1,000 native units.
    fn open(chain: &mut TestChain) -> Self {
        let owners = ["alice", "bob", "carol"].map(|name| chain.account(name));
        let stranger = chain.account("stranger");
        let multisig = chain.deploy(&stranger, MultisigClient::new(owners.to_vec(), 2));
        chain.transfer(&stranger, &multisig.address(), 1_000).value();
        Self { multisig, owners, stranger }
    }

    /// The number of a proposal that is confirmed by alice and bob.
    fn confirmed(&self, chain: &mut TestChain, action: Action) -> u64 {
        let Self { multisig, owners: [alice, bob, _], .. } = self;
        let expiry_ms = chain.time_ms() + MINUTE_MS;
        let number = chain.call(alice, multisig.propose(action, expiry_ms)).value();
        chain.call(bob, multisig.confirm(number)).value();
        number
    }
}

/// A call of a token's `transfer`.
fn transfer_of(token: TokenClient, to: Address, amount: u128) -> Action {
    let arguments = to_vec(&(to, amount)).expect("memory takes it");
    let (contract, selector) = (token.address(), selector!("transfer"));
    Action::Call { contract, selector, arguments, value: 0 }
}

#[contract_test]
fn enough_owners_send_units(chain: &mut TestChain) {
    let world @ World { multisig, owners: [alice, bob, _], stranger } = &World::open(chain);
    let to = chain.account("receiver");
    let before = chain.balance(&to);
    let action = Action::Transfer { to, amount: 400 };
    let expiry_ms = chain.time_ms() + MINUTE_MS;
    let receipt = chain.call(alice, multisig.propose(action.clone(), expiry_ms));
    assert_eq!(receipt.events::<Proposed>(), [Proposed { number: 0, by: *alice }]);
    let number = receipt.value();
    let refused = chain.call(bob, multisig.execute(number));
    assert_eq!(refused.error(), Error::NotEnough { need: 2 });
    let receipt = chain.call(bob, multisig.confirm(number));
    assert_eq!(receipt.events::<Confirmed>(), [Confirmed { number, by: *bob }]);

    let receipt = chain.call(stranger, multisig.execute(number));
    assert_eq!(receipt.events::<Executed>(), [Executed { number, failure: None }]);
    assert_eq!(receipt.value(), None);
    assert_eq!(chain.balance(&to), before + 400);
    assert_eq!(chain.balance(&multisig.address()), 600);
    let again = chain.call(stranger, multisig.execute(number));
    assert_eq!(again.error(), Error::NoSuchProposal);

    // More than there is waits for more.
    let number = world.confirmed(chain, Action::Transfer { to, amount: 601 });
    let failure = chain.call(stranger, multisig.execute(number)).value();
    assert_eq!(failure, Some(Failure::InsufficientBalance));
    chain.transfer(stranger, &multisig.address(), 1).value();
    assert_eq!(chain.call(stranger, multisig.execute(number)).value(), None);
    assert_eq!(chain.balance(&to), before + 1_001);
}

#[contract_test]
fn only_owners_decide(chain: &mut TestChain) {
    let World { multisig, owners: [alice, bob, _], stranger } = &World::open(chain);
    let expiry_ms = chain.time_ms() + MINUTE_MS;
    let action = Action::Transfer { to: *stranger, amount: 1 };
    let refused = chain.call(stranger, multisig.propose(action.clone(), expiry_ms));
    assert_eq!(refused.error(), Error::NotAnOwner);
    let number = chain.call(alice, multisig.propose(action, expiry_ms)).value();
    let refused = chain.call(stranger, multisig.confirm(number));
    assert_eq!(refused.error(), Error::NotAnOwner);
    // An owner counts once.
    assert_eq!(chain.call(alice, multisig.confirm(number)).error(), Error::AlreadyConfirmed);
    for who in [bob, stranger] {
        assert_eq!(chain.call(who, multisig.revoke(number)).error(), Error::NotConfirmed);
    }
    assert_eq!(chain.call(stranger, multisig.discard(number)).error(), Error::NotOver);
    for call in [multisig.confirm(7), multisig.revoke(7), multisig.discard(7)] {
        assert_eq!(chain.call(alice, call).error(), Error::NoSuchProposal);
    }
}

#[contract_test]
fn a_confirmation_is_taken_back(chain: &mut TestChain) {
    let world @ World { multisig, owners: [alice, bob, _], stranger } = &World::open(chain);
    let number = world.confirmed(chain, Action::Transfer { to: *stranger, amount: 1 });
    let receipt = chain.call(alice, multisig.revoke(number));
    assert_eq!(receipt.events::<Revoked>(), [Revoked { number, by: *alice }]);
    receipt.value();
    let refused = chain.call(bob, multisig.execute(number));
    assert_eq!(refused.error(), Error::NotEnough { need: 2 });
    chain.call(alice, multisig.confirm(number)).value();
    for who in [alice, bob] {
        chain.call(who, multisig.revoke(number)).value();
    }
    // Nobody wants it any more.
    assert_eq!(chain.query(multisig.proposals(None, 1)), []);
}

#[contract_test]
fn a_proposal_ends_with_its_expiry(chain: &mut TestChain) {
    let World { multisig, owners: [alice, bob, carol], stranger } = &World::open(chain);
    let action = Action::Transfer { to: *stranger, amount: 1 };
    let refused = chain.call(alice, multisig.propose(action.clone(), chain.time_ms() - 1));
    assert_eq!(refused.error(), Error::Expired);
    let expiry_ms = chain.time_ms() + MINUTE_MS;
    let number = chain.call(alice, multisig.propose(action.clone(), expiry_ms)).value();
    let other = chain.call(alice, multisig.propose(action, expiry_ms)).value();
    for number in [number, other] {
        chain.call(bob, multisig.confirm(number)).value();
    }
    // The expiry itself is in time.
    chain.advance_ms(expiry_ms - chain.time_ms());
    assert_eq!(chain.call(stranger, multisig.execute(number)).value(), None);
    assert_eq!(chain.call(stranger, multisig.execute(other)).error(), Error::Expired);
    assert_eq!(chain.call(carol, multisig.confirm(other)).error(), Error::Expired);
    chain.call(stranger, multisig.discard(other)).value();
    assert_eq!(chain.query(multisig.proposal(other)), None);
}

#[contract_test]
fn a_call_that_fails_keeps_its_error_and_is_tried_again(chain: &mut TestChain) {
    let world @ World { multisig, stranger, .. } = &World::open(chain);
    let token = chain.deploy(stranger, TokenClient::new(100));
    let number = world.confirmed(chain, transfer_of(token, *stranger, 40));
    let receipt = chain.call(stranger, multisig.execute(number));
    assert_eq!(receipt.events::<Executed>().len(), 1);
    let Some(Failure::Reverted(error)) = receipt.value() else { panic!("the token refuses") };
    let expected = TokenError::Insufficient { have: 0, need: 40 };
    assert_eq!(TokenError::try_from_slice(&error).ok(), Some(expected));
    let kept = chain.query(multisig.proposal(number)).expect("it stays");
    assert_eq!(kept.failure, Some(Failure::Reverted(error)));

    chain.call(stranger, token.transfer(multisig.address(), 40)).value();
    assert_eq!(chain.call(stranger, multisig.execute(number)).value(), None);
    assert_eq!(chain.query(token.balance_of(*stranger)), 100);
    assert_eq!(chain.query(multisig.proposal(number)), None);
}

/// No contract, a method that takes no value, malformed arguments, and itself: nobody comes in by
/// the back door.
#[contract_test]
fn what_cannot_be_called_fails(chain: &mut TestChain) {
    let world @ World { multisig, stranger, .. } = &World::open(chain);
    let token = chain.deploy(stranger, TokenClient::new(100));
    let call = |contract: Address, selector, value| Action::Call {
        contract,
        selector,
        arguments: Vec::new(),
        value,
    };
    for action in [
        call(*stranger, selector!("transfer"), 0),
        call(token.address(), selector!("supply"), 1),
        call(token.address(), selector!("transfer"), 0),
        call(multisig.address(), selector!("owners"), 0),
        call(multisig.address(), selector!("execute"), 0),
    ] {
        let number = world.confirmed(chain, action);
        let failure = chain.call(stranger, multisig.execute(number)).value();
        assert_eq!(failure, Some(Failure::Failed));
    }
    assert_eq!(chain.balance(&multisig.address()), 1_000);
}

#[contract_test]
fn owners_change_by_proposal_only_and_void_what_was_proposed(chain: &mut TestChain) {
    let world @ World { multisig, owners: [alice, bob, carol], stranger } = &World::open(chain);
    let open = world.confirmed(chain, Action::Transfer { to: *alice, amount: 1 });
    let owners = vec![*carol, *stranger];
    let change = Action::SetOwners { owners: owners.clone(), threshold: 1 };
    let number = world.confirmed(chain, change);
    assert_eq!(chain.call(alice, multisig.execute(number)).value(), None);
    assert_eq!(chain.query(multisig.owners()), owners);
    assert_eq!(chain.query(multisig.threshold()), 1);

    let refused = chain.call(alice, multisig.execute(open));
    assert_eq!(refused.error(), Error::Void);
    assert_eq!(chain.call(carol, multisig.confirm(open)).error(), Error::Void);
    assert_eq!(chain.call(bob, multisig.confirm(open)).error(), Error::NotAnOwner);
    chain.call(bob, multisig.discard(open)).value();

    let expiry_ms = chain.time_ms() + MINUTE_MS;
    let action = Action::Transfer { to: *stranger, amount: 1_000 };
    let number = chain.call(stranger, multisig.propose(action, expiry_ms)).value();
    assert_eq!(chain.call(alice, multisig.execute(number)).value(), None);
}

#[contract_test]
fn owners_that_could_not_act_are_refused(chain: &mut TestChain) {
    let World { multisig, owners: [alice, bob, _], stranger } = &World::open(chain);
    let names: Vec<String> = (0..=OWNERS_MAX).map(|number| format!("owner {number}")).collect();
    let many: Vec<Address> = names.iter().map(|name| chain.account(name)).collect();
    for (owners, threshold) in [
        (vec![], 0),
        (vec![*alice], 0),
        (vec![*alice, *bob], 3),
        (vec![*alice, *bob, *alice], 2),
        (many.clone(), 1),
    ] {
        let refused = chain.try_deploy(stranger, MultisigClient::new(owners.clone(), threshold));
        assert_eq!(refused.error(), Error::InvalidOwners);
        let change = Action::SetOwners { owners, threshold };
        let refused = chain.call(alice, multisig.propose(change, u64::MAX));
        assert_eq!(refused.error(), Error::InvalidOwners);
    }
    chain.deploy(stranger, MultisigClient::new(many[1..].to_vec(), 32));
}

/// The longest arguments are kept, run, and kept again with their error.
#[contract_test]
fn arguments_are_bounded(chain: &mut TestChain) {
    let world @ World { multisig, owners: [alice, ..], stranger } = &World::open(chain);
    let call = |length| Action::Call {
        contract: *stranger,
        selector: [0; 4],
        arguments: vec![0; length],
        value: 0,
    };
    let long = multisig.propose(call(ARGUMENTS_BYTES_MAX + 1), u64::MAX);
    assert_eq!(chain.call(alice, long).error(), Error::ArgumentsTooLong);
    let number = world.confirmed(chain, call(ARGUMENTS_BYTES_MAX));
    let failure = chain.call(stranger, multisig.execute(number)).value();
    assert_eq!(failure, Some(Failure::Failed));
    let refused = chain.call(alice, multisig.execute(number).value(1));
    assert_eq!(refused.failure(), CallFailure::NotPayable);
}

/// Fails when `multisig.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/multisig`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../multisig.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
