#!/usr/bin/env python3
"""What a call into a strategy written in Python costs: the same placement planned, decided as tasks become ready, and told of every event.

    python python/tests/call_cost.py                 # about half a minute
"""

import statistics
import sys
import time

import socrates

REQUESTS = 200
ROUNDS = 7


class Planned(socrates.Strategy):
    """A plan, and no decision at run time."""

    worker = "gpu"

    def plan(self, job, device):
        plan = socrates.Plan()
        for task in range(job.task_count):
            plan.segment(self.worker, [task])
        return plan


class Placed(socrates.Strategy):
    """The same placement, decided when a task is ready."""

    def plan(self, job, device):
        self.gpu = device.worker("gpu").index
        plan = socrates.Plan()
        for task in range(job.task_count):
            plan.segment(None, [task])
        return plan

    calls = 0

    def dispatch(self, system, decisions):
        Placed.calls += 1
        for ready in system.ready:
            decisions.place(ready, self.gpu)


class Observing(Placed):
    """And told of every event."""

    events = 0

    def observe(self, event):
        Observing.events += 1


def seconds(scenario, strategy):
    begun = time.perf_counter()
    socrates.run(scenario, strategies=[strategy], threads=1, records=False)
    return time.perf_counter() - begun


def main():
    """Measures, prints."""
    scenario = {"device": "pixel4", "strategies": ["gpu"], "stream": [{"model": "resnet50", "requests": REQUESTS}]}
    strategies = {"planned": Planned, "placed": Placed, "observing": Observing}
    took = {name: [] for name in strategies}
    for _ in range(ROUNDS):
        for name, make in strategies.items():
            took[name].append(seconds(scenario, make()))
    median = {name: statistics.median(times) for name, times in took.items()}
    for name, times in took.items():
        print(f"{name:10} {1e3 * median[name]:8.1f} ms ({1e3 * min(times):.1f} to {1e3 * max(times):.1f})")
    # Both of the later ones place.
    placed, observed = Placed.calls / (2 * ROUNDS), Observing.events / ROUNDS
    print(f"dispatch: {1e6 * (median['placed'] - median['planned']) / placed:.1f} us a call ({placed:.0f} calls)")
    print(f"observe:  {1e6 * (median['observing'] - median['placed']) / observed:.1f} us a call ({observed:.0f} calls)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
