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
# # What if the NPU supported one more operator?
#
# An NPU is only as good as what it supports: whatever it refuses falls back to the CPU, with copies both ways. The device here is made up
# (`examples/what-if-npu/phone.toml`): four CPU cores, and an NPU ten times as fast that lacks attention, resizing and most element-wise operators.

# %%
import copy

import matplotlib.pyplot as plt
import pandas as pd

import socrates

device = socrates.Device.load("../examples/what-if-npu/phone.toml")
models = ["mobilenet_v3_large", "yolov8n_like", "vit_b_16"]


def latencies(device, strategies=("npu[fallback=operator]",)):
    scenario = {"name": "what-if", "device": device, "stream": [{"model": model, "requests": 2} for model in models]}
    summary = socrates.run(scenario, strategies=strategies, records=False).summary().to_pandas()
    return summary.set_index(["model", "strategy"])


before = latencies(device, ["cpu", "npu", "npu[fallback=operator]", "heft", "socrates"])
before["p50_ms"].unstack().round(1)

# %% [markdown]
# Kernels that fall back, by operator. A model is asked from Python by a strategy that only looks.


# %%
class Look(socrates.Strategy):
    refused = {}

    def plan(self, job, device):
        for task in range(job.task_count):
            if not job.supports(task, "npu"):
                self.refused.setdefault(job.name, []).append(task)
        return job.plan_by("cpu")


latencies(device, [Look()])
types = {name: {it.name: it.op_type for it in socrates.Model.load(name).operators} for name in models}


class Count(Look):
    counts = []

    def plan(self, job, device):
        for task in self.refused.get(job.name, []):
            self.counts.append((job.name, types[job.name].get(job.task_name(task), "?")))
        return job.plan_by("cpu")


latencies(device, [Count()])
missing = pd.DataFrame(Count.counts, columns=["model", "operator"]).value_counts().unstack("model", fill_value=0)
missing.sort_values(models, ascending=False)

# %% [markdown]
# Each of them added to the NPU's list by itself, at the price that the profile assumes for kernels that it does not name:

# %%
rows = []
profile = device.to_dict()
for operator in missing.index:
    changed = copy.deepcopy(profile)
    changed["support"]["npu"]["rule"].append({"op": operator, "supported": True, "reason": ""})
    after = latencies(socrates.Device.from_dict(changed))
    for model in models:
        of = (model, "npu[fallback=operator]")
        rows.append({"operator": operator, "model": model, "gain": 1 - after.loc[of, "p50_ms"] / before.loc[of, "p50_ms"]})
gains = pd.DataFrame(rows).pivot(index="operator", columns="model", values="gain")
gains = gains[gains.abs().max(axis=1) > 0.005].sort_values("mobilenet_v3_large")
axis = (gains * 100).plot.barh(figsize=(7, 3.5), color=["#0072B2", "#E69F00", "#009E73"], width=0.8)
axis.set_xlabel("latency saved by supporting this operator (%)")
axis.figure.set_layout_engine("constrained")
plt.show()
(gains * 100).round(1)

# %% [markdown]
# One more operator can cost: where its neighbours are still refused, it only makes more pieces, each with its copies. All of them together, and the best strategy on the NPU as it is:

# %%
changed = copy.deepcopy(profile)
changed["support"]["npu"]["rule"] += [{"op": operator, "supported": True, "reason": ""} for operator in missing.index]
after = latencies(socrates.Device.from_dict(changed))
pd.DataFrame(
    {
        "as it is": before["p50_ms"].xs("npu[fallback=operator]", level="strategy"),
        "everything supported": after["p50_ms"].xs("npu[fallback=operator]", level="strategy"),
        "as it is, planned by `socrates`": before["p50_ms"].xs("socrates", level="strategy"),
    }
).round(1)
