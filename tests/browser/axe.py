"""axe-core, the accessibility checker, run in a page. npm installs it once, into a folder that git ignores."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Page

HERE = Path(__file__).parent
WORK = HERE / ".work"
SCRIPT = WORK / "node_modules" / "axe-core" / "axe.min.js"
INSTALL_SECONDS = 90  # for 3 MB over a slow line
_RUN = """async () => (await axe.run()).violations
    .filter(found => ["serious", "critical"].includes(found.impact))
    .map(found => `${found.id}: ${found.nodes.map(node => node.target.join(" ")).join(", ")}`)"""


@cache
def _script() -> str:
    """The checker's source. Skips the test where npm cannot install it."""
    wanted = (HERE / "package.json").read_text()
    stamp = WORK / "installed.json"
    if not (stamp.exists() and stamp.read_text() == wanted):
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed, so axe-core cannot be")
        WORK.mkdir(exist_ok=True)
        for name in ("package.json", ".npmrc"):
            shutil.copy(HERE / name, WORK)
        command = (npm, "install", "--loglevel=error", "--fetch-retries=0")
        try:
            subprocess.run(command, cwd=WORK, capture_output=True, check=True, timeout=INSTALL_SECONDS)
        except subprocess.SubprocessError as exc:
            pytest.skip(f"npm cannot install axe-core: {exc}")
        stamp.write_text(wanted)
    return SCRIPT.read_text()


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical on the open page: each rule with the elements that break it."""
    page.evaluate(_script())  # through the debugger, which the page's content policy does not concern
    found: list[str] = page.evaluate(_RUN)
    return found
