import threading
from collections.abc import Iterator

import pytest

from alexnet.batches.threads import Task, completed
from alexnet.dataset.pool import ahead


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order_and_complete(workers: int) -> None:
    def plans() -> Iterator[tuple[list[int], list[Task]]]:
        for number in range(20):
            result: list[int] = []
            yield result, [lambda result=result, number=number: result.append(number)] * 3

    assert list(completed(plans(), workers)) == [[number] * 3 for number in range(20)]


def test_the_next_result_is_made_while_the_reader_has_the_first() -> None:
    made = threading.Event()
    results = completed([("first", []), ("second", [made.set])], workers=1)
    assert next(results) == "first"
    assert made.wait(timeout=30)
    assert list(results) == ["second"]


def test_no_more_than_one_result_is_begun_ahead() -> None:
    begun: list[int] = []

    def plans() -> Iterator[tuple[int, list[Task]]]:
        for number in range(10):
            begun.append(number)
            yield number, []

    results = completed(plans(), workers=4)
    for number in range(5):
        assert next(results) == number
        assert begun == list(range(number + 2))


@pytest.mark.parametrize("workers", [0, 2])
def test_what_goes_wrong_in_a_task_comes_out(workers: int) -> None:
    results = completed([("whole", []), ("broken", [lambda: 1 // 0])], workers)
    assert next(results) == "whole"
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_reader_that_leaves_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    done: list[int] = []
    results = completed(((number, [lambda: done.append(0)]) for number in range(10_000)), workers=2)
    next(results)
    results.close()
    assert threading.active_count() == before
    assert len(done) <= 2


def test_a_reader_of_items_that_leaves_early_does_not_wait_for_the_rest() -> None:
    done: list[int] = []
    for item in ahead(lambda value: done.append(value) or value, range(10_000), 2):
        if item == 3:
            break
    assert len(done) < 20


def test_what_goes_wrong_with_an_item_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda value: 1 // value, [1, 0], 1))
