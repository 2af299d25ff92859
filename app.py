"""The app: one tab per technique. `python app.py --port 7860`."""

import argparse
import os

import gradio as gr

from demos import _checks, home, vae
from demos._serve import BLOCKS, serve

TABS = (vae,)


def build_app() -> gr.Blocks:
    """The whole app as Blocks; nothing is served yet."""
    with gr.Blocks(title="Generative AI, by touching it", **BLOCKS) as demo:
        gr.HTML('<p class="brand">Generative AI <span>learn how it works by touching it</span></p>')
        with gr.Tabs(selected="home") as tabs:
            with gr.Tab(home.TITLE, id="home"):
                doors = home.build_tab()
            restored = []
            for tab in TABS:
                with gr.Tab(tab.TITLE, id=tab.TITLE.lower()):
                    restored.append(tab.build_tab())

        def restore(request: gr.Request):
            """Fill the tab that a link names with the settings in it; a link that fails leaves everything as it is."""
            query = dict(request.query_params)
            answer = [gr.skip()] + [gr.skip() for parts in restored for _ in parts]
            first = 1
            for tab, parts in zip(TABS, restored, strict=True):
                if query.get("tab") == tab.TITLE.lower():
                    answer[0] = gr.Tabs(selected=tab.TITLE.lower())
                    if len(query) > 1:
                        values = _checks.handler(tab.restore)(query)
                        answer[first : first + len(parts)] = values
                first += len(parts)
            return answer

        def enter(event: gr.EventData):
            return gr.Tabs(selected=event.tab.lower())

        quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        demo.load(restore, None, [tabs, *(part for parts in restored for part in parts)], **quiet)
        doors.click(_checks.handler(enter), None, tabs, **quiet)
    return demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
    options = parser.parse_args()
    serve(build_app(), options.host, options.port)


if __name__ == "__main__":
    main()
