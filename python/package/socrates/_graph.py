"""Models built operator by operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from socrates._native import GraphBuilder, InputError, Model

Attribute = Union[int, float, str, Sequence[int], Sequence[float], Sequence[str]]


class Graph:
    """A small builder of models, in the order in which they compute. Tensors are named by strings; layout is NCHW.

    >>> graph = Graph("tiny")
    >>> x = graph.input("image", [1, 3, 224, 224])
    >>> x = graph.relu(graph.conv(x, 32, kernel=3, stride=2))
    >>> model = graph.finish(graph.linear(graph.flatten(graph.global_average_pool(x)), 10))
    """

    def __init__(self, name: str) -> None:
        self._builder = GraphBuilder(name)
        self._count = 0

    def input(self, name: str, shape: Sequence[int], data_type: str = "float32") -> str:
        """An input of the model."""
        return self._builder.input(name, list(shape), data_type)

    def weight(self, shape: Sequence[int], data_type: str = "float32") -> str:
        """A weight, whose values do not matter."""
        return self._builder.weight(self._name("weight"), list(shape), data_type)

    def operator(self, op_type: str, *inputs: str, name: str | None = None, **attributes: Attribute) -> str:
        """Any ONNX operator of one output, with its attributes; returns the output's name."""
        output = name or self._name(op_type.lower())
        self._builder.operator(op_type, list(inputs), [output], attributes)
        return output

    def shape(self, tensor: str) -> list[int]:
        """The shape of a tensor."""
        return self._builder.shape(tensor)

    def conv(
        self, x: str, channels: int, *, kernel: int = 3, stride: int = 1, padding: int | None = None, groups: int = 1, bias: bool = True
    ) -> str:
        """A convolution with square kernels; padded such that stride 1 keeps the size, unless told otherwise."""
        in_channels = self.shape(x)[1]
        if in_channels % groups:
            raise InputError(f"{in_channels} channels of `{x}` cannot be cut into {groups} groups")
        inputs = [x, self.weight([channels, in_channels // groups, kernel, kernel])]
        if bias:
            inputs.append(self.weight([channels]))
        pad = kernel // 2 if padding is None else padding
        return self.operator(
            "Conv", *inputs, kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[pad] * 4, group=groups
        )

    def depthwise_conv(self, x: str, *, kernel: int = 3, stride: int = 1) -> str:
        """A convolution of each channel by itself."""
        channels = self.shape(x)[1]
        return self.conv(x, channels, kernel=kernel, stride=stride, groups=channels)

    def linear(self, x: str, features: int) -> str:
        """A fully connected layer over the last dimension of a matrix."""
        return self.operator("Gemm", x, self.weight([features, self.shape(x)[-1]]), self.weight([features]), transB=1)

    def matmul(self, x: str, y: str) -> str:
        """A product of matrices."""
        return self.operator("MatMul", x, y)

    def relu(self, x: str) -> str:
        """The rectifier."""
        return self.operator("Relu", x)

    def softmax(self, x: str, axis: int = -1) -> str:
        """Softmax."""
        return self.operator("Softmax", x, axis=axis)

    def add(self, x: str, y: str) -> str:
        """A sum."""
        return self.operator("Add", x, y)

    def concat(self, *inputs: str, axis: int = 1) -> str:
        """Tensors side by side."""
        return self.operator("Concat", *inputs, axis=axis)

    def max_pool(self, x: str, *, kernel: int = 2, stride: int | None = None, padding: int = 0) -> str:
        """The greatest value of each window."""
        return self._pool("MaxPool", x, kernel, stride, padding)

    def average_pool(self, x: str, *, kernel: int = 2, stride: int | None = None, padding: int = 0) -> str:
        """The mean value of each window."""
        return self._pool("AveragePool", x, kernel, stride, padding)

    def global_average_pool(self, x: str) -> str:
        """The mean value of each channel."""
        return self.operator("GlobalAveragePool", x)

    def flatten(self, x: str, axis: int = 1) -> str:
        """A matrix of what comes before an axis and what comes after it."""
        return self.operator("Flatten", x, axis=axis)

    def finish(self, *outputs: str) -> Model:
        """Checks the graph, marks its outputs, and makes it a model."""
        for output in outputs:
            self._builder.output(output)
        return self._builder.build()

    def _pool(self, op_type: str, x: str, kernel: int, stride: int | None, padding: int) -> str:
        strides = [stride or kernel] * 2
        return self.operator(op_type, x, kernel_shape=[kernel, kernel], strides=strides, pads=[padding] * 4)

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"
