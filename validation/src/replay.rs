//! The same plans and choices again: what a strategy decided in one run, taken down and followed in another.

use std::collections::BTreeMap;

use results::{Choices, PlanRecord, Replaced};
use sim::identifiers::{ModelId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::record::Record;
use sim::strategy::{Decisions, DeviceView, Interest, Job, Ready, Rewrite, Strategy, System};

/// A strategy that takes down what another decides.
pub struct Observed<'a> {
    strategy: &'a mut dyn Strategy,
    plans: Vec<Plan>,
    /// When a model's plan was replaced, the request that waited for it if one did, and the plan.
    replaced: Vec<(u64, Option<u32>, ModelId, Plan)>,
}

impl<'a> Observed<'a> {
    /// Takes down what `strategy` decides.
    pub fn new(strategy: &'a mut dyn Strategy) -> Self {
        Self { strategy, plans: Vec::new(), replaced: Vec::new() }
    }

    /// Requests that come while the last plan of their model is being prepared do not follow it: the first behind them may.
    fn delay(&mut self, system: &dyn System) {
        for arriving in system.arriving().iter().filter(|arriving| system.is_being_prepared(arriving.model)) {
            let last = self.replaced.iter_mut().rev().find(|(_, _, model, _)| *model == arriving.model);
            if let Some((at_ns, waiting, ..)) = last {
                (*at_ns, *waiting) = (system.now_ns(), Some(arriving.request.0 + 1));
            }
        }
    }

    /// The plans at the begin, by model.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// What was decided, with the records of the run: they tell where segments ran that the plans left open.
    pub fn choices(&self, records: &[Record]) -> Choices {
        let mut arrivals: Vec<(u64, u32)> = Vec::new();
        let mut placements = BTreeMap::new();
        for record in records {
            match record {
                Record::Arrival(it) => arrivals.push((it.at_ns, it.request.0)),
                Record::Kernel(it) => {
                    placements.insert((it.request.0, it.segment.0), it.worker.0);
                }
                _ => {}
            }
        }
        let first_after =
            |at_ns: u64| arrivals.iter().filter(|arrival| arrival.0 >= at_ns).map(|arrival| arrival.1).min().unwrap_or(u32::MAX);
        let replaced = self.replaced.iter().map(|(at_ns, waiting, model, plan)| Replaced {
            from_request: waiting.unwrap_or_else(|| first_after(*at_ns)),
            model: model.0,
            plan: PlanRecord::from(plan),
        });
        let replaced: Vec<Replaced> = replaced.collect();
        let has_open = |plan: &PlanRecord| plan.segments.iter().any(|(worker, _)| worker.is_none());
        let plans: Vec<PlanRecord> = self.plans.iter().map(PlanRecord::from).collect();
        // Segments with a worker of their own need no placement.
        let open = plans.iter().any(has_open) || replaced.iter().any(|replaced| has_open(&replaced.plan));
        let placements = placements.into_iter().filter(|_| open).map(|((request, segment), worker)| (request, segment, worker));
        Choices { placements: placements.collect(), plans, replaced }
    }
}

impl Strategy for Observed<'_> {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let plan = self.strategy.plan(job, view)?;
        if self.plans.len() <= job.model.index() {
            self.plans.resize_with(job.model.index() + 1, Plan::new);
        }
        self.plans[job.model.index()] = plan.clone();
        Ok(plan)
    }

    fn rewrites(&self) -> Vec<Rewrite> {
        self.strategy.rewrites()
    }

    fn choose_variant(&mut self, variants: &[Job<'_>], view: &DeviceView<'_>) -> usize {
        self.strategy.choose_variant(variants, view)
    }

    fn interest(&self) -> Interest {
        self.strategy.interest()
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        let known = decisions.plans.len();
        self.strategy.dispatch(system, decisions);
        self.delay(system);
        for (model, plan) in &decisions.plans[known..] {
            // One that was still being prepared never comes into force.
            if system.is_being_prepared(*model)
                && let Some(last) = self.replaced.iter().rposition(|(_, _, of, _)| of == model)
            {
                self.replaced.remove(last);
            }
            let waiting = system.arriving().iter().find(|arriving| arriving.model == *model).map(|arriving| arriving.request.0);
            self.replaced.push((system.now_ns(), waiting, *model, plan.clone()));
        }
    }

    fn alternatives(&self, model: ModelId) -> Vec<Plan> {
        self.strategy.alternatives(model)
    }

    fn observe(&mut self, record: &Record) {
        self.strategy.observe(record);
    }
}

