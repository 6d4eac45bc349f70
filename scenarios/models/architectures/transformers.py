"""Transformers written after their papers, with sizes as Python integers: no shape code is exported."""

import torch
from torch import nn


class _Attention(nn.Module):
    """Multi-head self-attention on groupsxlengthxwidth, with an optional additive mask."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.head_width = width // heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)

    def _split_heads(self, tensor, order):
        groups, length, _ = tensor.shape
        return tensor.reshape(groups, length, self.heads, self.head_width).permute(order)

    def forward(self, tensor, bias=None):
        query = self._split_heads(self.query(tensor), (0, 2, 1, 3))
        key = self._split_heads(self.key(tensor), (0, 2, 3, 1))
        value = self._split_heads(self.value(tensor), (0, 2, 1, 3))
        scores = torch.matmul(query, key) / self.head_width**0.5
        if bias is not None:
            scores = scores + bias
        mixed = torch.matmul(scores.softmax(-1), value).permute(0, 2, 1, 3)
        return self.output(mixed.reshape(tensor.shape))


def _feed_forward(width, hidden):
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class _BertLayer(nn.Module):
    """Post-norm encoder layer."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention = _Attention(width, heads)
        self.attention_norm = nn.LayerNorm(width, eps=1e-12)
        self.feed_forward = _feed_forward(width, hidden)
        self.output_norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, tensor, bias):
        tensor = self.attention_norm(tensor + self.attention(tensor, bias))
        return self.output_norm(tensor + self.feed_forward(tensor))


class Bert(nn.Module):
    """BERT encoder with embeddings, padding mask and pooler."""

    VOCABULARY = 30522

    def __init__(self, layers, width, heads, hidden, length):
        super().__init__()
        self.word_embedding = nn.Embedding(self.VOCABULARY, width)
        self.segment_embedding = nn.Embedding(2, width)
        self.position_embedding = nn.Parameter(torch.zeros(1, length, width))
        self.embedding_norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(_BertLayer(width, heads, hidden) for _ in range(layers))
        self.pooler = nn.Linear(width, width)

    def forward(self, token_ids, segment_ids, attention_mask):
        tensor = self.word_embedding(token_ids) + self.segment_embedding(segment_ids)
        tensor = self.embedding_norm(tensor + self.position_embedding)
        bias = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * -10000.0
        for layer in self.layers:
            tensor = layer(tensor, bias)
        return tensor, self.pooler(tensor[:, 0]).tanh()


class _PreNormLayer(nn.Module):
    """Pre-norm encoder layer (ViT)."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = _Attention(width, heads)
        self.feed_forward_norm = nn.LayerNorm(width, eps=1e-6)
        self.feed_forward = _feed_forward(width, hidden)

    def forward(self, tensor):
        tensor = tensor + self.attention(self.attention_norm(tensor))
        return tensor + self.feed_forward(self.feed_forward_norm(tensor))


class VisionTransformer(nn.Module):
    """ViT-B/16 at 224."""

    def __init__(self, width=768, layers=12, heads=12, patches=14 * 14):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embedding = nn.Parameter(torch.zeros(1, patches + 1, width))
        self.layers = nn.Sequential(*(_PreNormLayer(width, heads, 4 * width) for _ in range(layers)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.classify = nn.Linear(width, 1000)

    def forward(self, image):
        tokens = self.patch(image).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token, tokens], 1) + self.position_embedding
        return self.classify(self.norm(self.layers(tokens))[:, 0])


WINDOW = 7


def _to_windows(tensor):
    """1xHxWxC to one row of 49 tokens per window."""
    _, height, width, channels = tensor.shape
    tiles = tensor.reshape(height // WINDOW, WINDOW, width // WINDOW, WINDOW, channels)
    return tiles.transpose(1, 2).reshape(-1, WINDOW * WINDOW, channels)


def _from_windows(windows, height, width):
    """The inverse of `_to_windows`."""
    channels = windows.shape[2]
    tiles = windows.reshape(height // WINDOW, width // WINDOW, WINDOW, WINDOW, channels)
    return tiles.transpose(1, 2).reshape(1, height, width, channels)


def _shift_mask(size, shift):
    """Additive mask that keeps tokens of different image regions apart after the cyclic shift."""
    border = torch.zeros(size, dtype=torch.long)
    border[size - WINDOW : size - shift] = 1
    border[size - shift :] = 2
    regions = _to_windows((3 * border[:, None] + border[None, :]).reshape(1, size, size, 1)).squeeze(2)
    different = regions[:, None, :] != regions[:, :, None]
    return torch.zeros(different.shape).masked_fill(different, -100.0).unsqueeze(1)


class _SwinBlock(nn.Module):
    """Window attention (shifted in every second block) and feed-forward, both pre-norm.

    The relative position bias is held per token pair, as it is after folding its table lookup.
    """

    def __init__(self, width, heads, size, shift):
        super().__init__()
        self.size, self.shift = size, shift
        self.attention_norm = nn.LayerNorm(width)
        self.attention = _Attention(width, heads)
        self.position_bias = nn.Parameter(torch.zeros(1, heads, WINDOW**2, WINDOW**2))
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = _feed_forward(width, 4 * width)
        if shift:
            self.register_buffer("mask", _shift_mask(size, shift))

    def _attend(self, tensor):
        if not self.shift:
            mixed = self.attention(_to_windows(tensor), self.position_bias)
            return _from_windows(mixed, self.size, self.size)
        rolled = torch.roll(tensor, (-self.shift, -self.shift), (1, 2))
        mixed = self.attention(_to_windows(rolled), self.position_bias + self.mask)
        return torch.roll(_from_windows(mixed, self.size, self.size), (self.shift, self.shift), (1, 2))

    def forward(self, tensor):
        tensor = tensor + self._attend(self.attention_norm(tensor))
        return tensor + self.feed_forward(self.feed_forward_norm(tensor))


class _PatchMerging(nn.Module):
    """Halves height and width, doubles the channels."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduce = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, tensor):
        corners = [tensor[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduce(self.norm(torch.cat(corners, -1)))


class SwinTiny(nn.Module):
    """Swin-T at 224 with windows of 7."""

    def __init__(self):
        super().__init__()
        width, size, layers = 96, 56, []
        for stage, (depth, heads) in enumerate(((2, 3), (2, 6), (6, 12), (2, 24))):
            if stage > 0:
                layers.append(_PatchMerging(width))
                width, size = 2 * width, size // 2
            for block in range(depth):
                shift = WINDOW // 2 if block % 2 == 1 and size > WINDOW else 0
                layers.append(_SwinBlock(width, heads, size, shift))
        self.patch = nn.Conv2d(3, 96, 4, 4)
        self.patch_norm = nn.LayerNorm(96)
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, 1000)

    def forward(self, image):
        tensor = self.layers(self.patch_norm(self.patch(image).permute(0, 2, 3, 1)))
        return self.classify(self.norm(tensor).mean((1, 2)))
