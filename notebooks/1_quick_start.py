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
# # Quick start
#
# A model, a device, a workload: which processors should run what, what does it cost, and when does the answer flip?
# `pip install './python[pandas]'` from the repository's root gives the package. `socrates.devices()`, `.models()`, `.strategies()` and `.scenarios()` list what
# comes with it.

# %%
import matplotlib.pyplot as plt

import socrates

print(socrates.Device.load("pixel4"))
print(socrates.Model.load("yolov2"))
print(socrates.strategies()["heft"].summary)

# %% [markdown]
# ## A run
#
# A scenario names a device, strategies, and streams of requests. It is a TOML file, a name of the library, or a dictionary like this one.
# Every stream runs alone unless `streams_run` says `together`.

# %%
scenario = socrates.Scenario.from_dict(
    {
        "name": "quick-start",
        "device": "pixel4",
        "strategies": ["cpu", "gpu[fallback=partitions]", "gpu[fallback=operator]", "heft", "socrates"],
        "stream": [
            {"model": "mobilenet_v2", "requests": 5},
            {"model": "yolov2", "requests": 5},
            {"model": "bert_tiny_4x312", "requests": 5},
        ],
    }
)
result = socrates.run(scenario)
summary = result.summary().to_pandas()
summary.pivot(index="model", columns="strategy", values="p50_ms").round(2)

# %% [markdown]
# No strategy wins everywhere: the GPU is best for MobileNet; YOLOv2 has an operator that the GPU refuses, and how to fall back decides; a small BERT is
# better off on the CPU.
#
# ## Where the time goes
#
# Tables of requests, kernels, copies, frames of the user interface and states of the device are there as Arrow, pandas or polars.

# %%
operators = result.operators().to_pandas()
one = operators.query("model == 'yolov2' and request == 0")
fig, axes = plt.subplots(3, 1, figsize=(8, 4.5), sharex=True, layout="constrained")
for axis, strategy in zip(axes, ["gpu[fallback=partitions]", "gpu[fallback=operator]", "heft"]):
    kernels = one[one["strategy"] == strategy]
    workers = sorted(kernels["worker"].unique())
    axis.barh(
        [workers.index(worker) for worker in kernels["worker"]],
        (kernels["end_ns"] - kernels["start_ns"]) * 1e-6,
        left=kernels["start_ns"] * 1e-6,
        color=["#0072B2" if worker == "gpu" else "#E69F00" for worker in kernels["worker"]],
        edgecolor="white",
        linewidth=0.3,
    )
    axis.set_yticks(range(len(workers)), workers)
    axis.set_title(strategy, loc="left", fontsize=9)
axes[-1].set_xlabel("time (ms)")
plt.show()

# %% [markdown]
# ## How sure?
#
# Predictions carry intervals, from models that the fit had not seen, and say what they rest on.

# %%
socrates.predict("mobilenet_v2", "pixel4").table().to_pandas().round(2)

# %% [markdown]
# `result.write("runs/quick-start")` writes what `socrates run` writes: `run.json`, Parquet tables, a trace for <https://ui.perfetto.dev>, all with the
# hashes of their inputs. The same scenario and seed give the same bytes.
