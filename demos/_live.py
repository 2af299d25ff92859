"""A live training in a handler: its frames as they come, and an ear for the page while there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from demos import _checks, _jobs

BEAT = 0.1  # seconds: Gradio can end a run, as when its page is closed, only where the run yields


def frames(name: str, shown: Callable[[Any], Any], **settings) -> Iterator:
    """`shown` of each value of the job `name`, and "nothing new" after every BEAT without one. Raises: InputError."""
    try:
        for value in _jobs.run(name, beat=BEAT, **settings):
            yield gr.skip() if value is None else shown(value)
    except _jobs.JobError as error:
        raise _checks.InputError(str(error)) from None
