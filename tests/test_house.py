"""The house around the package: what its files say of each other holds."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import alexnet
from alexnet.dataset.manifest import SCHEMA
from alexnet.dataset.statistics import Statistics

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/alexnet"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def project_files() -> list[Path]:
    """What is committed, or would be."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git clone, so nothing says which files are the project's")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def tree_in(text: str) -> list[str]:
    """The paths of an indented tree: one name a line, two blanks a level, folders end in a slash."""
    paths, above = [], [""]
    for line in text.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[: depth + 1], name]
        paths.append("".join(above))
    return paths


def readme_tree() -> list[str]:
    blocks = re.findall(r"^```(?:text)?\n(.*?)^```", read("README.md"), flags=re.MULTILINE | re.DOTALL)
    return tree_in(next(block for block in blocks if block.startswith("src/alexnet/\n")))


def pins() -> dict[str, str]:
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def test_tree_in_follows_the_indentation():
    tree = "a/\n  b/  words\n    c.py  more\n  d.py\ne/"
    assert tree_in(tree) == ["a/", "a/b/", "a/b/c.py", "a/d.py", "e/"]


def test_everything_in_the_readme_tree_exists():
    assert [path for path in readme_tree() if not (ROOT / path).exists()] == []


def test_every_module_is_in_the_readme_tree():
    # a folder's own __init__.py is described by the folder's line
    told = {name for name in MODULES if not name.endswith("/__init__.py")}
    assert sorted(told - {path.removeprefix("src/alexnet/") for path in readme_tree()}) == []


def test_every_module_is_in_the_reference():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    told = set(re.findall(r"automodule:: alexnet\.(\S+)", pages))
    dotted = {name.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for name in MODULES}
    # the command line has its own --help, and the verbs are told of as functions
    public = {name for name in dotted if name.split(".")[0] not in ("__init__", "__main__", "cli", "verbs")}
    assert told == public


def test_every_verb_is_in_the_reference():
    functions = re.findall(r"autofunction:: alexnet\.(?:verbs\.\w+\.)?(\w+)", read("docs/reference.md"))
    # `alexnet.networks` and `alexnet.report` are packages; their verbs are named in full
    assert sorted(functions) == sorted([*alexnet.VERBS, "networks", "report"])


def test_every_link_leads_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8"))]
    dead = [link for page, link in links if "://" not in link and not (page.parent / link).exists()]
    assert dead == []


def test_citation_has_the_version():
    assert re.findall(r"^version: (.+)$", read("CITATION.cff"), flags=re.MULTILINE) == [alexnet.__version__]


def test_changelog_starts_unreleased_and_ends_its_first_release_at_the_version():
    unreleased, *released = re.findall(r"^## (\S+)", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert unreleased == "Unreleased"
    assert released[:1] in ([], [alexnet.__version__])


def dependencies() -> list[Requirement]:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    required = [Requirement(text) for group in groups for text in group]
    return [each for each in required if each.name != "alexnet"]  # its own extras


def test_every_dependency_is_pinned_within_its_bounds():
    required, pinned = dependencies(), pins()
    assert [each.name for each in required if canonicalize_name(each.name) not in pinned] == []
    outside = [each for each in required if pinned[canonicalize_name(each.name)] not in each.specifier]
    assert outside == []


def test_everything_imported_is_a_dependency():
    declared = {canonicalize_name(each.name) for each in dependencies()}
    trees = [ast.parse((PACKAGE / name).read_text(encoding="utf-8")) for name in MODULES]
    imports = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom) and not node.level}
    others = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"alexnet"}
    owners = {name: set(map(canonicalize_name, of)) for name, of in packages_distributions().items()}
    assert [name for name in sorted(others) if not declared & owners.get(name, set())] == []


def test_torch_and_torchvision_are_the_pair_tested_with():
    assert pins()["torch"] == "2.14.1"
    assert pins()["torchvision"] == "0.29.1"


def test_no_file_is_over_500_kilobytes():
    assert [path.name for path in project_files() if path.stat().st_size > 500 * 1024] == []


def test_no_file_names_a_path_of_one_machine():
    machine = re.compile(rb"(?<![\w.])/(?:home|root|Users|work|tmp|opt|mnt)/\w")
    texts = {path.name: path.read_bytes() for path in project_files()}
    assert [name for name, text in texts.items() if b"\0" not in text and machine.search(text)] == []


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    return subprocess.run(
        [command, "--no-cache"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_training_in_dataset_breaks_the_import_contract(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "src/alexnet", ignore=shutil.ignore_patterns("__pycache__"))
    before = lint_imports(tmp_path)
    assert before.returncode == 0, before.stdout

    with (tmp_path / "src/alexnet/dataset/__init__.py").open("a", encoding="utf-8") as module:
        module.write("\nfrom alexnet.training import loop\n")
    after = lint_imports(tmp_path)
    assert after.returncode == 1
    assert "alexnet.dataset -> alexnet.training.loop" in after.stdout


def test_formats_page_names_every_column_and_statistic():
    page = read("docs/formats.md")
    names = [*SCHEMA.names, *(field.name for field in fields(Statistics))]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_page_of_races_is_made_from_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    minutes = __import__("write_minutes")
    page = read("docs/minutes.md")
    assert page == minutes.written(page, minutes.rows()), "run python docs/write_minutes.py"


def test_the_page_of_speeds_is_made_from_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    page = __import__("write_speed").page()
    assert read("docs/speed.md") == page, "run python docs/write_speed.py"


def test_the_page_of_evaluation_is_made_from_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    page = __import__("write_evaluation").page()
    assert read("docs/evaluation.md") == page, "run python docs/write_evaluation.py"
