"""The page in Chromium; every test also holds that no other host is asked and nothing is complained of."""

import base64
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import ABILITIES, CLASSES, SHOWN, listening_in_thread, model, picture

from alexnet.serving import documents as d
from alexnet.serving.desk import Abilities, Desk, Pace
from alexnet.serving.limits import Limits
from alexnet.serving.looking import png, url
from alexnet.serving.metrics import Metrics
from alexnet.serving.routes import Shown
from alexnet.serving.server import application

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
TOKEN = "0123456789abcdef"
SCRIPT = "<script>document.querySelector('h1').textContent += ' ran'</script>"
REPORT = f"<!doctype html><title>r</title><h1>The report</h1>{SCRIPT}"


def look(pixels: Any) -> dict[str, Any]:
    sheet = url(pixels)
    names = ("view", "saliency", "gradcam", "kernels", "maps")
    return {"name": "red", "probability": 0.5, "layer": "conv1", **dict.fromkeys(names, sheet)}


SEEING = replace(ABILITIES, look=look)
SAMPLES = [png(np.full((16, 16, 3), colour, np.uint8)) for colour in ((255, 0, 0), (0, 0, 255))]
ERRORS = d.Errors(
    split="val", images=2500, views="center", top1_error=12.3, top1_interval=(11.0, 13.6),
    top5_error=1.2, top5_interval=(0.8, 1.7),
)  # fmt: skip
TOLD = model(
    look=None, report=None, trained_on=1000, errors=ERRORS,
    samples=[d.Sample(number=number, title=name) for number, name in enumerate(("Red", "Blue"))],
)  # fmt: skip
SEEN = replace(SHOWN, model=TOLD, samples=SAMPLES, report=lambda: REPORT)


def served(abilities: Abilities = SEEING, shown: Shown = SEEN, *, places: int = 128, **guard: Any) -> Any:
    limits = Limits()
    desk = Desk(abilities, limits, Pace(places=places), Metrics())
    return listening_in_thread(application(desk, shown, **guard), limits)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as address:
        yield address


Opened = Callable[..., Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    """Open pages, and hold in the end that none asked another host or complained."""
    contexts, complaints, asked = [], [], []

    def open_page(address: str, *, width: int = 1100, scheme: str = "light", refused: bool = False) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append((address, request.url)))

        def told(message: Any) -> None:
            # Chromium itself notes every answer that is a refusal
            if message.type in ("error", "warning") and not (refused and "Failed to load" in message.text):
                complaints.append(message.text)

        page.on("console", told)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert [one for address, one in asked if not one.startswith((address, "data:", "blob:"))] == []
    assert asked


def ready(page: Any) -> Any:
    page.wait_for_selector("#samples button")
    return page


def give(page: Any, how: str, content: bytes, name: str = "mine.png", kind: str = "image/png") -> None:
    """Drop or paste a file as a browser would tell of it."""
    page.evaluate(
        """([how, encoded, name, type]) => {
            const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], name, { type }));
            const event = how === "paste"
                ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
                : new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
            document.getElementById("drop").dispatchEvent(event);
        }""",
        [how, base64.b64encode(content).decode(), name, kind],
    )


def says(page: Any, where: str, words: str) -> None:
    """Wait for words; the page's policy forbids what Playwright's own waiting for a condition would need."""
    playwright.expect(page.locator(where)).to_contain_text(words, timeout=20_000)


def answered(page: Any, title: str) -> None:
    says(page, "#answer-title", f"{title}, ")
    page.wait_for_selector("#inside:not([hidden]):not(.waiting)")


def found_by_axe(page: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    return [one["id"] for one in axe.Axe().run(page).response["violations"]]


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_picture_that_is_dropped_or_pasted_is_answered(server: str, opened: Opened, how: str):
    page = ready(opened(server))
    give(page, how, picture("lime"))
    answered(page, "Green")
    bars = page.locator("#bars li")
    assert bars.count() == len(CLASSES)
    assert "Green" in bars.nth(0).inner_text()
    assert page.locator("#near li").count() == 2
    assert page.locator("#given-words").inner_text() == "mine.png"
    for name in ("given-picture", "view", "saliency", "gradcam", "kernels", "maps"):
        assert page.evaluate(f"document.getElementById('{name}').naturalWidth") > 0, name
    give(page, how, picture("blue"))
    answered(page, "Blue")


def test_the_keyboard_is_enough(server: str, opened: Opened, tmp_path: Path):
    page = ready(opened(server))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#main")).to_be_focused(timeout=20_000)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "choose":
            break
    assert page.evaluate("document.activeElement.id") == "choose"
    file = tmp_path / "blue.jpg"
    file.write_bytes(picture("blue", "JPEG"))
    # the browser's own dialogue has no keyboard here: that it is asked for is what is seen
    page.evaluate("document.getElementById('file').click = () => { window.asked = true; }")
    page.keyboard.press("Enter")
    page.wait_for_function("window.asked === true", timeout=20_000)
    page.set_input_files("#file", file)
    answered(page, "Blue")
    page.keyboard.press("Tab")
    assert "Red" in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Enter")
    answered(page, "Red")


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (390, "dark"), (1100, "light"), (1100, "dark")]
)
def test_it_fits_and_axe_finds_nothing(server: str, opened: Opened, width: int, scheme: str):
    page = ready(opened(server, width=width, scheme=scheme))
    if (width, scheme) == (1100, "light"):
        assert found_by_axe(page) == []
    page.locator("#samples button").nth(1).click()
    answered(page, "Blue")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert found_by_axe(page) == []
    red = int(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]"))
    assert (red < 60) == (scheme == "dark")


