"""The cost of a start: a management command, and the web process until it responds."""

import json
import subprocess
import sys
import time

from benchmarks import meters
from benchmarks.deployment import deployment
from benchmarks.report import Report
from studio.env import PROJECT

# Imports the modules of a web process and prints the figures.
WEB = """
import json, os, resource, sys, time
began_at = time.perf_counter()
from studio.wsgi import application
from django.urls import get_resolver
get_resolver().url_patterns
use = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": time.perf_counter() - began_at,
    "cpu": use.ru_utime + use.ru_stime,
    "modules": len(sys.modules),
    "vendors": sorted({n for n in sys.modules if n == "cloudinary" or n.startswith("google.") or n == "av"}),
}))
"""


def run(report: Report) -> None:
    """Several starts of each kind; the first, which may compile, does not count."""
    times = 7 if report.full else 3
    with deployment(
        GEMINI_API_KEY="not-a-key", CLOUDINARY_URL="cloudinary://1:2@not-a-cloud"
    ) as site:  # its variables are this process's now, and so its children's
        checks = [_timed("manage.py", "check") for _ in range(times + 1)][1:]
        imports = [json.loads(_output("-c", WEB)) for _ in range(times + 1)][1:]
        wall, cpu, memory = [], [], []
        for number in range(times):
            began_at = time.perf_counter()
            web = site.start_web(f"web{number}", workers=2)
            wall.append(time.perf_counter() - began_at)
            cpu.append(meters.cpu_seconds([web]))
            memory.append(meters.memory_mib([web]) / len(meters.tree(web)))
            site.stop()
    report.table(
        "Start",
        ["what", "wall s", "CPU s", "MiB a process"],
        [
            ["manage.py check", *(meters.median([one[at] for one in checks]) for at in (0, 1)), None],
            ["web process, imports", *(meters.median([one[at] for one in imports]) for at in ("seconds", "cpu")), None],
            ["gunicorn, two workers", meters.median(wall), meters.median(cpu), meters.median(memory)],
        ],
    )
    report.say(f"A web process has {imports[0]['modules']} modules.")
    vendors = imports[0]["vendors"]
    report.target("vendors' SDKs in a web process", value=len(vendors), limit=0, unit="")
    if vendors:
        report.say(f"Loaded: {', '.join(vendors[:20])}.")


def _timed(*argv: str) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    began_at, used = time.perf_counter(), _children()
    _output(*argv)
    return time.perf_counter() - began_at, _children() - used


def _children() -> float:
    import resource

    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


def _output(*argv: str) -> str:
    done = subprocess.run(
        [sys.executable, *argv], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)[:60]} failed:\n{done.stderr[-3000:]}")
    return done.stdout
