import numpy as np
import torch

from alexnet.batches.buffers import KEPT, Buffers


def buffers() -> Buffers:
    return Buffers(4, (2, 3), np.float32)


def address(array: object) -> int:
    return torch.from_numpy(array).data_ptr()


def test_memory_is_used_again_when_nobody_holds_it() -> None:
    pool = buffers()
    first = pool.take(4)
    where = address(first)
    del first
    assert address(pool.take(3)) == where


def test_memory_in_use_is_never_lent_twice() -> None:
    pool = buffers()
    held = [pool.take(4) for _ in range(6)]
    assert len({address(array) for array in held}) == 6


def test_a_view_of_a_tensor_holds_the_memory() -> None:
    pool = buffers()
    array = pool.take(4)
    array[...] = 7
    corner = torch.from_numpy(array).permute(2, 0, 1)[:1, 2:]
    del array
    for _ in range(5):
        pool.take(4)[...] = 0
    assert (corner == 7).all()


def test_what_autograd_saved_holds_the_memory() -> None:
    pool = buffers()
    weight = torch.ones((), requires_grad=True)
    array = pool.take(4)
    array[...] = 3
    product = (weight * torch.from_numpy(array)).sum()
    del array
    pool.take(4)[...] = 0
    product.backward()
    assert weight.grad == 3 * 24


def test_no_more_is_kept_than_a_loader_needs() -> None:
    pool = buffers()
    many = [pool.take(4) for _ in range(9)]
    assert not pool.free
    del many
    assert len(pool.free) == KEPT


def test_arrays_are_as_long_as_asked_and_begin_where_wide_loads_do() -> None:
    array = buffers().take(2)
    assert array.shape == (2, 2, 3)
    assert address(array) % 64 == 0
