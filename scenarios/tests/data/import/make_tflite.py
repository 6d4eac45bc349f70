#!/usr/bin/env python3
"""Writes small TFLite models by TensorFlow's converter, and what they hold by another reader of the format.

    pip install tensorflow-cpu==2.21.0 tflite==2.18.0     (any recent versions do)
    python make_tflite.py

`expected.tsv`: model, operators, multiply-accumulates, elements of constant filters and weights; counted with the `tflite` package.
"""

import pathlib

import numpy
import tensorflow
import tflite

HERE = pathlib.Path(__file__).parent
numpy.random.seed(0)
tensorflow.random.set_seed(0)
layers = tensorflow.keras.layers


def image_model():
    """What image models are made of: strides, `same` and `valid`, depthwise, residual, concatenation, resize, transposed convolution."""
    x = image = tensorflow.keras.Input((33, 32, 3), batch_size=1)
    x = layers.ReLU(6.0)(layers.Conv2D(8, 3, strides=2, padding="same")(x))
    y = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.Add()([x, layers.Conv2D(8, 1)(y)])
    x = layers.Concatenate()([x, layers.MaxPooling2D(3, strides=1, padding="same")(x)])
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(16, 3, strides=2)(x)
    x = x * tensorflow.keras.activations.sigmoid(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Cropping2D(1)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return tensorflow.keras.Model(image, layers.Softmax()(layers.Dense(10)(x)))


def attention_model():
    """What transformers are made of: embedding, layer normalisation, products of activations, transpositions."""
    tokens = tensorflow.keras.Input((12,), dtype="int32", batch_size=1)
    x = layers.Embedding(50, 16)(tokens)
    x = x + layers.MultiHeadAttention(2, 8)(x, x)
    x = layers.LayerNormalization()(x)
    x = x + layers.Dense(16)(layers.Dense(32, activation="gelu")(x))
    return tensorflow.keras.Model(tokens, layers.Dense(5)(x[:, 0]))


def unsupported_model():
    """Holds an operator that the reader does not convert."""
    x = image = tensorflow.keras.Input((4,), batch_size=1)
    return tensorflow.keras.Model(image, layers.Lambda(lambda x: tensorflow.math.cumsum(x * 2.0, axis=1))(x))


def count(data):
    """Operators, multiply-accumulates and elements of filters."""
    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    shape = lambda index: graph.Tensors(index).ShapeAsNumpy().tolist()
    size = lambda index: int(numpy.prod(shape(index)))
    operators = macs = filters = 0
    for place in range(graph.OperatorsLength()):
        operator = graph.Operators(place)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = tflite.opcode2name(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        operators += 1
        inputs, output = operator.InputsAsNumpy().tolist(), operator.Outputs(0)
        if kind == "CONV_2D":
            macs += size(output) * size(inputs[1]) // shape(inputs[1])[0]
        elif kind == "DEPTHWISE_CONV_2D":
            macs += size(output) * shape(inputs[1])[1] * shape(inputs[1])[2]
        elif kind == "TRANSPOSE_CONV":
            macs += size(inputs[2]) * size(inputs[1]) // shape(inputs[1])[3]
        elif kind == "FULLY_CONNECTED":
            macs += size(output) * shape(inputs[1])[1]
        elif kind == "BATCH_MATMUL":
            options = tflite.BatchMatMulOptions()
            options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
            macs += size(output) * shape(inputs[0])[-2 if options.AdjX() else -1]
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"):
            filters += size(inputs[1])
    return operators, macs, filters


def convert(model, quantize=None):
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    if quantize:
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tensorflow.float16]
    if quantize == "int8":
        shape = model.inputs[0].shape
        converter.representative_dataset = lambda: ([numpy.random.rand(*shape).astype("float32")] for _ in range(4))
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def main():
    image, attention = image_model(), attention_model()
    files = {
        "image": convert(image),
        "image_float16": convert(image, "float16"),
        "image_int8": convert(image, "int8"),
        "attention": convert(attention),
    }
    rows = ["model\toperators\tmacs\tfilters"]
    for name, data in files.items():
        (HERE / f"{name}.tflite").write_bytes(data)
        rows.append("\t".join([name, *map(str, count(data))]))
    (HERE / "unsupported.tflite").write_bytes(convert(unsupported_model()))
    (HERE / "expected.tsv").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
