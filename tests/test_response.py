from functools import partial

import pytest
import torch
from torch import Tensor

from alexnet.compiled import why_not
from alexnet.networks import layers, response_across
from alexnet.networks.layers import ResponseNorm, SameMapNorm
from alexnet.networks.response import mean_across, mean_within, response_norm
from alexnet.networks.response_across import Across, fits, norm_across
from alexnet.networks.response_compiled import Within, norm_compiled

MEANS = {
    "across": partial(mean_across, size=5, columns=1),
    "columns": partial(mean_across, size=3, columns=2),
    "within": partial(mean_within, size=3),
}


def maps(dtype: torch.dtype = torch.float64, *, last: bool = False) -> Tensor:
    drawn = 3 * torch.randn(2, 8, 5, 4, generator=torch.Generator().manual_seed(0), dtype=dtype)
    return drawn.to(memory_format=torch.channels_last) if last else drawn


@pytest.mark.parametrize("name", MEANS)
@pytest.mark.parametrize("beta", [0.75, 0.5])
@pytest.mark.parametrize("last", [False, True])
def test_training_form_is_the_formula_in_value_and_gradient(name: str, beta: float, last: bool) -> None:
    settings = {"k": 2.0, "alpha": 0.05, "beta": beta}
    fast, plain = maps(last=last).requires_grad_(), maps(last=last).requires_grad_()
    expected = plain * (2.0 + 0.05 * MEANS[name](plain.square())) ** -beta
    answered = response_norm(fast, MEANS[name], **settings)
    gradient = torch.randn(fast.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected.backward(gradient)
    answered.backward(gradient)
    assert torch.allclose(answered, expected, rtol=1e-12, atol=0)
    assert fast.grad is not None
    assert plain.grad is not None
    assert torch.allclose(fast.grad, plain.grad, rtol=1e-11, atol=1e-14)
    with torch.no_grad():
        assert torch.equal(response_norm(fast, MEANS[name], **settings), answered)


@pytest.mark.parametrize("name", MEANS)
def test_gradient_by_finite_differences(name: str) -> None:
    settings = {"k": 1.0, "alpha": 0.1, "beta": 0.75}
    torch.autograd.gradcheck(
        lambda images: response_norm(images, MEANS[name], **settings), maps().requires_grad_()
    )


def test_a_column_does_not_look_into_the_other() -> None:
    images = maps()
    changed = images.clone()
    changed[:, 4:] += 1
    mean = MEANS["columns"]
    assert torch.equal(mean(images)[:, :4], mean(changed)[:, :4])
    assert not torch.equal(mean(images)[:, 4:], mean(changed)[:, 4:])


@pytest.mark.parametrize("piece", [1, 8 * 7, 2**18])  # one pixel at a time, seven, all at once
@pytest.mark.parametrize(("size", "columns"), [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (9, 4)])
def test_pieces_are_the_formula_in_value_and_gradient(
    size: int, columns: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_across, "PIECE", piece)
    fast, plain = maps(last=True).requires_grad_(), maps(last=True).requires_grad_()
    mean = partial(mean_across, size=size, columns=columns)
    expected = plain * (2.0 + 0.05 * mean(plain.square())) ** -0.75
    answered = norm_across(fast, Across(size, columns, 2.0, 0.05))
    gradient = torch.randn(fast.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected.backward(gradient)
    answered.backward(gradient)
    assert torch.allclose(answered, expected, rtol=1e-12, atol=0)
    assert fast.grad is not None
    assert plain.grad is not None
    assert torch.allclose(fast.grad, plain.grad, rtol=1e-12, atol=1e-15)


def test_the_layer_takes_pieces_where_maps_lie_channels_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "kernel", lambda dtype: None)
    norm = ResponseNorm(5, 0.1, beta=0.75, k=2)
    assert fits(maps(last=True))
    assert not fits(maps())
    assert not fits(maps(last=True).to("meta"))
    pieces, whole = norm(maps(last=True).requires_grad_()), norm(maps().requires_grad_())
    assert pieces.grad_fn.name() == "_AcrossBackward"
    assert whole.grad_fn.name() == "_ResponseNormBackward"
    assert torch.allclose(pieces, whole, rtol=1e-12, atol=0)


def test_without_gradient_pieces_answer_the_same() -> None:
    images, across = maps(last=True), Across(5, 2, 1.0, 0.1)
    assert torch.equal(norm_across(images, across), norm_across(images.clone().requires_grad_(), across))


def test_gradient_of_pieces_by_finite_differences() -> None:
    torch.autograd.gradcheck(
        lambda images: norm_across(images, Across(5, 2, 1.0, 0.1)), maps(last=True).requires_grad_()
    )


# ------------------------------------------------------------------------------------------------ compiled


needs_compiler = pytest.mark.skipif(why_not() is not None, reason=f"plain forms only: {why_not()}")
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}


