//! A name service: names for a price and a time, with records.
#![no_std]

use quorate_sdk::contract;

/// Names, of whoever registered them first, for as long as they are paid for.
///
/// A name is registered for some periods at a price for each. When they are over the name has
/// expired: it leads nowhere, and for a time of grace its former owner alone may renew it. Then it
/// is free, and whoever registers it gets it without the records it had.
///
/// The price is the same for all names and for ever, so that everybody knows what to send: another
/// amount is a mistake and refused, more of it too. So every unit here is a fee, and nothing has to
/// be sent back.
#[contract]
pub mod registry {
    /// The least characters of a name.
    pub const NAME_BYTES_MIN: usize = 3;
    /// The most characters of a name.
    pub const NAME_BYTES_MAX: usize = 32;
    /// The longest key of a text, in bytes.
    pub const KEY_BYTES_MAX: usize = 64;
    /// The longest text, in bytes.
    pub const TEXT_BYTES_MAX: usize = 1_024;

    /// What names cost, and for how long. Times are in milliseconds.
    #[data]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Terms {
        /// Native units for one period.
        pub price: u128,
        pub period_ms: u64,
        /// How long an expired name waits for its former owner.
        pub grace_ms: u64,
    }

    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Registration {
        #[index]
        pub owner: Address,
        /// The first time at which it has expired, in milliseconds since the Unix epoch.
        pub expiry_ms: u64,
        /// What the name leads to.
        pub address: Option<Address>,
        /// No other registration, of this name or another, has this number.
        pub number: u64,
    }

    /// The name that an address goes by.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Primary {
        pub name: String,
        /// The number of the registration that was meant. A later one may be somebody else's.
        pub registration: u64,
    }

    #[storage]
    pub struct Registry {
        owner: Item<Address>,
        terms: Item<Terms>,
        /// The number of the next registration.
        next: Item<u64>,
        names: IndexedMap<String, Registration>,
        /// Texts by the number of a registration and by key. Those of a former registration stay
        /// here, and nobody asks for them.
        texts: Map<(u64, String), String>,
        primaries: Map<Address, Primary>,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Registered {
        #[topic]
        pub name: String,
        #[topic]
        pub owner: Address,
        pub expiry_ms: u64,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Renewed {
        #[topic]
        pub name: String,
        pub expiry_ms: u64,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Transferred {
        #[topic]
        pub name: String,
        #[topic]
        pub from: Address,
        #[topic]
        pub to: Address,
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        /// A name has 3 to 32 characters: lower case letters from a to z, digits, and hyphens that
        /// stand neither first nor last.
        BadName,
        /// Somebody has the name, or may still renew it.
        Taken {
            free_ms: u64,
        },
        /// Exactly the price has to be sent.
        WrongPrice {
            price: u128,
        },
        /// A name is paid for at least one period, and not for longer than time can be counted.
        BadPeriods,
        /// A period is not 0, and the time of grace is not longer.
        BadTerms,
        /// Nobody has the name.
        NotRegistered,
        NotTheOwner,
        Expired,
        /// The text or its key is too long.
        TooLong,
        /// The name does not lead to the caller.
        LeadsElsewhere,
        /// There are fewer fees than are wanted.
        Insufficient {
            have: u128,
        },
    }

    impl Registry {
        /// Sets what names cost, for ever. The creator owns the registry, and so the fees.
        #[init]
        fn new(&mut self, cx: &Context, terms: Terms) -> Result<(), Error> {
            // A renewal at the end of the time of grace thus reaches beyond the present.
            ensure!(terms.period_ms >= terms.grace_ms.max(1), Error::BadTerms);
            self.owner.set(cx.caller);
            self.terms.set(terms);
            self.next.set(0);
            Ok(())
        }

        /// Registers a free name for the caller, from now on for some periods.
        #[call(payable)]
        fn register(&mut self, cx: &Context, name: String, periods: u32) -> Result<(), Error> {
            ensure!(is_name(&name), Error::BadName);
            if let Some(former) = self.names.get(&name) {
                let free_ms = former.expiry_ms.saturating_add(self.terms.get().grace_ms);
                ensure!(cx.time_ms >= free_ms, Error::Taken { free_ms });
            }
            let expiry_ms = self.pay(cx, cx.time_ms, periods)?;
            let number = self.next.get();
            self.next.set(number + 1);
            let owner = cx.caller;
            self.names.set(&name, Registration { owner, expiry_ms, address: None, number });
            cx.emit(Registered { name, owner, expiry_ms });
            Ok(())
        }

        /// Prolongs a name by some periods, from when it expires or has expired; for its owner, in
        /// the time of grace too.
        #[call(payable)]
        fn renew(&mut self, cx: &Context, name: String, periods: u32) -> Result<(), Error> {
            let registration = self.names.get(&name).ok_or(Error::NotRegistered)?;
            ensure!(registration.owner == cx.caller, Error::NotTheOwner);
            let free_ms = registration.expiry_ms.saturating_add(self.terms.get().grace_ms);
            ensure!(cx.time_ms < free_ms, Error::Expired);
            let expiry_ms = self.pay(cx, registration.expiry_ms, periods)?;
            self.names.set(&name, Registration { expiry_ms, ..registration });
            cx.emit(Renewed { name, expiry_ms });
            Ok(())
        }

        /// Gives a name to another owner, with its records; for its owner.
        #[call]
        fn transfer(&mut self, cx: &Context, name: String, to: Address) -> Result<(), Error> {
            let registration = self.own(cx, &name)?;
            self.names.set(&name, Registration { owner: to, ..registration });
            cx.emit(Transferred { name, from: cx.caller, to });
            Ok(())
        }

        /// Has a name lead to an address, or nowhere; for its owner.
        #[call]
        fn set_address(
            &mut self,
            cx: &Context,
            name: String,
            address: Option<Address>,
        ) -> Result<(), Error> {
            let registration = self.own(cx, &name)?;
            self.names.set(&name, Registration { address, ..registration });
            Ok(())
        }

        /// Sets a text of a name, or removes it; for its owner.
        #[call]
        fn set_text(
            &mut self,
            cx: &Context,
            name: String,
            key: String,
            text: Option<String>,
        ) -> Result<(), Error> {
            ensure!(key.len() <= KEY_BYTES_MAX, Error::TooLong);
            let place = (self.own(cx, &name)?.number, key);
            match text {
                Some(text) => {
                    ensure!(text.len() <= TEXT_BYTES_MAX, Error::TooLong);
                    self.texts.set(&place, text);
                }
                None => self.texts.remove(&place),
            }
            Ok(())
        }

        /// Has the caller's address go by a name that leads to it, or by none.
        #[call]
        fn set_primary(&mut self, cx: &Context, name: Option<String>) -> Result<(), Error> {
            let Some(name) = name else {
                self.primaries.remove(&cx.caller);
                return Ok(());
            };
            let Registration { address, number, .. } = self.current(cx, &name)?;
            ensure!(address == Some(cx.caller), Error::LeadsElsewhere);
            self.primaries.set(&cx.caller, Primary { name, registration: number });
            Ok(())
        }

        /// Sends fees to an account; for the owner of the registry.
        #[call]
        fn withdraw(&mut self, cx: &Context, to: Address, amount: u128) -> Result<(), Error> {
            ensure!(cx.caller == self.owner.get(), Error::NotTheOwner);
            cx.transfer(&to, amount).map_err(|_| Error::Insufficient { have: cx.balance() })
        }

        /// What names cost, and for how long.
        #[query]
        fn terms(&self) -> Terms {
            self.terms.get()
        }

        /// A name's last registration. It may have expired.
        #[query]
        fn registration(&self, name: String) -> Option<Registration> {
            self.names.get(&name)
        }

        /// What a name leads to.
        #[query]
        fn resolve(&self, cx: &Context, name: String) -> Option<Address> {
            self.current(cx, &name).ok()?.address
        }

        /// A text of a name.
        #[query]
        fn text(&self, cx: &Context, name: String, key: String) -> Option<String> {
            self.texts.get(&(self.current(cx, &name).ok()?.number, key))
        }

        /// The name that an address goes by, as long as that name leads to it.
        #[query]
        fn name_of(&self, cx: &Context, address: Address) -> Option<String> {
            let Primary { name, registration } = self.primaries.get(&address)?;
            let current = self.current(cx, &name).ok()?;
            let is_meant = current.number == registration && current.address == Some(address);
            is_meant.then_some(name)
        }

        /// One owner's names, `limit` of them behind one: with those that have expired, until
        /// somebody else registers them.
        #[query]
        fn names_of(
            &self,
            owner: Address,
            after: Option<String>,
            limit: u32,
        ) -> Vec<(String, Registration)> {
            let names = self.names.by(Registration::BY_OWNER);
            names.page_of(&owner, after.as_ref(), limit as usize)
        }

        /// The registration of a name that has not expired.
        fn current(&self, cx: &Context, name: &String) -> Result<Registration, Error> {
            let registration = self.names.get(name).ok_or(Error::NotRegistered)?;
            ensure!(cx.time_ms < registration.expiry_ms, Error::Expired);
            Ok(registration)
        }

        /// The same, of a name of the caller.
        fn own(&self, cx: &Context, name: &String) -> Result<Registration, Error> {
            let registration = self.current(cx, name)?;
            ensure!(registration.owner == cx.caller, Error::NotTheOwner);
            Ok(registration)
        }

        /// When a name expires that is paid for some periods from a time on, with what was sent.
        fn pay(&self, cx: &Context, from_ms: u64, periods: u32) -> Result<u64, Error> {
            ensure!(periods > 0, Error::BadPeriods);
            let terms = self.terms.get();
            let price = terms.price.checked_mul(periods.into()).ok_or(Error::BadPeriods)?;
            ensure!(cx.value == price, Error::WrongPrice { price });
            let paid_ms = terms.period_ms.checked_mul(periods.into());
            paid_ms.and_then(|paid_ms| from_ms.checked_add(paid_ms)).ok_or(Error::BadPeriods)
        }
    }

    fn is_name(name: &str) -> bool {
        let is_inside = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        (NAME_BYTES_MIN..=NAME_BYTES_MAX).contains(&name.len())
            && name.bytes().all(is_inside)
            && !name.starts_with('-')
            && !name.ends_with('-')
    }
}
