"""Compares the zoo with the published operator lists of seven networks.

    python check_published_shapes.py model_shapes.json

Per model: operators of the list that the ONNX file lacks, operators that the list lacks, whether the common
ones come in the same order, and total MACs. Depthwise convolutions are not in the list and are left out.
Exits with 1 if the number of deviations is not the accepted one (`ACCEPTED` says why each is there).
"""

import json
import sys
from collections import Counter
from pathlib import Path

import onnx

import graph

DIRECTORY = Path(__file__).resolve().parent
FILES = {
    "Alexnet": "alexnet",
    "FastStyleTransfer": "fast_style_transfer",
    "MobileNetV1": "mobilenet_v1",
    "Posenet": "posenet",
    "RetinaFace": "retinaface_r50",
    "Vgg16": "vgg16",
    "Yolov2": "yolov2",
}
# Missing from and added to the list. Alexnet: two listed operators do not chain. FastStyleTransfer: the
# transposed convolutions. MobileNetV1: the pooling is global. RetinaFace: one row with a misprint; four 1x1
# stride-2 poolings. Yolov2: the last two rows, with swapped channels; the passthrough convolution.
ACCEPTED = {
    "Alexnet": (2, 2),
    "FastStyleTransfer": (0, 2),
    "MobileNetV1": (1, 1),
    "Posenet": (0, 0),
    "RetinaFace": (1, 5),
    "Vgg16": (0, 0),
    "Yolov2": (2, 3),
}


def published_rows(operators):
    """The list's operators as comparable text."""
    for row in operators:
        if row["op"] == "fc":
            yield f"fc {row['ic'] * row['k'] ** 2}>{row['oc']}"
        else:
            yield f"{row['op']} k{row['k']} s{row['s']} {row['ic']}>{row['oc']} {row['oh']}x{row['ow']}"


def exported_rows(model):
    """The operators of an ONNX file that the list would have, as comparable text, with their MACs."""
    types = graph.value_types(graph.infer_shapes(model))
    for node in model.graph.node:
        row = _row(node, types)
        if row is not None:
            yield row, graph.multiply_accumulates(node, types)


def _row(node, types):
    (_, source), (_, target) = types[node.input[0]], types[node.output[0]]
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    if node.op_type == "Gemm":
        return f"fc {source[1]}>{target[1]}"
    if attributes.get("group", 1) > 1:
        return None
    names = {"Conv": "conv", "ConvTranspose": "deconv", "MaxPool": "pool", "AveragePool": "pool"}
    if node.op_type in names:
        kernel, stride = attributes["kernel_shape"][0], attributes["strides"][0]
        size = f"{target[2]}x{target[3]}"
        return f"{names[node.op_type]} k{kernel} s{stride} {source[1]}>{target[1]} {size}"
    return f"pool global {source[1]}>{target[1]} 1x1" if node.op_type == "GlobalAveragePool" else None


def compare(name, operators):
    """Prints the comparison of one model; true if its deviations are the accepted ones."""
    model = onnx.load(DIRECTORY / f"{FILES[name]}.onnx", load_external_data=False)
    exported = list(exported_rows(model))
    listed, present = list(published_rows(operators)), [row for row, _ in exported]
    missing, added = Counter(listed) - Counter(present), Counter(present) - Counter(listed)
    common = set(listed + present) - set(missing + added)
    in_order = [row for row in listed if row in common] == [row for row in present if row in common]
    listed_macs = sum(row["mmac"] for row in operators)
    present_macs = sum(macs for _, macs in exported) / 1e6
    ratio = present_macs / listed_macs
    print(f"{name}: {len(listed)} listed, {len(present)} exported, same order: {in_order}")
    print(f"  MMAC {listed_macs:.0f} listed, {present_macs:.0f} exported ({100 * (ratio - 1):+.2f} %)")
    for sign, rows in (("-", missing), ("+", added)):
        for row, count in rows.items():
            print(f"  {sign} {count} x {row}")
    return (missing.total(), added.total()) == ACCEPTED[name]


def main(path):
    """Compares all models of the list at `path`."""
    published = json.loads(Path(path).read_text())
    accepted = [compare(name, published[name]["ops"]) for name in FILES]
    if not all(accepted):
        sys.exit("deviations other than the accepted ones")


if __name__ == "__main__":
    main(sys.argv[1])
