"""Cuts `aihub_fallback.csv` and `aihub_cpu.csv` out of a table of AI Hub's `perf.yaml` files.

    python extract_aihub.py TABLE.csv

TABLE.csv: model, component, precision, device, runtime, inference_ms, primary_compute_unit, layers_npu, layers_gpu, layers_cpu.
No number is changed.
"""

import csv
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
DEVICES = {
    "QCS8450 (Proxy)": "sd8gen1",
    "QCS8550 (Proxy)": "sd8gen2",
    "Samsung Galaxy S24": "galaxy-s24",
    "Samsung Galaxy S25": "galaxy-s25",
    "Snapdragon 8 Elite Gen 5 QRD": "sd8elite5",
    "Snapdragon X Elite CRD": "x-elite",
    "Snapdragon 7 Gen 4 QRD": "sd7gen4",
    "Dragonwing RB3 Gen 2 Vision Kit": "qcs6490",
    "Dragonwing Q-6690 MTP": "q6690",
    "Dragonwing IQ-9075 EVK": "iq9075",
    "SA8295P ADP": "sa8295p",
    "SA8775P ADP": "sa8775p",
    "SA7255P ADP": "sa7255p",
    "QCS8275 (Proxy)": "qcs8275",
}
REFERENCE = "sd8gen2"
RUNTIMES = ["qnn_dlc", "tflite", "onnx"]
PRECISIONS = ["w8a8", "w8a16", "float"]


def write(name, header, rows):
    with (HERE / name).open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(sorted(rows))


def whole(rows, of):
    """The same network on the same NPU with nothing beside it: same precision first, compiled graphs first."""
    alike = [
        row
        for row in rows
        if (row["model"], row["component"], row["device"]) == (of["model"], of["component"], of["device"])
        and row["runtime"] in RUNTIMES
        and row["precision"] in [*PRECISIONS, of["precision"]]
        and int(row["layers_npu"]) > 0
        and int(row["layers_cpu"]) + int(row["layers_gpu"]) == 0
    ]
    order = [of["precision"], *PRECISIONS]
    alike.sort(key=lambda row: (order.index(row["precision"]), RUNTIMES.index(row["runtime"])))
    return alike[0] if alike else None


def main(table):
    with open(table, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["layers_npu"]]
    mixed = []
    for row in rows:
        if int(row["layers_npu"]) == 0 or int(row["layers_cpu"]) == 0:
            continue
        found = whole(rows, row)
        mixed.append(
            [
                row["model"],
                row["runtime"],
                row["precision"],
                DEVICES[row["device"]],
                row["inference_ms"],
                row["layers_npu"],
                row["layers_gpu"],
                row["layers_cpu"],
                found["inference_ms"] if found else "",
                f"{found['precision']} {found['runtime']}" if found else "",
            ]
        )
    header = "model,runtime,precision,device,inference_ms,layers_npu,layers_gpu,layers_cpu,whole_ms,whole_as".split(",")
    write("aihub_fallback.csv", header, mixed)
    with (HERE / "aihub_work.csv").open(newline="") as file:
        known = {row["model"] for row in csv.DictReader(file)}
    alone = [
        row
        for row in rows
        if row["primary_compute_unit"] == "cpu" and int(row["layers_npu"]) + int(row["layers_gpu"]) == 0
    ]
    # What also ran on the reference device tells how much longer others take, whatever its layers.
    linked = {(row["model"], row["runtime"], row["precision"]) for row in alone if DEVICES[row["device"]] == REFERENCE}
    cpu = []
    for row in alone:
        priced = row["runtime"] == "onnx" and row["model"] in known and row["precision"] in ("w8a8", "w8a16")
        links = row["runtime"] in ("onnx", "tflite") and (row["model"], row["runtime"], row["precision"]) in linked
        if priced or links:
            cpu.append([row["model"], row["runtime"], row["precision"], DEVICES[row["device"]], row["inference_ms"]])
    write("aihub_cpu.csv", ["model", "runtime", "precision", "device", "inference_ms"], cpu)


if __name__ == "__main__":
    main(sys.argv[1])
