"""An exported ONNX graph on its way to disk: constants lifted, names shortened, weights stripped."""

from collections import Counter
from math import prod

import onnx
from onnx import TensorProto

OPSET = 16
STRIPPED_LOCATION = "stripped"
FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE}
KEPT_FLOAT_ELEMENTS = 64
WEIGHTED = {"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "InstanceNormalization"}


def clean(model, name):
    """The simplified `model` as it is stored: no weights, no metadata, readable names."""
    graph = model.graph
    _constants_to_initialisers(graph)
    _rename(graph)
    _strip_weights(graph)
    _drop_metadata(model, name)
    onnx.checker.check_model(_without_external_data(model), full_check=False)
    return model


def infer_shapes(model):
    """`model` with the value_info of a strict shape inference."""
    return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)


def value_types(model):
    """Element type and shape of every named tensor of an inferred `model`; unknown sizes are None."""
    graph = model.graph
    types = {tensor.name: (tensor.data_type, tuple(tensor.dims)) for tensor in graph.initializer}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        tensor = value.type.tensor_type
        sizes = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
        types[value.name] = (tensor.elem_type, sizes)
    return types


def multiply_accumulates(node, types):
    """Multiply-accumulates of one convolution or matrix product, 0 for any other operator."""
    if node.op_type == "Conv":
        return prod(types[node.output[0]][1]) * prod(types[node.input[1]][1][1:])
    if node.op_type == "ConvTranspose":
        return prod(types[node.input[0]][1]) * prod(types[node.input[1]][1][1:])
    if node.op_type == "MatMul":
        return prod(types[node.output[0]][1]) * types[node.input[0]][1][-1]
    if node.op_type == "Gemm":
        transposed = next((item.i for item in node.attribute if item.name == "transA"), 0)
        return prod(types[node.output[0]][1]) * types[node.input[0]][1][0 if transposed else 1]
    return 0


def measure(model):
    """Nodes, multiply-accumulates and float initialiser elements of a stored `model`."""
    types = value_types(infer_shapes(model))
    floats = [tensor for tensor in model.graph.initializer if tensor.data_type in FLOATS]
    return {
        "nodes": len(model.graph.node),
        "macs": sum(multiply_accumulates(node, types) for node in model.graph.node),
        "params": sum(prod(tensor.dims) for tensor in floats),
    }


def _constants_to_initialisers(graph):
    constants = [node for node in graph.node if node.op_type == "Constant"]
    for node in constants:
        tensor = node.attribute[0].t
        tensor.name = node.output[0]
        graph.initializer.append(tensor)
        graph.node.remove(node)


def _rename(graph):
    """Nodes and tensors get the torch scope without repetitions; a tensor is named after its node."""
    names = {}
    used = Counter()
    fixed = {value.name for value in [*graph.input, *graph.output]}
    for node in graph.node:
        node.name = _unique(_short_scope(node.name) or node.op_type, used)
        outputs = [output for output in node.output if output]
        for index, output in enumerate(outputs):
            if output not in fixed:
                names[output] = node.name if len(outputs) == 1 else f"{node.name}:{index}"
    initialisers = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        for index, source in enumerate(node.input):
            if source in initialisers and source not in names:
                names[source] = f"{node.name}.{_formal_input(node.op_type, index)}"
    for node in graph.node:
        node.input[:] = [names.get(source, source) for source in node.input]
        node.output[:] = [names.get(output, output) for output in node.output]
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    graph.initializer.sort(key=lambda tensor: tensor.name)


def _short_scope(path):
    """`/features/features.0/features.0.1/Conv` to `features.0.1/Conv`."""
    parts = []
    for part in filter(None, path.split("/")):
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    return "/".join(parts)


def _unique(name, used):
    used[name] += 1
    return name if used[name] == 1 else f"{name}_{used[name] - 1}"


def _formal_input(operator, index):
    """The input's name in the operator's specification."""
    formal = onnx.defs.get_schema(operator, OPSET).inputs
    if index < len(formal) and formal[index].option != onnx.defs.OpSchema.FormalParameterOption.Variadic:
        return formal[index].name
    return f"{formal[-1].name}{index}"


def _strip_weights(graph):
    """Drops the data of float initialisers, except small ones that are not weights (scales, bounds)."""
    weights = {source for node in graph.node if node.op_type in WEIGHTED for source in node.input}
    for tensor in graph.initializer:
        is_small = prod(tensor.dims) <= KEPT_FLOAT_ELEMENTS and tensor.name not in weights
        if tensor.data_type not in FLOATS or is_small:
            continue
        stripped = TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
        stripped.data_location = TensorProto.EXTERNAL
        stripped.external_data.add(key="location", value=STRIPPED_LOCATION)
        tensor.CopyFrom(stripped)


def _drop_metadata(model, name):
    graph = model.graph
    graph.name = name
    del graph.value_info[:]
    del graph.quantization_annotation[:]
    del model.metadata_props[:]
    del graph.metadata_props[:]
    for item in [model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output]:
        item.ClearField("doc_string")
    for node in graph.node:
        node.ClearField("domain")
        del node.metadata_props[:]


def _without_external_data(model):
    """A copy whose stripped tensors count as inputs, since the checker looks for the data's file."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    stripped = [t for t in copy.graph.initializer if t.data_location == TensorProto.EXTERNAL]
    for tensor in stripped:
        copy.graph.input.append(
            onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
        copy.graph.initializer.remove(tensor)
    return copy
