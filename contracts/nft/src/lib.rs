//! Non-fungible tokens, with approvals and operators.
#![no_std]

use quorate_sdk::contract;

/// Tokens of which each is one of its kind. Whoever creates the contract owns it, and alone mints.
///
/// Tokens are numbered from 1 in the order they are minted. No number is given twice, burnt or not.
#[contract]
pub mod nft {
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Token {
        #[index]
        pub owner: Address,
        /// Who may transfer, burn it in the owner's place.
        pub approved: Option<Address>,
        /// Where its metadata is found.
        pub uri: String,
    }

    #[storage]
    pub struct Nft {
        owner: Item<Address>,
        /// The number of the last token.
        last: Item<u64>,
        supply: Total,
        tokens: IndexedMap<u64, Token>,
        balances: Totals<Address>,
        /// An owner, and who may do all with its tokens that it may.
        operators: Set<(Address, Address)>,
    }

    /// A token changed hands. A new one comes from the zero address, and a burnt one goes there.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Transfer {
        #[topic]
        pub from: Address,
        #[topic]
        pub to: Address,
        #[topic]
        pub token: u64,
    }

    /// From now on this account, and no other, is approved for a token. A transfer ends that
    /// without an event of this kind.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Approval {
        #[topic]
        pub owner: Address,
        #[topic]
        pub approved: Option<Address>,
        #[topic]
        pub token: u64,
    }

    /// An owner has made an account its operator, or has ended that.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct ApprovalForAll {
        #[topic]
        pub owner: Address,
        #[topic]
        pub operator: Address,
        pub approved: bool,
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        NoSuchToken,
        /// Only the owner of the contract mints.
        NotTheOwner,
        /// The caller has no right to do this with the token.
        NotAllowed,
        /// Nobody has the zero address; `burn` destroys a token.
        ZeroAddress,
        /// There are more tokens than can be counted.
        TooMany,
    }

    impl Nft {
        #[init]
        fn new(&mut self, cx: &Context) {
            self.owner.set(cx.caller);
            self.last.set(0);
        }

        /// Makes a token and answers with its number; for the owner of the contract.
        #[call]
        fn mint(&mut self, cx: &Context, to: Address, uri: String) -> Result<u64, Error> {
            ensure!(cx.caller == self.owner.get(), Error::NotTheOwner);
            let number = self.last.get().checked_add(1).ok_or(Error::TooMany)?;
            self.last.set(number);
            self.supply.add(1).map_err(|_| Error::TooMany)?;
            self.give(cx, number, Address::default(), to, uri)?;
            Ok(number)
        }

        /// Gives a token to an account; for its owner, the owner's operators, and who is approved
        /// for it. Nobody is approved for it then.
        #[call]
        fn transfer(&mut self, cx: &Context, token: u64, to: Address) -> Result<(), Error> {
            let Token { owner, uri, .. } = self.take(cx, token)?;
            self.give(cx, token, owner, to, uri)
        }

        /// Destroys a token; for those who may transfer it.
        #[call]
        fn burn(&mut self, cx: &Context, token: u64) -> Result<(), Error> {
            let Token { owner, .. } = self.take(cx, token)?;
            self.tokens.remove(&token);
            self.supply.sub(1).map_err(|_| Error::TooMany)?;
            cx.emit(Transfer { from: owner, to: Address::default(), token });
            Ok(())
        }

        /// Lets an account, in place of the one before, transfer or burn a token; for its owner and
        /// the owner's operators. `None` takes the approval back.
        #[call]
        fn approve(
            &mut self,
            cx: &Context,
            token: u64,
            approved: Option<Address>,
        ) -> Result<(), Error> {
            let before = self.tokens.get(&token).ok_or(Error::NoSuchToken)?;
            let owner = before.owner;
            ensure!(self.acts_for(&owner, cx.caller), Error::NotAllowed);
            self.tokens.set(&token, Token { approved, ..before });
            cx.emit(Approval { owner, approved, token });
            Ok(())
        }

        /// Lets an account do all that the caller may with the tokens it has and will have.
        #[call]
        fn add_operator(&mut self, cx: &Context, operator: Address) {
            self.operators.insert(&(cx.caller, operator));
            cx.emit(ApprovalForAll { owner: cx.caller, operator, approved: true });
        }

        /// Ends what `add_operator` began. What the operator has approved meanwhile stays approved.
        #[call]
        fn remove_operator(&mut self, cx: &Context, operator: Address) {
            self.operators.remove(&(cx.caller, operator));
            cx.emit(ApprovalForAll { owner: cx.caller, operator, approved: false });
        }

        /// How many tokens there are.
        #[query]
        fn supply(&self) -> u128 {
            self.supply.get()
        }

        /// How many tokens one owner has.
        #[query]
        fn balance_of(&self, owner: Address) -> u128 {
            self.balances.get(&owner)
        }

        /// Owner, approval and metadata of a token.
        #[query]
        fn token(&self, token: u64) -> Option<Token> {
            self.tokens.get(&token)
        }

        /// Whether an account is an operator of an owner.
        #[query]
        fn is_operator(&self, owner: Address, operator: Address) -> bool {
            self.operators.contains(&(owner, operator))
        }

        /// The tokens of one owner, `limit` of them behind one.
        #[query]
        fn tokens_of(&self, owner: Address, after: Option<u64>, limit: u32) -> Vec<u64> {
            let tokens = self.tokens.by(Token::BY_OWNER);
            let page = tokens.page_of(&owner, after.as_ref(), limit as usize);
            page.into_iter().map(|(number, _)| number).collect()
        }

        /// All tokens, `limit` of them behind one.
        #[query]
        fn tokens(&self, after: Option<u64>, limit: u32) -> Vec<(u64, Token)> {
            self.tokens.page(after.as_ref(), limit as usize)
        }

        fn acts_for(&self, owner: &Address, caller: Address) -> bool {
            caller == *owner || self.operators.contains(&(*owner, caller))
        }

        /// A token that is its owner's no more, for callers who may take it.
        fn take(&mut self, cx: &Context, number: u64) -> Result<Token, Error> {
            let token = self.tokens.get(&number).ok_or(Error::NoSuchToken)?;
            let is_approved = token.approved == Some(cx.caller);
            ensure!(is_approved || self.acts_for(&token.owner, cx.caller), Error::NotAllowed);
            self.balances.sub(&token.owner, 1).map_err(|_| Error::TooMany)?;
            Ok(token)
        }

        fn give(
            &mut self,
            cx: &Context,
            token: u64,
            from: Address,
            to: Address,
            uri: String,
        ) -> Result<(), Error> {
            ensure!(to != Address::default(), Error::ZeroAddress);
            self.balances.add(&to, 1).map_err(|_| Error::TooMany)?;
            self.tokens.set(&token, Token { owner: to, approved: None, uri });
            cx.emit(Transfer { from, to, token });
            Ok(())
        }
    }
}
