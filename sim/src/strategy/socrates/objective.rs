//! What plans are chosen by.

use crate::strategy::socrates::portfolio::Candidate;

/// What requests should cost least of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objective {
    /// Time.
    Latency,
    /// Energy that they add to what the device draws anyway: of occupied cores and of traffic to memory. With a deadline, the least that
    /// meets it.
    Energy,
    /// Missed deadlines: of the plans that meet a request's, the one that occupies cores for the shortest time, so that others find them
    /// free. Without a deadline, time.
    Deadline,
}

/// Of the time until a deadline, what a plan may be expected to take: expectations are off by this much easily.
const SURE: f64 = 0.9;

impl Objective {
    /// What a candidate costs where several are fast enough; `None` where only time counts.
    fn cost(self, candidate: &Candidate) -> Option<f64> {
        match self {
            Self::Latency => None,
            Self::Energy => Some(candidate.energy_j),
            Self::Deadline => Some(candidate.occupied_ns as f64),
        }
    }

    /// Which candidate to follow, if `ends_ns[candidate]` is when it is expected to end, and `within_ns` when it has to, both from now.
    /// The one in force stays unless another is better by the share `worth_a_change`.
    pub(super) fn choose(
        self,
        candidates: &[Candidate],
        ends_ns: &[f64],
        within_ns: Option<f64>,
        in_force: usize,
        worth_a_change: f64,
    ) -> usize {
        let costs: Option<Vec<f64>> = candidates.iter().map(|candidate| self.cost(candidate)).collect();
        let meets = |index: usize| within_ns.is_none_or(|within_ns| ends_ns[index] <= within_ns * SURE);
        let meeting: Vec<usize> = (0..candidates.len()).filter(|&index| meets(index)).collect();
        let by_cost = costs.filter(|_| !meeting.is_empty() && (self != Self::Deadline || within_ns.is_some()));
        let (eligible, values) = match &by_cost {
            Some(costs) => (meeting, costs.as_slice()),
            None => ((0..candidates.len()).collect(), ends_ns),
        };
        let key = |index: usize| (values[index], ends_ns[index]);
        let best = eligible.iter().copied().min_by(|&one, &other| {
            let ((one_value, one_ends), (other_value, other_ends)) = (key(one), key(other));
            one_value.total_cmp(&other_value).then(one_ends.total_cmp(&other_ends))
        });
        match best {
            Some(best) if !eligible.contains(&in_force) || values[best] < values[in_force] * (1.0 - worth_a_change) => best,
            _ => in_force,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn candidates(costs: &[(u64, f64, u64)]) -> Vec<Candidate> {
        let candidate = |&(alone_ns, energy_j, occupied_ns): &(u64, f64, u64)| Candidate {
            energy_j,
            occupied_ns,
            ..Candidate::new(Plan::new(), alone_ns)
        };
        costs.iter().map(candidate).collect()
    }

    #[test]
    fn each_objective_takes_its_own() {
        // Fast and hungry, slow and frugal, in between.
        let three = candidates(&[(10, 3.0, 40), (30, 1.0, 30), (20, 2.0, 20)]);
        let ends_ns = [10.0, 30.0, 20.0];
        let choose = |objective: Objective, within_ns| objective.choose(&three, &ends_ns, within_ns, 0, 0.03);
        assert_eq!(choose(Objective::Latency, None), 0);
        assert_eq!(choose(Objective::Energy, None), 1);
        assert_eq!(choose(Objective::Energy, Some(25.0)), 2, "the least that meets the deadline");
        assert_eq!(choose(Objective::Energy, Some(5.0)), 0, "nothing meets it: the fastest");
        assert_eq!(choose(Objective::Deadline, None), 0);
        assert_eq!(choose(Objective::Deadline, Some(100.0)), 2);
        assert_eq!(choose(Objective::Deadline, Some(21.0)), 0, "20 of 21 is too close");
    }

    #[test]
    fn little_gain_is_no_reason_to_change() {
        let two = candidates(&[(100, 1.0, 1), (99, 1.0, 1)]);
        assert_eq!(Objective::Latency.choose(&two, &[100.0, 99.0], None, 0, 0.03), 0);
        assert_eq!(Objective::Latency.choose(&two, &[100.0, 90.0], None, 0, 0.03), 1);
    }
}
