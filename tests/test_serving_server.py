import base64
import io
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from served import ABILITIES, SHOWN, client, model, picture

from alexnet.problem import UsageProblem
from alexnet.serving.desk import Pace
from alexnet.serving.limits import Limits
from alexnet.serving.security import HEADERS, LOCAL, Tickets
from alexnet.verbs.serve import Address, in_a_thread_that_ends, read_token, require_guarded

TOKEN = "0123456789abcdef0123456789abcdef"
TASKS = Path("/proc/self/task")
RAW = {"content-type": "application/octet-stream"}


def images(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", (f"{number}.png", content)) for number, content in enumerate(contents)]


def test_one_picture_as_raw_bytes():
    with client() as asking:
        found = asking.post("/v1/classify?top=2", content=picture("red"), headers=RAW)
    assert found.status_code == 200
    (answer,) = found.json()["answers"]
    assert (answer["image"], answer["error"]) == ("picture", None)
    assert [one["class"] for one in answer["top"]] == ["red", "green"]
    assert answer["top"][0]["title"] == "Red"
    assert answer["top"][0]["probability"] == pytest.approx(256 / 258)


def test_many_pictures_are_answered_in_their_order():
    colours = ["red", "blue", "lime", "blue", "red"] * 6
    with client(pace=Pace(most=4)) as asking:
        found = asking.post("/v1/classify", files=images(*(picture(colour) for colour in colours))).json()
    told = [one["top"][0]["class"].replace("green", "lime") for one in found["answers"]]
    assert told == colours
    assert [one["image"] for one in found["answers"]] == [f"{number}.png" for number in range(30)]


def test_an_unreadable_picture_says_why_and_the_others_are_answered():
    with client() as asking:
        found = asking.post("/v1/classify", files=images(picture("red"), b"<svg/>", picture("blue")))
        none = asking.post("/v1/classify", files=images(b"", b"GIF89a"))
    assert found.status_code == 200
    first, second, third = found.json()["answers"]
    assert (first["top"][0]["class"], third["top"][0]["class"]) == ("red", "blue")
    assert second["top"] is None
    assert "not a JPEG" in second["error"]
    assert none.status_code == 422
    assert [bool(one["error"]) for one in none.json()["answers"]] == [True, True]


def test_neighbours_come_with_pictures_where_asked_for():
    with client() as asking:
        plain = asking.post("/v1/similar?k=1", content=picture("red"), headers=RAW).json()
        drawn = asking.post("/v1/similar?pictures=true", content=picture("red"), headers=RAW).json()
    (near,) = plain["answers"][0]["neighbours"]
    assert near == {"source": "some/0.png", "class": "red", "title": "Red", "distance": 1.0, "picture": None}
    assert len(drawn["answers"][0]["neighbours"]) == 2
    url = drawn["answers"][0]["neighbours"][0]["picture"]
    shown = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
    assert shown.size == (8, 8)


def test_what_a_server_cannot_do_it_says():
    without = replace(SHOWN, training=None, model=model(similar="no index"))
    with client(abilities=replace(ABILITIES, similar=None), shown=without) as asking:
        near = asking.post("/v1/similar", content=picture("red"), headers=RAW)
        look = asking.post("/v1/look", content=picture("red"), headers=RAW)
        report = asking.post("/v1/report")
    assert [(one.status_code, one.json()["detail"]) for one in (near, look, report)] == [
        (409, "no index"), (409, "this one cannot"), (404, "none here"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/v1/classify?top=0", {"content": picture("red")}, 422),
        ("/v1/classify?top=x", {"content": picture("red")}, 422),
        ("/v1/similar?k=51", {"content": picture("red")}, 422),
        ("/v1/classify", {"content": b"x" * 5000}, 413),
        ("/v1/classify", {"content": (b"x" * 100 for _ in range(50))}, 413),
        ("/v1/classify", {"content": b"{}", "headers": {"content-type": "application/json"}}, 415),
        ("/v1/classify", {"content": b""}, 422),
        ("/v1/nothing", {"content": b""}, 404),
        ("/v1/model", {"content": b""}, 405),
    ],
)  # fmt: skip
def test_every_refusal_is_a_document_with_its_reason(path: str, options: dict[str, Any], status: int):
    with client(limits=Limits(request_bytes=4000)) as asking:
        found = asking.post(path, **options)
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["status"] == status
    assert found.json()["detail"]


def test_the_engine_has_all_threads_and_each_that_decodes_has_one():
    seen: dict[str, set[int]] = {"engine": set(), "decode": set()}

    def noting(who: str, work: Any) -> Any:
        def noted(given: Any) -> Any:
            torch.relu(torch.ones(100_000))  # what makes torch look how many it has
            seen[who].add(torch.get_num_threads())
            return work(given)

        return noted

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        noted = replace(
            ABILITIES,
            prepare=noting("decode", ABILITIES.prepare),
            scores=noting("engine", ABILITIES.scores),
        )
        with client(abilities=noted) as asking:
            for _ in range(3):
                asking.post("/v1/classify", files=images(*[picture("red")] * 8))
    finally:
        torch.set_num_threads(before)
    assert seen == {"engine": {3}, "decode": {1}}


@pytest.mark.skipif(not TASKS.is_dir(), reason="counts the threads of a process in /proc")
def test_what_opens_a_run_leaves_no_thread_behind():
    def opening() -> int:
        torch.set_num_threads(3)
        torch.randn(600, 600) @ torch.randn(600, 600)
        return len(list(TASKS.iterdir()))

    before = len(list(TASKS.iterdir()))
    threads = torch.get_num_threads()
    try:
        assert in_a_thread_that_ends(opening) > before + 1  # it, and torch's beside it
    finally:
        torch.set_num_threads(threads)
    until = time.monotonic() + 20
    while len(list(TASKS.iterdir())) > before and time.monotonic() < until:
        time.sleep(0.01)
    assert len(list(TASKS.iterdir())) <= before


def test_what_fails_while_a_run_is_opened_is_told():
    def opening() -> None:
        raise UsageProblem("no such run")

    with pytest.raises(UsageProblem, match="no such run"):
        in_a_thread_that_ends(opening)


def test_a_failure_of_the_program_tells_no_more_than_that():
    def scores(_pictures: object) -> Any:
        raise RuntimeError("/secret/place")

    with client(abilities=replace(ABILITIES, scores=scores)) as asking:
        found = asking.post("/v1/classify", content=picture("red"), headers=RAW)
    assert found.status_code == 500
    assert "secret" not in found.text


class Held:
    """An engine that answers when it is let."""

    def __init__(self) -> None:
        self.begun, self.let = threading.Event(), threading.Event()

    def __call__(self, pictures: Any) -> Any:
        self.begun.set()
        assert self.let.wait(20)
        return ABILITIES.scores(pictures)


def test_overload_is_told_at_once_and_what_was_taken_is_answered():
    engine = Held()
    held = replace(ABILITIES, scores=engine)
    with client(abilities=held, pace=Pace(places=3)) as asking, ThreadPoolExecutor(3) as pool:

        def ask() -> Any:
            return asking.post("/v1/classify", content=picture("red"), headers=RAW)

        first = pool.submit(ask)
        assert engine.begun.wait(10)
        two = asking.post("/v1/classify", files=images(*[picture("red")] * 3))
        others = [pool.submit(ask) for _ in range(2)]
        until = time.monotonic() + 10
        while asking.get("/readyz").status_code == 200 and time.monotonic() < until:
            time.sleep(0.01)
        began = time.monotonic()
        refused = [ask() for _ in range(20)]
        seconds = time.monotonic() - began
        engine.let.set()
        answered = [one.result().status_code for one in (first, *others)]
        again = asking.get("/readyz").status_code
        metrics = asking.get("/metrics").text
    assert 'alexnet_requests_total{route="/v1/classify",status="503"} 21.0' in metrics
    assert two.status_code == 503  # three pictures, two places
    assert {one.status_code for one in refused} == {503}
    assert all(1 <= int(one.headers["retry-after"]) <= 60 for one in refused)
    assert seconds < 5
    assert answered == [200, 200, 200]
    assert again == 200


def test_without_the_token_nobody_is_told_that_the_server_is_busy():
    engine = Held()
    held = replace(ABILITIES, scores=engine)
    right = RAW | {"authorization": f"Bearer {TOKEN}"}
    with client(abilities=held, pace=Pace(places=1), token=TOKEN) as asking, ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: asking.post("/v1/classify", content=picture("red"), headers=right))
        assert engine.begun.wait(10)
        found = [asking.post("/v1/classify", content=picture("red"), headers=one) for one in (RAW, right)]
        engine.let.set()
        assert first.result().status_code == 200
    assert [one.status_code for one in found] == [401, 503]
    assert all(name in found[1].headers for name in HEADERS)


