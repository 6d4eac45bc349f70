"""Networks whose operator shapes follow a published list of operators.

The list (see `check_published_shapes.py`) gives kernel, stride, channels and size per convolution, pooling
and fully connected operator, but no element-wise operators; each docstring says how the gaps were filled.
"""

from functools import partial

import torch
from torch import nn

from .layers import SpaceToDepth, conv_block, named_sequence, separable_block, upsample_twice


def mobilenet_v1():
    """MobileNetV1 1.0/224 with the 1001-way pointwise classifier of the published list."""
    widths = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
    layers = [conv_block(3, 32, 3, 2, nn.ReLU6)]
    for width_in, width_out, stride in zip([32] + widths, widths, strides):
        layers.append(separable_block(width_in, width_out, stride, nn.ReLU6))
    classifier = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(1024, 1001, 1), nn.Flatten()]
    return named_sequence(features=layers, classifier=classifier)


def alexnet():
    """Single-tower AlexNet of the published list: ungrouped, 2x2 pooling, none after the first layer.

    The list's second convolution (55x55 from 54x54) and its first fully connected operator (7x7 from a
    6x6 map) do not chain; this network has 54x54 and 6x6 there.
    """
    features = [
        *(nn.Conv2d(3, 96, 11, 4), nn.ReLU()),
        *(nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(384, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    ]
    return named_sequence(features=features, classifier=_fully_connected(256 * 6 * 6))


def _fully_connected(width):
    """The three fully connected layers of AlexNet and VGG-16."""
    hidden = [nn.Linear(width, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return [nn.Flatten(), *hidden, nn.Linear(4096, 1000)]


def vgg16():
    """VGG-16, configuration D."""
    layers, width_in = [], 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(width_in, width, 3, padding=1), nn.ReLU()]
            width_in = width
        layers.append(nn.MaxPool2d(2))
    return named_sequence(features=layers, classifier=_fully_connected(512 * 7 * 7))


class Yolov2(nn.Module):
    """YOLOv2 at 416 with the passthrough of the paper.

    The last two rows of the published list, 3x3 1024>1536 and 3x3 125>1024, have input and output channels
    the wrong way round; here they are 3x3 1536>1024 and 3x3 1024>125, with the same MACs. The 512 channels
    beside the trunk's 1024 come from the 26x26 map: 1x1 512>128 (the one convolution that is not in the
    list, 44 MMAC; the paper's code has 512>64 there) and space-to-depth.
    """

    # Per stage: output channels of the 3x3 and 1x1 convolutions in turn.
    EARLY_STAGES = ((32,), (64,), (128, 64, 128), (256, 128, 256), (512, 256, 512, 256, 512))
    LAST_STAGE = (1024, 512, 1024, 512, 1024)

    def __init__(self):
        super().__init__()
        early, width = [], 3
        for stage in self.EARLY_STAGES:
            early += [*self._stage(width, stage), nn.MaxPool2d(2)]
            width = stage[-1]
        self.early = nn.Sequential(*early[:-1])
        self.late = nn.Sequential(
            early[-1], *self._stage(512, self.LAST_STAGE), self._block(1024, 1024), self._block(1024, 1024)
        )
        self.passthrough = nn.Sequential(self._block(512, 128, 1), SpaceToDepth())
        self.fuse = self._block(1536, 1024)
        self.predict = nn.Conv2d(1024, 125, 3, padding=1)

    @staticmethod
    def _block(width_in, width_out, kernel=3):
        return conv_block(width_in, width_out, kernel, 1, partial(nn.LeakyReLU, 0.1))

    def _stage(self, width_in, widths):
        inputs = (width_in,) + widths[:-1]
        return [self._block(a, b, 3 if i % 2 == 0 else 1) for i, (a, b) in enumerate(zip(inputs, widths))]

    def forward(self, image):
        middle = self.early(image)
        joined = torch.cat([self.late(middle), self.passthrough(middle)], 1)
        return self.predict(self.fuse(joined))


class PoseNet(nn.Module):
    """OpenPose-like convolutional pose machine at 256: VGG trunk and three stages of 21 belief maps."""

    TRUNK = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256, "pool", 512, 512, 256, 256, 256, 256, 128)

    def __init__(self):
        super().__init__()
        trunk, width_in = [], 3
        for width in self.TRUNK:
            if width == "pool":
                trunk.append(nn.MaxPool2d(2))
            else:
                trunk += [nn.Conv2d(width_in, width, 3, padding=1), nn.ReLU()]
                width_in = width
        self.trunk = nn.Sequential(*trunk)
        self.first_stage = nn.Sequential(nn.Conv2d(128, 512, 1), nn.ReLU(), nn.Conv2d(512, 21, 1))
        self.second_stage = self._refinement_stage()
        self.third_stage = self._refinement_stage()

    @staticmethod
    def _refinement_stage():
        layers = []
        for width_in in (149, 128, 128, 128, 128):
            layers += [nn.Conv2d(width_in, 128, 7, padding=3), nn.ReLU()]
        return nn.Sequential(*layers, nn.Conv2d(128, 128, 1), nn.ReLU(), nn.Conv2d(128, 21, 1))

    def forward(self, image):
        features = self.trunk(image)
        beliefs = self.first_stage(features)
        for stage in (self.second_stage, self.third_stage):
            beliefs = stage(torch.cat([beliefs, features], 1))
        return beliefs


class _StyleResidual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), _instance_norm(width), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), _instance_norm(width))

    def forward(self, tensor):
        return tensor + self.second(self.first(tensor))