def test_what_to_expect_is_told_with_its_intervals(server: str, opened: Opened):
    words = ready(opened(server)).locator("#limits").inner_text()
    for part in ("Look.", "3 classes", "1,000 pictures", "12.3 %", "11.0 … 13.6", "2,500", "10 MB"):
        assert part in words


def test_what_a_server_cannot_do_is_told_in_words(opened: Opened):
    told = model(similar="no training pictures", look="no weights")
    with served(ABILITIES, replace(SHOWN, model=told)) as address:
        page = opened(address)
        says(page, "#limits", "no training pictures")
        words = page.locator("#limits").inner_text()
        assert "No look inside" in words
        assert "how often is not known here" in words
        assert not page.locator("#views").is_visible()
        give(page, "drop", picture("lime"))
        says(page, "#answer-title", "Green, ")
        playwright.expect(page.locator("#status")).to_have_text("", timeout=20_000)
        assert not page.locator("#near").is_visible()
        assert not page.locator("#inside").is_visible()
        assert found_by_axe(page) == []


def test_what_is_no_picture_is_told_in_words(server: str, opened: Opened):
    page = ready(opened(server, refused=True))
    give(page, "drop", b"<svg/>", "drawing.svg", "image/svg+xml")
    says(page, "#trouble", "cannot be read")
    assert "not a JPEG, PNG" in page.locator("#trouble").inner_text()
    assert not page.locator("#answer").is_visible()
    assert found_by_axe(page) == []
    give(page, "drop", picture("red"))
    answered(page, "Red")
    assert page.locator("#trouble").inner_text() == ""


def test_a_server_that_has_gone_is_told_in_words(opened: Opened):
    with served() as address:
        page = ready(opened(address, refused=True))
    give(page, "drop", picture("red"))
    says(page, "#trouble", "cannot be reached")


def test_a_picture_beyond_the_limits_is_made_smaller_first(opened: Opened):
    bounds = TOLD.limits.model_copy(update={"picture_pixels": 1000})
    small = replace(SEEN, model=TOLD.model_copy(update={"limits": bounds}))
    with served(shown=small) as address:
        page = ready(opened(address))
        give(page, "drop", picture("red", size=(300, 200)))
        answered(page, "Red")
        says(page, "#status", "smaller")


def test_a_busy_server_is_asked_again(opened: Opened):
    begun, let = threading.Event(), threading.Event()

    def scores(pictures: Any) -> Any:
        begun.set()
        assert let.wait(30)
        return ABILITIES.scores(pictures)

    with served(replace(SEEING, scores=scores), places=1) as address:
        first, second = (ready(opened(address, refused=True)) for _ in range(2))
        give(first, "drop", picture("red"))
        assert begun.wait(20)
        give(second, "drop", picture("blue"))
        says(second, "#status", "busy")
        assert found_by_axe(second) == []
        let.set()
        answered(second, "Blue")


def test_the_token_is_asked_for_and_kept_in_memory_only(opened: Opened):
    with served(token=TOKEN) as address:
        page = opened(address, refused=True)
        page.wait_for_selector("#token:not([hidden])")
        assert "colours" not in page.content()
        assert found_by_axe(page) == []
        page.keyboard.type("not this one")
        page.keyboard.press("Enter")
        says(page, "#token-words", "not the token")
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        ready(page)
        page.locator("#samples button").nth(0).click()
        answered(page, "Red")
        assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
        page.click("#to-report")
        page.frame_locator("#report").locator("h1").wait_for()


def test_the_report_is_a_view_of_its_own_that_cannot_reach_the_page(server: str, opened: Opened):
    page = ready(opened(server))
    page.click("#to-report")
    title = page.frame_locator("#report").locator("h1")
    playwright.expect(title).to_have_text("The report ran")
    assert not page.locator("#view-picture").is_visible()
    assert page.frames[1].evaluate("self.origin") == "null"
    page.click("#to-picture")
    assert page.locator("#drop").is_visible()
