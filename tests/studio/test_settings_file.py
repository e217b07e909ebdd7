"""A file of settings means the same to us, systemd, docker run and Docker Compose, or it is refused."""

import os
import re
from pathlib import Path

import pytest

from studio import env, settings_file
from studio.env import PROJECT, BadEnvironment
from tests.studio.settings_readers import GENERATOR, READERS, real_systemd

COMMENTED_OUT = re.compile(r"^# (?=[A-Z][A-Z0-9_]*=)", re.MULTILINE)
FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"[A-Z][A-Z0-9_]*=.*")
GOOD = {
    "plain": "A=1\nB_2=x y",
    "comments of their own": "# one\n  # two\nA=1\n",
    "empty": "A=\n\nB=2\n",
    "windows": "A=1\r\n# one\r\nB=2\r\n",
    "blanks around a line": "  A=1  \n",
    "marks inside": "A=it's=a#b;c\"d\nB=x;y",
    "twice": "A=1\nA=2\n",
    "url": "A=postgresql://u:p%24%23@h:5432/d?sslmode=verify-full&x=1",
    "letters of others": "A=Grün\n",
}
BLANK = "has a blank behind the =, which docker run takes as part of the value"
QUOTES = "has quotes around its value, which docker run takes as part of it; leave them out"
COMMENT = "has a comment behind its value, which systemd and docker run take as part of it; give it a line of its own"
DOLLAR = "has a $, which Docker Compose replaces; in a URL write %24, and make another secret"
BACKSLASH = "has a backslash, which systemd drops; in a URL write %5C, and make another secret"
EXPORT = "begins with export, and systemd drops such a line; leave the word out"
SWALLOWED = "ends a comment with a backslash, which takes the next line into it"
DIFFERENT = [  # line, in a file behind another one; the reason that is given
    ("A=1 # one", COMMENT),
    ("A=1\t# one", COMMENT),
    ("A=# one", COMMENT),
    ("A= 1", BLANK),
    ('A="1"', QUOTES),
    ("A='1'", QUOTES),
    ("export A=1", EXPORT),
    ("A=p$HOME", DOLLAR),
    ("A=p\\w", BACKSLASH),
    ("# one \\\nA=1", SWALLOWED),
]
NO_SETTINGS = [
    ("not an assignment", "is not NAME=value"),
    ("SECRET", "is not NAME=value"),
    ("A =1", "is not NAME=value"),
    ("A-B=1", "is not NAME=value"),
    ("; one", "is not NAME=value"),
    ("A='unterminated", QUOTES),
    ('{"A": 1}', "is not NAME=value"),
    ("A=1\0", "has a control character"),
    ("A=1\rB=2", "has a control character"),
]


def trimmed(settings: dict[str, str]) -> dict[str, str]:
    """The value as `env.text` reads it."""
    return {name: value.strip() for name, value in settings.items()}


def examples() -> dict[str, str]:
    """Each file of settings that we show: the repository's, and the blocks of its pages that are one."""
    found = {".env.example": COMMENTED_OUT.sub("", (PROJECT / ".env.example").read_text())}
    found |= {str(path): path.read_text() for path in (PROJECT / "deploy").rglob("*.env")}
    for page in (*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")):
        for number, block in enumerate(FENCED.findall(page.read_text())):
            lines = [line for line in block.splitlines() if line and not line.startswith("#")]
            if lines and all(SETTING.fullmatch(line) for line in lines):
                found[f"{page.relative_to(PROJECT)}, block {number}"] = block
    return found


def test_there_are_examples() -> None:
    assert {".env.example", "docs/production.md, block 0"} <= set(examples())
    assert len([name for name in examples() if name.startswith("README.md")]) == 1


@pytest.mark.parametrize("text", [*GOOD.values(), *examples().values()], ids=[*GOOD, *examples()])
def test_all_readers_agree(text: str, tmp_path: Path) -> None:
    (tmp_path / "studio.env").write_bytes(text.encode())

    ours = settings_file.read(tmp_path / "studio.env")

    assert ours
    assert {name: trimmed(read(text)) for name, read in READERS.items()} == dict.fromkeys(READERS, ours)


@pytest.mark.parametrize(("line", "reason"), DIFFERENT)
def test_what_readers_do_not_agree_about_is_refused(line: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "studio.env"
    path.write_text(f"B=2\n{line}\n")
    before = dict(os.environ)

    with pytest.raises(BadEnvironment) as refusal:
        settings_file.load(path)

    assert str(refusal.value) == f"line 2 of {path} {reason}."
    assert dict(os.environ) == before
    meant = [read(path.read_text()).get("A") for read in READERS.values()]
    assert len(set(meant)) > 1 or "\\" in line


@pytest.mark.parametrize(("line", "reason"), NO_SETTINGS)
def test_what_is_no_setting_is_refused_by_line(line: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(f"B=2\n\n{line}\nC=3\n".encode())

    with pytest.raises(BadEnvironment) as refusal:
        settings_file.read(path)

    assert str(refusal.value) == f"line 3 of {path} {reason}."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00", "cannot be read: "),
        (b"\xef\xbb\xbfA=1\n", "begins with a byte order mark, which spoils its first line for systemd; leave it out."),
    ],
)
def test_file_in_another_encoding_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(content)

    with pytest.raises(BadEnvironment, match=re.escape(f"{tmp_path / '.env'} {reason}")):
        settings_file.load(tmp_path / ".env")


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW", "to be removed again")
    monkeypatch.delenv("NEW")
    monkeypatch.setenv("OURS", "kept")
    (tmp_path / ".env").write_text("NEW=1\nOURS=lost\n")

    settings_file.load(tmp_path / ".env")
    settings_file.load(tmp_path / "no such file")

    assert (os.environ["NEW"], os.environ["OURS"]) == ("1", "kept")


@pytest.mark.parametrize("value", ["secret # of ann's", "secret\t#one", "# one", "'secret'", '"secret"'])
def test_value_that_a_reader_has_spoilt_is_named_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", value)

    for read in (env.text, env.words, lambda name: env.secret(name, least=1, create_in=None)):
        with pytest.raises(BadEnvironment, match=r"^SOME_KEY has (a # after a blank|quotes around it)") as refusal:
            read("SOME_KEY")
        assert "secret" not in str(refusal.value)


@pytest.mark.slow
@pytest.mark.skipif(not GENERATOR.exists(), reason="systemd is not installed")
@pytest.mark.parametrize("case", [*GOOD, *(line for line, _ in DIFFERENT if "$" not in line and "\t" not in line)])
def test_reader_of_systemd_is_as_systemd_itself(case: str, tmp_path: Path) -> None:
    text = GOOD.get(case, f"B=2\n{case}\n")

    expected = {name: value for name, value in READERS["systemd"](text).items() if value}  # it prints no empty ones
    assert real_systemd(text, tmp_path) == expected
