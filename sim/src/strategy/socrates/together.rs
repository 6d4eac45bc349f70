//! Which candidates of several models to follow at the same time.

use crate::plan::Program;
use crate::strategy::socrates::evaluate::{Evaluator, Subject};
use crate::strategy::socrates::running::Known;

/// For each model the candidate to take: from the fastest of each on, changed one by one as long as the mean slowdown of all (begun
/// at once, over their fastest alone) gets less. `beyond[model][candidate]` is what requests take beyond what is simulated, as a factor.
pub(super) fn together(
    models: &[Known],
    subjects: &[Subject<'_>],
    beyond: &[Vec<f64>],
    evaluator: &mut Evaluator<'_>,
) -> Vec<usize> {
    let worth_ns =
        |model: usize, candidate: usize| models[model].candidates[candidate].alone_ns as f64 * beyond[model][candidate];
    let fastest = |model: usize| {
        let all = 0..models[model].candidates.len();
        all.min_by(|&one, &other| worth_ns(model, one).total_cmp(&worth_ns(model, other))).unwrap_or(0)
    };
    let mut chosen: Vec<usize> = (0..models.len()).map(fastest).collect();
    if models.len() < 2 {
        return chosen;
    }
    let alone_ns: Vec<f64> = chosen.iter().enumerate().map(|(model, &at)| worth_ns(model, at).max(1.0)).collect();
    let mut slowdown = |chosen: &[usize]| -> Option<f64> {
        let plans = models.iter().zip(subjects).zip(chosen);
        let programs = plans.map(|((known, &subject), &at)| evaluator.compile(subject, &known.candidates[at].plan));
        let programs: Vec<Program> = programs.collect::<Option<_>>()?;
        let each_ns = evaluator.each_ns(subjects, &programs)?;
        let slowdown = |model: usize| each_ns[model] as f64 * beyond[model][chosen[model]] / alone_ns[model];
        Some((0..models.len()).map(slowdown).sum::<f64>())
    };
    let mut best = slowdown(&chosen).unwrap_or(f64::INFINITY);
    let mut again = true;
    let mut rounds = 0;
    while again && rounds < 2 {
        (again, rounds) = (false, rounds + 1);
        for model in 0..models.len() {
            for candidate in 0..models[model].candidates.len() {
                let before = std::mem::replace(&mut chosen[model], candidate);
                match slowdown(&chosen).filter(|&changed| changed < best) {
                    Some(changed) => (best, again) = (changed, true),
                    None => chosen[model] = before,
                }
            }
        }
    }
    chosen
}
