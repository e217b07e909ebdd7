"""The limit of open files is raised, and never lowered."""

import subprocess
import sys

import pytest

from studio.env import PROJECT

CODE = """
import resource, sys
from studio.http.open_files import permit_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
for wanted in sys.argv[1:]:
    permit_open_files(int(wanted))
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize(
    ("wanted", "limit"),
    [(["200"], 200), (["50"], 100), (["1000"], 300), (["200", "150"], 200)],
)
def test_limit_is_raised_as_far_as_the_system_permits(wanted: list[str], limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *wanted], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == f"{limit} 300\n"
