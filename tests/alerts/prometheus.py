"""A Prometheus that scrapes one deployment with the rules of deploy/prometheus, whose times are shortened."""

import contextlib
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from operations.local.valkey import free_port
from studio.env import PROJECT

RULES = PROJECT / "deploy" / "prometheus" / "alerts.yaml"
FASTER = 60  # the factor by which `for:` and the ranges are shortened; thresholds stay
LEAST_RANGE_SECONDS = 15  # several scrapes, and the 2 s until a process sends its counts
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def names() -> list[str]:
    """The names of all alerts in the file."""
    return [rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]]


def shortened(text: str) -> str:
    """The rules, with every `for:` and every range shortened."""

    def seconds(match: re.Match[str]) -> float:
        return int(match["number"]) * UNITS[match["unit"]] / FASTER

    duration = r"(?P<number>\d+)(?P<unit>[smhd])"
    text = re.sub(rf"for: {duration}\b", lambda match: f"for: {max(seconds(match), 1):.0f}s", text)
    return re.sub(rf"\[{duration}\]", lambda match: f"[{max(seconds(match), LEAST_RANGE_SECONDS):.0f}s]", text)


class Prometheus:
    """A context manager; scrapes and evaluates every second."""

    def __init__(self, *, folder: Path, target: str, token: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder, self._target, self._token = folder, target, token
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        binary = shutil.which("prometheus")
        if not binary:
            raise RuntimeError("prometheus is not installed; on Debian: apt install prometheus.")
        self._folder.mkdir()
        (self._folder / "alerts.yaml").write_text(shortened(RULES.read_text()))
        (self._folder / "prometheus.yaml").write_text(yaml.safe_dump(self._configuration()))
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    binary,
                    f"--config.file={self._folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                ],
                stdout=log,
                stderr=log,
            )
        self._exit.callback(process.wait, 20)
        self._exit.callback(process.terminate)
        self._wait_until_ready()
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit.close()

    def _configuration(self) -> dict[str, Any]:
        return {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["alerts.yaml"],
            "scrape_configs": [
                {
                    "job_name": "ai-studio",
                    "authorization": {"credentials": self._token},
                    "static_configs": [{"targets": [self._target]}],
                }
            ],
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/-/ready", timeout=5).status_code == 200:
                    return
            time.sleep(0.2)
        raise RuntimeError(f"Prometheus does not respond: {(self._folder / 'log').read_text()[-2000:]}")

    def firing(self) -> dict[str, str]:
        """The alerts that fire now, each with its summary."""
        alerts = httpx.get(f"{self.url}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
        return {
            alert["labels"]["alertname"]: alert["annotations"]["summary"]
            for alert in alerts
            if alert["state"] == "firing"
        }
