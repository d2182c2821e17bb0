//! Products of 256 bits.

/// `a · b / c` and the remainder. `None` when the quotient has more than 128 bits, or `c` is 0.
pub(crate) fn mul_div(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
    let (mut low, mut rest) = a.carrying_mul(b, 0);
    if rest >= c {
        return None;
    }
    // Long division, a bit at a time: `low` gives its bits at the top, and takes those of the
    // quotient at the bottom.
    for _ in 0..u128::BITS {
        let carry = rest >> 127;
        rest = rest << 1 | low >> 127;
        low <<= 1;
        if carry == 1 || rest >= c {
            rest = rest.wrapping_sub(c);
            low |= 1;
        }
    }
    Some((low, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::mul_div;

    /// Of every length, the greatest among them.
    fn number() -> impl Strategy<Value = u128> {
        prop_oneof![
            8 => (any::<u128>(), 0..128_u32).prop_map(|(number, shift)| number >> shift),
            1 => Just(u128::MAX),
        ]
    }

    proptest! {
        #[test]
        fn quotient_and_remainder_make_the_product(a in number(), b in number(), c in number()) {
            let product = a.carrying_mul(b, 0);
            match mul_div(a, b, c) {
                Some((quotient, rest)) => {
                    prop_assert!(rest < c);
                    prop_assert_eq!(quotient.carrying_mul(c, rest), product);
                }
                // The least product whose quotient is too long is `c · 2^128`.
                None => prop_assert!(product.1 >= c),
            }
        }
    }
}
