"""The product as it is deployed, two workers that run on any core, beside one worker that has a core for itself."""

from benchmarks.deployment import deployment
from benchmarks.parts.endpoints import ratio, report_rates, take, warm_up
from benchmarks.report import Report
from benchmarks.scenarios import OWN_JOBS, seed

APART = 1.1  # CPU a request as deployed, to that on a core of its own
BOUND, DEPLOYED = "own core", "deployed"


def run(report: Report) -> None:
    """Fire reads at both in turns: with database and client on the second core, and with all of them on any core."""
    others, rounds, seconds = (90_000, 7, 2.5) if report.full else (2_000, 5, 0.7)
    with deployment() as site:
        found = seed(others=others, creators=1)
        scenarios = [scenario for scenario in found if not (scenario.is_used_up or scenario.once)]
        core, _ = site.give_services_a_core()
        site.start_web(BOUND, workers=1, core=core)
        site.free_services()
        site.start_web(DEPLOYED, workers=2)
        for scenario in scenarios:
            for side in (BOUND, DEPLOYED):
                warm_up(site, side, scenario)
            for _ in range(rounds):
                site.give_services_a_core()
                take(site, BOUND, scenario, seconds=seconds)
                site.free_services()
                take(site, DEPLOYED, scenario, seconds=seconds)
    report.say(f"PostgreSQL, {OWN_JOBS + others:,} jobs. As deployed, database and client run on the same cores.")
    report_rates(report, scenarios)
    for scenario in scenarios:
        apart = ratio(scenario, DEPLOYED, BOUND, "cpu_ms")
        report.target(f"{scenario.name}, CPU as deployed to that on a core of its own", value=apart, limit=APART)
