"""`make chaos`: every kill point and every scenario on both databases, then random kills; see README.md."""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.chaos.invariants import Outcome
from tests.chaos.scenarios.disturbances import SCENARIOS
from tests.chaos.scenarios.scenario import LONG, SHORT, Scale, Scenario
from tests.chaos.scenarios.upheavals import random_kills, restart_of_all, rolling_restart
from tests.chaos.suite import all_points, merged, side_by_side, table, try_points, try_scenarios

RESULTS = Path(__file__).parent / "results"
UPHEAVALS = (
    Scenario("rolling restart", rolling_restart, options={"customers": 40}),
    Scenario(
        "restart of all",
        restart_of_all,
        options={"customers": 340, "schedule": {"POLL_EVERY": 5}, "patience_seconds": 240},
    ),
)
PARTS = ("points", "scenarios", "upheavals", "random", "attack")


def main() -> int:
    """Run the chosen parts, print the table and keep it; 0 if every outcome is good."""
    options = _options()
    RESULTS.mkdir(exist_ok=True)
    began = datetime.now(UTC)
    outcomes = list[Outcome]()
    for part in PARTS:
        if part in options.only:
            outcomes += merged(_run(part, options))
            _say(table(outcomes))
    text = f"seed {options.seed}, {time.time() - began.timestamp():.0f} s\n\n{table(outcomes)}\n"
    (RESULTS / f"{began:%Y%m%dT%H%M%SZ}.txt").write_text(text)
    _say(text)
    return int(not all(outcome.is_good for outcome in outcomes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("CHAOS_MINUTES") or 10))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CHAOS_SEED") or random.getrandbits(32)))
    parser.add_argument("--fleets", type=int, default=2, help="at once, for each database")
    parser.add_argument("--every", type=int, default=1, help="try only every Nth point")
    parser.add_argument("--short", action="store_true", help="the scenarios in their short form")
    return parser.parse_args()


def _run(part: str, options: argparse.Namespace) -> list[Outcome]:
    _say(f"{part}, seed {options.seed}")
    if part == "points":
        return _points(options)
    scale = SHORT if options.short else LONG
    if part == "scenarios":
        return _scenarios(SCENARIOS, options.databases, scale, log_as=part)
    if part == "upheavals":  # one database at a time: each run takes the whole machine
        return [row for kind in options.databases for row in _scenarios(UPHEAVALS, [kind], scale, log_as=part)]
    if part == "random":
        kills = random_kills(options.minutes * 60, options.seed)
        scenario = Scenario(f"random kills, seed {options.seed}", kills, options={"customers": 12})
        return _scenarios([scenario], options.databases, scale, log_as=part)
    return [_attack(kind) for kind in options.databases]


def _attack(kind: str) -> Outcome:
    """Fifty threads against one account: runs the concurrency test in its own process."""
    outcome = Outcome(f"{kind}: 50 threads on one account")
    report = RESULTS / "attack.json"
    report.unlink(missing_ok=True)
    environment = {"TEST_DATABASE": kind, "CHAOS_ATTACK_SECONDS": "60", "CHAOS_ATTACK_REPORT": str(report)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/videos/engine/test_concurrency.py",
    ]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if report.exists():
        numbers = json.loads(report.read_text())
        outcome.jobs, outcome.succeeded = numbers["jobs"], numbers["succeeded"]
    if done.returncode:
        outcome.blame("money", f"{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return outcome


def _points(options: argparse.Namespace) -> list[Outcome]:
    works = []
    for kind in options.databases:
        points = all_points(kind=kind)
        _say(f"{kind}: {len(points)} points at which a process can die")
        points = points[:: options.every]
        for number in range(options.fleets):
            share = points[number :: options.fleets]
            works.append(partial(try_points, share, kind=kind, log=_logger("points", kind, number)))
    return side_by_side(works)


def _scenarios(scenarios: Sequence[Scenario], databases: Sequence[str], scale: Scale, *, log_as: str) -> list[Outcome]:
    return side_by_side(
        [
            partial(
                try_scenarios,
                [scenario for scenario in scenarios if kind in scenario.databases],
                kind=kind,
                scale=scale,
                log=_logger(log_as, kind),
            )
            for kind in databases
        ]
    )


def _logger(*names: object) -> Callable[[str], None]:
    path = RESULTS / f"{'-'.join(map(str, names))}.log"
    path.unlink(missing_ok=True)

    def log(line: str) -> None:
        with path.open("a") as file:
            file.write(f"{line}\n")

    return log


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
