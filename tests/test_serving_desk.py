"""What the desk does beside answering."""

import pytest

from alexnet.serving import desk
from alexnet.serving.desk import Tidied


def test_tidying_waits_until_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(desk.time, "monotonic", lambda: now[0])
    tidied: list[float] = []
    often = Tidied(lambda: tidied.append(now[0]), every=60)
    for now[0] in (100.0, 130.0, 159.0, 160.0, 161.0, 219.0, 500.0, 559.0, 560.0):
        often()
    assert tidied == [160.0, 500.0, 560.0]
