"""The report in a browser: nothing on the console, no request, nothing axe-core finds, no sideways scroll."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle
from alexnet.settings import override
from alexnet.verbs.report import report
from alexnet.verbs.train import train

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTHS = (320, 1280)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> dict[str, Path]:
    """The report of a run, and of two compared."""
    folder = tmp_path_factory.mktemp("reports")
    recipe = Recipe(
        name="small", network="lenet", options={"image": 12}, channels=1, mean="channel",
        divide_by="deviation", epochs=2, batch=64, learning_rate=OneCycle(peak=0.05),
    )  # fmt: skip
    train(recipe, digits, folder / "one")
    train(override(recipe, ["epochs=1"]), digits, folder / "other")
    return {
        "one": Path(report(folder / "one").file),
        "both": Path(report([folder / "one", folder / "other"], out=folder / "both.html").file),
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield opened
        opened.close()


def opened(browser, path: Path, *, width: int = 1280, scheme: str = "light"):
    """A page of the browser, what it wrote on its console, and what it asked for."""
    page = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return page, said, asked


@pytest.mark.parametrize("name", ["one", "both"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_to_complain_of(name, scheme, reports, browser):
    from axe_playwright_python.sync_playwright import Axe

    page, said, asked = opened(browser, reports[name], scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found] == []
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.context.close()


@pytest.mark.parametrize("name", ["one", "both"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(name, width, reports, browser):
    page, _, _ = opened(browser, reports[name], width=width)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_the_background_follows_light_and_dark(reports, browser):
    colours = []
    for scheme in ("light", "dark"):
        page, _, _ = opened(browser, reports["one"], scheme=scheme)
        colours.append(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        page.context.close()
    assert colours == ["rgb(252, 252, 250)", "rgb(21, 23, 26)"]


def test_a_table_is_sorted_by_its_heads(reports, browser):
    page, said, _ = opened(browser, reports["one"])
    table = page.locator("#classes table")
    errors = "table => Array.from(table.tBodies[0].rows).map(row => Number(row.cells[2].dataset.value))"
    before = table.evaluate(errors)
    head = table.locator("thead button", has_text="top-1 error")
    head.click()
    assert table.evaluate(errors) == sorted(before)
    assert table.locator("th[aria-sort=ascending]").count() == 1
    head.press("Enter")
    assert table.evaluate(errors) == sorted(before, reverse=True)
    assert said == []
    page.context.close()


def test_without_script_every_table_is_there(reports, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(reports["one"].as_uri())
    assert page.locator("#classes tbody tr").count() == 10
    assert page.locator("#classes thead button").count() == 0
    context.close()


def test_the_policy_stops_what_would_be_sent(reports, browser, tmp_path):
    text = reports["one"].read_text(encoding="utf-8")
    asking = text.replace(
        "</main>", '<img src="https://example.org/seen.png" alt="x"><script>1</script></main>'
    )
    (tmp_path / "asking.html").write_text(asking, encoding="utf-8")
    page, said, _ = opened(browser, tmp_path / "asking.html")
    page.wait_for_load_state()
    assert any("https://example.org/seen.png" in words and "img-src" in words for words in said)
    assert any("script" in words and "hash" in words for words in said)
    page.context.close()


def test_it_is_printed(reports, browser):
    page, _, _ = opened(browser, reports["one"])
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert len(printed) > 50_000  # pictures and all
    page.context.close()
