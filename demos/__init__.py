"""The tabs: one module each, and the only place that imports gradio.

What the process must know before torch and gradio are imported stands here, since every way in passes here first.
"""

import contextlib
import ctypes
import os

# With glibc, each thread keeps what it freed, and thirty learners take a gigabyte more: large arrays go back at once.
# And each has a heap of its own, full of gaps, which together grow for as long as the server runs: there are two.
LARGE, SPARE, HEAPS = 4_000_000, 64_000_000, 2  # bytes, bytes
with contextlib.suppress(OSError, AttributeError):
    _libc = ctypes.CDLL("libc.so.6")
    _libc.mallopt(-3, LARGE)  # M_MMAP_THRESHOLD
    _libc.mallopt(-1, SPARE)  # M_TRIM_THRESHOLD
    _libc.mallopt(-8, HEAPS)  # M_ARENA_MAX

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two torch threads on two cores stall now and then, one does not
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")  # up to 4 ms of bookkeeping after each event
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
