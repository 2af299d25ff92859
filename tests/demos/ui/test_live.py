"""Who asks for a training: what a cluster shares its places by."""

import gradio as gr
from gradio_client import Client

from demos._server import jobs
from demos._ui import live
from demos.serve import bypass_proxy


def test_a_training_knows_the_page_and_the_class_that_ask_for_it():
    bypass_proxy()

    def ask():
        yield "nothing yet"
        yield str(live.learner().klass) + " " + str(bool(live.learner().page))

    with gr.Blocks() as demo:
        shown = gr.Textbox()
        gr.Button().click(ask, None, shown, api_name="ask")
    _, url, _ = demo.queue().launch(prevent_thread_lock=True, quiet=True)
    try:
        named = Client(url, headers={"x-genai-class": "ABCDE"}, verbose=False)
        assert named.predict(api_name="/ask") == "ABCDE True"
    finally:
        demo.close(verbose=False)


def test_outside_of_an_event_nobody_asks():
    assert live.learner() == jobs.Learner()