def _instance_norm(width):
    return nn.InstanceNorm2d(width, affine=True)


def fast_style_transfer():
    """Johnson-style transformer network at 480x640, zero padding and instance norm.

    The list has the 14 convolutions and not the two transposed ones that bring 120x160 back to 480x640.
    """

    def down(width_in, width_out, kernel, stride):
        convolution = nn.Conv2d(width_in, width_out, kernel, stride, kernel // 2)
        return [convolution, _instance_norm(width_out), nn.ReLU()]

    def upward(width_in, width_out):
        convolution = nn.ConvTranspose2d(width_in, width_out, 3, 2, 1, output_padding=1)
        return [convolution, _instance_norm(width_out), nn.ReLU()]

    return named_sequence(
        encoder=down(3, 32, 9, 1) + down(32, 64, 3, 2) + down(64, 128, 3, 2),
        residuals=[_StyleResidual(128) for _ in range(5)],
        decoder=upward(128, 64) + upward(64, 32),
        output=[nn.Conv2d(32, 3, 9, padding=4), _instance_norm(3), nn.Tanh()],
    )


class _Bottleneck(nn.Module):
    """ResNet bottleneck; the shortcut exists where input and output have the same channels."""

    def __init__(self, width_in, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            conv_block(width_in, width, 1, 1, nn.ReLU),
            conv_block(width, width, 3, stride, nn.ReLU),
            conv_block(width, 4 * width, 1),
        )
        self.subsample = nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity()
        self.has_shortcut = width_in == 4 * width
        self.activation = nn.ReLU()

    def forward(self, tensor):
        result = self.body(tensor)
        if self.has_shortcut:
            result = result + self.subsample(tensor)
        return self.activation(result)


class _FaceContext(nn.Module):
    """Context module of three parallel 3x3 convolutions and one that fuses them."""

    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(256, width, 3, padding=1) for width in (128, 64, 64))
        self.fuse = nn.Conv2d(256, 256, 3, padding=1)
        self.activation = nn.ReLU()

    def forward(self, tensor):
        joined = torch.cat([branch(tensor) for branch in self.branches], 1)
        return self.activation(self.fuse(self.activation(joined)))


def _per_anchor(tensor, values):
    """Reorders a 1xCxHxW head output to one row of `values` numbers per anchor."""
    _, channels, height, width = tensor.shape
    return tensor.permute(0, 2, 3, 1).reshape(1, height * width * channels // values, values)


class RetinaFaceR50(nn.Module):
    """RetinaFace on ResNet-50 at 640 as published: five levels (160 to 10), 256 channels, no landmarks.

    As in the list, the stride sits in the last block of a stage, there are no projection shortcuts (the four
    blocks that change the channel count have none), and the first pooling is 2x2. Row 45 of the list has
    22x20 > 20x18, taken for 22x22 > 20x20. Unlisted: the 1x1 stride-2 poolings of three shortcuts and of
    the coarsest level.
    """

    STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_block(3, 64, 7, 2, nn.ReLU), nn.MaxPool2d(2))
        self.stages = nn.ModuleList()
        width_in = 64
        for index, (width, depth) in enumerate(self.STAGES):
            stage = nn.ModuleList()
            for block in range(depth):
                stride = 2 if block == depth - 1 and index < 3 else 1
                stage.append(_Bottleneck(width_in, width, stride))
                width_in = 4 * width
            self.stages.append(stage)
        self.top = nn.Conv2d(2048, 256, 1)
        self.laterals = nn.ModuleList(nn.Conv2d(width, 256, 1) for width in (512, 256, 256))
        self.smooth = nn.ModuleList(nn.Conv2d(256, 256, 3, padding=1) for _ in range(3))
        self.coarsest = nn.MaxPool2d(1, 2)
        self.contexts = nn.ModuleList(_FaceContext() for _ in range(5))
        self.box_heads = nn.ModuleList(nn.Conv2d(256, 12, 3, padding=1) for _ in range(5))
        self.class_heads = nn.ModuleList(nn.Conv2d(256, 6, 3, padding=1) for _ in range(5))

    def _backbone(self, image):
        """Maps at 160 (before the first stage's stride), 80, 40 and 20."""
        tensor = self.stem(image)
        maps = []
        for index, stage in enumerate(self.stages):
            for block in stage:
                if index == 0 and block is stage[-1]:
                    maps.append(tensor)
                tensor = block(tensor)
            if index != 2:
                maps.append(tensor)
        return maps

    def _pyramid(self, maps):
        levels = [self.top(maps[3])]
        for lateral, smooth, features in zip(self.laterals, self.smooth, (maps[2], maps[1], maps[0])):
            levels.insert(0, smooth(upsample_twice(levels[0])) + lateral(features))
        return levels + [self.coarsest(levels[-1])]

    def forward(self, image):
        contexts, boxes = [], []
        for level, context, head in zip(self._pyramid(self._backbone(image)), self.contexts, self.box_heads):
            contexts.append(context(level))
            boxes.append(_per_anchor(head(contexts[-1]), 4))
        classes = [_per_anchor(head(context), 2) for head, context in zip(self.class_heads, contexts)]
        return torch.cat(boxes, 1), torch.cat(classes, 1).softmax(-1)
