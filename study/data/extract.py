"""Cuts `aihub_layers.csv` from a table of AI Hub's `perf.yaml` files: `python extract.py aihub_perf.csv`.

The table has a row a model, component, precision, device and runtime. Kept: five devices and three runtimes; components of a model are summed.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

DEVICES = {
    "Samsung Galaxy S25": "galaxy-s25",
    "Samsung Galaxy S24": "galaxy-s24",
    "QCS8550 (Proxy)": "sd8gen2",
    "QCS8450 (Proxy)": "sd8gen1",
    "Dragonwing RB3 Gen 2 Vision Kit": "qcs6490",
}
RUNTIMES = ["tflite", "qnn_dlc", "onnx"]
LAYERS = ["layers_total", "layers_npu", "layers_gpu", "layers_cpu"]

rows = defaultdict(lambda: [0, 0, 0, 0])
with open(sys.argv[1], newline="") as table:
    for row in csv.DictReader(table):
        if row["device"] in DEVICES and row["runtime"] in RUNTIMES:
            key = (DEVICES[row["device"]], row["runtime"], row["precision"], row["model"])
            rows[key] = [sum(pair) for pair in zip(rows[key], (int(row[name]) for name in LAYERS))]

with open(Path(__file__).parent / "aihub_layers.csv", "w", newline="") as table:
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["device", "runtime", "precision", "model", "layers", "npu", "gpu", "cpu"])
    writer.writerows([*key, *layers] for key, layers in sorted(rows.items()))
