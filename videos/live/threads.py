"""Runs what waits for the database in a few threads, off the event loop."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")


class Threads:
    """Some threads, each with a connection to the database."""

    def __init__(self, count: int, *, name: str) -> None:
        self.count, self.pool = count, ThreadPoolExecutor(count, thread_name_prefix=name)

    def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[R]":
        """Call the function in a thread, with the caller's context; the future returns and raises what it does."""
        call = partial(_call, contextvars.copy_context(), partial(work, *args, **kwargs))
        return asyncio.get_running_loop().run_in_executor(self.pool, call)


def _call(context: contextvars.Context, call: Callable[[], Any]) -> Any:
    close_old_connections()  # as Django does before and after a request
    try:
        return context.run(call)
    finally:
        close_old_connections()


REQUESTS = Threads(2, name="request")
EVENTS = Threads(1, name="events")  # of their own: thousands of clients that connect at once must not delay them
