//! Which candidates of several models to follow at the same time.
//!
//! What counts is what requests take that follow each other without a pause, model beside model. One request of each, begun at once, does
//! not tell: whoever is done first comes again, and a plan of many segments waits at each of them for a whole request of another model.

use std::collections::BTreeMap;

use crate::plan::Program;
use crate::strategy::socrates::evaluate::{Evaluator, Subject};

/// Turns of the slowest model that are simulated, if each model took as many times longer as there are models.
const TURNS: f64 = 4.0;

/// Passes over the models, at most.
const PASSES: usize = 3;

/// A model with what is known of its candidates, one entry for each.
pub(super) struct Member<'a> {
    pub(super) subject: Subject<'a>,
    /// `None` where a plan is invalid or does not fit.
    pub(super) programs: Vec<Option<Program>>,
    /// Expected latency with nothing else running.
    pub(super) alone_ns: Vec<f64>,
    /// What requests take beyond what is simulated, as a factor.
    pub(super) beyond: Vec<f64>,
    /// The candidate that was made with the other models in mind.
    pub(super) for_several: Option<usize>,
}

/// For each model the candidate to take: from the fastest of each on, and from those made for all of them, changed one by one as long as
/// the sum of squares of the slowdowns (of requests one after the other, over the fastest alone) gets less. Squares: that one model is
/// slowed twofold is worse than that two are by half.
pub(super) fn together(members: &[Member<'_>], evaluator: &mut Evaluator<'_>) -> Vec<usize> {
    let fastest = |member: &Member<'_>| {
        let all = 0..member.alone_ns.len();
        all.min_by(|&one, &other| member.alone_ns[one].total_cmp(&member.alone_ns[other])).unwrap_or(0)
    };
    let fastest: Vec<usize> = members.iter().map(fastest).collect();
    if members.len() < 2 {
        return fastest;
    }
    let made: Option<Vec<usize>> = members.iter().map(|member| member.for_several).collect();
    let mut trial = Trial::new(members, &fastest, evaluator);
    let descents = made.into_iter().chain([fastest]).map(|start| trial.descend(start));
    let best = descents.min_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map_or_else(Vec::new, |(_, chosen)| chosen)
}

/// Combinations of candidates, each simulated once.
struct Trial<'a, 'b, 'c> {
    members: &'a [Member<'b>],
    subjects: Vec<Subject<'b>>,
    /// Latency of the fastest candidate of each model.
    alone_ns: Vec<f64>,
    horizon_ns: u64,
    known: BTreeMap<Vec<usize>, f64>,
    evaluator: &'a mut Evaluator<'c>,
}

impl<'a, 'b, 'c> Trial<'a, 'b, 'c> {
    fn new(members: &'a [Member<'b>], fastest: &[usize], evaluator: &'a mut Evaluator<'c>) -> Self {
        let alone_ns: Vec<f64> = members.iter().zip(fastest).map(|(member, &at)| member.alone_ns[at].max(1.0)).collect();
        let slowest_ns = alone_ns.iter().copied().fold(0.0, f64::max);
        let horizon_ns = (TURNS * slowest_ns * members.len() as f64) as u64;
        let subjects = members.iter().map(|member| member.subject).collect();
        Self { members, subjects, alone_ns, horizon_ns, known: BTreeMap::new(), evaluator }
    }

    /// The best that changing one model at a time leads to, with its value.
    fn descend(&mut self, mut chosen: Vec<usize>) -> (f64, Vec<usize>) {
        let mut best = self.value(&chosen);
        for _ in 0..PASSES {
            let before_pass = best;
            for model in 0..self.members.len() {
                for candidate in 0..self.members[model].alone_ns.len() {
                    let before = std::mem::replace(&mut chosen[model], candidate);
                    let changed = self.value(&chosen);
                    if changed < best {
                        best = changed;
                    } else {
                        chosen[model] = before;
                    }
                }
            }
            if best >= before_pass {
                break;
            }
        }
        (best, chosen)
    }

    /// Sum of squares of the slowdowns; infinite where a plan does not fit.
    fn value(&mut self, chosen: &[usize]) -> f64 {
        if let Some(&known) = self.known.get(chosen) {
            return known;
        }
        let value = self.simulated(chosen).unwrap_or(f64::INFINITY);
        self.known.insert(chosen.to_vec(), value);
        value
    }

    fn simulated(&mut self, chosen: &[usize]) -> Option<f64> {
        let programs = self.members.iter().zip(chosen).map(|(member, &at)| member.programs[at].clone());
        let programs: Vec<Program> = programs.collect::<Option<_>>()?;
        let periods_ns = self.evaluator.periods_ns(&self.subjects, &programs, self.horizon_ns)?;
        let slowdown = |model: usize| periods_ns[model] * self.members[model].beyond[chosen[model]] / self.alone_ns[model];
        Some((0..self.members.len()).map(|model| slowdown(model) * slowdown(model)).sum())
    }
}
