"""The commands of docs/production.md name existing files and options. `make production` runs them."""

import re
import subprocess

from studio.env import PROJECT
from tests.production import page

EXAMPLE = (PROJECT / ".env.example").read_text()


def test_commands_are_shell() -> None:
    typed = page.script({})

    assert len(page.blocks()) == 6
    assert subprocess.run(["bash", "-n"], input=typed, text=True, check=False, timeout=20).returncode == 0


def test_commands_name_files_that_there_are() -> None:
    typed = page.script({})

    named = re.findall(r"/opt/studio/([\w./-]+)", typed)
    assert {"deploy/nginx/studio.conf", "deploy/systemd/.", "requirements.txt"} <= set(named)
    assert [name for name in named if not name.startswith(".venv") and not (PROJECT / name).exists()] == []
    (enabled,) = re.findall(r"systemctl enable --now (.+)", typed)
    units = {re.sub("@.*", "@", unit) for unit in enabled.split()}
    files = {path.name.removesuffix(".service") for path in (PROJECT / "deploy" / "systemd").glob("studio*")}
    assert units <= files


def test_settings_of_the_page_are_settings() -> None:
    (settings,) = re.findall(r"<<EOF\n(.*?)^EOF$", page.script({}), re.MULTILINE | re.DOTALL)

    names = {line.partition("=")[0] for line in settings.splitlines()}
    assert {name for name in names if f"\n# {name}=" not in EXAMPLE} == set()


def test_lines_that_the_page_changes_exist_in_the_nginx_site() -> None:
    site = (PROJECT / "deploy" / "nginx" / "studio.conf").read_text()

    for old in re.findall(r"sed '?s#(.+?)#", page.script({})):
        assert old in site
