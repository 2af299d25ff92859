"""Jobs for test_jobs.py; the worker process imports this module."""

import os
import time


def count(n, pause=0.0):
    for i in range(n):
        yield i
        time.sleep(pause)


def fail(after, kind):
    yield from range(after)
    raise {"value": ValueError("The beta is too large."), "other": KeyError("secret/path")}[kind]


def die():
    yield 0
    os._exit(3)


def hang():
    yield 0
    time.sleep(60)
    yield 1


def process(stay=False):
    yield os.getpid(), os.nice(0)
    while stay:
        yield


def busy(seconds, first=0.0):
    """Values that take so many seconds of the processor, and the first one longer."""
    while True:
        until = time.process_time() + seconds + first
        while time.process_time() < until:
            pass
        first = 0.0
        yield 0