/// Follows what was decided in another run.
///
/// A segment that was left open there, and of which nothing is known, as its request was dropped there, goes where it is expected to end
/// first.
#[derive(Clone, Debug)]
pub struct Replay {
    plans: Vec<Plan>,
    replaced: Vec<(u32, ModelId, Plan)>,
    /// How many of them are in force.
    done: usize,
    placements: BTreeMap<(u32, u32), WorkerId>,
}

impl Replay {
    /// Follows plans, with no choice left.
    pub fn of_plans(plans: Vec<Plan>) -> Self {
        Self { plans, replaced: Vec::new(), done: 0, placements: BTreeMap::new() }
    }

    /// Follows choices; `None` where a plan is none.
    pub fn of(choices: &Choices) -> Option<Self> {
        let replaced = |it: &Replaced| Some((it.from_request, ModelId(it.model), it.plan.plan()?));
        Some(Self {
            plans: choices.plans.iter().map(PlanRecord::plan).collect::<Option<Vec<_>>>()?,
            replaced: choices.replaced.iter().map(replaced).collect::<Option<Vec<_>>>()?,
            done: 0,
            placements: choices
                .placements
                .iter()
                .map(|&(request, segment, worker)| ((request, segment), WorkerId(worker)))
                .collect(),
        })
    }

    fn soonest(system: &dyn System, ready: &Ready) -> Option<WorkerId> {
        let end_ns = |&worker: &WorkerId| {
            let own_ns = system.segment_ns(ready.in_flight, ready.segment, worker)?;
            Some(system.backlog_ns(worker).saturating_add(own_ns))
        };
        let able = system.device().worker_ids().filter(|worker| end_ns(worker).is_some());
        able.min_by_key(|worker| end_ns(worker))
    }
}

impl Strategy for Replay {
    fn plan(&mut self, job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        self.plans.get(job.model.index()).cloned().ok_or_else(|| PlanError::NotFound {
            strategy: "replay".to_owned(),
            why: format!("model `{}` did not run in what is replayed", job.name),
        })
    }

    /// What was prepared there is prepared here: what is replayed is which requests followed which plan.
    fn alternatives(&self, model: ModelId) -> Vec<Plan> {
        self.replaced.iter().filter(|(_, of, _)| *of == model).map(|(.., plan)| plan.clone()).collect()
    }

    fn interest(&self) -> Interest {
        let is_open = |plan: &Plan| plan.segments().iter().any(|segment| segment.worker.is_none());
        let is_any_open = self.plans.iter().any(is_open) || self.replaced.iter().any(|(.., plan)| is_open(plan));
        Interest { dispatch: is_any_open, arrival: !self.replaced.is_empty(), observe: false }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        if let Some(last) = system.arriving().iter().map(|arriving| arriving.request.0).max() {
            while let Some((from_request, model, plan)) = self.replaced.get(self.done)
                && *from_request <= last
            {
                decisions.replan(*model, plan.clone());
                self.done += 1;
            }
        }
        for ready in system.ready() {
            let recorded = self.placements.get(&(ready.request.0, ready.segment.0)).copied();
            if let Some(worker) = recorded.or_else(|| Self::soonest(system, ready)) {
                decisions.place(ready.in_flight, ready.segment, worker);
            }
        }
    }
}
