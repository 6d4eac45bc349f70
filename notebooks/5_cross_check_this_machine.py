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
# # Cross-check with this machine
#
# The same plans on real processors: this machine's cores are measured, a profile is fitted, and models are run for real beside their simulation. Needs no
# GPU. The package brings the `socrates` command; with `pip install onnxruntime` it uses those kernels, else its own.

# %%
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import socrates

folder = Path(tempfile.mkdtemp())


def command(*arguments):
    ran = subprocess.run([sys.executable, "-m", "socrates", *arguments], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# %% tags=["varies"]
core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
command("calibrate", "run", "--quick", "--quiet", "--budget", "15", "--processor", f"cpu=cpu[cores={core}]", "--output", "host.toml")
host = socrates.Device.load(str(folder / "host.toml"))
host

# %% [markdown]
# Four models on that core, measured and simulated. The command also compares their outputs with those of the whole model, and fails if they differ:

# %% tags=["varies"]
scenario = {
    "schema_version": 1,
    "name": "cross-check",
    "device": "./host.toml",
    "strategies": ["cpu"],
    "stream": [{"model": model, "requests": 10} for model in ["squeezenet1_1", "mobilenet_v2", "resnet18", "bert_tiny_4x312"]],
}
socrates.Scenario.from_dict(scenario, folder=str(folder)).save(folder)
command("execute", "scenario.toml", "--output", "run", "--quiet")
socrates.run(str(folder / "scenario.toml")).write(str(folder / "simulated"))
rows = [
    {"model": case["case"], "origin": case["origin"], "p50_ms": case["report"]["models"][0]["latency"]["p50_ns"] * 1e-6}
    for results in ["run", "simulated"]
    for case in json.loads((folder / results / "run.json").read_text())["cases"]
]
table = pd.DataFrame(rows).pivot(index="model", columns="origin", values="p50_ms")
table

# %% tags=["varies"]
axis = table.plot.bar(figsize=(7, 3), color=["#0072B2", "#E69F00"], width=0.7, rot=0)
axis.set_ylabel("median latency (ms)")
axis.set_xlabel("")
axis.figure.set_layout_engine("constrained")
plt.show()

# %% [markdown]
# Predictions differ from measurements by what a quick calibration of a shared machine allows: `socrates validate host` calibrates and runs in turns, from
# operators to the ranking of strategies, and tells how far the machine itself drifts (`docs/validate-host.md`).

# %%
# How near they are is not judged here: other work on the machine slows real runs down, and a calibration takes the quiet moments.
assert set(table.columns) == {"measured", "simulated"} and (table > 0).all().all()
