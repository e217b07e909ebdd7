"""`make bench`: runs each part in its own process, then lists the targets that were missed."""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.env import PROJECT

RESULTS = Path(__file__).parent / "results"
# The parts, and their time limits in seconds: at small and at full size.
PARTS = {
    "startup": (300, 300),
    "endpoints": (600, 900),
    "as_deployed": (300, 420),
    "scaling": (600, 900),
    "engine": (600, 1200),
    "flight": (300, 420),
    "delivery": (420, 600),
    "scale_out": (600, 1800),
    "transfers": (420, 420),
    "pictures": (300, 420),
    "hung": (300, 420),
    "crowd": (300, 420),
    "live": (180, 300),
    "back_office": (600, 600),
    "enumeration": (600, 600),
}
END_SECONDS = 60  # for a part to end after SIGTERM
BUDGET_SECONDS = 60 * 60  # for all parts at full size; those that come too late are left out, and the output says so


def main() -> int:
    """Run the parts, print, keep the numbers as JSON; returns 1 only with --strict and a missed target."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the running part is ended too
    began_at = time.monotonic()
    results = []
    with tempfile.TemporaryDirectory(prefix="studio-bench-results-") as folder:
        for name in arguments.only or PARTS:
            print(f"\n== {name}{' (full)' if arguments.full else ''} ==", flush=True)
            left = BUDGET_SECONDS - (time.monotonic() - began_at)
            seconds = min(PARTS[name][arguments.full], left - END_SECONDS)
            results.append(_run(name, Path(folder) / f"{name}.json", seconds=seconds, full=arguments.full))
    minutes = (time.monotonic() - began_at) / 60
    path = _keep(results, minutes=minutes, full=arguments.full)
    missed = _summary(results)
    print(f"\n{minutes:.1f} minutes; kept in {path.relative_to(PROJECT)}")
    return int(arguments.strict and missed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the product on this machine.")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=f"one of {', '.join(PARTS)}")
    parser.add_argument("--full", action="store_true", help="at full size: an hour instead of some minutes")
    parser.add_argument("--strict", action="store_true", help="exit with 1 unless every target is met")
    return parser.parse_args()


def _run(name: str, path: Path, *, seconds: float, full: bool) -> dict[str, Any]:
    """Run one part. Returns what it has kept, also when it fails or takes too long."""
    argv = [sys.executable, "-m", "benchmarks.part", name, str(path), *(["full"] if full else [])]
    environment = {**os.environ, "BENCH_DATABASE_URL": os.environ.get("DATABASE_URL", "")}
    began_at = time.monotonic()
    process = subprocess.Popen(argv, cwd=PROJECT, env=environment)
    problem = ""
    try:
        status = process.wait(max(seconds, 1))
        problem = f"it failed with status {status}; see above" if status else ""
    except subprocess.TimeoutExpired:
        problem = f"it was not done after {max(seconds, 1):.0f} s"
    finally:
        _end(process)
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"part": name, "targets": []}
    if problem:
        print(f"  {name}: {problem}", flush=True)
    return kept | {"problem": problem, "seconds": round(time.monotonic() - began_at, 1)}


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _keep(results: list[dict[str, Any]], *, minutes: float, full: bool) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}{'-full' if full else ''}.json"
    facts = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round(minutes, 1),
        "machine": {"cpus": os.cpu_count(), "architecture": platform.machine(), "system": platform.system()},
        "python": platform.python_version(),
        "parts": results,
    }
    path.write_text(json.dumps(facts, indent=2) + "\n")
    return path


def _summary(results: list[dict[str, Any]]) -> int:
    """Print the missed targets and the failed parts; returns how many."""
    targets = [target for result in results for target in result["targets"]]
    missed = [target["line"] for target in targets if not target["met"]]
    missed += [f"{result['part']}: {result['problem']}" for result in results if result["problem"]]
    print(f"\n== {len(targets) - sum(not target['met'] for target in targets)} targets met, {len(missed)} missed ==")
    for line in missed:
        print(f"  {line}")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
