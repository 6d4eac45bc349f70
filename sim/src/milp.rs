//! The schedule of one request as a mixed-integer linear programme, for `exact` and for the bound by relaxation.
//!
//! Variables: `x[t, w]`, task `t` runs on worker `w`; `s[t]`, its start; the length `C`. With `f[t] = s[t] + sum over w of
//! duration[t, w] * x[t, w]` and `X[t, m]` the sum of `x[t, w]` over the workers of memory `m`, minimise `C` such that
//!
//! - each task runs on one worker;
//! - a reader starts after its producer and the copy between their memories, for each memory `b` of the reader:
//!   `s[t] >= f[p] + sum over a of copy(a, b) * X[p, a] - max copy(., b) * (1 - X[t, b])`; likewise for what comes with the request;
//! - `C` is no less than the end of each task, with the copy of outputs to the host;
//! - capacity: the work on each processor fits in `cores * C`;
//! - with an order: tasks `i` and `j`, neither of which must precede the other, are ordered if they share a worker:
//!   `y[i, j] + y[j, i] >= x[i, w] + x[j, w] - 1`, and `s[j] >= f[i] - M * (1 - y[i, j])`.
//!
//! Times are scaled such that the longest possible schedule is 1,000.

use good_lp::variable::{UnsolvedProblem, VariableDefinition};
use good_lp::{Expression, ProblemVariables, SolverModel, Variable, variable};

use crate::identifiers::{DataId, MemoryId, TaskId, WorkerId};
use crate::platform::Device;
use crate::strategy::Job;
use crate::task::TaskGraph;

/// What the programme is about.
pub(crate) struct Instance<'a> {
    pub(crate) tasks: &'a TaskGraph,
    pub(crate) device: &'a Device,
    pub(crate) workers: Vec<WorkerId>,
    /// `duration_ns[task * workers + worker]`; `None` where it cannot run.
    pub(crate) duration_ns: Vec<Option<u64>>,
    memories: usize,
    /// `copy_ns[(data * memories + from) * memories + to]`.
    copy_ns: Vec<u64>,
}

/// What stops a solver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsolved {
    /// Nothing is shorter than the length allowed.
    NothingShorter,
    /// The limit on nodes was reached, or the solver failed.
    GivenUp,
}

/// A solution: for each task its worker (an index) and its start in units of the scale; which task of a worker comes before which
/// other; and the length in nanoseconds.
pub(crate) struct Solved {
    pub(crate) placed: Vec<usize>,
    pub(crate) start: Vec<f64>,
    pub(crate) before: Vec<(TaskId, TaskId)>,
    pub(crate) length_ns: f64,
}

/// Length of the longest schedule in the units of the programme.
const SCALE: f64 = 1_000.0;

impl<'a> Instance<'a> {
    /// An instance with given durations and direct copies.
    pub(crate) fn new(job: &Job<'a>, device: &'a Device, workers: Vec<WorkerId>, duration_ns: Vec<Option<u64>>) -> Self {
        let (tasks, memories) = (job.tasks, device.memories().len());
        let ids = || (0..memories).map(MemoryId::from_index);
        let copy_ns = tasks
            .data()
            .flat_map(|data| ids().flat_map(move |from| ids().map(move |to| device.copy_ns(from, to, tasks.bytes(data)))))
            .collect();
        Self { tasks, device, workers, duration_ns, memories, copy_ns }
    }

    /// Lets copies go over any memories between, where that is shorter: what a copy takes at the least.
    #[must_use]
    pub(crate) fn with_shortest_copies(mut self) -> Self {
        let count = self.memories;
        for copies in self.copy_ns.chunks_mut(count * count) {
            for over in 0..count {
                for from in 0..count {
                    for to in 0..count {
                        let way = copies[from * count + over].saturating_add(copies[over * count + to]);
                        copies[from * count + to] = copies[from * count + to].min(way);
                    }
                }
            }
        }
        self
    }

    pub(crate) fn duration(&self, task: TaskId, worker: usize) -> Option<u64> {
        self.duration_ns[task.index() * self.workers.len() + worker]
    }

    pub(crate) fn memory(&self, worker: usize) -> MemoryId {
        self.device.worker(self.workers[worker]).memory
    }

    /// Time of a copy from memory to memory.
    pub(crate) fn copy(&self, data: DataId, from: MemoryId, to: MemoryId) -> u64 {
        self.copy_ns[(data.index() * self.memories + from.index()) * self.memories + to.index()]
    }

