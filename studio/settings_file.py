"""Reads a settings file, `.env` or that of the services, and refuses lines that other readers would parse differently.

systemd (`EnvironmentFile=`), `docker run --env-file` and Docker Compose (`env_file:`) read this file too. They disagree
on quotes, comments after a value, `export`, `$` and backslashes. All agree on `NAME=value`, blank lines, and comments
on lines of their own.

`python -m studio.settings_file [--account NAME] FILE COMMAND …` runs a Python command with these settings
(deploy/studio-manage).
"""

import argparse
import os
import pwd
import re
import sys
from pathlib import Path

from studio.env import BadEnvironment, comment_in

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
BYTE_ORDER_MARK = "\ufeff"
BLANKS = " \t"
COMMENT = "has a comment behind its value, which systemd and docker run take as part of it; give it a line of its own"


def load(path: Path) -> None:
    """Add the settings of the file, if it exists, to the environment; variables already set win.

    Raises BadEnvironment, as `read` does.
    """
    if path.is_file():
        for name, value in read(path).items():
            os.environ.setdefault(name, value)


def read(path: Path) -> dict[str, str]:
    """The settings by name; the last of several values wins.

    Raises BadEnvironment for an unreadable file, and for a line that other readers would parse differently. The message
    has the line's number and the reason, but not its value, which may be secret.
    """
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise BadEnvironment(f"{path} cannot be read: {exc}.") from exc
    if text.startswith(BYTE_ORDER_MARK):
        raise BadEnvironment(
            f"{path} begins with a byte order mark, which spoils its first line for systemd; leave it out."
        )
    settings = {}
    for number, untrimmed in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        line = untrimmed.strip(BLANKS)
        if reason := _what_is_wrong(line):
            raise BadEnvironment(f"line {number} of {path} {reason}.")
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            settings[name] = value
    return settings


def _what_is_wrong(line: str) -> str:
    """The reason why readers disagree about the line; "" if they agree."""
    if _CONTROL.search(line):
        return "has a control character"
    if line.startswith("#"):  # systemd before version 254
        return "ends a comment with a backslash, which takes the next line into it" if line.endswith("\\") else ""
    if line.startswith("export "):
        return "begins with export, and systemd drops such a line; leave the word out"
    if line and not _ASSIGNMENT.match(line):
        return "is not NAME=value"
    return _what_is_wrong_with(line.partition("=")[2])


def _what_is_wrong_with(value: str) -> str:
    if value[:1] in set(BLANKS):
        return "has a blank behind the =, which docker run takes as part of the value"
    if value[:1] in {'"', "'", "`"}:
        return "has quotes around its value, which docker run takes as part of it; leave them out"
    if comment_in(value) or value.startswith("#"):
        return COMMENT
    if "$" in value:
        return "has a $, which Docker Compose replaces; in a URL write %24, and make another secret"
    if "\\" in value:
        return "has a backslash, which systemd drops; in a URL write %5C, and make another secret"
    return ""


def main() -> None:
    """Replace this process by Python with the remaining arguments; the file wins over the environment."""
    parser = argparse.ArgumentParser(prog="python -m studio.settings_file")
    parser.add_argument("--account", help="become this account after reading the file; for root")
    parser.add_argument("file", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    try:
        settings = read(arguments.file)
    except BadEnvironment as exc:
        sys.exit(f"Cannot start: {exc}")
    if arguments.account:
        become(arguments.account)
    command = [sys.executable, *arguments.command]
    os.execve(sys.executable, command, {**os.environ, **settings})  # noqa: S606 - no shell, on purpose


def become(account: str) -> None:
    """Give up root for good: become `account`, with its groups. Exits if there is no such account."""
    try:
        entry = pwd.getpwnam(account)
    except KeyError:
        sys.exit(f"Cannot start: there is no account {account} on this machine.")
    os.initgroups(account, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


if __name__ == "__main__":
    main()
