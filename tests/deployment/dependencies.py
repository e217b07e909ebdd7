"""`make check`: do the installed packages match the pins, and has any of them a known vulnerability?

Skips the advisories if their database cannot be reached within 20 s; a closed network is no failure.
"""

import json
import re
import subprocess
import sys
from collections.abc import Container
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement

FILES = ("requirements.txt", "requirements-dev.txt")
LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[\w,-]+\])?==(?P<version>[A-Za-z0-9.+!_-]+)")
OWN_TOOLS = {"pip", "setuptools", "wheel"}  # they came with Python
LOOKUP_SECONDS = 20


def plain(name: str) -> str:
    """One spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(folder: Path) -> tuple[dict[str, str], list[str]]:
    """The versions by name, and the faults of the files."""
    versions: dict[str, str] = {}
    wrong = []
    for file in FILES:
        for number, line in enumerate((folder / file).read_text().splitlines(), start=1):
            text = line.partition("#")[0].strip()
            if not text or text.startswith("-r "):
                continue
            match = LINE.fullmatch(text)
            if match is None:
                wrong.append(f"{file}:{number}: {text!r} should be NAME==VERSION")
            elif plain(match["name"]) in versions:
                wrong.append(f"{file}:{number}: {match['name']} is pinned twice")
            else:
                versions[plain(match["name"])] = match["version"]
    return versions, wrong


def unlike(pins: dict[str, str], installed: dict[str, str], needed: set[str]) -> list[str]:
    """The differences between installed packages and pins. Further packages are the developer's own."""
    wrong = [
        f"{name} {version} is installed and needed, and pinned nowhere"
        for name, version in sorted(installed.items())
        if name in needed and name not in pins
    ]
    for name, version in sorted(pins.items()):
        if name not in installed:
            wrong.append(f"{name} is pinned, and not installed")
        elif installed[name] != version:
            wrong.append(f"{name} {installed[name]} is installed, {version} is pinned")
    return wrong


def needed_by(names: Container[str]) -> set[str]:
    """What the installed packages of these names depend on, here and without extras."""
    lines = [
        line for found in distributions() if plain(found.metadata["Name"]) in names for line in found.requires or ()
    ]
    needs = map(Requirement, lines)
    return {plain(need.name) for need in needs if not need.marker or need.marker.evaluate({"extra": ""})}


def holes(folder: Path) -> list[str] | None:
    """Advisories about the pinned versions; None if the service does not respond."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json", "--timeout", "5"]
    command += ["--progress-spinner", "off", "-r", str(folder / FILES[0])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LOOKUP_SECONDS)
        found = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {hole['fix_versions']}"
        for package in found
        for hole in package.get("vulns", [])
    ]


def main() -> int:
    """Print the faults; returns 1 if any."""
    folder = Path(__file__).parents[2]
    pins, wrong = pinned(folder)
    installed = {plain(found.metadata["Name"]): found.version for found in distributions()}
    wrong += unlike(pins, installed, needed_by(pins) - OWN_TOOLS)
    known = holes(folder)
    if known is None:
        sys.stderr.write("Advisories cannot be reached from here: known holes were not looked up.\n")
    for line in wrong + (known or []):
        sys.stderr.write(f"{line}\n")
    return int(bool(wrong or known))


if __name__ == "__main__":
    sys.exit(main())