    /// The memories of the workers, each once.
    fn places(&self) -> Vec<MemoryId> {
        let mut places: Vec<MemoryId> = (0..self.workers.len()).map(|worker| self.memory(worker)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Least length of the relaxation: workers shared in fractions, no order of tasks on a worker. `None` if the solver fails.
    pub(crate) fn relaxation_ns(&self, longest_ns: u64) -> Option<f64> {
        self.solve(longest_ns, None).ok().map(|solved| solved.length_ns)
    }

    /// The shortest schedule of at most `longest_ns`.
    pub(crate) fn shortest(&self, longest_ns: u64, nodes: u64) -> Result<Solved, Unsolved> {
        self.solve(longest_ns, Some(nodes))
    }

    fn solve(&self, longest_ns: u64, nodes: Option<u64>) -> Result<Solved, Unsolved> {
        let unit_ns = longest_ns.max(1) as f64 / SCALE;
        let mut variables = Unknowns::default();
        let is_integer = nodes.is_some();
        let share =
            |variables: &mut Unknowns| variables.add(if is_integer { variable().binary() } else { variable().min(0.0).max(1.0) });
        let x: Vec<Option<Unknown>> = self.duration_ns.iter().map(|duration| duration.map(|_| share(&mut variables))).collect();
        let start: Vec<Unknown> = self.tasks.tasks().map(|_| variables.add(variable().min(0.0).max(SCALE))).collect();
        let length = variables.add(variable().min(0.0).max(SCALE));
        let model = Terms { instance: self, unit_ns, x: &x, start: &start, length };
        let mut constraints = Vec::new();
        model.add_placement(&mut constraints);
        model.add_dependencies(&mut constraints);
        model.add_capacity(&mut constraints);
        let choices = if is_integer { model.add_order(&mut variables, &mut constraints) } else { Vec::new() };
        let Unknowns { problem, all } = variables;
        let values = solve(problem.minimise(Expression::from(length.variable)), &all, constraints, nodes)?;
        let of = |unknown: Unknown| values[unknown.index];
        let count = self.workers.len();
        let chosen = |task: TaskId| {
            let shares = (0..count).map(|worker| (x[task.index() * count + worker].map_or(-1.0, of), worker));
            shares.max_by(|one, other| one.0.total_cmp(&other.0)).map_or(0, |(_, worker)| worker)
        };
        let placed: Vec<usize> = self.tasks.tasks().map(chosen).collect();
        let ordered =
            choices.into_iter().filter(|&(choice, one, other)| of(choice) > 0.5 && placed[one.index()] == placed[other.index()]);
        Ok(Solved {
            before: ordered.map(|(_, one, other)| (one, other)).collect(),
            placed,
            start: start.iter().map(|&start| of(start)).collect(),
            length_ns: of(length) * unit_ns,
        })
    }
}

/// A variable, with its place in the order of creation.
#[derive(Clone, Copy)]
struct Unknown {
    variable: Variable,
    index: usize,
}

/// Variables as they are created.
#[derive(Default)]
struct Unknowns {
    problem: ProblemVariables,
    all: Vec<Variable>,
}

impl Unknowns {
    fn add(&mut self, definition: VariableDefinition) -> Unknown {
        let variable = self.problem.add(definition);
        self.all.push(variable);
        Unknown { variable, index: self.all.len() - 1 }
    }
}

/// The variables with what they stand for.
struct Terms<'a> {
    instance: &'a Instance<'a>,
    unit_ns: f64,
    x: &'a [Option<Unknown>],
    start: &'a [Unknown],
    length: Unknown,
}

type Constraints = Vec<good_lp::Constraint>;

impl Terms<'_> {
    fn share(&self, task: TaskId, worker: usize) -> Option<Variable> {
        self.x[task.index() * self.instance.workers.len() + worker].map(|unknown| unknown.variable)
    }

    fn start(&self, task: TaskId) -> Variable {
        self.start[task.index()].variable
    }

    /// `sum of x[task, w] * weight(w)`.
    fn weighted(&self, task: TaskId, weight: impl Fn(usize) -> f64) -> Expression {
        let mut sum = Expression::default();
        for worker in 0..self.instance.workers.len() {
            if let Some(share) = self.share(task, worker) {
                sum.add_mul(weight(worker), share);
            }
        }
        sum
    }

    /// End of a task.
    fn end(&self, task: TaskId) -> Expression {
        let duration = |worker| self.instance.duration(task, worker).unwrap_or(0) as f64 / self.unit_ns;
        self.weighted(task, duration) + self.start(task)
    }

    fn add_placement(&self, constraints: &mut Constraints) {
        for task in self.instance.tasks.tasks() {
            constraints.push(self.weighted(task, |_| 1.0).eq(1.0));
        }
    }

    fn add_dependencies(&self, constraints: &mut Constraints) {
        let (instance, host) = (self.instance, self.instance.device.host());
        let tasks = instance.tasks;
        let scaled = |data, from, to| instance.copy(data, from, to) as f64 / self.unit_ns;
        for task in tasks.tasks() {
            for &data in tasks.inputs(task) {
                let Some(producer) = tasks.producer(data) else {
                    let copy = self.weighted(task, |worker| scaled(data, host, instance.memory(worker)));
                    constraints.push((copy - self.start(task)).leq(0.0));
                    continue;
                };
                constraints.push((self.end(producer) - self.start(task)).leq(0.0));
                for place in instance.places() {
                    let most = instance.places().into_iter().map(|from| scaled(data, from, place)).fold(0.0, f64::max);
                    if most > 0.0 {
                        let copy = self.weighted(producer, |worker| scaled(data, instance.memory(worker), place));
                        let here = self.weighted(task, |worker| if instance.memory(worker) == place { most } else { 0.0 });
                        constraints.push((self.end(producer) + copy + here - self.start(task)).leq(most));
                    }
                }
            }
            constraints.push((self.end(task) - self.length.variable).leq(0.0));
            for &data in tasks.made(task).iter().filter(|&&data| tasks.is_output(data)) {
                let copy = self.weighted(task, |worker| scaled(data, instance.memory(worker), host));
                constraints.push((self.end(task) + copy - self.length.variable).leq(0.0));
            }
        }
    }

