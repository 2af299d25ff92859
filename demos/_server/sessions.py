"""What Gradio keeps of a session.

A program that calls the API has a new session for each call. Gradio then describes every component of the app to be
able to make deep links, which this app does not have: 50 ms in which the server does nothing else, and 0.7 MB.
"""

import gradio as gr


def keep_no_descriptions(demo: gr.Blocks) -> None:
    """Sessions of `demo` begin without a description of its components."""
    config = demo.default_config

    class Bare(type(config)):
        def __copy__(self):  # what a session begins with
            new = super().__copy__()
            new.config_for_block = lambda *_block: {}
            return new

    config.__class__ = Bare
