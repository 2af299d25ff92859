"""What holds for every tab, and for the app as a whole."""

import copy
import inspect
import re

import gradio as gr
import pytest

import app
from demos import _keep, home

TABS = (home, *app.TABS)


@pytest.fixture(scope="module")
def config():
    return app.build_app().config


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.TITLE)
def test_a_tab_builds_alone(tab):
    with gr.Blocks() as demo:
        tab.build_tab()
    assert demo.blocks
    assert re.fullmatch(r"[A-Z]\w+", tab.TITLE)


def test_home_has_a_card_with_a_picture_for_every_tab():
    assert list(home.CARDS) == [tab.TITLE for tab in app.TABS]
    for title in home.CARDS:
        assert home.picture({"title": title})


def test_what_a_page_is_built_from_can_be_copied(config):
    """Gradio copies it for every visit; a key of a control's value that is a name of Gradio's own breaks that."""
    assert copy.deepcopy(config["components"])


def public(config):
    return [d for d in config["dependencies"] if d["api_visibility"] == "public"]


def test_public_endpoints_are_few_named_unique_and_documented(config):
    names = [d["api_name"] for d in config["dependencies"] if d["api_name"]]
    assert len(names) == len(set(names))
    assert {d["api_name"] for d in public(config)} == {
        "clip_search",
        "diffusion_sample",
        "distillation_ask",
        "gan_sample",
        "text_generate",
        "vae_decode",
        "vae_encode",
        "vae_sample",
        "vae_train",
    }


def test_every_link_is_restored_by_as_many_values_as_its_tab_has_parts():
    for tab in app.TABS:
        with gr.Blocks():
            parts = tab.build_tab()
        assert list(inspect.signature(tab.restore).parameters) == ["query"]
        for part in tab.PARTS:
            answer = _keep.restored_by(tab, {"tab": tab.TITLE.lower(), "part": part})
            assert len(answer) == len(parts)
            assert answer[0].selected == part


def test_no_control_of_a_tab_names_a_colour_of_its_own():
    """Colours live in look.css; a script reads them from there (viridis, white on the dark plane, excepted)."""
    from demos._common import JS

    for file in JS.glob("*.html"):
        colours = set(re.findall(r"#[0-9a-fA-F]{3,8}\b", file.read_text()))
        assert colours <= {"#000"}, file.name


def test_genai_core_never_imports_gradio():
    from pathlib import Path

    import genai_core

    for file in Path(genai_core.__file__).parent.rglob("*.py"):
        assert not re.search(r"^\s*(import|from) gradio", file.read_text(), re.MULTILINE), file.name
