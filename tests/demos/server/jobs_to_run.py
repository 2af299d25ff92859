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


def busy(seconds):
    while True:
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            pass
        yield 0


def odd(what):
    yield {"lambda": lambda: 1, "large": bytes(100_000_000)}[what]


def clock():
    for i in range(1_000_000):
        yield i, time.time()


def logged(file):
    with open(file, "a", encoding="utf-8") as log:
        log.write("begun\n")
    while True:
        yield 0
        time.sleep(0.01)
