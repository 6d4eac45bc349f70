//! Points that fill a unit cube evenly, whatever number of them is used.

/// Bases of the coordinates.
const PRIMES: [u64; COORDINATES] = [2, 3, 5, 7, 11, 13, 17, 19];

/// Coordinates of a point.
pub(super) const COORDINATES: usize = 8;

/// Halton's sequence, shifted by a seed (Cranley and Patterson, "Randomization of Number Theoretic Methods", 1976).
pub(super) struct Halton {
    shift: [f64; COORDINATES],
    index: u64,
}

impl Halton {
    /// The sequence of a seed and a name.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let mut state = super::hash(name.as_bytes()) ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let shift = std::array::from_fn(|_| {
            state = super::hash(&state.to_le_bytes());
            (state >> 11) as f64 / (1_u64 << 53) as f64
        });
        // The first points of large bases lie on a line.
        Self { shift, index: 20 }
    }

    /// The next point, every coordinate in 0..1.
    pub(super) fn next(&mut self) -> [f64; COORDINATES] {
        self.index += 1;
        std::array::from_fn(|axis| (radical_inverse(self.index, PRIMES[axis]) + self.shift[axis]).fract())
    }
}

/// The digits of an index in a base, mirrored at the point.
fn radical_inverse(mut index: u64, base: u64) -> f64 {
    let (mut value, mut digit) = (0.0, 1.0);
    while index > 0 {
        digit /= base as f64;
        value += digit * (index % base) as f64;
        index /= base;
    }
    value
}

/// Puts things that are sorted by size in an order of which every beginning covers all sizes: by bit reversal of their places.
pub(super) fn spread<T>(sorted: Vec<T>) -> Vec<T> {
    let mut placed: Vec<(f64, T)> =
        sorted.into_iter().enumerate().map(|(place, thing)| (radical_inverse(place as u64, 2), thing)).collect();
    placed.sort_by(|one, other| one.0.total_cmp(&other.0));
    placed.into_iter().map(|(_, thing)| thing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_covers_all_sizes() {
        assert_eq!(spread((0..8).collect()), [0, 4, 2, 6, 1, 5, 3, 7]);
        assert!(spread(Vec::<u8>::new()).is_empty());
        for count in [1, 2, 13, 100] {
            let mut all = spread((0..count).collect::<Vec<i32>>());
            let widest = all.iter().take(5).max().copied();
            assert!(count < 13 || widest > Some(count / 2), "{count}: {widest:?}");
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<i32>>());
        }
    }

    #[test]
    fn points_fill_the_cube_and_depend_on_the_seed() {
        let draw = |seed| {
            let mut halton = Halton::new(seed, "test");
            (0..64).map(|_| halton.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for axis in 0..COORDINATES {
            for eighth in 0..8 {
                let within = |point: &&[f64; COORDINATES]| (point[axis] * 8.0) as usize == eighth;
                let count = draw(7).iter().filter(within).count();
                assert!((4..=12).contains(&count), "axis {axis}, eighth {eighth}: {count} of 64");
            }
        }
    }
}
