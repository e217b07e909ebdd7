"""How other programs read a file of settings; small models without their errors.

After their sources: systemd 252 (basic/env-file.c), docker run (docker/cli 28, opts/file.go), Docker Compose 2
(compose-go, dotenv/parser.go).
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

Reader = Callable[[str], dict[str, str]]
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")


def systemd(text: str) -> dict[str, str]:
    """EnvironmentFile: quotes go, backslashes go, no comment behind a value, and odd names are dropped."""
    settings = {}
    rest = text
    while rest:
        rest = rest.lstrip(" \t\r\n")
        if rest[:1] in {"#", ";"}:
            rest = re.sub(r"\A(?:\\(?s:.)|[^\r\n\\])*", "", rest)
            continue
        match = re.match(r"([^=\r\n]*)(=?)", rest)
        assert match
        rest = rest[match.end() :]
        if match[2]:
            value, rest = _systemd_value(rest)
            if NAME.fullmatch(match[1].strip()):
                settings[match[1].strip()] = value
    return settings


def _systemd_value(rest: str) -> tuple[str, str]:
    value = ""
    while True:
        rest = rest.lstrip(" \t")
        if rest[:1] == "'":
            inside, _, rest = rest[1:].partition("'")
            value += inside
        elif rest[:1] == '"':
            match = re.match(r'"((?:\\(?s:.)|[^"\\])*)"?', rest)
            assert match
            value += re.sub(r'\\(["\\`$])|\\\n', lambda escape: escape[1] or "", match[1])
            rest = rest[match.end() :]
        else:
            match = re.match(r"(?:\\(?s:.)|[^\r\n\\])*", rest)
            assert match
            plain = re.sub(r"\\((?s:.))", lambda escape: "" if escape[1] in "\r\n" else escape[1], match[0])
            return value + plain.rstrip(" \t"), rest[match.end() :]


def docker_run(text: str) -> dict[str, str]:
    """`--env-file`: every character behind the = is the value's."""
    settings = {}
    for line in text.removeprefix("\ufeff").split("\n"):
        bare = line.removesuffix("\r").lstrip()
        name, equals, value = bare.partition("=")
        if equals and not bare.startswith("#") and not re.search(r"\s", name):
            settings[name] = value
    return settings


def compose(text: str) -> dict[str, str]:
    """`env_file:`: shell-like, with `export`, comments behind a value, and variables; here all of them unset."""
    settings = {}
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        bare = line.strip()
        name, equals, value = bare.removeprefix("export ").partition("=")
        if equals and not bare.startswith("#"):
            settings[name.strip()] = _compose_value(value.strip())
    return settings


def _compose_value(value: str) -> str:
    quoted = re.match(r"(['\"])(.*?)\1", value)
    if quoted and quoted[1] == "'":
        return quoted[2]
    plain = quoted[2] if quoted else re.sub(r"(^|\s+)#.*", "", value)
    return re.sub(r"\$(\w+|\{[^}]*\})", "", plain)


READERS: dict[str, Reader] = {"systemd": systemd, "docker run": docker_run, "compose": compose}


def real_systemd(text: str, folder: Path) -> dict[str, str]:
    """The values that systemd reads: from environment.d, which has the same parser but also expands $."""
    (folder / "environment.d").mkdir(exist_ok=True)
    (folder / "environment.d" / "50.conf").write_text(text)
    environment = {"XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    done = subprocess.run([GENERATOR], env=environment, capture_output=True, text=True, check=True, timeout=20)
    bash = shutil.which("bash") or "bash"  # it quotes for a shell
    settings = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        said = subprocess.run(
            [bash, "-c", f"printf %s {value}"], capture_output=True, text=True, check=True, timeout=20
        )
        if f"{name}=" in text:  # the machine may have files of its own
            settings[name] = said.stdout
    return settings
