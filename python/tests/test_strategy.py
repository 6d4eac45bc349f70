"""Strategies written in Python, held against those in Rust."""

import pytest

import socrates


class Largest(socrates.Strategy):
    """`cpu`: everything on the CPU worker of least expected latency."""

    def plan(self, job, device):
        tasks = list(range(job.task_count))
        workers = [worker for worker in device.workers if worker.kind == "cpu" and job.segment_ns(tasks, worker) is not None]
        plan = socrates.Plan()
        plan.segment(min(workers, key=lambda worker: job.segment_ns(tasks, worker)), tasks)
        return plan


class Copied(socrates.Strategy):
    """The plan of another."""

    def __init__(self, of):
        self.of, self.name = of, f"copied-{of}"

    def plan(self, job, device):
        return job.plan_by(self.of)


class Online(socrates.Strategy):
    """Each task by itself, on the idle worker where it ends soonest."""

    def __init__(self):
        self.kernels = 0

    def plan(self, job, device):
        assert self.kernels == 0, "a fresh copy for each run"
        plan = socrates.Plan()
        for task in range(job.task_count):
            plan.segment(None, [task])
        return plan

    def dispatch(self, system, decisions):
        for ready in system.ready:
            known = [
                (duration + backlog + transfer, worker)
                for worker, (duration, backlog, transfer) in enumerate(
                    zip(ready.durations_ns, system.backlogs_ns, ready.transfers_ns)
                )
                if duration is not None
            ]
            decisions.place(ready, min(known)[1])

    def observe(self, event):
        self.kernels += event.kind == "kernel"


def latencies(result):
    return [(case.case, case.report["end_ns"], case.report["models"][0]["latency"]) for case in result.cases]


def test_one_in_python_is_as_good_as_one_in_rust(small):
    result = socrates.run(small, strategies=["cpu", Largest()])
    rust, python = ([one for one in result.cases if one.strategy == name] for name in ("cpu", "Largest"))
    assert [one.report["models"] for one in rust] == [one.report["models"] for one in python]


@pytest.mark.parametrize("of", ["cpu", "gpu[fallback=operator]", "heft", "split", "codl"])
def test_plans_go_over_the_border_unchanged(small, of):
    rust, python = (socrates.run(small, strategies=[strategy]) for strategy in (of, Copied(of)))
    assert latencies(rust) == latencies(python)


def test_decisions_at_run_time(small):
    together = small.replace(streams_run="together")
    first, second = (socrates.run(together, strategies=[Online()], threads=threads) for threads in (1, 2))
    assert first.operators().to_parquet() == second.operators().to_parquet()
    totals = first.cases[0].report["totals"]
    assert totals["decisions"] > 0 and totals["kernels"] == len(first.operators())
    assert first.cases[0].stop == "drained"


def test_a_new_plan_at_run_time(small):
    class Flip(socrates.Strategy):
        """The CPU for the first request, then the GPU."""

        wants_arrivals = True

        def plan(self, job, device):
            self.job = job
            return job.plan_by("cpu")

        def dispatch(self, system, decisions):
            if any(it.request > 0 for it in system.arriving):
                decisions.replan(0, self.job.plan_by("gpu"))

    scenario = small.replace(stream=[{"model": "mobilenet_v2", "requests": 3}])
    operators = socrates.run(scenario, strategies=[Flip()]).operators().to_pandas()
    kinds = operators.groupby("request")["worker"].agg(lambda workers: sorted(set(workers))).tolist()
    assert kinds == [["cpu.3medium"], ["gpu"], ["gpu"]]


def test_requests_can_be_dropped(small):
    class Drop(Online):
        def dispatch(self, system, decisions):
            super().dispatch(system, decisions)
            for ready in system.ready:
                if ready.request == 1:
                    decisions.drop(ready.in_flight)

    scenario = small.replace(stream=[{"model": "mobilenet_v2", "requests": 3}])
    requests = socrates.run(scenario, strategies=[Drop()]).cases[0].report["requests"]
    assert (requests["completed"], requests["dropped"]) == (2, 1)


@pytest.mark.parametrize(
    ("method", "error", "message"),
    [
        (lambda job: 1 / 0, ZeroDivisionError, "division"),
        (lambda job: None, socrates.InputError, "must return a `Plan`"),
        (lambda job: _one_segment("npu", [0]), socrates.InputError, "has no worker `npu`"),
        (lambda job: _one_segment("gpu", [10_000]), socrates.InputError, "has task 10000"),
        (lambda job: _one_segment("gpu", [0]), socrates.SimulationError, "task 1 is not computed once"),
    ],
)
def test_mistakes_in_plans_are_told(small, method, error, message):
    class Wrong(socrates.Strategy):
        def plan(self, job, device):
            return method(job)

    with pytest.raises(error, match=message):
        socrates.run(small, strategies=[Wrong()])


def _one_segment(worker, tasks):
    plan = socrates.Plan()
    plan.segment(worker, tasks)
    return plan


@pytest.mark.parametrize("method", ["dispatch", "observe"])
def test_exceptions_at_run_time_come_out(small, method):
    def fail(self, *_):
        raise RuntimeError(f"in {method}")

    wrong = type("Wrong", (Online,), {method: fail})
    with pytest.raises(RuntimeError, match=f"in {method}") as caught:
        socrates.run(small, strategies=[wrong()])
    assert any("test_strategy" in str(entry.path) for entry in caught.traceback[1:])


def test_names_that_are_taken(small):
    named = Largest()
    named.name = "heft"
    with pytest.raises(socrates.InputError, match="needs another name"):
        socrates.run(small, strategies=[named])
    with pytest.raises(socrates.InputError, match="needs another name"):
        socrates.run(small, strategies=[Largest(), Largest()])
