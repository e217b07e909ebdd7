"""axe-core, which finds barriers for people with disabilities. It is installed with npm, and never kept here."""

import json
import shutil
import subprocess
from pathlib import Path

from playwright.sync_api import Page

HERE = Path(__file__).parent
WORK = HERE / ".work"
SCRIPT = WORK / "node_modules" / "axe-core" / "axe.min.js"
INSTALL_SECONDS = 90
GRAVE = ("serious", "critical")


class NotHere(Exception):
    """axe-core cannot be installed; the message says why."""


def install() -> None:
    """Install axe-core, unless this version is installed. Raises NotHere."""
    wanted = (HERE / "package.json").read_text()
    installed = WORK / "package.json"
    if SCRIPT.exists() and installed.exists() and installed.read_text() == wanted:
        return
    if shutil.which("npm") is None:
        raise NotHere("npm is not installed")
    WORK.mkdir(exist_ok=True)
    installed.write_text(wanted)
    command = [
        "npm",
        "install",
        "--loglevel=error",
        "--fetch-retries=0",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
    ]
    try:
        subprocess.run(command, cwd=WORK, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        raise NotHere(f"npm cannot install axe-core: {exc}") from exc


def barriers(page: Page) -> list[str]:
    """The serious and critical barriers of the page as it is shown now, each with its rule and an element."""
    page.evaluate(SCRIPT.read_text())
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [
        f"{barrier['id']}: {json.dumps(node['target'])} {node.get('failureSummary', '')[:200]}"
        for barrier in found
        if barrier["impact"] in GRAVE
        for node in barrier["nodes"][:3]
    ]