    fn add_capacity(&self, constraints: &mut Constraints) {
        let instance = self.instance;
        for (index, processor) in instance.device.processors().iter().enumerate() {
            let cores = |worker: usize| {
                let demands = &instance.device.worker(instance.workers[worker]).demands;
                demands.iter().filter(|demand| demand.0.index() == index).map(|demand| f64::from(demand.1)).sum::<f64>()
            };
            let mut work = Expression::default();
            for task in instance.tasks.tasks() {
                let of_task = |worker: usize| {
                    instance.duration(task, worker).unwrap_or(0) as f64 / self.unit_ns * cores(worker)
                        / f64::from(processor.cores)
                };
                work += self.weighted(task, of_task);
            }
            constraints.push((work - self.length.variable).leq(0.0));
        }
    }

    /// Returns the choices: a variable, and the tasks of which it says that the one comes before the other.
    fn add_order(&self, variables: &mut Unknowns, constraints: &mut Constraints) -> Vec<(Unknown, TaskId, TaskId)> {
        let mut choices = Vec::new();
        let tasks = self.instance.tasks;
        let before = precedence(tasks);
        for one in tasks.tasks() {
            for other in tasks.tasks().filter(|other| *other > one && !before[one.index()][other.index()]) {
                let workers = 0..self.instance.workers.len();
                let both = |&worker: &usize| Some((self.share(one, worker)?, self.share(other, worker)?));
                let shared: Vec<(Variable, Variable)> = workers.filter_map(|worker| both(&worker)).collect();
                if shared.is_empty() {
                    continue;
                }
                let mut binary = || variables.add(variable().binary());
                let (first, second) = (binary(), binary());
                for (here, also) in shared {
                    constraints.push((Expression::from(here) + also - first.variable - second.variable).leq(1.0));
                }
                constraints.push((Expression::from(first.variable) + second.variable).leq(1.0));
                for (choice, earlier, later) in [(first, one, other), (second, other, one)] {
                    let gap = self.end(earlier) - self.start(later) + SCALE * choice.variable;
                    constraints.push(gap.leq(SCALE));
                    choices.push((choice, earlier, later));
                }
            }
        }
        choices
    }
}

/// `before[one][other]`: whether `one` must end before `other` starts.
fn precedence(tasks: &TaskGraph) -> Vec<Vec<bool>> {
    let count = tasks.task_count();
    let mut before = vec![vec![false; count]; count];
    for task in tasks.tasks().rev() {
        for next in tasks.successors(task) {
            before[task.index()][next.index()] = true;
            let after_next = before[next.index()].clone();
            for (known, after) in before[task.index()].iter_mut().zip(after_next) {
                *known |= after;
            }
        }
    }
    before
}

/// Values of all variables in order of creation.
#[cfg(not(feature = "highs"))]
fn solve(problem: UnsolvedProblem, all: &[Variable], constraints: Constraints, nodes: Option<u64>) -> Result<Vec<f64>, Unsolved> {
    let mut model = problem.using(good_lp::microlp);
    for constraint in constraints {
        model.add_constraint(constraint);
    }
    // Past good_lp: a limit on nodes is deterministic, a limit on time is not.
    let mut options = microlp::SolveOptions::default();
    options.node_limit = nodes;
    match model.as_inner().solve_with(options) {
        Ok(outcome) if outcome.is_optimal() => {
            let solution = outcome.into_solution().map_err(|_| Unsolved::GivenUp)?;
            let mut values = vec![0.0; all.len()];
            for (variable, value) in &solution {
                values[variable.idx()] = value;
            }
            Ok(values)
        }
        Err(microlp::Error::Infeasible) => Err(Unsolved::NothingShorter),
        Ok(_) | Err(_) => Err(Unsolved::GivenUp),
    }
}

/// Values of all variables in order of creation. The limit on nodes is not passed on: this solver needs fewer.
#[cfg(feature = "highs")]
fn solve(
    problem: UnsolvedProblem,
    all: &[Variable],
    constraints: Constraints,
    _nodes: Option<u64>,
) -> Result<Vec<f64>, Unsolved> {
    use good_lp::Solution;
    let mut model = problem.using(good_lp::highs);
    for constraint in constraints {
        model.add_constraint(constraint);
    }
    match model.solve() {
        Ok(solution) => Ok(all.iter().map(|&variable| solution.value(variable)).collect()),
        Err(good_lp::ResolutionError::Infeasible) => Err(Unsolved::NothingShorter),
        Err(_) => Err(Unsolved::GivenUp),
    }
}
