"""Depthwise convolutions whose gradients are fast on CPUs.

Forward, PyTorch's kernels are fast. Backward, in bfloat16, they have no fast path for the weights
of 5 x 5 kernels nor for the input of kernels with a stride, and half of a training step went there
(AVX-512, one thread, eight slices of 256 pixels: 0.5 of 1.1 seconds). Both gradients can be put
together from convolutions that are fast: the gradient of the input is the gradient of the output,
with zeros in between where there is a stride, convolved with the turned kernel; the gradient of a
5 x 5 kernel is that of four overlapping 3 x 3 kernels.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers.padding import pad_same
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

_FAST = 3  # side of the kernels whose weight gradient is fast


def quicken(network: nn.Module) -> None:
    """Replace each 3 x 3 or 5 x 5 depthwise convolution of `network` by one with fast gradients.

    Weights, their names and what the network computes stay the same.
    """
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d) and _is_depthwise(child):
                setattr(parent, name, _Depthwise(child))


def _is_depthwise(conv: nn.Conv2d) -> bool:
    return (
        conv.groups == conv.in_channels == conv.out_channels > 1
        and conv.kernel_size in ((3, 3), (5, 5))
        and conv.stride[0] == conv.stride[1]
        and conv.dilation == (1, 1)
        and conv.bias is None
        and conv.padding_mode == "zeros"
    )


class _Depthwise(nn.Module):
    """Stands in for a depthwise nn.Conv2d, or timm's variant of it with TensorFlow's padding."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = conv.weight
        self._stride, self._kernel = conv.stride[0], conv.kernel_size[0]
        same = type(conv) is not nn.Conv2d or conv.padding == "same"
        self._padding = None if same else int(conv.padding[0])

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H / stride, W / stride)."""
        padding = self._padding
        if padding is None:
            side = [self._kernel, self._kernel]
            maps, padding = pad_same(maps, side, [self._stride, self._stride]), 0
        if torch.is_autocast_enabled(maps.device.type):
            maps = maps.to(torch.get_autocast_dtype(maps.device.type))
        weight = self.weight.to(maps.dtype)
        out: Tensor = _Convolve.apply(maps, weight, self._stride, padding)
        return out


class _Convolve(torch.autograd.Function):
    """conv2d with one kernel for each channel. `maps` (N, C, H, W), `weight` (C, 1, K, K)."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        return conv2d(maps, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        maps, weight = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        wanted = ctx.needs_input_grad[0]
        back = _input_gradient(grad, weight, maps, ctx.stride, ctx.padding) if wanted else None
        return back, _weight_gradient(grad, weight, maps, ctx.stride, ctx.padding), None, None


def _input_gradient(
    grad: Tensor, weight: Tensor, maps: Tensor, stride: int, padding: int
) -> Tensor:
    kernel = weight.shape[-1]
    if stride > 1:
        count, channels, height, width = maps.shape
        wider = [side + 2 * padding - kernel + 1 for side in (height, width)]
        spread = torch.empty(
            (count, channels, *wider), dtype=grad.dtype, memory_format=torch.channels_last
        ).zero_()
        spread[:, :, ::stride, ::stride] = grad
        grad = spread
    return conv2d(grad, weight.flip(2, 3), None, 1, kernel - 1 - padding, 1, len(weight))


def _weight_gradient(
    grad: Tensor, weight: Tensor, maps: Tensor, stride: int, padding: int
) -> Tensor:
    maps = pad(maps, [padding] * 4) if padding else maps
    whole = torch.empty_like(weight, memory_format=torch.contiguous_format)
    reach = [stride * (side - 1) + _FAST for side in grad.shape[2:]]
    for top in {0, weight.shape[-1] - _FAST}:
        for left in {0, weight.shape[-1] - _FAST}:
            part = maps[:, :, top : top + reach[0], left : left + reach[1]]
            block = (..., slice(top, top + _FAST), slice(left, left + _FAST))
            whole[block] = torch.ops.aten.convolution_backward(
                grad,
                part.contiguous(memory_format=torch.channels_last),
                weight[block].contiguous(),
                None,
                [stride, stride],
                [0, 0],
                [1, 1],
                False,
                [0, 0],
                len(weight),
                (False, True, False),
            )[1]
    return whole
