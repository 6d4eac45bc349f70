//! The length of a combination of routes: what runs at the same time shares the bandwidth of the DRAM.

/// A part of a model on one worker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leg {
    /// Index of the worker.
    pub(super) worker: usize,
    /// First task and one past the last.
    pub(super) tasks: (usize, usize),
    /// Copies before it can start.
    pub(super) before_ns: f64,
    /// Alone.
    pub(super) duration_ns: f64,
    /// Bytes of DRAM traffic a nanosecond, alone.
    pub(super) demand: f64,
}

/// A way to run a model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Route {
    pub(super) legs: Vec<Leg>,
    /// Copies after the last leg.
    pub(super) end_ns: f64,
    /// All of it with nothing else running.
    pub(super) alone_ns: f64,
}

/// Where a model is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Copying until then; next is this leg.
    Copies {
        until_ns: f64,
        leg: usize,
    },
    /// Waits for its leg's worker since then.
    Waits {
        since_ns: f64,
        leg: usize,
    },
    /// Runs its leg, of which this share is left.
    Runs {
        leg: usize,
        left: f64,
    },
    Ended,
}

/// Time until all models have ended, if they start together. A worker takes what has waited longest, of equals the first model.
pub(super) fn length_ns(routes: &[&Route], workers: usize, capacity: f64) -> f64 {
    let mut now_ns = 0.0f64;
    let mut end_ns = 0.0f64;
    let mut states: Vec<State> = routes.iter().map(|route| State::Copies { until_ns: route.legs[0].before_ns, leg: 0 }).collect();
    let mut busy = vec![false; workers];
    loop {
        // Copies that have ended wait; free workers take what waits.
        for state in &mut states {
            if let State::Copies { until_ns, leg } = *state
                && until_ns <= now_ns
            {
                *state = State::Waits { since_ns: until_ns, leg };
            }
        }
        loop {
            let waiting = states.iter().enumerate().filter_map(|(model, state)| match *state {
                State::Waits { since_ns, leg } if !busy[routes[model].legs[leg].worker] => Some((since_ns, model, leg)),
                _ => None,
            });
            let Some((_, model, leg)) = waiting.min_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))) else {
                break;
            };
            busy[routes[model].legs[leg].worker] = true;
            states[model] = State::Runs { leg, left: 1.0 };
        }
        let running = |(model, state): (usize, &State)| match *state {
            State::Runs { leg, .. } => Some(routes[model].legs[leg].demand.min(capacity)),
            _ => None,
        };
        let level = fair_level(states.iter().enumerate().filter_map(running).collect(), capacity);
        // More than the channel carries came from caches: alone, everything takes its own time.
        let pace = |demand: f64| if demand.min(capacity) > level { level / demand.min(capacity) } else { 1.0 };
        let next_ns: Vec<Option<f64>> = states
            .iter()
            .zip(routes)
            .map(|(state, route)| match *state {
                State::Copies { until_ns, .. } => Some(until_ns),
                State::Runs { leg, left } => Some(now_ns + left * route.legs[leg].duration_ns / pace(route.legs[leg].demand)),
                State::Waits { .. } | State::Ended => None,
            })
            .collect();
        let Some(at_ns) = next_ns.iter().copied().flatten().min_by(f64::total_cmp) else { return end_ns };
        for (model, state) in states.iter_mut().enumerate() {
            let State::Runs { leg, left } = *state else { continue };
            let of_leg = &routes[model].legs[leg];
            if next_ns[model].is_some_and(|until_ns| until_ns > at_ns) {
                *state = State::Runs { leg, left: left - (at_ns - now_ns) * pace(of_leg.demand) / of_leg.duration_ns };
                continue;
            }
            busy[of_leg.worker] = false;
            *state = if let Some(next) = routes[model].legs.get(leg + 1) {
                State::Copies { until_ns: at_ns + next.before_ns, leg: leg + 1 }
            } else {
                end_ns = end_ns.max(at_ns + routes[model].end_ns);
                State::Ended
            };
        }
        now_ns = at_ns;
    }
}

/// The most that any gets if all share `capacity` max-min fairly: who asks for less gets what it asks for.
fn fair_level(mut demands: Vec<f64>, capacity: f64) -> f64 {
    demands.sort_by(f64::total_cmp);
    let (mut left, mut count) = (capacity, demands.len() as f64);
    for demand in demands {
        if demand > left / count {
            return left / count;
        }
        left -= demand;
        count -= 1.0;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(legs: &[(usize, f64, f64, f64)], end_ns: f64) -> Route {
        let leg = |&(worker, before_ns, duration_ns, demand): &(usize, f64, f64, f64)| Leg {
            worker,
            tasks: (0, 0),
            before_ns,
            duration_ns,
            demand,
        };
        Route { legs: legs.iter().map(leg).collect(), end_ns, alone_ns: 0.0 }
    }

    fn check(routes: &[Route], expected_ns: f64) {
        let found_ns = length_ns(&routes.iter().collect::<Vec<_>>(), 2, 10.0);
        assert!((found_ns - expected_ns).abs() < 1e-6, "{found_ns} instead of {expected_ns}");
    }

    #[test]
    fn lengths_by_hand() {
        // Alone: copy 5, run 100, copy 7.
        check(&[route(&[(0, 5.0, 100.0, 4.0)], 7.0)], 112.0);
        // One worker: one after the other.
        check(&[route(&[(0, 0.0, 100.0, 4.0)], 0.0), route(&[(0, 0.0, 50.0, 4.0)], 0.0)], 150.0);
        // Two workers, 4 + 4 of 10: nobody is slowed.
        check(&[route(&[(0, 0.0, 100.0, 4.0)], 0.0), route(&[(1, 0.0, 50.0, 4.0)], 0.0)], 100.0);
        // 8 + 8 of 10: both at 5/8. The second ends at 80; of the first 50 of 100 are done, the rest takes 50.
        check(&[route(&[(0, 0.0, 100.0, 8.0)], 0.0), route(&[(1, 0.0, 50.0, 8.0)], 0.0)], 130.0);
        // 2 + 16 (of which 10 can be had): who asks for little gets it, the other runs at 8/10: 80 of 100 done at 100, 20 more alone.
        check(&[route(&[(0, 0.0, 100.0, 2.0)], 0.0), route(&[(1, 0.0, 100.0, 16.0)], 0.0)], 120.0);
        // A transition: 30 on worker 0, 10 of copies, 40 on worker 1, which the other holds until 60.
        check(&[route(&[(0, 0.0, 30.0, 0.0), (1, 10.0, 40.0, 0.0)], 1.0), route(&[(1, 0.0, 60.0, 0.0)], 0.0)], 101.0);
    }
}
