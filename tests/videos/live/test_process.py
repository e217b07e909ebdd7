"""The process as a whole: how it stops."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from operations.local.valkey import free_port
from studio.env import PROJECT
from tests.running import wait_until_healthy

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_is_an_end_and_no_death_by_signal(tmp_path: Path, number: signal.Signals) -> None:
    port, log = free_port(), tmp_path / "live.log"
    places = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "", "LIVE_PORT": str(port), "LOG_FORMAT": "line"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "live"],
            cwd=PROJECT,
            env={**os.environ, **places},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_healthy(port, process=process, output=log.read_text)
        process.send_signal(number)

        assert (process.wait(30), "live.stopped" in log.read_text()) == (0, True)
    finally:
        process.kill()
