import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest

from alexnet.serving.gather import Gatherer, Overloaded, Work

Result = TypeVar("Result")


class Engine:
    """Doubles numbers, a batch when it is let; it keeps what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.let = threading.Semaphore(0)

    def __call__(self, items: list[int]) -> Sequence[int]:
        self.begun.release()
        assert self.let.acquire(timeout=10)
        self.batches.append(items)
        return [2 * item for item in items]


async def begun(engine: Engine) -> None:
    assert await asyncio.to_thread(engine.begun.acquire, timeout=10)


async def asked(gatherer: Gatherer, kind: str, item: Any) -> Any:
    with gatherer.places(1) as places:
        return await places.ask(kind, item)


async def settled() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(asyncio.wait_for(work, 20))


def gatherer_of(engine: Any, *, most: int = 4, wait: float = 0.0, places: int = 16) -> Gatherer:
    gatherer = Gatherer({"double": Work(engine, most)}, most_wait=wait, places=places)
    gatherer.start()
    return gatherer


def test_what_waits_while_the_engine_works_goes_together_and_keeps_its_order():
    async def story() -> None:
        engine = Engine()
        gatherer = gatherer_of(engine)
        first = asyncio.create_task(asked(gatherer, "double", 0))
        await begun(engine)
        others = [asyncio.create_task(asked(gatherer, "double", item)) for item in range(1, 7)]
        await settled()
        engine.let.release(3)
        assert [await task for task in (first, *others)] == [0, 2, 4, 6, 8, 10, 12]
        assert engine.batches == [[0], [1, 2, 3, 4], [5, 6]]
        gatherer.close()

    run(story())


def test_the_engine_rests_after_every_batch_when_it_has_been_told():
    async def story() -> None:
        told: list[str] = []
        rested = threading.Semaphore(0)

        def rest() -> None:
            told.append("rest")
            rested.release()

        gatherer = Gatherer(
            {"double": Work(lambda items: items, 4)},
            most_wait=0,
            places=4,
            answered=lambda _kind, count, _seconds: told.append(f"told of {count}"),
            rest=rest,
        )
        gatherer.start()
        for _ in range(2):
            await asked(gatherer, "double", 1)
            assert await asyncio.to_thread(rested.acquire, timeout=10)
        assert told == ["told of 1", "rest"] * 2
        gatherer.close()

    run(story())


def test_a_lone_question_waits_for_nobody():
    async def story() -> None:
        gatherer = gatherer_of(lambda items: items, wait=3600)
        assert await asked(gatherer, "double", 1) == 1
        gatherer.close()

    run(story())


def test_the_engine_waits_for_a_question_that_has_its_place_already():
    async def story() -> None:
        engine = Engine()
        gatherer = gatherer_of(engine, wait=3600)
        engine.let.release(2)
        with gatherer.places(1) as late:
            early = asyncio.create_task(asked(gatherer, "double", 1))
            await settled()
            assert engine.batches == []
            assert await late.ask("double", 2) == 4
        assert await early == 2
        assert engine.batches == [[1, 2]]
        gatherer.close()

    run(story())


def test_the_engine_does_not_wait_for_a_question_that_will_not_come():
    async def story() -> None:
        gatherer = gatherer_of(lambda items: items, wait=3600)
        with gatherer.places(1) as left:
            early = asyncio.create_task(asked(gatherer, "double", 1))
            await settled()
            left.leave_out()
            assert await early == 1
        assert gatherer.taken == 0
        gatherer.close()

    run(story())


def test_the_engine_waits_no_longer_than_it_may():
    async def story() -> None:
        gatherer = gatherer_of(lambda items: items, wait=0.01)
        with gatherer.places(1):
            assert await asked(gatherer, "double", 1) == 1
        gatherer.close()

    run(story())


def test_overload_is_told_at_once_and_nothing_more_is_held():
    async def story() -> None:
        engine = Engine()
        gatherer = gatherer_of(engine, places=3)
        tasks = [asyncio.create_task(asked(gatherer, "double", item)) for item in range(3)]
        await begun(engine)
        assert gatherer.full
        with pytest.raises(Overloaded) as told:
            gatherer.places(1)
        assert 1 <= told.value.retry_after <= 60
        engine.let.release(2)
        assert await asyncio.gather(*tasks) == [0, 2, 4]
        assert gatherer.taken == 0
        with gatherer.places(3):
            pass
        gatherer.close()

    run(story())


def test_many_places_are_taken_together_or_not_at_all():
    async def story() -> None:
        gatherer = gatherer_of(lambda items: items, places=3)
        with gatherer.places(2):
            with pytest.raises(Overloaded):
                gatherer.places(2)
            assert gatherer.taken == 2
        gatherer.close()

    run(story())


def test_a_cancelled_question_is_dropped_and_gives_its_place_back():
    async def story() -> None:
        engine = Engine()
        gatherer = gatherer_of(engine)
        first = asyncio.create_task(asked(gatherer, "double", 0))
        await begun(engine)
        gone, stays = (asyncio.create_task(asked(gatherer, "double", item)) for item in (1, 2))
        await settled()
        gone.cancel()
        await settled()
        assert gatherer.taken == 2
        engine.let.release(2)
        assert [await first, await stays] == [0, 4]
        assert engine.batches == [[0], [2]]
        gatherer.close()

    run(story())


def test_a_question_that_took_too_long_is_dropped():
    async def story() -> None:
        engine = Engine()
        gatherer = gatherer_of(engine)
        first = asyncio.create_task(asked(gatherer, "double", 0))
        await begun(engine)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asked(gatherer, "double", 1)
        engine.let.release(1)
        assert await first == 0
        gatherer.close()
        assert engine.batches == [[0]]

    run(story())


def test_kinds_are_not_mixed_and_the_oldest_comes_first():
    async def story() -> None:
        engine, seen = Engine(), []

        def look(items: list[int]) -> list[int]:
            seen.append((len(engine.batches), items))
            return items

        gatherer = Gatherer({"double": Work(engine, 8), "look": Work(look, 1)}, most_wait=0, places=16)
        gatherer.start()
        first = asyncio.create_task(asked(gatherer, "double", 0))
        await begun(engine)
        kinds = ("look", "double", "look", "double")
        tasks = [asyncio.create_task(asked(gatherer, kind, item)) for item, kind in enumerate(kinds, 1)]
        await settled()
        engine.let.release(2)
        assert await asyncio.gather(first, *tasks) == [0, 1, 4, 3, 8]
        assert engine.batches == [[0], [2, 4]]
        assert seen == [(1, [1]), (2, [3])]
        gatherer.close()

    run(story())


def test_where_a_batch_fails_only_the_one_at_fault_does():
    async def story() -> None:
        def odd_ones(items: list[int]) -> list[int]:
            if 3 in items:
                raise ValueError("three")
            return items

        gatherer = Gatherer({"double": Work(odd_ones, 8)}, most_wait=0.05, places=8)
        with gatherer.places(3) as places:
            work = asyncio.gather(*(places.ask("double", item) for item in (1, 3, 5)), return_exceptions=True)
            gatherer.start()
            found = await work
        assert found[0] == 1
        assert isinstance(found[1], ValueError)
        assert found[2] == 5
        gatherer.close()

    run(story())


def test_closing_answers_what_waits_and_takes_nothing_more():
    async def story() -> None:
        engine = Engine()
        gatherer = gatherer_of(engine)
        tasks = [asyncio.create_task(asked(gatherer, "double", item)) for item in range(3)]
        await begun(engine)
        engine.let.release(2)
        await asyncio.to_thread(gatherer.close)
        assert await asyncio.gather(*tasks) == [0, 2, 4]
        with pytest.raises(Overloaded):
            gatherer.places(1)

    run(story())


def test_when_to_come_again_follows_from_the_rate():
    async def story() -> None:
        engine = Engine()
        gatherer = gatherer_of(engine, most=1, places=8)
        first = asyncio.create_task(asked(gatherer, "double", 0))
        await begun(engine)
        await asyncio.sleep(0.5)  # the engine needs half a second for one
        engine.let.release(1)
        await first
        with gatherer.places(8), pytest.raises(Overloaded) as overloaded:
            gatherer.places(1)
        assert 4 <= overloaded.value.retry_after <= 30
        gatherer.close()

    run(story())
