"""Many threads of a test at once; each has a process of its own to drive."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def at_once(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Start all jobs at the same moment and give their results in order, when all have ended."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        start.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@contextmanager
def meanwhile(*jobs: Callable[[], object]) -> Iterator[None]:
    """Do each job again and again, each in its own thread, while the block runs; then raise what they raised."""
    stop = threading.Event()

    def repeat(job: Callable[[], object]) -> None:
        while not stop.is_set():
            job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        running = [pool.submit(repeat, job) for job in jobs]
        try:
            yield
        finally:
            stop.set()
        for repeated in running:
            repeated.result()
