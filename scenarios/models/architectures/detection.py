"""Detectors written after their papers or public descriptions."""

import torch
from torch import nn

from .layers import conv_block, separable_block, upsample_twice


def _silu_block(width_in, width_out, kernel, stride=1):
    return conv_block(width_in, width_out, kernel, stride, nn.SiLU)


class _ResidualPair(nn.Module):
    """Two 3x3 convolutions, with a shortcut in the backbone."""

    def __init__(self, width, shortcut):
        super().__init__()
        self.body = nn.Sequential(_silu_block(width, width, 3), _silu_block(width, width, 3))
        self.shortcut = shortcut

    def forward(self, tensor):
        return tensor + self.body(tensor) if self.shortcut else self.body(tensor)


class _SplitAggregate(nn.Module):
    """The "C2f" block: split, a chain of residual pairs, concatenation of every intermediate."""

    def __init__(self, width_in, width_out, depth, shortcut):
        super().__init__()
        self.half = half = width_out // 2
        self.enter = _silu_block(width_in, width_out, 1)
        self.chain = nn.ModuleList(_ResidualPair(half, shortcut) for _ in range(depth))
        self.leave = _silu_block((2 + depth) * half, width_out, 1)

    def forward(self, tensor):
        parts = list(self.enter(tensor).split(self.half, 1))
        for pair in self.chain:
            parts.append(pair(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class _SpatialPyramid(nn.Module):
    """The "SPPF" block: three chained 5x5 poolings, concatenated."""

    def __init__(self, width):
        super().__init__()
        self.enter = _silu_block(width, width // 2, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.leave = _silu_block(2 * width, width, 1)

    def forward(self, tensor):
        parts = [self.enter(tensor)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class _DecoupledHead(nn.Module):
    """Separate box (distribution over 16 bins per side) and class branches of one level."""

    def __init__(self, width, box_width=64, class_width=80, classes=80):
        super().__init__()
        self.box = self._branch(width, box_width, 64)
        self.score = self._branch(width, class_width, classes)

    @staticmethod
    def _branch(width_in, width, outputs):
        first, second = _silu_block(width_in, width, 3), _silu_block(width, width, 3)
        return nn.Sequential(first, second, nn.Conv2d(width, outputs, 1))

    def forward(self, tensor):
        return torch.cat([self.box(tensor), self.score(tensor)], 1)


class Yolov8nLike(nn.Module):
    """A detector like YOLOv8-n at 640, written from its public description and not from its code.

    C2f backbone and path-aggregation neck, SPPF, anchor-free decoupled head with distribution focal loss
    decoding, 80 classes; widths and depths of the nano scale.
    """

    STRIDES = (8, 16, 32)

    def __init__(self, size=640):
        super().__init__()
        self.quarter = nn.Sequential(
            _silu_block(3, 16, 3, 2), _silu_block(16, 32, 3, 2), _SplitAggregate(32, 32, 1, True)
        )
        self.eighth = nn.Sequential(_silu_block(32, 64, 3, 2), _SplitAggregate(64, 64, 2, True))
        self.sixteenth = nn.Sequential(_silu_block(64, 128, 3, 2), _SplitAggregate(128, 128, 2, True))
        self.thirtysecond = nn.Sequential(
            _silu_block(128, 256, 3, 2), _SplitAggregate(256, 256, 1, True), _SpatialPyramid(256)
        )
        self.up_middle = _SplitAggregate(256 + 128, 128, 1, False)
        self.up_fine = _SplitAggregate(128 + 64, 64, 1, False)
        self.down_fine = _silu_block(64, 64, 3, 2)
        self.down_middle = _SplitAggregate(64 + 128, 128, 1, False)
        self.down_coarse = _silu_block(128, 128, 3, 2)
        self.coarse = _SplitAggregate(128 + 256, 256, 1, False)
        self.heads = nn.ModuleList(_DecoupledHead(width) for width in (64, 128, 256))
        self.expectation = nn.Conv2d(16, 1, 1, bias=False)
        centres, strides = self._anchor_points(size)
        self.register_buffer("centres", centres)
        self.register_buffer("strides", strides)

    def _anchor_points(self, size):
        """Cell centres (1x2xN) and strides (1x1xN) of all levels."""
        centres, strides = [], []
        for stride in self.STRIDES:
            axis = torch.arange(size // stride) + 0.5
            rows, columns = torch.meshgrid(axis, axis, indexing="ij")
            centres.append(torch.stack([columns, rows]).reshape(1, 2, -1))
            strides.append(torch.full((1, 1, axis.numel() ** 2), float(stride)))
        return torch.cat(centres, 2), torch.cat(strides, 2)

    def _features(self, image):
        eighth = self.eighth(self.quarter(image))
        sixteenth = self.sixteenth(eighth)
        thirtysecond = self.thirtysecond(sixteenth)
        middle = self.up_middle(torch.cat([upsample_twice(thirtysecond), sixteenth], 1))
        fine = self.up_fine(torch.cat([upsample_twice(middle), eighth], 1))
        middle = self.down_middle(torch.cat([self.down_fine(fine), middle], 1))
        coarse = self.coarse(torch.cat([self.down_coarse(middle), thirtysecond], 1))
        return fine, middle, coarse

    def _decode(self, distribution):
        """Distances to the four sides, as the mean of each distribution, to centre, width and height."""
        anchors = distribution.shape[2]
        bins = distribution.reshape(1, 4, 16, anchors).transpose(1, 2).softmax(1)
        left_top, right_bottom = self.expectation(bins).reshape(1, 4, anchors).split(2, 1)
        low, high = self.centres - left_top, self.centres + right_bottom
        return torch.cat([(low + high) / 2, high - low], 1) * self.strides

    def forward(self, image):
        outputs = [head(level) for head, level in zip(self.heads, self._features(image))]
        rows = torch.cat([output.reshape(1, 144, -1) for output in outputs], 2)
        distribution, scores = rows.split((64, 80), 1)
        return torch.cat([self._decode(distribution), scores.sigmoid()], 1)


def _leaky():
    return nn.LeakyReLU(0.1)


class _ContextModule(nn.Module):
    """The SSH context module: receptive fields of 3, 5 and 7 from stacked 3x3 convolutions."""

    def __init__(self, width):
        super().__init__()
        quarter = width // 4
        self.three = conv_block(width, width // 2, 3)
        self.shared = conv_block(width, quarter, 3, 1, _leaky)
        self.five = conv_block(quarter, quarter, 3)
        self.seven = nn.Sequential(
            conv_block(quarter, quarter, 3, 1, _leaky), conv_block(quarter, quarter, 3)
        )
        self.activation = nn.ReLU()

    def forward(self, tensor):
        shared = self.shared(tensor)
        return self.activation(torch.cat([self.three(tensor), self.five(shared), self.seven(shared)], 1))


class RetinaFaceMobileNet(nn.Module):
    """RetinaFace on MobileNetV1 x0.25 at 640: three levels (80, 40, 20), 64 channels, with landmarks."""

    STAGES = (
        ((8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)),
        ((64, 128, 2),) + ((128, 128, 1),) * 5,
        ((128, 256, 2), (256, 256, 1)),
    )
    OUTPUT_SIZES = {"classes": 2, "boxes": 4, "landmarks": 10}

    def __init__(self, width=64):
        super().__init__()
        self.stem = conv_block(3, 8, 3, 2, _leaky)
        stages = [[separable_block(*row, _leaky) for row in stage] for stage in self.STAGES]
        self.stages = nn.ModuleList(nn.Sequential(*stage) for stage in stages)
        self.laterals = nn.ModuleList(
            conv_block(width_in, width, 1, 1, _leaky) for width_in in (64, 128, 256)
        )
        self.merges = nn.ModuleList(conv_block(width, width, 3, 1, _leaky) for _ in range(2))
        self.contexts = nn.ModuleList(_ContextModule(width) for _ in range(3))
        self.heads = nn.ModuleDict(
            {
                name: nn.ModuleList(nn.Conv2d(width, 2 * values, 1) for _ in range(3))
                for name, values in self.OUTPUT_SIZES.items()
            }
        )

    def _levels(self, image):
        tensor, levels = self.stem(image), []
        for stage, lateral in zip(self.stages, self.laterals):
            tensor = stage(tensor)
            levels.append(lateral(tensor))
        for index in (1, 0):
            levels[index] = self.merges[index](levels[index] + upsample_twice(levels[index + 1]))
        return [context(level) for context, level in zip(self.contexts, levels)]

    def forward(self, image):
        levels = self._levels(image)
        outputs = {}
        for name, values in self.OUTPUT_SIZES.items():
            maps = [head(level).permute(0, 2, 3, 1) for head, level in zip(self.heads[name], levels)]
            outputs[name] = torch.cat([rows.reshape(1, -1, values) for rows in maps], 1)
        return outputs["boxes"], outputs["classes"].softmax(-1), outputs["landmarks"]
