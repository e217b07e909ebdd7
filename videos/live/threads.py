"""Runs what waits for the database in a few threads, off the event loop."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections

THREADS = 4  # and so connections to the database

P = ParamSpec("P")
R = TypeVar("R")
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="live")


def run(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
    """Call the function in a thread, with the caller's context; the future returns and raises what it does."""
    context = contextvars.copy_context()
    return asyncio.get_running_loop().run_in_executor(_pool, partial(_call, context, partial(work, *args, **kwargs)))


def _call(context: contextvars.Context, call: Callable[[], Any]) -> Any:
    close_old_connections()  # as Django does before and after a request
    try:
        return context.run(call)
    finally:
        close_old_connections()
