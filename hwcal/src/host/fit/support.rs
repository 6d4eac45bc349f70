//! Support rules from what a worker refused.

use std::collections::{BTreeMap, BTreeSet};

use sim::graph::{KernelKind, OperatorWork};
use sim::platform::{SupportRule, SupportRules};

use crate::host::sample::{Experiment, Refusal, RefusalKind, Sample};

/// Rules of one worker; `None` where it refused nothing.
///
/// An ONNX type that it never ran is refused. Of a type that it ran for some shapes, kinds of kernel that it never ran are refused; where
/// it ran and refused one kind, the whole kind is, since nothing tells what it would run.
pub(crate) fn rules(samples: &[Sample], refusals: &[Refusal], worker: &str) -> Option<SupportRules> {
    let ran: BTreeSet<&str> = samples
        .iter()
        .filter(|sample| sample.worker == worker)
        .filter_map(|sample| match &sample.experiment {
            Experiment::Operator { op_type, .. } => Some(op_type.as_str()),
            _ => None,
        })
        .collect();
    let mut refused: BTreeMap<(&str, Option<&'static str>), &str> = BTreeMap::new();
    let own = refusals.iter().filter(|it| it.worker == worker && it.why == RefusalKind::Unsupported && !it.op_type.is_empty());
    for refusal in own {
        let kind = refusal.work.as_ref().map(|work| OperatorWork::from(work).kind.name());
        let kind = if ran.contains(refusal.op_type.as_str()) { kind } else { None };
        refused.entry((&refusal.op_type, kind)).or_insert(&refusal.message);
    }
    let rules: Vec<SupportRule> = refused
        .into_iter()
        .map(|((op_type, kind), reason)| SupportRule {
            op_type: Some(op_type.to_owned()),
            kind: kind.and_then(KernelKind::from_name),
            maximum_rank: None,
            supported: false,
            reason: reason.to_owned(),
        })
        .collect();
    if rules.is_empty() { None } else { Some(SupportRules { rules, default_supported: true }) }
}
