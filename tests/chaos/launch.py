"""Forks the product's processes for the crash suite from this one, in which everything is imported.

`python -m tests.chaos.launch` reads orders from stdin, a JSON object a line, and prints the process id of each:
{"argv": ["manage.py", "sweep"], "log": "/path", "clock": 300}. With "people": {"count": 8, "tokens": 50} it creates
users instead. `tests.production.upgrade` sends the same orders to the launcher of an older release, so this module's
path and the keys stay. A fork takes milliseconds where a start takes seconds; the commands are those of the Procfile.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import django

from operations.local.die_with_parent import PR_SET_PDEATHSIG

PRELOADED = (
    "gunicorn.app.wsgiapp",
    "studio.urls",
    "studio.media.storage.cloudinary",
    "operations.management.commands.sweep",
    "videos.providers.google_omni",
    "videos.tasks",
    "videos.webhooks.delivery",
    "videos.worker",
    "django_rq.management.commands.rqworker",
)


def main() -> None:
    """Prepare, then fork a process for each order until stdin ends."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "studio.settings"
    folder = Path(os.environ["CHAOS_FOLDER"])
    django.setup()
    for name in PRELOADED:
        importlib.import_module(name)
    hooks = {
        name: importlib.import_module(f"tests.chaos.hooks.{name}") for name in ("tempo", "statements", "mutations")
    }
    hooks["tempo"].quicken(**json.loads(os.environ.get("CHAOS_SCHEDULE") or "{}"))
    hooks["statements"].install(folder)
    hooks["mutations"].mutate(os.environ.get("MUTATION", ""))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps dead children at once
    for line in sys.stdin:
        order = json.loads(line)
        process_id = os.fork()
        if process_id == 0:
            _become(order)
        sys.stdout.write(f"{process_id}\n")
        sys.stdout.flush()


def _become(order: dict[str, Any]) -> None:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _redirect(order["log"])
        if order.get("clock"):
            importlib.import_module("tests.chaos.hooks.clocks").shift(order["clock"])
        status = _run(order)
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else bool(exc.code)
    except BaseException:  # the edge of a process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        if order.get("status"):
            Path(order["status"]).write_text(str(status))
        os._exit(status)


def _redirect(log: str) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _run(order: dict[str, Any]) -> int:
    if users := order.get("people"):
        sys.stdout.write(json.dumps(importlib.import_module("tests.chaos.hooks.users").make(**users)))
        return 0
    sys.argv = order["argv"]
    if sys.argv[0] == "gunicorn":
        importlib.import_module("gunicorn.app.wsgiapp").run()
    else:
        importlib.import_module("django.core.management").execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    main()
    os._exit(0)  # freeing all modules took 26 s on a busy machine; `Processes.stop` waits 10 s
