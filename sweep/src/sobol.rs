//! Sobol's sequence (*USSR Computational Mathematics and Mathematical Physics* 7(4), 1967), point by point in the order of Gray codes
//! (Antonov and Saleev, 1979).
//!
//! Direction numbers are the first of `new-joe-kuo-6.21201` (Joe and Kuo, *SIAM Journal on Scientific Computing* 30(5), 2008).

/// Bits of a coordinate.
const BITS: usize = 32;

/// For each dimension its primitive polynomial, as bits with both ends, and its first direction numbers.
const DIRECTIONS: [(u32, &[u32]); 32] = [
    (1, &[]),
    (3, &[1]),
    (7, &[1, 3]),
    (11, &[1, 3, 1]),
    (13, &[1, 1, 1]),
    (19, &[1, 1, 3, 3]),
    (25, &[1, 3, 5, 13]),
    (37, &[1, 1, 5, 5, 17]),
    (41, &[1, 1, 5, 5, 5]),
    (47, &[1, 1, 7, 11, 19]),
    (55, &[1, 1, 5, 1, 1]),
    (59, &[1, 1, 1, 3, 11]),
    (61, &[1, 3, 5, 5, 31]),
    (67, &[1, 3, 3, 9, 7, 49]),
    (91, &[1, 1, 1, 15, 21, 21]),
    (97, &[1, 3, 1, 13, 27, 49]),
    (103, &[1, 1, 1, 15, 7, 5]),
    (109, &[1, 3, 1, 15, 13, 25]),
    (115, &[1, 1, 5, 5, 19, 61]),
    (131, &[1, 3, 7, 11, 23, 15, 103]),
    (137, &[1, 3, 7, 13, 13, 15, 69]),
    (143, &[1, 1, 3, 13, 7, 35, 63]),
    (145, &[1, 3, 5, 9, 1, 25, 53]),
    (157, &[1, 3, 1, 13, 9, 35, 107]),
    (167, &[1, 3, 1, 5, 27, 61, 31]),
    (171, &[1, 1, 5, 11, 19, 41, 61]),
    (185, &[1, 3, 5, 3, 3, 13, 69]),
    (191, &[1, 1, 7, 13, 1, 19, 1]),
    (193, &[1, 3, 7, 5, 13, 19, 59]),
    (203, &[1, 1, 3, 9, 25, 29, 41]),
    (211, &[1, 3, 5, 13, 23, 1, 55]),
    (213, &[1, 3, 7, 3, 13, 59, 17]),
];

/// Coordinates of some dimensions.
pub(crate) struct Sobol {
    directions: Vec<[u32; BITS]>,
    shift: Vec<u32>,
}

impl Sobol {
    /// A sequence of at most 32 dimensions. Every point is shifted, digit by digit, by `shift`; all zero for none.
    pub(crate) fn new(shift: Vec<u32>) -> Self {
        let directions = DIRECTIONS.iter().take(shift.len()).enumerate().map(|(index, of)| directions(index, of)).collect();
        Self { directions, shift }
    }

    /// A point; coordinates from 0 to below 1.
    pub(crate) fn point(&self, index: u64) -> Vec<f64> {
        let gray = index ^ (index >> 1);
        let coordinate = |(directions, shift): (&[u32; BITS], &u32)| {
            let bits = (0..BITS).filter(|bit| gray >> bit & 1 == 1).fold(*shift, |sum, bit| sum ^ directions[bit]);
            f64::from(bits) / f64::from(2.0_f32.powi(BITS as i32))
        };
        self.directions.iter().zip(&self.shift).map(coordinate).collect()
    }
}

fn directions(dimension: usize, &(polynomial, initial): &(u32, &[u32])) -> [u32; BITS] {
    let degree = initial.len();
    let mut numbers = [1_u64; BITS];
    if dimension > 0 {
        for (number, &initial) in numbers.iter_mut().zip(initial) {
            *number = u64::from(initial);
        }
        for index in degree..BITS {
            let mut number = numbers[index - degree];
            for back in 1..=degree {
                if polynomial >> (degree - back) & 1 == 1 {
                    number ^= numbers[index - back] << back;
                }
            }
            numbers[index] = number;
        }
    }
    std::array::from_fn(|index| (numbers[index] << (BITS - 1 - index)) as u32)
}
