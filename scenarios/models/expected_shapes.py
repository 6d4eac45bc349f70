"""Writes `expected_shapes.tsv`, the type and shape of every node output, as the onnx package infers them.

    python expected_shapes.py            write the table
    python expected_shapes.py --check    exit with 1 if the stored table differs

Columns: model, tensor, element type, shape (`1x64x112x112`, or `scalar`). Needs onnx==1.20.1 and no torch.
"""

import sys
from pathlib import Path

import onnx

import graph

DIRECTORY = Path(__file__).resolve().parent
TABLE = DIRECTORY / "expected_shapes.tsv"


def rows_of(path):
    """One row per node output of the model at `path`, in graph order."""
    model = graph.infer_shapes(onnx.load(path, load_external_data=False))
    types = graph.value_types(model)
    for node in model.graph.node:
        for output in filter(None, node.output):
            element_type, shape = types[output]
            if None in shape:
                sys.exit(f"{path.name}: no static shape for {output}: {shape}")
            size = "x".join(str(extent) for extent in shape) or "scalar"
            yield "\t".join((path.stem, output, element_name(element_type), size))


def element_name(element_type):
    """ONNX's name of an element type in lower case; 32-bit and 64-bit floats are `float32` and `float64`."""
    name = onnx.TensorProto.DataType.Name(element_type).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def table():
    """The whole table as text."""
    rows = [row for path in sorted(DIRECTORY.glob("*.onnx")) for row in rows_of(path)]
    return "\n".join(["model\ttensor\ttype\tshape", *rows]) + "\n"


def main(arguments):
    """Writes or checks the table."""
    text = table()
    if arguments != ["--check"]:
        TABLE.write_text(text)
    elif not TABLE.exists() or TABLE.read_text() != text:
        sys.exit(f"{TABLE.name} is stale: run {Path(__file__).name}")


if __name__ == "__main__":
    main(sys.argv[1:])
