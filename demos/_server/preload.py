"""Import gradio and torch without looking through what they bring for garbage, again and again, meanwhile: it stays.

This takes a fifth off the start; and as what is frozen is passed over ever after, a collection costs the server less.
"""

import gc

import demos._server.gpu  # noqa: F401, before torch

# isort: split
gc.disable()
import gradio  # noqa: E402, F401
import torch  # noqa: E402, F401

gc.freeze()
gc.enable()
