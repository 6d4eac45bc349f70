# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Write a strategy
#
# A strategy is a class with one required method: `plan` says what runs where. `dispatch` and `observe`, if there, are called at run time. The interface
# is that of the strategies in Rust (`sim/src/strategy`); Python is slower, and quick enough for experiments.

# %%
import matplotlib.pyplot as plt

import socrates

# %% [markdown]
# ## Offline: a plan
#
# A *job* is a model as tasks (fused kernels) with an expected duration on each worker. A *plan* is a list of segments: what one worker runs back to
# back. This one cuts the model once, where the sum of both halves and the copy between them is least.


# %%
class OneCut(socrates.Strategy):
    """The first tasks on one worker, the rest on another: the best of all cuts and pairs."""

    def plan(self, job, device):
        workers = [worker for worker in device.workers if worker.kind != "cpu" or worker.name == "cpu.3medium"]
        tasks = list(range(job.task_count))

        def cost(cut, first, second):
            total = 0
            for part, worker in ((tasks[:cut], first), (tasks[cut:], second)):
                if part:
                    duration = job.segment_ns(part, worker)
                    if duration is None:
                        return float("inf")
                    total += duration + worker.invocation_ns
            crossing = {
                data
                for task in tasks[cut:]
                for data in job.inputs(task)
                if job.producer(data) is not None and job.producer(data) < cut
            }
            return total + sum(device.copy_ns(first, second, job.size_bytes(data)) for data in crossing)

        options = [(cost(cut, a, b), cut, a, b) for cut in range(0, len(tasks) + 1, 4) for a in workers for b in workers]
        _, cut, first, second = min(options, key=lambda option: option[0])
        plan = socrates.Plan()
        for part, worker in ((tasks[:cut], first), (tasks[cut:], second)):
            if part:
                plan.segment(worker, part)
        return plan


# %% [markdown]
# ## Online: decisions
#
# Segments without a worker are placed when they are ready. This one takes the plan's units from the GPU delegate of the library and gives each to the
# worker that would end with it first, with what waits there already.


# %%
class Greedy(socrates.Strategy):
    """Units by what the GPU supports, each to where it ends first."""

    def plan(self, job, device):
        self.workers = [worker.index for worker in device.workers if worker.name in ("gpu", "cpu.3medium", "cpu.4small")]
        plan = socrates.Plan()
        for _, pieces in job.plan_by("gpu[fallback=operator]").segment_rows():
            plan.segment(None, [task for task, *_ in pieces])
        return plan

    def dispatch(self, system, decisions):
        backlog = list(system.backlogs_ns)
        for ready in sorted(system.ready, key=lambda it: (it.deadline_ns or 0, it.request)):
            known = [worker for worker in self.workers if ready.durations_ns[worker] is not None]
            best = min(known, key=lambda worker: backlog[worker] + ready.transfers_ns[worker] + ready.durations_ns[worker])
            backlog[best] += ready.durations_ns[best]
            decisions.place(ready, best)


# %% [markdown]
# ## Against the others
#
# Alone, and with several models at once.

# %%
strategies = ["cpu", "gpu[fallback=operator]", "heft", "band", "socrates", OneCut(), Greedy()]
models = ["mobilenet_v2", "yolov2", "bert_tiny_4x312"]
alone = {"name": "alone", "device": "pixel4", "stream": [{"model": model, "requests": 5} for model in models]}
summary = socrates.run(alone, strategies=strategies).summary().to_pandas()
summary.pivot(index="model", columns="strategy", values="p50_ms").round(2)

# %%
together = {
    "name": "together",
    "device": "pixel4",
    "streams_run": "together",
    "stream": [
        {"model": "mobilenet_v2", "arrivals": {"periodic": {"period": "33ms"}}, "deadline": "33ms", "requests": 60},
        {"model": "bert_tiny_4x312", "arrivals": {"periodic": {"period": "100ms"}}, "deadline": "100ms", "requests": 20},
        {"model": "yolov2", "arrivals": {"periodic": {"period": "200ms"}}, "deadline": "200ms", "requests": 10},
    ],
}
summary = socrates.run(together, strategies=strategies).summary().to_pandas()
missed = summary.assign(missed=summary["missed"] / summary["arrived"]).pivot(index="model", columns="strategy", values="missed")
missed.round(2)

# %%
axis = missed.T.plot.barh(figsize=(7, 3.5), color=["#0072B2", "#E69F00", "#009E73"], width=0.8)
axis.set_xlabel("share of deadlines missed")
axis.set_ylabel("")
axis.figure.set_layout_engine("constrained")
plt.show()

# %% [markdown]
# Strategies in Python are copied for each run, exceptions come out of `run`, and results are the same on any number of threads. When one is worth
# keeping: its file in `sim/src/strategy` and a line in the registry.
