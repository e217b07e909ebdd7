"""The product has one version number: `studio.__version__`."""

import re
import tomllib

from django.conf import settings

import studio
from studio.env import PROJECT


def test_version_is_written_once() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())

    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "studio.__version__"}
    assert settings.SPECTACULAR_SETTINGS["VERSION"] == studio.__version__


def test_changelog_begins_with_this_version() -> None:
    releases = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE
    )

    assert releases[0] == studio.__version__
