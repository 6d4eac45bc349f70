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
# # The study, small
#
# Four findings of "Deep Learning Inference on Heterogeneous Mobile Processors: Potentials and Pitfalls" (2024), asked of our calibrated numbers.
# `socrates study` makes all figures and tables.

# %%
import matplotlib.pyplot as plt
import pandas as pd

import socrates

devices = ["pixel4", "s10", "redmi_k30_pro_sd865", "xiaomi11_pro_sd888"]
models = ["mobilenet_v2", "resnet50", "inception_v3", "yolov2", "bert_tiny_4x312"]
strategies = ["cpu", "gpu[fallback=partitions]", "gpu[fallback=operator]", "heft", "band", "codl", "socrates"]

frames = []
for device in devices:
    scenario = {"name": device, "device": device, "stream": [{"model": model, "requests": 3} for model in models]}
    frames.append(socrates.run(scenario, strategies=strategies, records=False).summary().to_pandas().assign(device=device))
runs = pd.concat(frames)
latency = runs.pivot_table(index=["device", "model"], columns="strategy", values="p50_ms")[strategies]

# %% [markdown]
# ## No fixed rule wins everywhere
#
# Slow-down against the best strategy of each cell. `socrates` chooses among the plans of the others and its own, by simulating them: here it is judged by what
# it chose by (on real processors, see `docs/strategies.md`).

# %%
slowdown = latency.div(latency.min(axis=1), axis=0)
fig, axis = plt.subplots(figsize=(7.5, 6), layout="constrained")
image = axis.imshow(slowdown, cmap="cividis_r", vmin=1, vmax=3, aspect="auto")
axis.set_xticks(range(len(strategies)), strategies, rotation=30, ha="right")
axis.set_yticks(range(len(slowdown)), [f"{model}, {device}" for device, model in slowdown.index], fontsize=8)
for (row, column), value in [((r, c), slowdown.iat[r, c]) for r in range(len(slowdown)) for c in range(len(strategies))]:
    axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color="white" if value > 2 else "black")
fig.colorbar(image, label="x best")
plt.show()
static = slowdown.drop(columns="socrates")
pd.DataFrame({"wins": (slowdown <= 1.01).sum(), "mean x best": slowdown.mean().round(3), "worst": slowdown.max().round(2)})

# %% [markdown]
# ## Unsupported operators fall back, and cost
#
# Tasks that the GPU delegate leaves to the CPU, and what falling back by partitions costs against the best strategy.

# %%
fallback = runs[runs["strategy"] == "gpu[fallback=partitions]"].set_index(["device", "model"])["fallback_tasks"].unstack()
cost = slowdown["gpu[fallback=partitions]"].unstack().round(2)
pd.concat({"tasks that fall back": fallback, "x best": cost}, axis=1).T

# %% [markdown]
# ## The answer moves at run time
#
# Half an hour without a pause: heat takes the clocks down, of some placements more than of others. How hot the phone gets is assumed.

# %%
sustained = socrates.Scenario.load("pixel4-sustained")
result = socrates.run(sustained)
rows = []
for case in result.cases:
    for model in (case.report.get("device") or {}).get("sustained", []):
        first, last = model["first_minute_ns"], model["last_minute_ns"]
        rows.append({"model": model["model"], "strategy": case.strategy, "first minute ms": first * 1e-6, "x slower at the end": last / first})
pd.DataFrame(rows).round(2)

# %% [markdown]
# ## Contention
#
# Two models at once, both fastest on the GPU: latency of each against the GPU to itself.

# %%
pair = {
    "name": "pair",
    "device": "pixel4",
    "streams_run": "together",
    "stream": [{"model": "mobilenet_v2", "requests": 50}, {"model": "resnet50", "requests": 20}],
}
both = socrates.run(pair, strategies=["gpu", "heft", "band", "socrates"], records=False).summary().to_pandas()
alone = latency.loc["pixel4"]
both["x alone"] = [row["p50_ms"] / alone["gpu[fallback=partitions]"].get(row["model"]) for _, row in both.iterrows()]
both.pivot(index="strategy", columns="model", values="x alone").round(2)
