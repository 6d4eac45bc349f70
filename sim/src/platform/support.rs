//! Which operators a worker can run, and why not.

use crate::graph::work::{KernelKind, OperatorWork};

/// One rule. An operator is supported if the first rule that matches its ONNX name (or its kind) says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportRule {
    /// ONNX operator name the rule is about; `None` for any.
    pub op_type: Option<String>,
    /// Kernel kind the rule is about; `None` for any.
    pub kind: Option<KernelKind>,
    /// Largest rank of any tensor of the operator; `None` for any.
    pub maximum_rank: Option<u32>,
    /// Whether operators that match are supported.
    pub supported: bool,
    /// Shown to the user where the rule refuses.
    pub reason: String,
}

/// Answer to "can this worker run this operator?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support<'a> {
    /// Yes.
    Supported,
    /// No, for this reason.
    Unsupported(&'a str),
}

/// Ordered rules with a default for what no rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportRules {
    /// Rules; the first match decides.
    pub rules: Vec<SupportRule>,
    /// Answer where no rule matches.
    pub default_supported: bool,
}

impl SupportRules {
    /// Everything is supported.
    pub const ALL: Self = Self { rules: Vec::new(), default_supported: true };

    /// Whether an operator of this ONNX name, work and largest tensor rank can run.
    ///
    /// A rule with `maximum_rank` matches by name and kind, and refuses an operator of larger rank.
    pub fn check(&self, op_type: &str, work: &OperatorWork, rank: u32) -> Support<'_> {
        for rule in &self.rules {
            let named = rule.op_type.as_deref().is_none_or(|name| name == op_type);
            let of_kind = rule.kind.is_none_or(|kind| kind == work.kind);
            if named && of_kind {
                let rank_fits = rule.maximum_rank.is_none_or(|maximum| rank <= maximum);
                return if rule.supported && rank_fits { Support::Supported } else { Support::Unsupported(&rule.reason) };
            }
        }
        if self.default_supported { Support::Supported } else { Support::Unsupported("not in the processor's list of operators") }
    }
}
