//! Functions of one number, fast enough to be vectorised: branch-free, without calls.

use super::instruction_set::{multiply_add, vectorised};

/// A function applied to every element.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Activation {
    /// As it is.
    #[default]
    Identity,
    /// Not below the first, not above the second.
    Clamp(f32, f32),
    /// `x < 0 ? slope * x : x`.
    LeakyRelu(f32),
    /// `clamp(alpha * x + beta, 0, 1)`.
    HardSigmoid(f32, f32),
    /// `x * clamp(x / 6 + 1/2, 0, 1)`.
    HardSwish,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)`.
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// Error function.
    Erf,
    /// `x / 2 * (1 + erf(x / sqrt(2)))`.
    Gelu,
    /// Exponential function.
    Exp,
    /// Square root.
    Sqrt,
    /// `1 / x`.
    Reciprocal,
    /// Absolute value.
    Abs,
    /// `-x`.
    Neg,
    /// Natural logarithm.
    Log,
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// Nearest integer, the even one of two.
    Round,
    /// -1, 0 or 1.
    Sign,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// `x < 0 ? alpha * (exp(x) - 1) : x`.
    Elu(f32),
    /// `gamma * (x > 0 ? x : alpha * (exp(x) - 1))`.
    Selu(f32, f32),
    /// `ln(1 + exp(x))`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x * tanh(softplus(x))`.
    Mish,
    /// `x > alpha ? x : 0`.
    ThresholdedRelu(f32),
}

/// `exp(x)` to about 1 unit in the last place of single precision: `2^n * e^r`, the latter by the polynomial of Cephes' `expf`.
#[inline(always)]
pub(super) fn exponential<const FUSED: bool>(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to an integer, which the lowest bits then hold: neither calls nor saturating conversions.
    const ROUNDER: f32 = 12_582_912.0;
    let clamped = x.clamp(-104.0, 88.722_83);
    let rounded = multiply_add::<FUSED>(clamped, std::f32::consts::LOG2_E, ROUNDER);
    let power = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
    let scaled = rounded - ROUNDER;
    let rest = multiply_add::<FUSED>(scaled, -0.693_359_4, clamped);
    let rest = multiply_add::<FUSED>(scaled, 2.121_944_4e-4, rest);
    let mut sum = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = multiply_add::<FUSED>(sum, rest, coefficient);
    }
    let value = multiply_add::<FUSED>(sum, rest * rest, rest) + 1.0;
    // 2^128 has no representation of its own: two steps.
    let half = power >> 1;
    let bits = |power: i32| f32::from_bits((power.wrapping_add(127) as u32) << 23);
    let value = value * bits(half) * bits(power.wrapping_sub(half));
    let value = if x > 88.722_83 { f32::INFINITY } else { value };
    if x.is_nan() { x } else { value }
}

#[inline(always)]
fn polynomial<const FUSED: bool>(x: f32, coefficients: &[f32]) -> f32 {
    let mut sum = 0.0;
    for &coefficient in coefficients {
        sum = multiply_add::<FUSED>(sum, x, coefficient);
    }
    sum
}

/// Rational approximation of Eigen's `generic_fast_tanh_float`.
#[inline(always)]
fn tangent<const FUSED: bool>(x: f32) -> f32 {
    const NUMERATOR: [f32; 7] =
        [-2.760_768_5e-16, 2.000_188e-13, -8.604_672e-11, 5.122_297e-8, 1.485_722_4e-5, 6.372_619e-4, 4.893_524_5e-3];
    const DENOMINATOR: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    let clamped = x.clamp(-7.905_311, 7.905_311);
    let square = clamped * clamped;
    clamped * polynomial::<FUSED>(square, &NUMERATOR) / polynomial::<FUSED>(square, &DENOMINATOR)
}

/// Rational approximation of Eigen's `generic_fast_erf_float` (2018).
#[inline(always)]
fn error_function<const FUSED: bool>(x: f32) -> f32 {
    const NUMERATOR: [f32; 7] =
        [-2.726_142_3e-10, 2.770_681_4e-8, -2.101_024e-6, -5.692_506_5e-5, -7.349_906_3e-4, -2.954_6e-3, -1.609_603_3e-2];
    const DENOMINATOR: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];
    let clamped = x.clamp(-4.0, 4.0);
    let square = clamped * clamped;
    let value = clamped * polynomial::<FUSED>(square, &NUMERATOR) / polynomial::<FUSED>(square, &DENOMINATOR);
    // The rest is below half a unit in the last place; `Gelu` multiplies it by x.
    if square > 15.0 { 1.0_f32.copysign(clamped) } else { value }
}

#[inline(always)]
fn sigmoid<const FUSED: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exponential::<FUSED>(-x))
}

#[inline(always)]
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `NaN` stays.
#[inline(always)]
pub(super) fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// How many elements are read before any is written: an output may lie where an input lies.
pub(super) const BLOCK: usize = 32;

/// Calls `function` on every element, block by block.
#[inline(always)]
unsafe fn map(source: *const f32, target: *mut f32, len: usize, function: impl Fn(f32) -> f32) {
    let mut at = 0;
    while at + BLOCK <= len {
        // SAFETY: the caller promises `len` elements.
        unsafe {
            let mut block = source.add(at).cast::<[f32; BLOCK]>().read_unaligned();
            for value in &mut block {
                *value = function(*value);
            }
            target.add(at).cast::<[f32; BLOCK]>().write_unaligned(block);
        }
        at += BLOCK;
    }
    for index in at..len {
        // SAFETY: as above.
        unsafe { *target.add(index) = function(*source.add(index)) };
    }
}

