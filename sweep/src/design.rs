//! From the number of a point to where it lies on each axis.

use scenarios::sweep::{Axis, Design, Setting};
use sim::random::{Purpose, Stream};

use crate::sobol::Sobol;

/// The points of a sweep.
pub(crate) enum Points {
    /// Every value with every other; the last axis changes fastest.
    Grid,
    /// Coordinates from 0 to below 1, axis by axis.
    Sampled(Vec<Vec<f64>>),
    /// Coordinates as a sequence gives them.
    Sobol(Sobol),
}

impl Points {
    pub(crate) fn new(design: Design, axes: usize) -> Self {
        match design {
            Design::Grid => Self::Grid,
            Design::LatinHypercube { points, seed } => {
                Self::Sampled((0..axes).map(|axis| strata(points as usize, seed, axis as u64)).collect())
            }
            Design::Sobol { shift_seed, .. } => {
                let shift = |axis: usize| shift_seed.map_or(0, |seed| (draw(seed, axis as u64).uniform() * TWO_TO_32) as u32);
                Self::Sobol(Sobol::new((0..axes).map(shift).collect()))
            }
        }
    }

    /// The setting of each axis at a point.
    pub(crate) fn settings(&self, point: u64, axes: &[Axis]) -> Vec<Setting> {
        match self {
            Self::Grid => {
                let mut rest = point as usize;
                let mut settings: Vec<Setting> = Vec::with_capacity(axes.len());
                for axis in axes.iter().rev() {
                    let count = axis.count().max(1);
                    settings.push(axis.settings.get(rest % count).cloned().unwrap_or_default());
                    rest /= count;
                }
                settings.reverse();
                settings
            }
            Self::Sampled(columns) => {
                axes.iter().zip(columns).map(|(axis, column)| axis.setting(column[point as usize])).collect()
            }
            Self::Sobol(sobol) => {
                axes.iter().zip(sobol.point(point)).map(|(axis, coordinate)| axis.setting(coordinate)).collect()
            }
        }
    }
}

const TWO_TO_32: f64 = 4_294_967_296.0;

fn draw(seed: u64, axis: u64) -> Stream {
    Stream::new(seed, Purpose::Design, axis, 0)
}

/// One coordinate in each of as many equal strata as there are points, in random order (`McKay`, Beckman and Conover, *Technometrics* 21(2), 1979).
fn strata(points: usize, seed: u64, axis: u64) -> Vec<f64> {
    let mut stream = draw(seed, axis);
    let mut order: Vec<usize> = (0..points).collect();
    for index in (1..points).rev() {
        // Fisher and Yates; the product is below `index + 1`, rounding included.
        let other = ((stream.uniform() * (index + 1) as f64) as usize).min(index);
        order.swap(index, other);
    }
    let place = |stratum: usize| {
        let coordinate = (stratum as f64 + stream.uniform()) / points as f64;
        // Rounding must not lift it into the next stratum.
        if (coordinate * points as f64) as usize > stratum { stratum as f64 / points as f64 } else { coordinate }
    };
    order.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_latin_hypercube_has_one_point_in_each_stratum(points in 1_usize..400, seed: u64, axis in 0_u64..20) {
            let mut strata: Vec<usize> = strata(points, seed, axis).iter().map(|it| (it * points as f64) as usize).collect();
            strata.sort_unstable();
            prop_assert_eq!(strata, (0..points).collect::<Vec<usize>>());
        }

        /// A (t, s)-sequence in base 2: of each 2^m points from a multiple of 2^m, one falls into each of 2^m intervals of every axis.
        #[test]
        fn a_sobol_sequence_is_balanced_on_every_axis(power in 0_u32..9, block in 0_u64..5, shift: Option<u64>) {
            let Points::Sobol(sobol) = Points::new(Design::Sobol { points: 0, shift_seed: shift }, 32) else { unreachable!() };
            let size = 1_u64 << power;
            let points: Vec<Vec<f64>> = (block * size..(block + 1) * size).map(|index| sobol.point(index)).collect();
            for axis in 0..32 {
                let mut hit: Vec<u64> = points.iter().map(|point| (point[axis] * size as f64) as u64).collect();
                hit.sort_unstable();
                prop_assert_eq!(hit, (0..size).collect::<Vec<u64>>(), "axis {}", axis);
            }
        }
    }

    /// From `scipy.stats.qmc.Sobol(32, scramble=False, bits=32)`.
    #[test]
    fn a_sobol_sequence_is_that_of_scipy() {
        let Points::Sobol(sobol) = Points::new(Design::Sobol { points: 0, shift_seed: None }, 32) else { unreachable!() };
        for (index, sum, axes) in SCIPY {
            let point = sobol.point(index);
            let weighted: f64 = point.iter().zip(1..).map(|(coordinate, weight)| coordinate * f64::from(weight)).sum();
            assert!((weighted - sum).abs() < 1e-9, "point {index}: {weighted}");
            assert_eq!([point[1], point[7], point[31]].map(f64::to_bits), axes.map(f64::to_bits), "point {index}");
        }
    }

    /// Point, sum of coordinates weighted from 1, and coordinates 1, 7 and 31.
    const SCIPY: [(u64, f64, [f64; 3]); 6] = [
        (0, 0.0, [0.0, 0.0, 0.0]),
        (1, 264.0, [0.5, 0.5, 0.5]),
        (2, 241.5, [0.25, 0.75, 0.25]),
        (100, 268.875, [0.257_812_5, 0.476_562_5, 0.414_062_5]),
        (1023, 273.605_468_75, [0.752_929_687_5, 0.618_164_062_5, 0.614_257_812_5]),
        (4999, 232.779_052_734_375, [0.698_120_117_187_5, 0.978_393_554_687_5, 0.018_920_898_437_5]),
    ];
}
