"""Makes the tables of this folder from the published measurements.

usage: extract.py FOLDER   where FOLDER holds rk3399pro_{blocks,transfers,dvfs_switch,mappings,block_macs_derived}.csv,
                           gathered from the repositories that README.md names
"""

import csv
import pathlib
import sys

SOURCE = pathlib.Path(sys.argv[1])
HERE = pathlib.Path(__file__).parent
CPU = [408, 600, 816, 1008, 1200, 1416, 1608, 1800]
GPU = [200, 300, 400, 600, 800]
ORDER = {"L": [(f, None) for f in CPU[:6]], "B": [(f, None) for f in CPU], "G": [(g, h) for g in GPU for h in CPU],
         "N": [(f, f) for f in CPU]}
METRICS = ["task", "in", "NPU_load", "NPU_run_get", "NPU_fill_tensor"]


def rows(name):
    with open(SOURCE / f"rk3399pro_{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def write(name, header, lines):
    with open(HERE / name, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(lines)


def short(text):
    return f"{float(text):.5g}" if text else ""


def blocks():
    """One row for each block, processor and metric; values at each setting of the clocks, the last clock fastest, joined by `|`."""
    values = {}
    for row in rows("blocks"):
        if row["metric"] not in METRICS or (row["metric"] == "in" and row["block"] != "0"):
            continue
        key = (row["src"], row["model"], int(row["block"]), row["processor"], row["metric"])
        clock = (float(row["proc_freq_mhz"]), float(row["host_freq_mhz"]) if row["host_freq_mhz"] else None)
        values.setdefault(key, {})[clock] = (row["time_ms"], row["board_power_mw"])
    lines = []
    for key in sorted(values, key=lambda key: (*key[:4], METRICS.index(key[4]))):
        at = [values[key][clock] for clock in ORDER[key[3]]]
        powers = "|".join(short(power) for _, power in at) if key[4] in ("task", "in") else ""
        powers = powers if powers.strip("|") else ""
        lines.append([*key, "|".join(short(time) for time, _ in at), powers])
    write("blocks.csv", ["campaign", "network", "block", "processor", "metric", "times_ms", "board_powers_mw"], lines)


def transfers():
    """At boundaries of networks, repeats dropped; `block` is the one that reads."""
    seen = {}
    for row in rows("transfers"):
        if row["kind"] == "network_boundary":
            block = int(row["block_boundary"]) + (1 if row["src"] == "coup" else 0)
            seen[(row["src"], row["model_or_kernels"], block, row["src_proc"], row["dst_proc"])] = short(row["time_ms"])
    write("transfers.csv", ["campaign", "network", "block", "from", "to", "time_ms"], [[*key, seen[key]] for key in sorted(seen)])
    lines = []
    for row in rows("transfers"):
        if row["kind"] == "synthetic_freq_sweep":
            clocks = (row["src_proc"], row["src_freq_mhz"]), (row["dst_proc"], row["dst_freq_mhz(proc;host)"])
            lines.append([clocks[0][0], clocks[1][0], clocks[0][1], clocks[1][1], short(row["time_ms"])])
    write("transfer_clocks.csv", ["from", "to", "from_clocks_mhz", "to_clocks_mhz", "time_ms"], lines)


def switches():
    names = {"Little": "L", "Big": "B", "GPU": "G"}
    longest = {}
    for row in rows("dvfs_switch"):
        if "Perf2" in row["src_path"]:
            key = (names[row["pe"]], int(row["from_freq_idx"]), int(row["to_freq_idx"]))
            longest[key] = max(longest.get(key, 0.0), float(row["avg_raw(ns_inferred)"]))
    lines = [[*key, round(longest[key])] for key in sorted(longest)]
    write("switches.csv", ["processor", "from", "to", "time_ns"], lines)


def mappings():
    keep = ["src", "model", "proc_per_block", "freq_idx_per_block", "input_ms", "task_ms", "total_ms", "input_mj", "task_mj", "total_mj"]
    write("mappings.csv", keep, [[row[name] for name in keep] for row in rows("mappings")])


def work():
    names = {"ResNet50": "ResNet50v1", "SqueezeNet": "SqueezeNetV1"}
    lines = [[names.get(row["model"], row["model"]), row["block"], row["mmacs_derived"], row["mmacs_lw_variant"]]
             for row in rows("block_macs_derived")]
    write("work.csv", ["network", "block", "mmacs", "mmacs_lw"], lines)


for make in (blocks, transfers, switches, mappings, work):
    make()
