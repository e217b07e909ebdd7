"""CPU and memory of processes, and statistics of many measurements."""

import contextlib
import math
import os
import statistics
import threading
from collections.abc import Iterable, Sequence
from typing import Self

import psutil

MIB = 1024 * 1024


def tree(process_id: int) -> list[psutil.Process]:
    """The process and its descendants; empty where it has ended."""
    try:
        root = psutil.Process(process_id)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(process_ids: Iterable[int]) -> float:
    """CPU seconds of the processes and their children so far; of ended children, only those that were waited for."""
    total = 0.0
    for process_id in process_ids:
        for process in tree(process_id):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mib(process_ids: Iterable[int]) -> float:
    """Resident memory of the processes and their children, shared pages counted for each."""
    total = 0
    for process_id in process_ids:
        for process in tree(process_id):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
    return total / MIB


class Peak:
    """The highest memory of some processes while the block runs, in MiB; sampled five times a second."""

    def __init__(self, process_ids: Sequence[int]) -> None:
        self._process_ids = process_ids
        self._done = threading.Event()
        self.mib = 0.0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.mib = max(self.mib, memory_mib(self._process_ids))
            if self._done.wait(0.2):
                return


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed; NaN for none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, math.ceil(share * len(ranked)) - 1)] if ranked else math.nan


def median(values: Sequence[float]) -> float:
    """NaN for none."""
    return statistics.median(values) if values else math.nan


def spread(values: Sequence[float]) -> str:
    """From the lowest to the highest, as shares of the median: `-3 % +2 %`."""
    middle = median(values)
    return f"{100 * (min(values) / middle - 1):+.0f} % {100 * (max(values) / middle - 1):+.0f} %" if middle else "-"


def cores() -> tuple[int, int] | None:
    """One core for the measured process and one for all others; None with one core, or where none can be bound."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    mine = sorted(os.sched_getaffinity(0))
    return (mine[0], mine[1]) if len(mine) > 1 else None


def bind_to(cores: set[int], process_ids: Iterable[int]) -> None:
    """Keep the processes, their children and all their threads on these cores; nothing where the set is empty."""
    if not cores:
        return
    for process_id in process_ids:
        for process in tree(process_id):
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended
                for thread in process.threads():
                    with contextlib.suppress(ProcessLookupError):
                        os.sched_setaffinity(thread.id, cores)
