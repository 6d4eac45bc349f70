//! The length of a combination of routes: what runs at the same time contends for the bandwidth of the DRAM.

use crate::platform::SlowdownCurve;

/// How workers contend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contention<'a> {
    /// Capacity in bytes a nanosecond.
    pub(super) capacity: f64,
    /// Measured slowdown of each worker; workers without share the capacity max-min fairly.
    pub(super) curves: &'a [Option<&'a SlowdownCurve>],
}

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
pub(super) fn length_ns(routes: &[&Route], contention: Contention<'_>) -> f64 {
    let Contention { capacity, curves } = contention;
    let mut now_ns = 0.0f64;
    let mut end_ns = 0.0f64;
    let mut states: Vec<State> = routes.iter().map(|route| State::Copies { until_ns: route.legs[0].before_ns, leg: 0 }).collect();
    let mut busy = vec![false; curves.len()];
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
            State::Runs { leg, .. } => Some(&routes[model].legs[leg]),
            _ => None,
        };
        let running: Vec<&Leg> = states.iter().enumerate().filter_map(running).collect();
        // More than the channel carries came from caches: alone, everything takes its own time.
        let asks = |leg: &Leg| leg.demand.min(capacity);
        let sharing = running.iter().filter(|leg| curves[leg.worker].is_none());
        let level = fair_level(sharing.map(|leg| asks(leg)).collect(), capacity);
        let asked: f64 = running.iter().map(|leg| asks(leg)).sum();
        let pace = |leg: &Leg| match curves[leg.worker] {
            Some(curve) => curve.kept((asked - asks(leg)).max(0.0) / capacity),
            None if asks(leg) > level => level / asks(leg),
            None => 1.0,
        };
        let next_ns: Vec<Option<f64>> = states
            .iter()
            .zip(routes)
            .map(|(state, route)| match *state {
                State::Copies { until_ns, .. } => Some(until_ns),
                State::Runs { leg, left } => Some(now_ns + left * route.legs[leg].duration_ns / pace(&route.legs[leg])),
                State::Waits { .. } | State::Ended => None,
            })
            .collect();
        let Some(at_ns) = next_ns.iter().copied().flatten().min_by(f64::total_cmp) else { return end_ns };
        for (model, state) in states.iter_mut().enumerate() {
            let State::Runs { leg, left } = *state else { continue };
            let of_leg = &routes[model].legs[leg];
            if next_ns[model].is_some_and(|until_ns| until_ns > at_ns) {
                *state = State::Runs { leg, left: left - (at_ns - now_ns) * pace(of_leg) / of_leg.duration_ns };
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
        check_with(routes, [None, None], expected_ns);
    }

    fn check_with(routes: &[Route], curves: [Option<&SlowdownCurve>; 2], expected_ns: f64) {
        let found_ns = length_ns(&routes.iter().collect::<Vec<_>>(), Contention { capacity: 10.0, curves: &curves });
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
        // Half the speed while others ask for half or more: 4 of 10 do not, 6 do. Worker 0 has run 50 at half speed when the other
        // ends at 100, which nobody slows.
        let curve = SlowdownCurve::new(vec![(0.0, 1.0), (0.5, 1.0), (0.5, 0.5)]).expect("a curve");
        let pair = |demand| [route(&[(0, 0.0, 100.0, 4.0)], 0.0), route(&[(1, 0.0, 100.0, demand)], 0.0)];
        check_with(&pair(4.0), [Some(&curve), None], 100.0);
        check_with(&pair(6.0), [Some(&curve), None], 150.0);
    }
}
