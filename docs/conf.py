"""Sphinx for these pages: Markdown by MyST, the reference from docstrings. `make docs` builds them."""

import re
from collections.abc import Iterator
from textwrap import indent
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

import alexnet

project = "alexnet"
author = "the alexnet authors"
copyright = f"2026 {author}"
version = release = alexnet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
smartquotes = False  # it would make a dash of the two hyphens of an option
html_theme = "furo"
html_title = f"alexnet {version}"
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
autodoc_default_options = {"exclude-members": "model_config"}
myst_heading_anchors = 3

LABELLED = r"^(Expected|Cost|Source|Run|Differs|Left out|Open):(?= )"  # the passport in a recipe's docstring
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
ARRAY = r"~?(?:numpy\.)?ndarray\[tuple\[~?(?:typing\.)?Any, \.\.\.\], ~?(?:numpy\.)?dtype\[~?([^][]+)\]\]"


def setup(app: Any) -> None:
    """Read the docstrings as what they are: plain text with `code` between backticks."""
    app.connect("autodoc-process-docstring", _marked_up)
    app.connect("autodoc-process-signature", _readable)


def _marked_up(_app: Any, kind: str, _name: str, documented: Any, _options: Any, lines: list[str]) -> None:
    paragraphs = [_paragraph(text) for text in "\n".join(lines).strip("\n").split("\n\n")]
    if kind == "class" and issubclass(documented, BaseModel):
        paragraphs += _fields(documented)
    lines[:] = [*"\n\n".join(paragraphs).split("\n"), ""]


def _paragraph(text: str) -> str:
    """A doctest stays; columns are shown as they stand; a table is a table; prose is escaped."""
    if text.startswith(">>>"):
        return text
    if text.startswith("|"):
        return _table(text)
    if "  " in text:
        return "::\n\n" + indent(text, "    ")
    prose = _prose(text)
    if re.match(LABELLED, prose):
        return re.sub(r"^  :", ":", indent(re.sub(LABELLED, r":\1:", prose, flags=re.M), "  "), flags=re.M)
    return prose


def _prose(text: str) -> str:
    pieces = text.split("`")
    pieces[::2] = [re.sub(r"([*|_\\])", r"\\\1", prose) for prose in pieces[::2]]
    pieces[1::2] = [rf"\ ``{code}``\ " for code in pieces[1::2]]
    return "".join(pieces)


def _table(text: str) -> str:
    lines = [line.strip()[1:-1].split("|") for line in text.splitlines() if set(line) - set("|-: ")]
    rows = ["   * - " + "\n     - ".join(_prose(cell.strip()) for cell in line) for line in lines]
    return "\n".join([".. list-table::", "   :header-rows: 1", "", *rows])


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        default = "" if field.is_required() else f" = ``{field.get_default(call_default_factory=True)!r}``"
        said = [field.description] if field.description else []
        if get_origin(field.annotation) is Literal:
            said.append(" or ".join(f"``{choice!r}``" for choice in get_args(field.annotation)))
        said += [f"{BOUNDS[key]} {value}" for each in field.metadata for key, value in _bounds(each)]
        yield f"* ``{name}``{default}" + (f": {'; '.join(said)}" if said else "")


def _bounds(limit: Any) -> list[tuple[str, Any]]:
    return [(key, getattr(limit, key)) for key in BOUNDS if hasattr(limit, key)]


def _readable(
    _app: Any,
    kind: str,
    _name: str,
    documented: Any,
    _options: Any,
    signature: str | None,
    answer: str | None,
) -> tuple[str | None, str | None] | None:
    """A model's fields stand in its text; an array is written as in the code."""
    if kind == "class" and issubclass(documented, BaseModel):
        return "", None
    return signature and _short(signature), answer and _short(answer)


def _short(types: str) -> str:
    """Arrays as the code writes them; bare names where Sphinx itself fails, on a default like `<factory>`."""
    types = re.sub(ARRAY, r"NDArray[\1]", types)
    return re.sub(r"~(?:\w+\.)*", "", types) if "<" in types else types
