"""A session begins small, and the page is described as before."""

import gradio as gr
from gradio.state_holder import SessionState

from demos._server import sessions


def test_a_session_describes_no_component_and_the_page_describes_all():
    with gr.Blocks() as demo:
        state, box = gr.State([1]), gr.Textbox("hello")
    before = demo.get_config_file()
    sessions.keep_no_descriptions(demo)
    session = SessionState(demo)
    assert not list(session.components)
    assert session[state._id] == [1]
    assert session[box._id] is box
    session._update_value_in_config(box._id, "new")
    assert demo.get_config_file()["components"] == before["components"]
