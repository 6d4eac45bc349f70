//! Which plan each request follows.
//!
//! One that has the device to itself follows the candidate that is expected to end first. Where models have one request after the other,
//! each follows what was chosen for those models together: what one takes for itself, the other lacks again and again. Else requests come
//! now and then and may wait for each other: they are given to workers when those are free, sub-graph by sub-graph, as `band` does it, since
//! what has been given to a worker cannot go to another any more.

use crate::identifiers::{ModelId, RequestId, WorkerId};
use crate::record::{Outcome, Record};
use crate::strategy::socrates::evaluate::Evaluator;
use crate::strategy::socrates::objective::Objective;
use crate::strategy::socrates::portfolio::Candidate;
use crate::strategy::socrates::running::{Running, SIMULATION_NS_PER_KERNEL, WORTH_A_CHANGE, chosen};
use crate::strategy::{Arriving, Decisions, System};

/// What workers have to do before a request that arrives now.
struct Waits {
    /// Until what waits for each worker is done; `u64::MAX` where it has vanished.
    backlog_ns: Vec<u64>,
    /// What was given to workers in this very decision, by model: nobody's backlog holds it yet. Requests of one model follow one plan.
    given: Vec<(ModelId, Vec<WorkerId>, u64)>,
}

impl Running {
    /// Requests follow the candidate that is best for the objective, by default the one that is expected to end first: by what waits for
    /// its workers now, and by what its requests took; or what was chosen for several models at work.
    ///
    /// The first requests after plans were `judged` or changed tell nothing of the plan: they waited for the decision, or found it cold.
    pub(super) fn follow(&mut self, system: &dyn System, objective: Objective, judged: bool, decisions: &mut Decisions) {
        let now_ns = system.now_ns();
        // What has vanished is never done.
        let left_ns = |worker| if system.is_available(worker) { system.backlog_ns(worker) } else { u64::MAX };
        let mut waits = Waits { backlog_ns: self.device.worker_ids().map(left_ns).collect(), given: Vec::new() };
        for arriving in system.arriving() {
            self.paces.arrived(arriving.model.index(), arriving.request, arriving.arrived_ns);
        }
        let active = self.active();
        let are_steady = self.are_steady(&active);
        let several = objective == Objective::Latency && active.len() > 1;
        let joint = if several && are_steady { Some(self.joint(&active, now_ns, decisions)) } else { None };
        let mut queues = objective == Objective::Latency && !are_steady && self.models.len() > 1;
        for arriving in system.arriving() {
            let model = arriving.model.index();
            let Some(known) = self.models.get(model) else { continue };
            if system.is_being_prepared(arriving.model) {
                // It follows the plan before, and tells nothing of the one to come.
                self.journal.begin(arriving.request, model, known.followed, false);
                continue;
            }
            queues &= known.open.is_some() && !self.journal.is_empty();
            if queues && let Some(plan) = &known.open {
                if known.followed.is_some() {
                    decisions.replan(arriving.model, plan.clone());
                }
                self.models[model].followed = None;
                self.journal.begin(arriving.request, model, None, false);
                continue;
            }
            let worth_ns = known.worth_ns(now_ns);
            let ends_ns: Vec<f64> = worth_ns
                .iter()
                .zip(&known.candidates)
                .map(|(worth_ns, candidate)| worth_ns + self.wait_ns(candidate, arriving, &waits))
                .collect();
            let within_ns = arriving.deadline_ns.map(|deadline_ns| deadline_ns.saturating_sub(now_ns) as f64);
            let together = joint.as_ref().and_then(|joint| Some(joint[active.binary_search(&model).ok()?]));
            let follows = together
                .filter(|&candidate| ends_ns[candidate].is_finite())
                .unwrap_or_else(|| objective.choose(&known.candidates, &ends_ns, within_ns, known.chosen, WORTH_A_CHANGE));
            let has_changed = known.followed != Some(follows);
            if has_changed {
                decisions.replan(arriving.model, known.candidates[follows].plan.clone());
            }
            if system.arriving().len() > 1 {
                waits.given.push((arriving.model, known.candidates[follows].workers.clone(), worth_ns[follows] as u64));
            }
            self.models[model].followed = Some(follows);
            self.journal.begin(arriving.request, model, Some(follows), !judged && !has_changed);
        }
    }

    /// What was chosen for these models together; chosen now, and charged, if they have not been at work together since plans were judged.
    fn joint(&mut self, active: &[usize], now_ns: u64, decisions: &mut Decisions) -> Vec<usize> {
        if let Some(known) = self.sets.get(active) {
            return known.clone();
        }
        let device = self.device.clone();
        let mut evaluator = Evaluator::new(&device, Objective::Latency);
        let chosen = chosen(&self.models, active, now_ns, Objective::Latency, &mut evaluator);
        decisions.spend(evaluator.kernels.saturating_mul(SIMULATION_NS_PER_KERNEL));
        self.sets.insert(active.to_vec(), chosen.clone());
        chosen
    }

    /// Until the last of its workers could begin with a request; infinite where one has vanished.
    fn wait_ns(&self, candidate: &Candidate, arriving: &Arriving, waits: &Waits) -> f64 {
        let given_ns = |worker: WorkerId| {
            let to_it = waits.given.iter().filter(|(model, workers, _)| *model != arriving.model && workers.contains(&worker));
            to_it.map(|(.., ns)| *ns).fold(0, u64::saturating_add)
        };
        let waits_ns = candidate.workers.iter().map(|&worker| {
            let rivals = self.device.worker_ids().filter(|&rival| rival == worker || self.device.conflict(rival, worker));
            let is_away = waits.backlog_ns[worker.index()] == u64::MAX;
            // A rival that has vanished holds nobody up.
            let busy_ns = |rival: WorkerId| waits.backlog_ns[rival.index()].saturating_add(given_ns(rival));
            let others = rivals.map(busy_ns).filter(|&ns| is_away || ns < u64::MAX);
            others.max().unwrap_or(0)
        });
        match waits_ns.max().unwrap_or(0) {
            u64::MAX => f64::INFINITY,
            longest_ns => longest_ns as f64,
        }
    }

    /// Models that have requests in flight, those that arrive included, in order.
    pub(super) fn active(&self) -> Vec<usize> {
        (0..self.models.len()).filter(|&model| self.paces.is_active(model)).collect()
    }

    /// Whether each of these models has one request after the other.
    pub(super) fn are_steady(&self, models: &[usize]) -> bool {
        models.iter().all(|&model| self.paces.is_steady(model))
    }

    /// Learns from what happened.
    pub(super) fn observe(&mut self, record: &Record) {
        match record {
            Record::Kernel(kernel) => {
                if let Some(known) = self.models.get(kernel.model.index()) {
                    let kind = known.tasks.work(kernel.task).filter(|_| kernel.kernels == 1).map(|work| work.kind);
                    self.factors.observe(kernel.worker, kind, kernel.end_ns, kernel.end_ns - kernel.start_ns, kernel.solo_ns);
                }
            }
            Record::Request(request) => {
                self.paces.ended(request.model.index(), request.request, request.arrived_ns, request.ended_ns);
                self.ended(request.request, request.arrived_ns, request.ended_ns, request.outcome);
            }
            _ => {}
        }
    }

    fn ended(&mut self, request: RequestId, arrived_ns: u64, ended_ns: u64, outcome: Outcome) {
        let Some((model, candidate)) = self.journal.end(request) else { return };
        if outcome == Outcome::Completed {
            let candidate = &mut self.models[model].candidates[candidate];
            candidate.seen.add(ended_ns, ended_ns - arrived_ns, candidate.alone_ns);
        }
    }
}
