"""The product as it is deployed, two workers that run on any core, beside one worker that has a core for itself."""

from benchmarks import meters
from benchmarks.deployment import Deployment, deployment
from benchmarks.parts.endpoints import Taken, take, warm_up
from benchmarks.report import Report
from benchmarks.scenarios import OWN_JOBS, Scenario, seed

APART = 1.1  # CPU a request as deployed, to that on a core of its own
SIDES = ("own core", "deployed")


def run(report: Report) -> None:
    """Fire at both in turns; database and client share the second core with nothing, or both cores with all."""
    others, rounds, seconds = (90_000, 7, 2.5) if report.full else (2_000, 5, 0.7)
    with deployment() as site:
        scenarios = [scenario for scenario in seed(others=others, creators=1) if not scenario.is_used_up]
        scenarios = [scenario for scenario in scenarios if not scenario.once]
        core, _ = site.give_services_a_core()
        site.start_web("own core", workers=1, core=core)
        site.free_services()
        site.start_web("deployed", workers=2)
        rows, ratios = [], {}
        for scenario in scenarios:
            taken = _in_turns(site, scenario, rounds=rounds, seconds=seconds)
            for side in SIDES:
                rates = [one.rate for one in taken[side]]
                cpu, database = (round(_median(taken[side], name), 2) for name in ("cpu_ms", "database_cpu_ms"))
                rows.append([scenario.name, side, round(meters.median(rates)), meters.spread(rates), cpu, database])
            ratios[scenario.name] = meters.median(
                [mine.cpu_ms / bound.cpu_ms for mine, bound in zip(taken["deployed"], taken["own core"], strict=True)]
            )
    report.say(f"PostgreSQL, {OWN_JOBS + others:,} jobs. As deployed, database and client run on the same cores.")
    report.table(
        "Requests a second", ["endpoint", "side", "requests/s", "spread", "CPU ms/request", "database CPU ms"], rows
    )
    for name, ratio in ratios.items():
        report.target(f"{name}, CPU as deployed to that on a core of its own", value=ratio, limit=APART)


def _in_turns(site: Deployment, scenario: Scenario, *, rounds: int, seconds: float) -> dict[str, list[Taken]]:
    taken: dict[str, list[Taken]] = {side: [] for side in SIDES}
    for side in SIDES:
        warm_up(site, side, scenario)
    for _ in range(rounds):
        site.give_services_a_core()
        taken["own core"].append(take(site, "own core", scenario, seconds=seconds))
        site.free_services()
        taken["deployed"].append(take(site, "deployed", scenario, seconds=seconds))
    return taken


def _median(taken: list[Taken], name: str) -> float:
    return meters.median([getattr(one, name) for one in taken])
