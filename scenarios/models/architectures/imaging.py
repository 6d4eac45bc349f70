"""Image-to-image networks written after their papers."""

import torch
from torch import nn

from .layers import conv_block, named_sequence


def espcn_x3():
    """ESPCN on luminance, threefold: 5-3-3 kernels, 64 and 32 channels, sub-pixel shuffle."""
    features = [nn.Conv2d(1, 64, 5, padding=2), nn.Tanh(), nn.Conv2d(64, 32, 3, padding=1), nn.Tanh()]
    return named_sequence(features=features, output=[nn.Conv2d(32, 9, 3, padding=1), nn.PixelShuffle(3)])


class UNet(nn.Module):
    """U-Net with "same" padding and half the paper's width (32 to 512 channels), 21 classes."""

    WIDTHS = (32, 64, 128, 256, 512)

    def __init__(self, classes=21):
        super().__init__()
        pairs = list(zip((3,) + self.WIDTHS, self.WIDTHS))
        self.encoder = nn.ModuleList(self._double_block(*pair) for pair in pairs)
        self.pool = nn.MaxPool2d(2)
        self.upward = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in reversed(self.WIDTHS[:-1]))
        self.decoder = nn.ModuleList(self._double_block(2 * w, w) for w in reversed(self.WIDTHS[:-1]))
        self.classify = nn.Conv2d(self.WIDTHS[0], classes, 1)

    @staticmethod
    def _double_block(width_in, width_out):
        first, second = (conv_block(width, width_out, 3, 1, nn.ReLU) for width in (width_in, width_out))
        return nn.Sequential(first, second)

    def forward(self, image):
        tensor, skips = self.encoder[0](image), []
        for block in self.encoder[1:]:
            skips.append(tensor)
            tensor = block(self.pool(tensor))
        for upward, block in zip(self.upward, self.decoder):
            tensor = block(torch.cat([skips.pop(), upward(tensor)], 1))
        return self.classify(tensor)