@needs_compiler
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("size", "columns"), [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (9, 4)])
def test_compiled_is_the_formula_in_value_and_gradient(size: int, columns: int, dtype: torch.dtype) -> None:
    plain = maps(last=True).to(dtype).double().requires_grad_()
    fast = plain.detach().to(dtype).requires_grad_()
    mean = partial(mean_across, size=size, columns=columns)
    expected = plain * (2.0 + 0.05 * mean(plain.square())) ** -0.75
    answered = norm_compiled(fast, Across(size, columns, 2.0, 0.05))
    gradient = torch.randn(fast.shape, generator=torch.Generator().manual_seed(1)).double()
    expected.backward(gradient)
    answered.backward(gradient.to(dtype))  # not channels last: a gradient comes as it comes
    assert fast.grad is not None
    assert plain.grad is not None
    for answer, exact in ((answered, expected), (fast.grad, plain.grad)):
        assert (answer - exact).abs().max() <= TOLERANCE[dtype] * exact.abs().max()


@needs_compiler
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_a_bit(threads: int) -> None:
    before = torch.get_num_threads()
    images = maps(torch.float32, last=True)
    expected = norm_compiled(images, Across(5, 1, 2.0, 0.05))
    torch.set_num_threads(threads)
    try:
        assert torch.equal(norm_compiled(images, Across(5, 1, 2.0, 0.05)), expected)
    finally:
        torch.set_num_threads(before)


@needs_compiler
def test_sixteen_bits_are_read_and_rounded_as_torch_does() -> None:
    images = maps(last=True).bfloat16()
    images[0, 0, 0, 0] = float("nan")
    across = Across(5, 2, 2.0, 0.05)
    expected = norm_across(images.float(), across).bfloat16()
    answered = norm_compiled(images, across)
    assert torch.equal(answered.isnan(), expected.isnan())
    assert torch.allclose(answered.nan_to_num(), expected.nan_to_num(), rtol=2**-8, atol=0)
    assert (answered.nan_to_num() == expected.nan_to_num()).double().mean() > 0.98


@pytest.mark.parametrize("last", [False, True])
def test_the_layer_norms_sixteen_bits_in_thirty_two(last: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "kernel", lambda dtype: None)
    images, norm = maps(last=last).bfloat16(), ResponseNorm(5, 0.1, beta=0.75, k=2)
    with torch.autocast("cpu", torch.bfloat16):
        answered = norm(images)
    assert answered.dtype == torch.bfloat16
    assert torch.equal(answered, norm(images.float()).bfloat16())


@needs_compiler
def test_gradient_of_the_compiled_form_by_finite_differences() -> None:
    torch.autograd.gradcheck(
        lambda images: norm_compiled(images, Across(5, 2, 1.0, 0.1)), maps(last=True).requires_grad_()
    )


@pytest.mark.skipif(why_not() is not None, reason=f"nothing is compiled here: {why_not()}")
@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("channels", [8, 70, 128])  # less than a block of the kernel, more, two
def test_compiled_within_a_map_is_the_formula(size: int, channels: int) -> None:
    drawn = torch.randn(3, channels, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fast = (3 * drawn).contiguous(memory_format=torch.channels_last).requires_grad_()
    plain = fast.detach().clone().requires_grad_()
    expected = plain * (1.5 + 0.3 * mean_within(plain.square(), size=size)) ** -0.75
    answered = norm_compiled(fast, Within(size, 1.5, 0.3))
    gradient = torch.randn(fast.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected.backward(gradient)
    answered.backward(gradient)
    assert torch.allclose(answered, expected, rtol=1e-12, atol=0)
    assert fast.grad is not None
    assert plain.grad is not None
    assert torch.allclose(fast.grad, plain.grad, rtol=1e-12, atol=1e-14)


@pytest.mark.skipif(why_not() is not None, reason=f"nothing is compiled here: {why_not()}")
def test_the_layer_within_a_map_uses_the_compiled_form(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, images = SameMapNorm(3, 0.3, beta=0.75), maps(torch.float32, last=True)
    compiled = layer(images)
    monkeypatch.setattr(layers, "kernel", lambda dtype: None)
    torch.testing.assert_close(compiled, layer(images), rtol=1e-6, atol=1e-6)
    asked = []
    monkeypatch.setattr(layers, "kernel", lambda dtype: asked.append(dtype))
    layer(images)
    assert asked == [torch.float32]
