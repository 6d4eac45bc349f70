//! Which vector instructions this machine has, and loops compiled for each of them.

use std::sync::OnceLock;

/// Vector instructions that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InstructionSet {
    /// Whatever the compiler's target has (SSE2, NEON).
    Portable,
    /// AVX2 with fused multiply-add.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "x86-64 only"))]
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "x86-64 only"))]
    Avx512,
}

impl InstructionSet {
    /// All that this machine has, the widest last.
    pub(super) fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "x86-64 only")]
        let mut sets = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Self::Avx2);
                let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
                if wide && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl") {
                    sets.push(Self::Avx512);
                }
            }
        }
        sets
    }

    /// The widest that this machine has.
    pub(super) fn best() -> Self {
        static BEST: OnceLock<InstructionSet> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self::Portable))
    }

    /// Its name for descriptions.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        }
    }
}

/// `a * b + c`, rounded once where `FUSED` says that the machine has an instruction for it.
#[inline(always)]
pub(super) fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Whether portable code has an instruction for a fused multiply-add.
pub(super) const PORTABLE_FUSED: bool = cfg!(target_arch = "aarch64");

/// Defines a function that is compiled once for each instruction set; the first argument of what it defines is the set.
///
/// The body may use the constant `FUSED` with [`multiply_add`].
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident<const $fused:ident: bool>($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$attribute])*
        $visibility fn $name(set: $crate::builtin::instruction_set::InstructionSet, $($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            #[allow(clippy::extra_unused_type_parameters, reason = "not every body multiplies and adds")]
            fn body<const $fused: bool>($($argument: $kind),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($argument: $kind),*) $(-> $result)? { body::<true>($($argument),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $kind),*) $(-> $result)? { body::<true>($($argument),*) }
            match set {
                // SAFETY: an instruction set is chosen only where the machine has it.
                #[cfg(target_arch = "x86_64")]
                $crate::builtin::instruction_set::InstructionSet::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::builtin::instruction_set::InstructionSet::Avx2 => unsafe { avx2($($argument),*) },
                _ => body::<{ $crate::builtin::instruction_set::PORTABLE_FUSED }>($($argument),*),
            }
        }
    };
}
pub(super) use vectorised;
