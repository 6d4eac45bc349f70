//! Functions of one element that kernels apply last, coded as in `kernels/prelude.cl`.

use sim::graph::Operator;

/// A function of one element and its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Function {
    /// Which, as `apply` of the kernels numbers them.
    pub(super) code: i32,
    /// First parameter.
    pub(super) a: f32,
    /// Second parameter.
    pub(super) b: f32,
}

impl Function {
    pub(super) const IDENTITY: Self = Self::plain(0);
    pub(super) const RELU: Self = Self { code: 1, a: 0.0, b: f32::INFINITY };
    /// `x * sigmoid(x)`.
    pub(super) const SILU: Self = Self::plain(4);

    const fn plain(code: i32) -> Self {
        Self { code, a: 0.0, b: 0.0 }
    }

    pub(super) fn is_identity(self) -> bool {
        self.code == 0
    }

    /// The function of an operator whose parameters are attributes; `None` for any other operator.
    pub(super) fn of(operator: &Operator) -> Option<Self> {
        let float = |name: &str, default: f32| operator.attributes.float(name).unwrap_or(default);
        Some(match operator.op_type.as_str() {
            "Relu" => Self::RELU,
            "LeakyRelu" => Self { code: 2, a: float("alpha", 0.01), b: 0.0 },
            "Sigmoid" => Self::plain(3),
            "HardSigmoid" => Self { code: 5, a: float("alpha", 0.2), b: float("beta", 0.5) },
            "HardSwish" => Self::plain(6),
            "Tanh" => Self::plain(7),
            "Erf" => Self::plain(8),
            "Sqrt" => Self::plain(9),
            "Exp" => Self::plain(10),
            "Neg" => Self::plain(11),
            "Abs" => Self::plain(12),
            "Log" => Self::plain(13),
            "Reciprocal" => Self::plain(14),
            "Floor" => Self::plain(15),
            "Ceil" => Self::plain(16),
            "Elu" => Self { code: 17, a: float("alpha", 1.0), b: 0.0 },
            "Gelu" if operator.attributes.text("approximate").unwrap_or("none") == "none" => Self::plain(18),
            _ => return None,
        })
    }
}
