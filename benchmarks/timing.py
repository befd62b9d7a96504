"""Timing of two ways to do one thing, side by side."""

from __future__ import annotations

import gc
import subprocess
import sys
from time import perf_counter, perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_S = 0.004


def _batch_size(function: Callable[[], Any]) -> int:
    size = 1
    while True:
        start = perf_counter()
        for _ in range(size):
            function()
        took = perf_counter() - start
        if took >= BATCH_S:
            return size
        size = max(size + 1, min(size * 10, int(size * BATCH_S / max(took, 1e-9) * 1.2)))


def _per_call(function: Callable[[], Any], size: int) -> float:
    calls = range(size)
    start = perf_counter()
    for _ in calls:
        function()
    return (perf_counter() - start) / size


def compare(functions: list[Callable[[], Any]], budget_s: float) -> list[float]:
    """Return the least seconds per call of each function.

    Batches of a few milliseconds take turns, so that what else the machine does hits all of them;
    it can only add time, which is why the least counts. Each function gets at least 5 batches.
    The garbage collector is off, as in `timeit`.

    Parameters
    ----------
    functions
        To be called without arguments.
    budget_s
        Seconds for all of them together.
    """
    sizes = [_batch_size(function) for function in functions]
    least = [float("inf")] * len(functions)
    collecting = gc.isenabled()
    gc.disable()
    try:
        end = perf_counter() + budget_s
        rounds = 0
        while rounds < 5 or perf_counter() < end:
            for index, (function, size) in enumerate(zip(functions, sizes, strict=True)):
                least[index] = min(least[index], _per_call(function, size))
            rounds += 1
    finally:
        if collecting:
            gc.enable()
    return least


def clock_ns() -> int:
    """Return how long reading the clock takes, which every single timed call has in it."""
    least = sys.maxsize
    for _ in range(10_000):
        start = perf_counter_ns()
        least = min(least, perf_counter_ns() - start)
    return least


def duration(seconds: float) -> str:
    """Return a time with its unit, three digits."""
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def ratio(value: float) -> str:
    """Return how many times, three digits."""
    return f"{float(f'{value:.3g}'):,.0f}x" if value >= 1000 else f"{value:.3g}x"


def copy_seconds(size: int) -> float:
    """Return the least seconds of copying so many bytes, from memory that was just used."""
    source, target = np.ones(size, np.uint8), np.empty(size, np.uint8)
    (least,) = compare([lambda: np.copyto(target, source)], 0.02)
    return least


def import_seconds(modules: list[str], repeats: int) -> list[float]:
    """Return the least seconds that each import takes in a process of its own."""
    least = [float("inf")] * len(modules)
    for _ in range(repeats):
        for index, module in enumerate(modules):
            code = (
                "from time import perf_counter as now; start = now(); "
                f"import {module}; print(now() - start)"
            )
            answer = subprocess.run(
                [sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True
            )
            least[index] = min(least[index], float(answer.stdout))
    return least


def command_seconds(arguments: list[str], repeats: int) -> float:
    """Return the least seconds that a command of this interpreter takes, its output thrown away."""
    least = float("inf")
    for _ in range(repeats):
        start = perf_counter()
        subprocess.run([sys.executable, "-P", *arguments], check=True, capture_output=True)
        least = min(least, perf_counter() - start)
    return least
