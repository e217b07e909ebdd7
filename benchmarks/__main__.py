"""Requests a second of the two busiest endpoints, through a real gunicorn on a database with some history."""

import http.client
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.embedded import Valkey, free_port
from studio.env import PROJECT

HISTORY = 2000  # finished jobs of the account that lists
ROUNDS = 3
CLIENTS = 8  # connections at once, kept alive, a thread each
LISTS = 400  # requests a round
CREATES = 240  # requests a round; every third one has an account of its own, because three at once is the limit
RESULTS = Path(__file__).parent / "results"
BODY = json.dumps({"mockMode": True, "prompt": "A red dress in the wind"}).encode()

# What is sent: method, access token, body, and the status that it has to be answered with.
Shot = tuple[str, str, bytes, int]


def main() -> None:
    """Start the product in a folder of its own, measure, print, and keep the numbers as JSON."""
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        valkey = Valkey(folder=Path(folder) / "valkey")
        valkey.start()
        try:
            configure(folder, valkey)
            results = measure()
        finally:
            valkey.stop()
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nKept in {path.relative_to(PROJECT)}")


def configure(folder: str, valkey: Valkey) -> None:
    """Point the product at the folder; nothing of the developer's own is touched."""
    os.environ.update(
        ENVIRONMENT="development",
        DATA_DIR=folder,
        DATABASE_URL="",
        REDIS_URL=valkey.url,
        BASE_PATH="",
        HOST="127.0.0.1",
        PORT=str(free_port()),
        LOG_LEVEL="ERROR",
    )
    manage("migrate", "-v", "0")


def manage(*command: str) -> str:
    """Run a management command, and give back what it prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def measure() -> dict[str, Any]:
    """Both scenarios, with all that one has to know to compare them with another day's."""
    arguments = f"history={HISTORY}, creators={ROUNDS * CREATES // 3}"
    seeded = json.loads(manage("shell", "-v", "0", "-c", f"from benchmarks import seed; seed.main({arguments})"))
    lists: list[Shot] = [("GET", seeded["lister"], b"", 200)] * LISTS
    creates: list[Shot] = [("POST", token, BODY, 202) for token in seeded["creators"] for _ in range(3)]
    with server():
        fire(lists[:CLIENTS])  # the first request of a process loads a good part of it
        scenarios = {
            "list, page 1": run([lists] * ROUNDS),
            "create, mock": run([creates[i * CREATES : (i + 1) * CREATES] for i in range(ROUNDS)]),
        }
    for name, scenario in scenarios.items():
        print(f"{name:<14} {scenario['requests_per_second']:>7} requests/s   p95 {scenario['p95_ms']} ms")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "architecture": platform.machine(), "system": platform.system()},
        "versions": {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version},
        "parameters": {"history": HISTORY, "clients": CLIENTS, "rounds": ROUNDS},
        "scenarios": scenarios,
    }


@contextmanager
def server() -> Iterator[None]:
    """Gunicorn as in production; no worker and no sweeper, so that what is measured is the request alone."""
    quiet = ("--access-logfile", "/dev/null", "--log-level", "warning")
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", "studio.wsgi:application", *quiet], cwd=PROJECT)
    try:
        wait_until_it_answers(process)
        yield
    finally:
        process.terminate()
        process.wait()


def wait_until_it_answers(process: subprocess.Popen[bytes]) -> None:
    """Return once `/healthz` answers. Raises SystemExit where it never will."""
    for _ in range(600):
        if process.poll() is not None:
            break
        connection = connect()
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    sys.exit("gunicorn does not answer; see above.")


def connect() -> http.client.HTTPConnection:
    """A connection to the server under test."""
    return http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=60)


def run(rounds: list[list[Shot]]) -> dict[str, Any]:
    """Fire each round; requests a second of each, and latencies of all."""
    rates, latencies = [], []
    for shots in rounds:
        began_at = time.perf_counter()
        latencies += fire(shots)
        rates.append(round(len(shots) / (time.perf_counter() - began_at), 1))
    cuts = statistics.quantiles(latencies, n=20)
    return {
        "requests_per_second": statistics.median(rates),
        "rounds": rates,
        "p50_ms": round(cuts[9] * 1000, 1),
        "p95_ms": round(cuts[18] * 1000, 1),
    }


def fire(shots: list[Shot]) -> list[float]:
    """Send all of them, CLIENTS at a time; seconds of each. Raises RuntimeError for any unexpected answer."""
    waiting, latencies, wrong = iter(shots), [], []
    lock = threading.Lock()

    def client() -> None:
        connection = connect()
        while True:
            with lock:
                shot = next(waiting, None)
            if shot is None or wrong:
                break
            seconds, status = send(connection, shot)
            latencies.append(seconds)
            if status != shot[3]:
                wrong.append(status)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong or len(latencies) != len(shots):
        raise RuntimeError(f"not a measurement: {len(latencies)} of {len(shots)} were answered, with {wrong}")
    return latencies


def send(connection: http.client.HTTPConnection, shot: Shot) -> tuple[float, int]:
    """How long the answer took, and its status."""
    method, token, body, _ = shot
    began_at = time.perf_counter()
    connection.request(
        method,
        "/api/v1/video-jobs",
        body=body or None,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    answer = connection.getresponse()
    answer.read()
    return time.perf_counter() - began_at, answer.status


if __name__ == "__main__":
    main()
