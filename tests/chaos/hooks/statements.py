"""Counts the database statements of every step of a job in this process, and kills or freezes it at one of them.

Uses Django's `execute_wrappers`, and wraps the connection's commit, which Django does not send through them; production
code is unchanged. The step is read off the stack. Two files in the suite's folder control it: while `trace` exists,
every statement is appended to it before it runs; `armed` names the statement at which the process gets a signal, once.
"""

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# The outermost function of each step, by file; a statement's home may have the same name.
STEPS = {
    ("videos/api/views.py", "create"): "create",
    ("videos/api/views.py", "destroy"): "delete",
    ("videos/engine/submit.py", "submit"): "submit",
    ("videos/engine/transfer.py", "transfer"): "transfer",
    ("videos/engine/transfer.py", "renew"): "renew",
    ("videos/engine/sweeper.py", "claim_due_polls"): "claim",
    ("videos/engine/sweeper.py", "resend_hints"): "rehint",
    ("videos/engine/unclaimed.py", "take"): "unclaimed",
    ("videos/engine/sweeper.py", "settle_lost_submits"): "settle",
    ("videos/engine/poll.py", "apply_poll_result"): "poll",
    ("videos/webhooks/dispatch.py", "dispatch"): "dispatch",
    ("videos/webhooks/delivery.py", "deliver"): "deliver",
    ("studio/media/storage/disposal.py", "sweep"): "dispose",
}
# once a process or a minute, not once a step
UNCOUNTED = {"statements._compile", "expectations._medians", "poll_times._plans"}
HOMES = ("operations/", "videos/", "accounts/", "looks/", "studio/")
PROJECT = f"{Path(__file__).parents[3]}/"


class Counter:
    """Counts the statements of the step that a thread is in; a step is identified by its frame."""

    def __init__(self, folder: Path) -> None:
        self._armed, self._fired, self._trace = folder / "armed", folder / "fired", folder / "trace"
        self._local = threading.local()

    def around(self, sql: str, run: Callable[[], Any]) -> Any:
        """Execute a statement; the signal comes before or after it if it is the armed one."""
        place = _place(sys._getframe(1))
        if place is None:
            return run()
        step, home, frame = place
        number = self._next_number(frame)
        point = f"{step} {number} {_gist(sql)} in {home}"
        if self._trace.exists():  # first: the suite may see what this statement commits, and then reads the trace
            with self._trace.open("a") as file:
                file.write(f"{point}\n")
        self._signal_if_armed(f"{point} before")
        result = run()
        self._signal_if_armed(f"{point} after")
        return result

    def _next_number(self, frame: FrameType) -> int:
        # keeps the frame alive, so that no later one gets its identity
        is_same = getattr(self._local, "frame", None) is frame
        self._local.number = self._local.number + 1 if is_same else 1
        self._local.frame = frame
        return int(self._local.number)

    def _signal_if_armed(self, point: str) -> None:
        try:
            armed, _, number = self._armed.read_text().partition("\n")
            if armed != point:
                return
            self._armed.rename(self._fired)  # only one of several processes succeeds
        except FileNotFoundError:
            return
        # to this thread, which stops here; a signal to the process may reach another thread
        signal.pthread_kill(threading.get_ident(), int(number))


def install(folder: Path) -> None:
    """Count on every connection that this process opens from now on."""
    counter = Counter(folder)

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        return counter.around(sql, lambda: run(sql, params, many, context))

    def begin(connection: BaseDatabaseWrapper, **_: Any) -> None:
        if execute in connection.execute_wrappers:  # reopened
            return
        connection.execute_wrappers.append(execute)
        commit = connection._commit
        connection._commit = lambda: counter.around("COMMIT", commit)

    connection_created.connect(begin, weak=False)


def _place(frame: FrameType | None) -> tuple[str, str, FrameType] | None:
    """The outermost step on the stack, the innermost function of ours that is no model, and the step's frame."""
    step, home, step_frame = "", "", None
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(PROJECT):
            path, function = name.removeprefix(PROJECT), frame.f_code.co_name
            if not home and path.startswith(HOMES) and "models" not in Path(path).with_suffix("").parts:
                home = f"{Path(path).stem}.{function}"
            if (path, function) in STEPS:
                step, step_frame = STEPS[path, function], frame
        frame = frame.f_back
    return (step, home, step_frame) if step_frame and home not in UNCOUNTED else None


def _gist(sql: str) -> str:
    """The verb and the table: INSERT studio_disposal."""
    words = sql.replace('"', " ").split()
    verb = words[0].upper()
    if verb in {"COMMIT", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK"}:
        return verb
    after = {"SELECT": "FROM", "INSERT": "INTO", "DELETE": "FROM", "UPDATE": "UPDATE"}.get(verb)
    return f"{verb} {words[words.index(after) + 1]}" if after in words else verb
