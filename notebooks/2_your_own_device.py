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
# # Your own device from measurements
#
# Measured: 4,682 operators on the GPU of a Pixel 4, one by one, and whole models (Mobile ML Benchmark, University of Southern California, MIT licence;
# `hwcal/data`). We fit the simplest cost model that means something, make a device of it, and hold it against whole models that it has not
# seen. Replace the table by your own.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import nnls

import socrates

operators = pd.read_csv("../hwcal/data/usc_operators.csv").dropna(subset="pixel4_us")
sizes = ["in_hw", "in_ch", "out_hw", "out_ch", "kernel", "stride", "groups"]
operators[sizes] = operators[sizes].fillna(1)  # empty sizes are 1
operators["ns"] = operators["pixel4_us"] * 1e3
names = sorted(operators["model"].unique())
held_out = set(names[::4])
train = operators[~operators["model"].isin(held_out)]
print(f"{len(operators)} operators of {len(names)} models; {len(held_out)} models are held out")

# %% [markdown]
# ## Cost models
#
# A profile prices kernels by class: nanoseconds per launch, per multiply-accumulate, per element touched, per weight. None is negative, so that more work
# never takes less time. Weights make the fit one of relative errors.


# %%
def features(table):
    inputs = table["in_hw"] ** 2 * table["in_ch"]
    outputs = table["out_hw"] ** 2 * table["out_ch"]
    per_output = np.where(table["op"] == "DEPTHWISE_CONV_2D", 1, table["in_ch"] / table["groups"]) * table["kernel"] ** 2
    is_product = table["op"].isin(["CONV_2D", "CONV_2D_GROUP", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
    return pd.DataFrame(
        {
            "launch": 1.0,
            "macs": np.where(is_product, outputs * per_output, 0),
            "touched_elements": inputs + outputs,
            "weights": np.where(is_product, table["out_ch"] * per_output, 0),
        },
        index=table.index,
    )


classes = {"CONV_2D": "convolution", "DEPTHWISE_CONV_2D": "depthwise_convolution", "FULLY_CONNECTED": "fully_connected"}
costs = {}
for measured, name in [*classes.items(), (None, "otherwise")]:
    of = train[train["op"] == measured] if measured else train[~train["op"].isin(classes)]
    relative = features(of).div(of["ns"], axis=0)
    scale = relative.max()
    scale[scale == 0] = 1
    coefficients, _ = nnls((relative / scale).to_numpy(), np.ones(len(of)))
    costs[name] = dict(zip(relative.columns, coefficients / scale))
pd.DataFrame(costs).T.map("{:.3g}".format)

# %% [markdown]
# What a whole model takes beyond its operators is what entering the GPU costs. The host and its link are assumed: requests arrive in the CPU's memory.

# %%
whole = pd.read_csv("../hwcal/data/usc_models.csv").query("device == 'pixel4' and cores == 'gpu'").set_index("model")["mean_ms"]
sums = train.groupby("model")["ns"].sum() * 1e-6
rest_ms = (whole - sums).dropna()
print(f"whole models take {rest_ms.median():.2f} ms more than their operators, in the median of {len(rest_ms)}")

profile = {
    "schema_version": 1,
    "name": "my-gpu",
    "description": "The GPU of a Pixel 4 by a linear fit to single operators.",
    "host": "host",
    "provenance": {"tool": "notebook 2", "fitted_on": "operators of three quarters of the models"},
    "processor": [{"name": "gpu", "kind": "gpu"}],
    "memory": [{"name": "host"}, {"name": "gpu"}],
    "link": [
        {"name": "to", "from": "host", "to": "gpu", "bandwidth": "10GB/s"},
        {"name": "from", "from": "gpu", "to": "host", "bandwidth": "10GB/s"},
    ],
    "worker": [{"name": "gpu", "cores": {"gpu": 1}, "memory": "gpu", "invocation": f"{rest_ms.median():.3f}ms"}],
    "cost": {
        "gpu": {
            "element_bytes": 2,
            "otherwise": {name: float(value) for name, value in costs["otherwise"].items()},
            "class": [
                {"name": name, "provenance": "fitted", "coefficients": {key: float(value) for key, value in costs[name].items()}}
                for name in classes.values()
            ],
        }
    },
}
device = socrates.Device.from_dict(profile)
device

# %% [markdown]
# Mistakes in a profile are told with their place, all at once:

# %%
try:
    socrates.Device.from_dict({**profile, "host": "nowhere", "dram": 3})
except socrates.InputError as error:
    print(error)

# %% [markdown]
# ## Whole models that the fit has not seen

# %%
rows = []
for name in sorted(held_out & set(whole.index)):
    for profile_name, on in [("mine", device), ("library", "pixel4")]:
        (predicted,) = socrates.predict(name, on, processor="gpu", operators="../hwcal/data/usc_operators.csv").predictions
        rows.append({"model": name, "profile": profile_name, "measured": whole[name], "predicted": predicted.latency_ms})
table = pd.DataFrame(rows)
table["error"] = (table["predicted"] / table["measured"] - 1).abs() * 100
print(table.groupby("profile")["error"].agg(["mean", "median", "max"]).round(1))

fig, axis = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
mine = table[table["profile"] == "mine"]
axis.loglog(mine["measured"], mine["predicted"], "o", color="#0072B2", markersize=4)
axis.axline((1, 1), (100, 100), color="0.6", linewidth=1)
axis.set_xlabel("measured (ms)")
axis.set_ylabel("predicted (ms)")
plt.show()

# %% [markdown]
# The library's profile was fitted to all of these models, so that its row is a fit and not a prediction; `socrates calibrate fit --device pixel4` prints its
# errors on held-out models. What it has beyond ours: occupancy, trees, measured shapes, intervals, support rules (`docs/calibration.md`).

# %%
result = socrates.run({"name": "mine", "device": device, "strategies": ["heft"], "stream": [{"model": "resnet50", "requests": 3}]})
result.summary().to_pandas()[["model", "strategy", "p50_ms", "copies"]].round(2)
