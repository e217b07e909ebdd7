from pathlib import Path

import pytest

from tests.deployment.dependencies import pinned, unlike


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("# ours\nDjango==5.2.19   # the framework\npsycopg[binary]==3.3.9\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n\nruff==0.17.6\n")
    return tmp_path


def test_pins_are_read(folder: Path) -> None:
    assert pinned(folder) == ({"django": "5.2.19", "psycopg": "3.3.9", "ruff": "0.17.6"}, [])


@pytest.mark.parametrize(
    "line", ["mypy", "mypy>=2", "mypy==2.*", "git+https://example.com/x", "mypy==2 ; python_version>'3'"]
)
def test_anything_but_an_exact_version_is_wrong(folder: Path, line: str) -> None:
    (folder / "requirements-dev.txt").write_text(f"{line}\n")

    assert pinned(folder)[1] == [f"requirements-dev.txt:1: {line!r} should be NAME==VERSION"]


def test_pinned_twice_is_wrong(folder: Path) -> None:
    (folder / "requirements-dev.txt").write_text("django==5.2.19\n")

    assert pinned(folder)[1] == ["requirements-dev.txt:1: django is pinned twice"]


def test_what_is_installed_is_what_is_pinned() -> None:
    pins = {"django": "5.2.19", "ruff": "0.17.6", "gone": "1.0"}
    installed = {"django": "5.2.18", "ruff": "0.17.6", "stray": "2.0", "own-editor": "1.0"}

    assert unlike(pins, installed, {"stray", "ruff"}) == [
        "stray 2.0 is installed and needed, and pinned nowhere",
        "django 5.2.18 is installed, 5.2.19 is pinned",
        "gone is pinned, and not installed",
    ]
