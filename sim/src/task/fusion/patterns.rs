//! The table of patterns that runtimes fuse.

use std::fmt;

use thiserror::Error;

/// Operators that a runtime may run as one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// A view joins what makes its input.
    View,
    /// An activation function joins what makes its input.
    Activation,
    /// Arithmetic of one tensor and constants (a bias, a scale, bounds) joins what makes the tensor.
    Elementwise,
    /// Arithmetic of two tensors or more (a residual sum, a gate) joins what makes the last of them.
    Residual,
    /// A normalisation by stored statistics or in one operator joins what makes its input.
    Normalization,
    /// `x * sigmoid(x)` and relatives join what makes `x`.
    Swish,
    /// `x / sqrt(2)`, `Erf`, `+ 1`, `* x`, `/ 2` join what makes `x`.
    Gelu,
    /// Mean, difference, variance, square root and quotient of a layer normalisation.
    LayerNormalization,
    /// Product of queries and keys, scale and mask, softmax, product with values.
    Attention,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternRule {
    /// The pattern.
    pub pattern: Pattern,
    /// Its name in profiles.
    pub name: &'static str,
    /// What it is.
    pub summary: &'static str,
    /// Whether it counts where nothing is said.
    pub is_default: bool,
}

const fn rule(pattern: Pattern, name: &'static str, summary: &'static str, is_default: bool) -> PatternRule {
    PatternRule { pattern, name, summary, is_default }
}

/// All patterns, in declaration order.
#[rustfmt::skip]
pub static PATTERNS: &[PatternRule] = &[
    rule(Pattern::View, "view", "a reshape with what makes its input", true),
    rule(Pattern::Activation, "activation", "an activation function with what makes its input", true),
    rule(Pattern::Elementwise, "elementwise", "a bias, a scale or bounds with what makes the tensor", true),
    rule(Pattern::Residual, "residual", "a sum or product of two tensors with what makes the last", true),
    rule(Pattern::Normalization, "normalization", "a normalisation with what makes its input", true),
    rule(Pattern::Swish, "swish", "x * sigmoid(x) and relatives with what makes x", false),
    rule(Pattern::Gelu, "gelu", "the five operators of an exact GELU with what makes its input", false),
    rule(Pattern::LayerNormalization, "layer_normalization", "the operators of a layer normalisation as one", false),
    rule(Pattern::Attention, "attention", "query-key product, scale, mask, softmax and product with values as one", false),
];

/// Why a list of patterns cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown fusion pattern `{name}`: did you mean `{nearest}`?")]
pub struct PatternError {
    /// What was written.
    pub name: String,
    /// The nearest name there is.
    pub nearest: String,
}

/// A set of patterns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Patterns(u16);

impl Patterns {
    /// None: every operator is a kernel.
    pub const NONE: Self = Self(0);

    /// All there are.
    pub const ALL: Self = Self((1 << (Pattern::Attention as u16 + 1)) - 1);

    /// These and one more.
    #[must_use]
    pub const fn with(self, pattern: Pattern) -> Self {
        Self(self.0 | 1 << pattern as u16)
    }

    /// Those in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a pattern is among them.
    pub const fn contains(self, pattern: Pattern) -> bool {
        self.0 & 1 << pattern as u16 != 0
    }

    /// Their names, in the order of the table.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        PATTERNS.iter().filter(move |rule| self.contains(rule.pattern)).map(|rule| rule.name)
    }

    /// The patterns of some names.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        let mut patterns = Self::NONE;
        for name in names {
            let rule = PATTERNS.iter().find(|rule| rule.name == name).ok_or_else(|| {
                let nearest = PATTERNS.iter().map(|rule| rule.name).min_by_key(|known| strsim::damerau_levenshtein(known, name));
                PatternError { name: name.to_owned(), nearest: nearest.unwrap_or_default().to_owned() }
            })?;
            patterns = patterns.with(rule.pattern);
        }
        Ok(patterns)
    }
}

impl Default for Patterns {
    /// The point-wise patterns that profiles are fitted on.
    fn default() -> Self {
        PATTERNS.iter().filter(|rule| rule.is_default).fold(Self::NONE, |patterns, rule| patterns.with(rule.pattern))
    }
}

impl fmt::Debug for Patterns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.names()).finish()
    }
}
