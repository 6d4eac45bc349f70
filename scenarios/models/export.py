"""Writes the model zoo: real architectures as weight-stripped ONNX files, and `summary.tsv`.

    python export.py                  every model
    python export.py resnet18 unet    some of them (`summary.tsv` keeps the other rows)

Each model is built with random weights from a fixed seed, exported by torch (opset 16, batch 1, static
shapes, batch norm folded), simplified by onnxsim, and stored without the data of its float weights: those
initialisers keep name, dims and type, and are marked as external data at "stripped". A second run writes the
same bytes. A whole run takes two minutes and 3.5 GB of memory.

Tools (Debian 12; the interpreter must be Debian's own Python 3.11, for its torch):
    apt-get install --no-install-recommends python3-venv python3-torch python3-torchvision
        torch 1.13.0, torchvision 0.14.1
    /usr/bin/python3 -m venv --system-site-packages VENV
    VENV/bin/pip install onnx==1.20.1 onnxsim==0.8.1 numpy==1.26.4
    VENV/bin/python export.py && VENV/bin/python expected_shapes.py

`zoo.toml` says where each definition comes from. In `summary.tsv`, macs counts convolutions and matrix
products, params the elements of all float initialisers (also of constants such as anchors and masks).
"""

import io
import sys
import tomllib
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import onnx
import onnxsim
import torch
from torchvision import models as torchvision_models

import graph
from architectures import detection, imaging, published, transformers

DIRECTORY = Path(__file__).resolve().parent
SUMMARY_COLUMNS = ("model", "nodes", "macs", "params", "bytes")
# Passes of onnxsim that would rewrite linear layers (as Reshape, Gemm, Reshape) or merge those of attention.
SKIPPED_PASSES = [
    "fuse_attention",
    "fuse_matmul_add_bias_into_gemm",
    "fuse_matmul_add_bias_into_gemm_batched",
    "fuse_qkv",
]


@dataclass(frozen=True)
class Entry:
    """One model of the zoo: how to build it, its inputs by name, the names of its outputs."""

    build: Callable[[], torch.nn.Module]
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    input_type: torch.dtype = torch.float32


def classifier(build, size=224):
    """An entry for a network from one square image to class scores."""
    return image_network(build, size, size, "scores")


def image_network(build, height, width, *outputs, channels=3):
    """An entry for a network with one image as input."""
    return Entry(build, {"image": (1, channels, height, width)}, outputs)


def from_torchvision(name, **options):
    """A function which builds torchvision's model of this name, with random weights."""
    return lambda: torchvision_models.get_model(name, weights=None, **options)


def bert(layers, width, heads, hidden, length):
    """An entry for a BERT encoder."""
    inputs = {name: (1, length) for name in ("token_ids", "segment_ids", "attention_mask")}
    outputs = ("hidden_states", "pooled")
    return Entry(
        lambda: transformers.Bert(layers, width, heads, hidden, length), inputs, outputs, torch.int64
    )


class FirstOutput(torch.nn.Module):
    """Wraps a segmentation network whose result is a dictionary."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        return self.network(image)["out"]


def deeplabv3():
    """torchvision's DeepLabV3 on MobileNetV3-Large, without the auxiliary classifier."""
    build = from_torchvision("deeplabv3_mobilenet_v3_large", weights_backbone=None, aux_loss=False)
    return FirstOutput(build())


def randomise(network, seed):
    """Fills the weights: distinct values, so that equal tensors are not merged on export."""
    torch.manual_seed(seed)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, -0.1, 0.1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)


def trace(entry, seed):
    """The model as torch exports it."""
    network = entry.build().eval()
    randomise(network, seed)
    arguments = tuple(torch.zeros(shape, dtype=entry.input_type) for shape in entry.inputs.values())
    buffer = io.BytesIO()
    names = {"input_names": list(entry.inputs), "output_names": list(entry.outputs)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, arguments, buffer, opset_version=graph.OPSET, **names)
    return onnx.load_model_from_string(buffer.getvalue())


