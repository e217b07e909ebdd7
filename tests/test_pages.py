"""The pages hold together: links lead to files and headings, decisions are numbered and listed."""

import re
import subprocess
from pathlib import Path

import pytest

from studio.api import error_codes
from studio.env import PROJECT
from videos.failures import FAILURES

DECISIONS = PROJECT / "docs" / "decisions"
PATH = re.compile(r"`((?:accounts|benchmarks|deploy|docs|looks|operations|studio|templates|tests|videos)/[\w./@*-]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
HEAD = re.compile(r"# (\d+)\. (.+)\n\nDate: (\d{4}-\d\d-\d\d)\b.* · Status: (accepted|replaced by \d+)\n")

pytestmark = pytest.mark.once


def pages() -> list[Path]:
    return [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "benchmarks").glob("*.md")]


def anchors(page: Path) -> set[str]:
    """The headings as the repository's host spells them in a URL."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target))):
            dead.append(link)

    assert dead == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_paths_exist(page: Path) -> None:
    named = {
        name
        for name in PATH.findall(FENCE.sub("", page.read_text()))
        if not {"NAME", "ID"} & set(re.split(r"\W", name))
    }

    assert [name for name in sorted(named) if not list(PROJECT.glob(name.rstrip("/")))] == []


def test_map_names_what_is_in_the_files() -> None:
    page = (PROJECT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`(\w+)`(?: and `(\w+)`)? in `([\w/]+\.py)`", page)

    missing = [
        (path, name) for *names, path in named for name in names if name and name not in (PROJECT / path).read_text()
    ]

    assert len(named) > 10
    assert missing == []


def test_pages_that_the_code_names_exist() -> None:
    tracked = subprocess.run(
        ["git", "grep", "-hoE", r"docs/[a-z0-9/-]+\.md", "--", "*.py", "deploy", "*.yaml", "Makefile"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    ).stdout.split()
    missing = sorted({name for name in tracked if not (PROJECT / name).exists()} - {"docs/upload-large-video.md"})

    assert missing == []  # that one is of Cloudinary's SDK


def test_decisions_are_numbered_dated_and_listed() -> None:
    listed = re.findall(
        r"^\| (\d+) \| \[(.+)\]\(([\w-]+\.md)\) \| (\S+) \| (.+) \|$",
        (DECISIONS / "README.md").read_text(),
        re.MULTILINE,
    )

    found = []
    for page in sorted(DECISIONS.glob("[0-9]*.md")):
        head = HEAD.match(page.read_text())
        assert head, f"{page.name} should begin with its number, title, date and status"
        number, title, date, status = head.groups()
        assert page.name.startswith(f"{int(number):02}-")
        found.append((number, title, page.name, date, status))

    assert [number for number, *_ in found] == [str(number) for number in range(1, len(found) + 1)]
    assert listed == found


def test_contract_has_every_code() -> None:
    rows = [line for line in (PROJECT / "docs" / "api.md").read_text().splitlines() if line.startswith("| ")]
    named = re.findall(r"`([a-z]+(?:_[a-z]+)*)`", "\n".join(rows))

    assert set(error_codes.MEANINGS) - set(named) == set()
    assert set(FAILURES) - set(named) == set()


def test_contract_says_which_failures_give_tokens_back() -> None:
    (row,) = re.findall(r"^\| (.+) \| come back \|$", (PROJECT / "docs" / "api.md").read_text(), re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", row)) == {code for code, failure in FAILURES.items() if failure.undelivered}
