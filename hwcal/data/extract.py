#!/usr/bin/env python3
"""Cuts the Pixel 4 columns out of the tables collected from qed-usc/mobile-ml-benchmark.

    python3 hwcal/data/extract.py FOLDER

FOLDER holds `usc_gpu_ops.csv` and `usc_e2e_real.csv`; see README.md for what is kept. Standard library only.
"""

import csv
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write(name, columns, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main(folder):
    shape = ["in_hw", "in_ch", "out_hw", "out_ch", "kernel", "stride", "groups"]
    operators = [row for row in read(folder / "usc_gpu_ops.csv") if row["framework"] == "tflite" and row["pixel4_us"]]
    write(
        "pixel4_gpu_operators.csv",
        ["model", "op_idx", "op", *shape, "gpu_us"],
        ([row["model"], row["op_idx"], row["op"], *(row[column] for column in shape), row["pixel4_us"]] for row in operators),
    )
    totals = [
        row
        for row in read(folder / "usc_e2e_real.csv")
        if row["framework"] == "tflite" and row["dtype"] == "float" and row["device_key"] == "pixel4"
    ]
    for name, model_set in [("pixel4_models.csv", "real_cnn"), ("pixel4_transformers.csv", "real_vit")]:
        write(
            name,
            ["model", "cores", "mean_ms", "std_ms"],
            ([row["model"], row["cores"], row["mean_ms"], row["std_ms"]] for row in totals if row["model_set"] == model_set),
        )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
