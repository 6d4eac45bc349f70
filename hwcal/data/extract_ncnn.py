#!/usr/bin/env python3
"""Cuts ncnn's published benchmark down to the runs of phones and boards, and its models to the layers that cost something.

    python3 hwcal/data/extract_ncnn.py FOLDER

FOLDER holds `ncnn_bench.csv` and `model_layers.csv`; see README.md for what is kept. Standard library only.
"""

import collections
import csv
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
CLASSES = {"phone", "sbc", "jetson", "embedded"}
MODELS_AT_LEAST = 12
LITTLE_CORES = "1"
# Functions of each element, as against arithmetic: `HardSwish` and `HardSigmoid` are arithmetic.
FUNCTIONS = {"Swish", "Sigmoid", "GELU"}
KINDS = {
    "conv_std": "convolution",
    "conv_1x1": "convolution",
    "conv_dw": "depthwise_convolution",
    "conv_group": "grouped_convolution",
    "elementwise_norm": "elementwise",
    "data_move": "data_movement",
}


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write(name, columns, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def shape(text):
    """Channels, height and width of the first tensor; missing leading ones are 1."""
    sizes = text.split("|")[0].split("x") if text else []
    return (["1", "1", "1"] + sizes)[-3:]


def kind(row):
    if row["op"] == "InnerProduct":
        return "fully_connected"
    if row["op_class"] == "fc_gemm_attn":
        return "matrix_multiply"
    if row["op_class"] == "pool_reduce":
        return "pool"
    if row["op"] == "Concat":
        return "concatenate"
    if row["op"] in FUNCTIONS:
        return "activation"
    if row["op"] == "LRN":
        return "normalization"
    if row["op"] == "DeconvolutionDepthWise":
        return "depthwise_convolution"
    return KINDS.get(row["op_class"])


def main(folder):
    rows = []
    for row in read(folder / "model_layers.csv"):
        if kind(row) is None or row["model"].endswith("_int8"):
            continue
        size = [row[name] or "1" for name in ["kernel_w", "kernel_h", "stride_w", "groups"]]
        counts = [row[name].split(".")[0] or "0" for name in ["macs", "params", "in_elems", "out_elems"]]
        rows.append([row["model"], row["layer_idx"], kind(row), *shape(row["in_shapes_chw"]), *shape(row["out_shapes_chw"]), *size, *counts])
    sizes = ["in_ch", "in_h", "in_w", "out_ch", "out_h", "out_w", "kernel_w", "kernel_h", "stride", "groups"]
    write("ncnn_layers.csv", ["model", "layer", "kind", *sizes, "macs", "parameters", "in_elements", "out_elements"], rows)

    runs = collections.defaultdict(dict)
    for row in read(folder / "ncnn_bench.csv"):
        flags = row["quality_flags"]
        is_wrong = "implausible_gpu" in flags or "executes_on_cpu" in flags or row["powersave"] == LITTLE_CORES
        if row["device_class"] not in CLASSES or row["model_dtype"] != "fp" or is_wrong:
            continue
        threads = row["threads"] if row["processor"] == "cpu" else ""
        runs[row["device_id"], row["processor"], threads, row["run_id"]].setdefault(row["model"], row["min_ms"])
    best = {}
    for (device, processor, threads, run), models in runs.items():
        key = (device, processor, threads)
        if len(models) >= MODELS_AT_LEAST and (key not in best or (len(models), run) > best[key][0]):
            best[key] = ((len(models), run), models)
    rows = [[*key, model, ms] for key, (_, models) in sorted(best.items()) for model, ms in sorted(models.items())]
    write("ncnn_models.csv", ["device", "processor", "threads", "model", "min_ms"], rows)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
