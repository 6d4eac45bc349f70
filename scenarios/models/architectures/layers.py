"""Layers that several architectures share."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional


def conv_block(channels_in, channels_out, kernel, stride=1, activation=None, groups=1):
    """Convolution with "same" padding, batch norm and, where given, an activation (a function making one)."""
    layers = [
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels_out),
    ]
    return nn.Sequential(*layers, *([activation()] if activation is not None else []))


def separable_block(channels_in, channels_out, stride, activation):
    """Depthwise 3x3 followed by pointwise 1x1, each with batch norm and activation (MobileNetV1)."""
    return nn.Sequential(
        conv_block(channels_in, channels_in, 3, stride, activation, groups=channels_in),
        conv_block(channels_in, channels_out, 1, 1, activation),
    )


def named_sequence(**parts):
    """A sequence of sequences, whose names appear in the exported graph."""
    return nn.Sequential(OrderedDict((name, nn.Sequential(*layers)) for name, layers in parts.items()))


def upsample_twice(tensor):
    """Nearest-neighbour upsampling by two in both directions."""
    return functional.interpolate(tensor, scale_factor=2.0, mode="nearest")


class SpaceToDepth(nn.Module):
    """Moves 2x2 spatial blocks into channels; exported as the single ONNX operator of that name."""

    def forward(self, tensor):
        return _SpaceToDepthFunction.apply(tensor)


class _SpaceToDepthFunction(torch.autograd.Function):
    @staticmethod
    def forward(_, tensor):
        return functional.pixel_unshuffle(tensor, 2)

    @staticmethod
    def symbolic(graph, tensor):
        return graph.op("SpaceToDepth", tensor, blocksize_i=2)
