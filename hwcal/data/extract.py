#!/usr/bin/env python3
"""Cuts the tables of the phones out of those collected from qed-usc/mobile-ml-benchmark.

    python3 hwcal/data/extract.py FOLDER

FOLDER holds `usc_gpu_ops.csv` and `usc_e2e_real.csv`; see README.md for what is kept. Standard library only.
"""

import csv
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
DEVICES = ["pixel4", "s10", "mi8se", "a03s", "iphonexs"]


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write(name, columns, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main(folder):
    kept = ["model", "op_idx", "op", "in_hw", "in_ch", "out_hw", "out_ch", "kernel", "stride", "groups"]
    kept += [f"{device}_us" for device in DEVICES]
    operators = [row for row in read(folder / "usc_gpu_ops.csv") if row["framework"] == "tflite"]
    write("usc_operators.csv", kept, ([row[column] for column in kept] for row in operators))
    totals = [
        row
        for row in read(folder / "usc_e2e_real.csv")
        if row["framework"] == "tflite" and row["dtype"] == "float" and row["device_key"] in DEVICES
    ]
    columns = ["model", "cores", "mean_ms", "std_ms"]
    cnns = [row for row in totals if row["model_set"] == "real_cnn"]
    write("usc_models.csv", ["device", *columns], ([row["device_key"], *(row[column] for column in columns)] for row in cnns))
    transformers = [row for row in totals if row["model_set"] == "real_vit" and row["device_key"] == "pixel4"]
    write("pixel4_transformers.csv", columns, ([row[column] for column in columns] for row in transformers))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