def test_an_answer_that_takes_too_long_is_given_up():
    engine = Held()
    slow = replace(ABILITIES, scores=engine)
    with client(abilities=slow, limits=Limits(answer_seconds=0.05)) as asking:
        found = asking.post("/v1/classify", content=picture("red"), headers=RAW)
        engine.let.set()
    assert found.status_code == 503
    assert "retry-after" in found.headers


def test_without_the_token_nothing_is_given():
    paths = ["/v1/model", "/v1/samples/0", "/metrics", "/openapi.json", "/nothing", "/report/x"]
    with client(token=TOKEN) as asking:
        for path in paths:
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"},
                            {"authorization": TOKEN}, {"authorization": f"Bearer {TOKEN}x"},
                            {"authorization": "Bearer "}, {"authorization": "Bearer \xe9"}):  # fmt: skip
                found = asking.get(path, headers={k: v.encode("latin-1") for k, v in headers.items()})
                assert found.status_code == (404 if path.startswith("/report") else 401), (path, headers)
                assert "colours" not in found.text
        refused = asking.post("/v1/classify", content=picture("red"), headers=RAW)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        for path in ("/", "/page.js", "/ask.js", "/style.css", "/icon.svg", "/healthz", "/readyz"):
            assert asking.get(path).status_code == 200
            assert "colours" not in asking.get(path).text
        right = {"authorization": f"bearer {TOKEN}"}
        assert asking.get("/v1/model", headers=right).json()["name"] == "colours"
        assert asking.post("/v1/classify", content=picture("red"), headers=RAW | right).status_code == 200


