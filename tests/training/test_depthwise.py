"""Faster gradients are the same gradients."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from inference.engine.networks import Joint, build_joint
from inference.training.depthwise import quicken

JOINT = {"joint": "tf_efficientnet_lite0", "decoder_channels": [32, 16, 16, 8]}


@settings(max_examples=30, deadline=None)
@given(
    kernel=st.sampled_from((3, 5)),
    stride=st.sampled_from((1, 2)),
    padding=st.integers(0, 2),
    height=st.integers(7, 24),
    width=st.integers(7, 24),
    channels=st.integers(2, 20),
)
def test_gradients_of_one_convolution(
    kernel: int, stride: int, padding: int, height: int, width: int, channels: int
) -> None:
    torch.manual_seed(height * width + channels)
    conv = nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels, bias=False)
    plain = nn.Sequential(conv)
    maps = torch.randn(2, channels, height, width)
    wanted, found = _gradients(plain, maps), _gradients(_quick(plain), maps)
    for own, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(own, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("bf16", [False, True])
def test_a_network_learns_the_same(bf16: bool) -> None:
    torch.manual_seed(7)
    plain = build_joint(JOINT).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    quick = _quick(plain)
    assert list(quick.state_dict()) == list(plain.state_dict())
    slices = torch.rand(2, 1, 96, 96)
    depthwise = [name for name, _ in plain.named_parameters() if "conv_dw" in name]
    assert len(depthwise) == 16
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        wanted, found = _loss(plain, slices), _loss(quick, slices)
    torch.testing.assert_close(found, wanted)
    wanted.backward()
    found.backward()
    ours, theirs = dict(quick.named_parameters()), dict(plain.named_parameters())
    for name in depthwise:
        own, their = ours[name].grad, theirs[name].grad
        assert own is not None
        assert their is not None
        assert float((own - their).norm() / their.norm()) < (0.05 if bf16 else 1e-3), name


def _quick(network: nn.Module) -> nn.Module:
    quick = copy.deepcopy(network)
    quicken(quick)
    assert any(type(module).__name__ == "_Depthwise" for module in quick.modules())
    return quick


def _gradients(network: nn.Module, maps: Tensor) -> list[Tensor]:
    """The answer and the gradients of the input and of each weight."""
    own = maps.clone().requires_grad_()
    answer = network(own)
    answer.square().sum().backward()
    grads = [own.grad, *(weight.grad for weight in network.parameters())]
    return [answer.detach(), *(grad for grad in grads if grad is not None)]


def _loss(network: Joint | nn.Module, slices: Tensor) -> Tensor:
    network.eval()  # batch norms of two slices would make noise of the smallest difference
    logits, _, _, masks = network(slices)
    loss: Tensor = logits.float().square().sum() + masks.float().square().mean()
    return loss
