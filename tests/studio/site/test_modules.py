"""The scripts and styles of our pages: small, plain, and without a way to make HTML of text."""

import re
from pathlib import Path

import pytest

from studio.env import PROJECT

FOLDER = PROJECT / "studio" / "static" / "site"
FILES = sorted([*FOLDER.rglob("*.js"), *FOLDER.rglob("*.css")])
# Trusted Types refuse these in the browser, but only where it knows them.
SINKS = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc")
BUDGET_BYTES = 100_000  # of all scripts and styles together, as they are written
IMPORT = re.compile(r"""(?:\bfrom |\bimport\()"(\.[^"]+)\"""")
EXPORT = re.compile(r"export (?:async )?(?:function|const) (\w+)")
IMPORTED = re.compile(r"^import (?:\* as |\{)([^}]*?)\}? from [^;]*;", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)

pytestmark = pytest.mark.once


def name_of(path: Path) -> str:
    return str(path.relative_to(FOLDER))


def test_modules_are_short_and_folders_small() -> None:
    long = {name_of(path) for path in FILES if len(path.read_text().splitlines()) > 300}
    full = {str(folder) for folder in {path.parent for path in FILES} if len(list(folder.glob("*.js"))) > 20}

    assert (long, full) == (set(), set())


def test_all_scripts_and_styles_together_keep_to_the_budget() -> None:
    sizes = {name_of(path): path.stat().st_size for path in FILES}

    assert sum(sizes.values()) <= BUDGET_BYTES, sizes


def test_modules_make_no_html_of_text() -> None:
    assert [(name_of(path), SINKS.findall(path.read_text())) for path in FILES if SINKS.search(path.read_text())] == []


def test_nothing_is_loaded_from_another_host() -> None:
    outside = re.compile(r"""(?:url\(|["'`])(?:https?:)?//[\w.-]+""")
    names = re.compile(r'"http://www\.w3\.org/2000/svg"')

    found = {name_of(path): outside.findall(names.sub("", path.read_text())) for path in FILES}

    assert {name: urls for name, urls in found.items() if urls} == {}


def test_every_import_leads_to_a_module() -> None:
    modules = [path for path in FILES if path.suffix == ".js"]

    missing = [
        (name_of(path), target)
        for path in modules
        for target in IMPORT.findall(path.read_text())
        if not (path.parent / target).exists()
    ]

    assert missing == []


def test_modules_import_what_they_use_and_nothing_else() -> None:
    exported = {name for path in FILES for name in EXPORT.findall(path.read_text())}
    wrong = {}
    for path in (path for path in FILES if path.suffix == ".js"):
        source = COMMENT.sub("", path.read_text())
        body = IMPORTED.sub("", source)
        imported = {name.split()[-1] for names in IMPORTED.findall(source) for name in names.split(",") if name.strip()}
        unused = {name for name in imported if not re.search(rf"\b{name}\b", body)}
        called = {name for name in exported if re.search(rf"(?<![\w.`\-]){name}\(", body)}
        local = {name for name in called if re.search(rf"(?:function|const) {name}\b|[({{,] ?{name}\b[^(]", body)}
        if unused or called - imported - local:
            wrong[name_of(path)] = (unused, called - imported - local)

    assert wrong == {}


def test_style_sheets_use_custom_properties_that_exist() -> None:
    styles = "".join(path.read_text() for path in FILES if path.suffix == ".css")
    known = set(re.findall(r"(--[\w-]+):", styles)) | {"--ratio"}  # set by parts/player.js

    assert set(re.findall(r"var\((--[\w-]+)", styles)) - known == set()