def test_the_described_interface_asks_for_the_token_where_there_is_one():
    with client(token=TOKEN) as asking:
        described = asking.get("/openapi.json", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_a_local_server_answers_to_local_names_only():
    with client(hosts=LOCAL) as asking:
        for host in ("127.0.0.1:8000", "localhost", "[::1]:80"):
            assert asking.get("/v1/model", headers={"host": host}).status_code == 200
        for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""):
            assert asking.get("/v1/model", headers={"host": host}).status_code == 421


def test_another_sites_page_may_not_ask():
    with client() as asking:
        from_afar = {"sec-fetch-site": "cross-site"}
        assert asking.get("/v1/model", headers=from_afar).status_code == 403
        assert asking.get("/", headers=from_afar).status_code == 200  # a link from elsewhere
        assert asking.get("/v1/model", headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_every_answer_has_the_headers():
    with client() as asking:
        found = [asking.get(path) for path in ("/", "/v1/model", "/nothing", "/metrics", "/page.js")]
    for one in found:
        for name in HEADERS:
            assert name in one.headers, (one.url, name)
        assert "server" not in one.headers
        assert "access-control-allow-origin" not in one.headers
        policy = one.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert re.fullmatch(r"[0-9a-f]{16}", one.headers["x-request-id"])


def test_the_page_asks_no_other_host_and_holds_no_inline_code():
    page = Path(__file__).parents[1] / "src/alexnet/serving/page"
    html = (page / "index.html").read_text(encoding="utf-8")
    texts = "".join(path.read_text(encoding="utf-8") for path in sorted(page.iterdir()))
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", texts)
    assert not re.search(r"\son\w+=|style=|javascript:|<style|<script>", html)


def test_the_report_opens_once_by_a_ticket():
    shown = replace(SHOWN, report=lambda: "<h1>report</h1>", model=model(report=None))
    with client(shown=shown, token=TOKEN) as asking:
        assert asking.post("/v1/report").status_code == 401
        url = asking.post("/v1/report", headers={"authorization": f"Bearer {TOKEN}"}).json()["url"]
        first, second = asking.get(url), asking.get(url)
    assert (first.status_code, first.text) == (200, "<h1>report</h1>")
    assert "sandbox" in first.headers["content-security-policy"]
    assert first.headers["x-frame-options"] == "SAMEORIGIN"
    assert second.status_code == 404


def test_a_ticket_grows_old():
    tickets = Tickets(seconds=0)
    assert not tickets.take(tickets.issue())
    several = Tickets(most=2)
    first, *others = [several.issue() for _ in range(3)]
    assert [several.take(ticket) for ticket in (first, *others)] == [False, True, True]


def test_metrics_count_requests_pictures_and_batches():
    with client() as asking:
        asking.post("/v1/classify", files=images(picture("red"), b"no", picture("blue")))
        asking.get("/some/path/of/many")
        text = asking.get("/metrics").text
    assert 'alexnet_requests_total{route="/v1/classify",status="200"} 1.0' in text
    assert 'alexnet_requests_total{route="other",status="404"} 1.0' in text
    assert 'alexnet_pictures_total{outcome="answered"} 2.0' in text
    assert 'alexnet_pictures_total{outcome="unreadable"} 1.0' in text
    assert 'alexnet_batch_pictures_sum{kind="classify"} 2.0' in text
    assert "alexnet_places_taken 0.0" in text
    assert "alexnet_held_bytes 0.0" in text


def test_the_log_has_a_line_a_request_and_nothing_of_the_picture(caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO", "alexnet.serving"), client() as asking:
        asking.post("/v1/classify?top=1", files=[("images", ("my secret holiday.png", picture("red")))])
    told = [record.told for record in caplog.records if record.message == "request"]
    assert [(one["route"], one["status"]) for one in told] == [("/v1/classify", 200)]
    assert "secret" not in json.dumps(told)


def test_a_token_is_read_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.delenv("ALEXNET_TOKEN", raising=False)
    assert read_token(None) is None
    assert read_token(file) == TOKEN
    monkeypatch.setenv("ALEXNET_TOKEN", "e" * 20)
    assert read_token(None) == "e" * 20
    for bad in ("short", "with blanks in the middle of it", ""):
        file.write_text(bad)
        with pytest.raises(UsageProblem, match="openssl rand"):
            read_token(file)


def test_an_address_that_others_reach_needs_a_token_or_open():
    for host in ("127.0.0.1", "localhost", "::1", "127.1.2.3"):
        require_guarded(Address(host))
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        with pytest.raises(UsageProblem, match="--open"):
            require_guarded(Address(host))
        require_guarded(Address(host, token=TOKEN))
        require_guarded(Address(host, open=True))