def export(name, entry):
    """Writes one model and returns its row of the summary."""
    simplified, _ = onnxsim.simplify(
        trace(entry, zlib.crc32(name.encode())), skipped_optimizers=SKIPPED_PASSES
    )
    stored = graph.clean(simplified, name)
    data = stored.SerializeToString(deterministic=True)
    (DIRECTORY / f"{name}.onnx").write_bytes(data)
    counts = graph.measure(stored)
    return [name, *(str(counts[column]) for column in SUMMARY_COLUMNS[1:-1]), str(len(data))]


def write_summary(rows):
    """Merges `rows` into `summary.tsv`."""
    path = DIRECTORY / "summary.tsv"
    old = path.read_text().splitlines()[1:] if path.exists() else []
    merged = {line.split("\t")[0]: line.split("\t") for line in old}
    merged.update({row[0]: row for row in rows})
    lines = ["\t".join(row) for row in (SUMMARY_COLUMNS, *(merged[name] for name in sorted(merged)))]
    path.write_text("\n".join(lines) + "\n")


def check_register(names):
    """Stops if `zoo.toml` and the table below disagree about names or input shapes."""
    zoo = tomllib.loads((DIRECTORY / "zoo.toml").read_text())
    register = {model["name"]: model["inputs"] for model in zoo["model"]}
    table = {
        name: {key: list(shape) for key, shape in entry.inputs.items()} for name, entry in MODELS.items()
    }
    wrong = sorted(name for name in register.keys() | table.keys() if register.get(name) != table.get(name))
    unknown = sorted(set(names) - set(table))
    if wrong or unknown:
        sys.exit(f"zoo.toml disagrees about: {wrong}; unknown names: {unknown}")


def main(names):
    """Exports the models called `names`, or all of them."""
    check_register(names)
    rows = []
    for name in names or MODELS:
        rows.append(export(name, MODELS[name]))
        print("\t".join(rows[-1]), flush=True)
        write_summary(rows)


MODELS = {
    "alexnet": classifier(published.alexnet),
    "bert_base": bert(layers=12, width=768, heads=12, hidden=3072, length=256),
    "bert_tiny_4x312": bert(layers=4, width=312, heads=12, hidden=1200, length=128),
    "convnext_tiny": classifier(from_torchvision("convnext_tiny")),
    "deeplabv3_mobilenet_v3_large": image_network(deeplabv3, 520, 520, "scores"),
    "densenet121": classifier(from_torchvision("densenet121")),
    "efficientnet_b0": classifier(from_torchvision("efficientnet_b0")),
    "espcn_x3": image_network(imaging.espcn_x3, 240, 320, "image_x3", channels=1),
    "fast_style_transfer": image_network(published.fast_style_transfer, 480, 640, "styled"),
    "googlenet": classifier(from_torchvision("googlenet", aux_logits=False, init_weights=False)),
    "inception_v3": classifier(from_torchvision("inception_v3", aux_logits=False, init_weights=False), 299),
    "mnasnet1_0": classifier(from_torchvision("mnasnet1_0")),
    "mobilenet_v1": classifier(published.mobilenet_v1),
    "mobilenet_v2": classifier(from_torchvision("mobilenet_v2")),
    "mobilenet_v3_large": classifier(from_torchvision("mobilenet_v3_large")),
    "posenet": image_network(published.PoseNet, 256, 256, "beliefs"),
    "regnet_y_400mf": classifier(from_torchvision("regnet_y_400mf")),
    "resnet18": classifier(from_torchvision("resnet18")),
    "resnet50": classifier(from_torchvision("resnet50")),
    "retinaface_mobilenet025": image_network(
        detection.RetinaFaceMobileNet, 640, 640, "boxes", "classes", "landmarks"
    ),
    "retinaface_r50": image_network(published.RetinaFaceR50, 640, 640, "boxes", "classes"),
    "shufflenet_v2_x1_0": classifier(from_torchvision("shufflenet_v2_x1_0")),
    "squeezenet1_1": classifier(from_torchvision("squeezenet1_1")),
    "swin_t": classifier(transformers.SwinTiny),
    "unet": image_network(imaging.UNet, 256, 256, "scores"),
    "vgg16": classifier(published.vgg16),
    "vit_b_16": classifier(transformers.VisionTransformer),
    "yolov2": image_network(published.Yolov2, 416, 416, "grid"),
    "yolov8n_like": image_network(detection.Yolov8nLike, 640, 640, "boxes_and_scores"),
}


if __name__ == "__main__":
    main(sys.argv[1:])
