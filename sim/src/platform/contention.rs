//! Slowdown under contention as a measured curve: the alternative to sharing bandwidth max-min fairly.
//!
//! Max-min sharing derives a kernel's slowdown from its bytes. Where a device's slowdown was measured instead, as a function of what
//! everything else asks of the memory, a [`SlowdownCurve`] tells it for a worker.

use thiserror::Error;

/// Why points make no curve.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum CurveError {
    /// There is none.
    #[error("a slowdown curve needs a point: write e.g. `[[0.0, 1.0], [1.0, 0.5]]`")]
    Empty,
    /// A share that is none, or falls.
    #[error("share {0} of a slowdown curve: must be 0 or more, and not less than the one before it")]
    Share(f64),
    /// A speed that is none.
    #[error("speed {0} of a slowdown curve: must be above 0 and at most 1")]
    Kept(f64),
}

/// What share of its speed a worker keeps, by what share of the shared bandwidth everything else asks for.
///
/// Linear between points; constant before the first and after the last. Two points at one share are a jump: the second holds
/// from there on.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowdownCurve {
    points: Vec<(f64, f64)>,
}

impl SlowdownCurve {
    /// Of points `(share asked for by others, speed kept)`.
    pub fn new(points: Vec<(f64, f64)>) -> Result<Self, CurveError> {
        if points.is_empty() {
            return Err(CurveError::Empty);
        }
        let mut last = 0.0;
        for &(share, kept) in &points {
            if !share.is_finite() || share < last {
                return Err(CurveError::Share(share));
            }
            if !(kept > 0.0 && kept <= 1.0) {
                return Err(CurveError::Kept(kept));
            }
            last = share;
        }
        Ok(Self { points })
    }

    /// The GPU of a Xavier AGX in HaX-CoNN's scheduler (repository `ismetdagli/HaX-CoNN`, `src/z3_solver_multi_dnn.py`; the method is
    /// PCCS, MICRO 2021). The jump at 38.1 % and the rise at 96.2 % are the script's.
    pub fn haxconn_gpu() -> Self {
        let kept = |percent: f64, lost: f64| (percent / 100.0, 1.0 - lost / 100.0);
        let points = vec![
            kept(0.0, 0.0),
            kept(38.1, 38.1 * 4.9 / 127.5),
            kept(38.1, 38.1),
            kept(96.2, 96.2),
            kept(96.2, (96.2 - 41.9) * 1.11),
            kept(100.0, (100.0 - 41.9) * 1.11),
        ];
        Self { points }
    }

    /// The deep-learning accelerator of a Xavier AGX, from the same script.
    pub fn haxconn_accelerator() -> Self {
        let kept = |percent: f64, lost: f64| (percent / 100.0, 1.0 - lost / 100.0);
        let points = vec![kept(0.0, 0.0), kept(27.9, 27.9), kept(27.9, (27.9 + 49.0) * 0.35), kept(100.0, (100.0 + 49.0) * 0.35)];
        Self { points }
    }

    /// The points.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// Speed kept, above 0 and at most 1, while everything else asks for `share` of the bandwidth (1 is all of it).
    pub fn kept(&self, share: f64) -> f64 {
        let after = self.points.partition_point(|&(at, _)| at <= share);
        let Some(&(low, from)) = after.checked_sub(1).and_then(|before| self.points.get(before)) else {
            return self.points[0].1;
        };
        match self.points.get(after) {
            Some(&(high, to)) => from + (to - from) * (share - low) / (high - low),
            None => from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_checked() {
        let check = |points: &[(f64, f64)], expected: CurveError| {
            assert_eq!(SlowdownCurve::new(points.to_vec()), Err(expected));
        };
        check(&[], CurveError::Empty);
        check(&[(0.5, 1.0), (0.4, 0.9)], CurveError::Share(0.4));
        check(&[(-0.1, 1.0)], CurveError::Share(-0.1));
        check(&[(0.0, 0.0)], CurveError::Kept(0.0));
        check(&[(0.0, 1.1)], CurveError::Kept(1.1));
    }

    #[test]
    fn haxconn_slowdowns_are_those_of_its_script() {
        // `slowdown_acc1` and `slowdown_acc2` of the script, computed by the script's own formulas in Python.
        let (gpu, accelerator) = (SlowdownCurve::haxconn_gpu(), SlowdownCurve::haxconn_accelerator());
        let check = |curve: &SlowdownCurve, percent: f64, factor: f64| {
            let found = 1.0 / curve.kept(percent / 100.0);
            assert!((found - factor).abs() < 1e-9, "{percent} %: {found} instead of {factor}");
        };
        check(&gpu, 0.0, 1.0);
        check(&gpu, 30.0, 1.011_663_889_550_107);
        check(&gpu, 38.0, 1.014_820_356_898_390_5);
        check(&gpu, 53.0, 2.127_659_574_468_085);
        check(&gpu, 96.0, 25.0);
        check(&gpu, 98.0, 2.650_481_062_312_81);
        check(&accelerator, 25.0, 1.333_333_333_333_333_3);
        check(&accelerator, 49.0, 1.522_070_015_220_7);
        check(&accelerator, 100.0, 2.089_864_158_829_676);
    }

    #[test]
    fn curves_are_linear_between_points_and_jump_where_told() {
        let curve = SlowdownCurve::new(vec![(0.2, 0.9), (0.4, 0.7), (0.4, 0.5), (0.8, 0.1)]).expect("a curve");
        let check = |share: f64, kept: f64| assert!((curve.kept(share) - kept).abs() < 1e-12, "{share}: {}", curve.kept(share));
        check(0.0, 0.9);
        check(0.3, 0.8);
        check(0.4, 0.5);
        check(0.6, 0.3);
        check(2.0, 0.1);
    }
}