vectorised! {
    #[allow(clippy::redundant_closure, clippy::redundant_closure_for_method_calls, reason = "closures are inlined, paths need not be")]
    /// Applies an activation to `len` elements; source and target may be the same.
    ///
    /// The caller promises that there are as many of both (a raw pointer, since they may be the same place).
    pub(super) fn apply<const FUSED: bool>(activation: Activation, source: *const f32, target: *mut f32, len: usize) {
        macro_rules! each {
            ($function:expr) => {
                // SAFETY: as the caller promises.
                unsafe { map(source, target, len, $function) }
            };
        }
        match activation {
            Activation::Identity => each!(|x| x),
            Activation::Clamp(low, high) => each!(|x| clamp(x, low, high)),
            Activation::LeakyRelu(slope) => each!(|x| if x < 0.0 { slope * x } else { x }),
            Activation::HardSigmoid(alpha, beta) => each!(|x| clamp(alpha * x + beta, 0.0, 1.0)),
            Activation::HardSwish => each!(|x| x * clamp(x * (1.0 / 6.0) + 0.5, 0.0, 1.0)),
            Activation::Sigmoid => each!(|x| sigmoid::<FUSED>(x)),
            Activation::Silu => each!(|x| x * sigmoid::<FUSED>(x)),
            Activation::Tanh => each!(|x| tangent::<FUSED>(x)),
            Activation::Erf => each!(|x| error_function::<FUSED>(x)),
            Activation::Gelu => {
                each!(|x| 0.5 * x * (1.0 + error_function::<FUSED>(x * std::f32::consts::FRAC_1_SQRT_2)));
            }
            Activation::Exp => each!(|x| exponential::<FUSED>(x)),
            Activation::Sqrt => each!(|x| x.sqrt()),
            Activation::Reciprocal => each!(|x| 1.0 / x),
            Activation::Abs => each!(|x| x.abs()),
            Activation::Neg => each!(|x| -x),
            Activation::Log => each!(|x| x.ln()),
            Activation::Floor => each!(|x| x.floor()),
            Activation::Ceil => each!(|x| x.ceil()),
            Activation::Round => each!(|x| x.round_ties_even()),
            Activation::Sign => each!(|x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x }),
            Activation::Sin => each!(|x| x.sin()),
            Activation::Cos => each!(|x| x.cos()),
            Activation::Elu(alpha) => each!(|x| if x < 0.0 { alpha * x.exp_m1() } else { x }),
            Activation::Selu(alpha, gamma) => each!(|x| gamma * if x > 0.0 { x } else { alpha * x.exp_m1() }),
            Activation::Softplus => each!(|x| softplus(x)),
            Activation::Softsign => each!(|x| x / (1.0 + x.abs())),
            Activation::Mish => each!(|x| x * tangent::<FUSED>(softplus(x))),
            Activation::ThresholdedRelu(alpha) => each!(|x| if x > alpha { x } else { 0.0 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::instruction_set::InstructionSet;
    use super::*;

    #[test]
    fn approximations_are_close_to_the_functions_on_every_instruction_set() {
        let inputs: Vec<f32> = (-4000..=4000).map(|step| step as f32 * 0.005).chain([-90.0, 88.5, -0.0, 1e-20]).collect();
        let check = |activation: Activation, function: fn(f64) -> f64, tolerance: f64| {
            for set in InstructionSet::available() {
                let mut outputs = vec![0.0_f32; inputs.len()];
                apply(set, activation, inputs.as_ptr(), outputs.as_mut_ptr(), inputs.len());
                for (&x, &y) in inputs.iter().zip(&outputs) {
                    let expected = function(f64::from(x));
                    let error = (f64::from(y) - expected).abs() / expected.abs().max(1.0);
                    assert!(error <= tolerance, "{activation:?} of {x} on {}: {y}, expected {expected}", set.name());
                }
            }
        };
        check(Activation::Exp, libm::exp, 3e-7);
        check(Activation::Tanh, libm::tanh, 5e-7);
        check(Activation::Erf, libm::erf, 5e-7);
        check(Activation::Sigmoid, |x| 1.0 / (1.0 + libm::exp(-x)), 3e-7);
        check(Activation::Silu, |x| x / (1.0 + libm::exp(-x)), 3e-7);
        check(Activation::Gelu, |x| 0.5 * x * (1.0 + libm::erf(x / std::f64::consts::SQRT_2)), 1e-6);
        check(Activation::HardSwish, |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0), 3e-7);
        check(Activation::Softplus, |x| libm::log1p(libm::exp(x)), 3e-7);
    }

    #[test]
    fn extremes_of_the_exponential() {
        let inputs = [-200.0, -104.0, 89.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        let mut outputs = [0.0; 6];
        apply(InstructionSet::best(), Activation::Exp, inputs.as_ptr(), outputs.as_mut_ptr(), 6);
        assert_eq!(&outputs[..5], &[0.0, 0.0, f32::INFINITY, f32::INFINITY, 0.0]);
        assert!(outputs[5].is_nan());
    }
}
