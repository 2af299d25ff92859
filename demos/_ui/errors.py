"""Errors reach a user as one sentence, never as a traceback."""

import functools
import logging
from collections.abc import Callable

import gradio as gr

from demos._ui.validation import InputError
from genai_core.common.checkpoints import CheckpointError
from genai_core.common.vector_store import CollectionError
from genai_core.data import DataError

KNOWN = (InputError, CheckpointError, CollectionError, DataError)
UNKNOWN = "Something went wrong on the server; your settings are kept, try again."


def sentence(error: Exception, name: str) -> str:
    """What a user is told of an error; one that is not meant for users is logged under `name`."""
    if isinstance(error, KNOWN):
        return str(error)
    logging.getLogger(__name__).error("in %s", name, exc_info=error)
    return UNKNOWN


def guarded(fn: Callable) -> Callable:
    """A server function of an own control: returns {"ok": result} or {"error": sentence}, and never raises."""

    @functools.wraps(fn)
    def answer(argument=None):
        try:
            return {"ok": fn(argument)}
        except Exception as error:
            return {"error": sentence(error, fn.__name__)}

    return answer


def _as_gradio_error(error: Exception, name: str) -> gr.Error:
    return gr.Error(sentence(error, name), print_exception=False)


def handler(fn: Callable) -> Callable:
    """An event handler or endpoint whose errors reach the user as one sentence. `fn` may not be a generator."""

    @functools.wraps(fn)
    def answer(*arguments, **named):
        try:
            return fn(*arguments, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise _as_gradio_error(error, fn.__name__) from None

    return answer


def stream_handler(fn: Callable) -> Callable:
    """The same for a generator."""

    @functools.wraps(fn)
    def answers(*arguments, **named):
        try:
            yield from fn(*arguments, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise _as_gradio_error(error, fn.__name__) from None

    return answers
