"""The lanes that work runs in, as keyword arguments of Gradio's events."""

import os

from demos._server import gpu, jobs

LIGHT = {"concurrency_id": "light", "concurrency_limit": 8}  # the lane of a decode; queued, so that errors are shown
STREAMS = int(os.environ.get("GENAI_STREAMS") or 2)
STREAM = {"concurrency_id": "stream", "concurrency_limit": STREAMS}  # the lane of what takes up to about two seconds
RESTARTABLE = {"trigger_mode": "multiple"}  # a run that may be asked for while the last one is not quite at its end
LARGER = max(1, jobs.WORKERS // 2)  # trainings; as many workers at least are for the labs alone
AT_ONCE = LARGER if gpu.ZERO else int(os.environ.get("GENAI_LABS") or 32)
LABS = {"concurrency_id": "labs", "concurrency_limit": AT_ONCE}  # live training of small networks: a class at once
TRAIN = {"concurrency_id": "train", "concurrency_limit": LARGER}  # that of larger ones
PAGE_ONLY = {"api_visibility": "private", "show_progress": "hidden"}  # events of the page that are no endpoints
