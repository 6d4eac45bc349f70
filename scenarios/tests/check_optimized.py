"""Checks with the onnx package what `socrates model optimize` writes.

    python check_optimized.py SOCRATES

Every model of the zoo is optimised by all exact passes, and compressed, and must pass the full check of the onnx package, with the very
shapes that the file declares. A model with weights, in the file and beside it, must keep them, and ONNX Runtime must find the same outputs
in it as in the original. Needs onnx, numpy and onnxruntime.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime

MODELS = Path(__file__).resolve().parent.parent / "models"
sys.path.insert(0, str(MODELS))

import graph  # noqa: E402

PASSES = ["exact", "int8", "svd[rank=0.5]", "channels[keep=0.5]", "exact,svd[rank=0.25],channels[keep=0.75],int8"]
WEIGHTED = ["squeezenet1_1", "densenet121", "shufflenet_v2_x1_0", "bert_tiny_4x312"]
TOLERANCE = 1e-4


def optimise(program, model, output, passes):
    """Runs `socrates model optimize`; what it prints."""
    command = [program, "model", "optimize", str(model), "--output", str(output), "--passes", passes]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"{' '.join(command)}: {run.stderr}")
    return run.stdout


def check(path, label):
    """The full check of the onnx package, and its shapes against those in the file."""
    model = graph._without_external_data(onnx.load(path, load_external_data=False))
    onnx.checker.check_model(model, full_check=True)
    declared = graph.value_types(model)
    inferred = graph.value_types(graph.infer_shapes(without_shapes(model)))
    for name, (element, shape) in inferred.items():
        if None not in shape and declared.get(name, (element, shape)) != (element, shape):
            sys.exit(f"{label}: {name} is declared as {declared[name]}, but is {(element, shape)}")


def without_shapes(model):
    """A copy that declares no shapes inside."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    return copy


def with_weights(name, seed=1):
    """A model of the zoo with random weights that keep activations of order one."""
    model = onnx.load(MODELS / f"{name}.onnx", load_external_data=False)
    random = numpy.random.default_rng(seed)
    positive = {node.input[4] for node in model.graph.node if node.op_type == "BatchNormalization"}
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            shape = tuple(tensor.dims)
            fan_in = max(1, int(numpy.prod(shape[1:]))) if len(shape) > 1 else 25
            values = random.standard_normal(shape) / numpy.sqrt(fan_in)
            values = numpy.abs(values) + 0.5 if tensor.name in positive else values
            tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(numpy.float32), tensor.name))
    return model


def outputs(path):
    """What ONNX Runtime finds for a fixed input."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = numpy.random.default_rng(2)
    feeds = {}
    for item in session.get_inputs():
        is_float = "float" in item.type
        values = random.standard_normal(item.shape) if is_float else random.integers(0, 2, item.shape)
        feeds[item.name] = values.astype(numpy.float32 if is_float else numpy.int64)
    return session.run(None, feeds)


def check_values(program, name, folder, external):
    """Outputs before and after, with weights in the file or beside it."""
    before, after = folder / f"{name}.onnx", folder / f"{name}_optimised.onnx"
    where = {"save_as_external_data": True, "location": f"{name}.data"} if external else {}
    onnx.save(with_weights(name), before, **where)
    optimise(program, before, after, "exact")
    for one, other in zip(outputs(before), outputs(after), strict=True):
        scale = max(1e-30, float(numpy.abs(one).max()))
        difference = float(numpy.abs(one - other).max()) / scale
        if not difference <= TOLERANCE:
            sys.exit(f"{name}: outputs differ by {difference}")
    print(f"{name}: same outputs, weights {'beside' if external else 'in'} the file")


def main(arguments):
    """Checks everything with the program named."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    program = str(Path(arguments[0]).resolve())
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for path in sorted(MODELS.glob("*.onnx")):
            for passes in PASSES:
                output = folder / "optimised.onnx"
                optimise(program, path.stem, output, passes)
                check(output, f"{path.stem} after {passes}")
                count += 1
        print(f"{count} optimised models are valid")
        for index, name in enumerate(WEIGHTED):
            check_values(program, name, folder, external=index % 2 == 1)


if __name__ == "__main__":
    main(sys.argv[1:])
