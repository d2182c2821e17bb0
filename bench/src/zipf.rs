//! Zipf's law: rank k comes up in proportion to k to the power of minus the exponent.
//!
//! Rejection-inversion, W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates from monotone discrete
//! distributions", 1996: constant time and memory whatever the number of ranks, so that ten million need no table.

use rand_core::Rng;

/// The law over ranks from 1 to some last one.
#[derive(Debug)]
pub(crate) struct Zipf {
    /// Not 1, where the integral below has another form.
    exponent: f64,
    ranks: u64,
    /// The integral up to where the hat's first bar ends, and up to the end.
    first: f64,
    last: f64,
    /// A rank that lies at most this above the point drawn is accepted unseen.
    squeeze: f64,
}

impl Zipf {
    pub(crate) fn new(ranks: u64, exponent: f64) -> Self {
        let mut zipf = Self { exponent, ranks, first: 0.0, last: 0.0, squeeze: 0.0 };
        zipf.first = zipf.integral(1.5) - 1.0;
        zipf.last = zipf.integral(ranks as f64 + 0.5);
        zipf.squeeze = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    pub(crate) fn draw(&self, random: &mut impl Rng) -> u64 {
        loop {
            let area = self.last + unit(random) * (self.first - self.last);
            let point = self.inverse(area);
            let rank = point.round().clamp(1.0, self.ranks as f64);
            if rank - point <= self.squeeze
                || area >= self.integral(rank + 0.5) - self.density(rank)
            {
                return whole(rank);
            }
        }
    }

    fn density(&self, rank: f64) -> f64 {
        rank.powf(-self.exponent)
    }

    /// The density's integral from 1.
    fn integral(&self, to: f64) -> f64 {
        (to.powf(1.0 - self.exponent) - 1.0) / (1.0 - self.exponent)
    }

    fn inverse(&self, area: f64) -> f64 {
        (area * (1.0 - self.exponent) + 1.0).powf(1.0 / (1.0 - self.exponent))
    }
}

/// From 0 to below 1.
fn unit(random: &mut impl Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a rank, whole and far below 2^53")]
#[expect(clippy::cast_sign_loss, reason = "ranks begin at 1")]
fn whole(rank: f64) -> u64 {
    rank as u64
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::Zipf;

    /// How often each rank comes up, beside how often it should.
    #[test]
    fn ranks_come_up_as_often_as_the_law_says() {
        let (ranks, exponent, draws) = (50_u64, 1.1, 200_000);
        let zipf = Zipf::new(ranks, exponent);
        let mut random = ChaCha8Rng::from_seed([1; 32]);
        let mut counts = vec![0_u32; 51];
        for _ in 0..draws {
            counts[usize::try_from(zipf.draw(&mut random)).unwrap()] += 1;
        }
        let weight = |rank: u64| (rank as f64).powf(-exponent);
        let sum: f64 = (1..=ranks).map(weight).sum();
        for (rank, count) in (1..=ranks).zip(&counts[1..]) {
            let expected = f64::from(draws) * weight(rank) / sum;
            let off = (f64::from(*count) - expected).abs() / expected.sqrt();
            assert!(off < 5.0, "rank {rank}: {count} of {expected:.0}, {off:.1} deviations");
        }
    }
}
