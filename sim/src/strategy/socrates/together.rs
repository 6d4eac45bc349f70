//! Which candidates of several models to follow at the same time.

use crate::plan::Program;
use crate::strategy::socrates::evaluate::{Evaluator, Subject};

/// Of the fastest alone of the slowest model, how many requests the look-ahead holds.
const ROUNDS: f64 = 4.0;

/// Passes over the models.
const PASSES: usize = 3;

/// A model with what its candidates are worth.
pub(super) struct Member<'a> {
    pub(super) subject: Subject<'a>,
    /// Each candidate's program; `None` where it does not compile or fit.
    pub(super) programs: Vec<Option<Program>>,
    /// Expected latency alone of each.
    pub(super) alone_ns: Vec<f64>,
    /// What its requests take beyond what is simulated, as a factor.
    pub(super) beyond: Vec<f64>,
}

/// For each model the candidate to take
pub(super) fn together(members: &[Member<'_>], start: Option<&[usize]>, evaluator: &mut Evaluator<'_>) -> Vec<usize> {
    let fastest = |member: &Member<'_>| {
        let all = 0..member.alone_ns.len();
        all.min_by(|&one, &other| member.alone_ns[one].total_cmp(&member.alone_ns[other])).unwrap_or(0)
    };
    let fastest: Vec<usize> = members.iter().map(fastest).collect();
    if members.len() < 2 {
        return fastest;
    }
    let alone_ns: Vec<f64> = members.iter().zip(&fastest).map(|(member, &at)| member.alone_ns[at].max(1.0)).collect();
    let horizon_ns = (ROUNDS * alone_ns.iter().copied().fold(0.0, f64::max) * members.len() as f64) as u64;
    let subjects: Vec<Subject<'_>> = members.iter().map(|member| member.subject).collect();
    let power: f64 = std::env::var("X_POWER").ok().and_then(|t| t.parse().ok()).unwrap_or(2.0);
    let mut known: std::collections::BTreeMap<Vec<usize>, f64> = std::collections::BTreeMap::new();
    let mut slowdown = |chosen: &[usize]| -> f64 {
        if let Some(&known) = known.get(chosen) {
            return known;
        }
        let programs = members.iter().zip(chosen).map(|(member, &at)| member.programs[at].clone());
        let mut value = || -> Option<f64> {
            let programs: Vec<Program> = programs.collect::<Option<_>>()?;
            let periods_ns = evaluator.periods_ns(&subjects, &programs, horizon_ns)?;
            let slowdown = |model: usize| periods_ns[model] * members[model].beyond[chosen[model]] / alone_ns[model];
            Some((0..members.len()).map(|model| libm::pow(slowdown(model), power)).sum::<f64>())
        };
        let value = value().unwrap_or(f64::INFINITY);
        known.insert(chosen.to_vec(), value);
        value
    };
    let mut result = fastest.clone();
    let mut least = f64::INFINITY;
    let mut starts: Vec<Vec<usize>> = Vec::new();
    starts.extend(start.map(<[usize]>::to_vec));
    starts.push(fastest.clone());
    if std::env::var("X_FULL").is_ok() && members.len() == 2 {
        for one in 0..members[0].alone_ns.len() { for other in 0..members[1].alone_ns.len() { starts.push(vec![one, other]); } }
    }
    for start in starts {
        let mut chosen = start;
        let mut best = slowdown(&chosen);
        for _ in 0..PASSES {
            let mut again = false;
            for model in 0..members.len() {
                for candidate in 0..members[model].alone_ns.len() {
                    let before = std::mem::replace(&mut chosen[model], candidate);
                    let changed = slowdown(&chosen);
                    if changed < best {
                        (best, again) = (changed, true);
                    } else {
                        chosen[model] = before;
                    }
                }
            }
            if !again {
                break;
            }
        }
        if best < least {
            (least, result) = (best, chosen);
        }
    }
    result
}
