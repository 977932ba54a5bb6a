"""Renders the page: one file of HTML with its style, its pictures and its one small script inside.

A content security policy in it forbids every request, so that what opens it cannot be made to send any.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from alexnet.probing.drawing import brief
from alexnet.report import wording
from alexnet.report.section import Section


@dataclass(frozen=True)
class Figure:
    """One of the figures at the head of the page."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Page:
    """All that the page tells."""

    kind: str  # of report
    title: str
    lead: str  # the story in a sentence or two
    figures: Sequence[Figure]
    sections: Sequence[Section[Any]]


def render(page: Page, *, made: str) -> str:
    """The page as HTML; `made` says when and in how long, and is all that differs another time."""
    style, script = _text("style.css"), _text("sorting.js")
    template = _environment().get_template("page.html.j2")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return template.render(page=page, made=made, style=style, script=script, policy=policy)


def _text(name: str) -> str:
    return (files("alexnet.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("alexnet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters |= {
        filter.__name__: filter
        for filter in (
            wording.percent, wording.share, wording.interval, wording.points, wording.count, wording.short,
            wording.size, wording.duration, wording.plural, brief,
        )
    }  # fmt: skip
    return environment


def _printable(value: Any) -> Any:
    return wording.printable(value) if type(value) is str else value
