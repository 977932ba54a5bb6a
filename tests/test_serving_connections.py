"""Connections beyond the limit: who gives way, and that whoever asks properly is answered."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from served import ABILITIES, SHOWN, listening_in_thread, picture

from alexnet.serving.desk import Abilities, Desk, Pace
from alexnet.serving.limits import Limits
from alexnet.serving.metrics import Metrics
from alexnet.serving.server import application

RED = picture("red")
HEAD = b"POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(RED)
HALF, REST = HEAD + RED[:10], RED[10:]
GET = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


class Served:
    """A server in this process that holds few connections."""

    def __init__(self, url: str, metrics: Metrics, sockets: ExitStack) -> None:
        self.url, self.metrics, self._sockets = url, metrics, sockets

    def sending(self, content: bytes) -> socket.socket:
        """A new connection on which this is sent."""
        port = int(self.url.rpartition(":")[2])
        one = self._sockets.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        one.sendall(content)
        time.sleep(0.05)  # so that the server has read it before what comes next
        return one

    def classified(self) -> int:
        """The status of a whole request on a connection of its own."""
        return httpx.post(f"{self.url}/v1/classify", content=RED, timeout=20).status_code


@contextmanager
def server(connections: int, abilities: Abilities = ABILITIES) -> Iterator[Served]:
    limits, metrics = Limits(connections=connections), Metrics()
    app = application(Desk(abilities, limits, Pace(), metrics), SHOWN)
    with listening_in_thread(app, limits) as url, ExitStack() as sockets:
        yield Served(url, metrics, sockets)


def closed(one: socket.socket) -> bool:
    """Whether the server has closed it; what it had sent before is passed over."""
    try:
        while one.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def status(one: socket.socket) -> int:
    return int(one.makefile("rb").readline().split()[1])


def test_the_body_longest_on_its_way_gives_way_and_the_others_are_answered():
    with server(3) as served:
        oldest, *others = [served.sending(HALF) for _ in range(3)]
        assert served.classified() == 200
        assert closed(oldest)
        for one in others:
            one.sendall(REST)
            assert status(one) == 200


def test_a_body_that_begins_on_an_old_connection_is_not_an_old_body():
    with server(2) as served:
        first = served.sending(GET)
        assert status(first) == 200
        second = served.sending(HALF)
        first.sendall(HALF)
        time.sleep(0.1)
        assert served.classified() == 200
        assert closed(second)
        first.sendall(REST)
        assert b"200 OK" in first.recv(65536) + first.recv(65536)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET], ids=["silent", "half a head", "answered"])
def test_what_asks_nothing_gives_way_before_a_body(sent: bytes):
    with server(2) as served:
        slow, idle = served.sending(HALF), served.sending(sent)
        assert served.classified() == 200
        assert closed(idle)
        slow.sendall(REST)
        assert status(slow) == 200


def test_half_a_body_behind_a_whole_request_gives_way():
    with server(2) as served:
        sly = [served.sending(GET + HALF) for _ in range(2)]
        assert served.classified() == 200
        assert closed(sly[0])


def test_an_answer_that_nobody_reads_gives_way():
    with server(1) as served:
        deaf = served.sending(b"GET /openapi.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" * 1000)
        assert eventually(lambda: served.classified() == 200)
        assert closed(deaf)


def test_answers_in_hand_stay_and_the_newest_is_closed():
    begun, let = threading.Semaphore(0), threading.Event()

    def scores(pictures: Any) -> Any:
        begun.release()
        assert let.wait(20)
        return ABILITIES.scores(pictures)

    with server(1, replace(ABILITIES, scores=scores)) as served:
        held = served.sending(HEAD + RED)
        assert begun.acquire(timeout=20)
        assert closed(served.sending(b""))
        let.set()
        assert status(held) == 200


def test_a_client_that_leaves_before_its_body_is_whole_is_no_failure_of_the_server():
    with server(8) as served:
        served.sending(HALF).close()
        assert eventually(lambda: 'route="/v1/classify",status="499"' in served.metrics.text().decode())
        assert 'status="500"' not in served.metrics.text().decode()


def test_a_body_does_not_wait_for_its_head_to_be_confirmed():
    seconds = []
    with server(8) as served, httpx.Client(base_url=served.url, timeout=20) as client:
        for _ in range(30):  # on one connection: the first answers of a new one never wait
            began = time.perf_counter()
            assert client.get("/healthz").status_code == 200
            seconds.append(time.perf_counter() - began)
    assert sorted(seconds[10:])[5] < 0.035  # Nagle's delay is 0.04 for each


def eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if holds():
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    return False
