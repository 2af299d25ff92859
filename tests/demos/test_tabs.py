"""What holds for every tab and every part, read from the tabs themselves, so that a new one is tested as it comes."""

import base64
import copy
import inspect
import io
import itertools
import json
import math
import re
import subprocess
import sys

import gradio as gr
import pytest
from PIL import Image, ImageChops

import app
from demos import shell
from demos._server import lanes
from demos._ui import bundle, errors, sharing, tab, validation
from demos._ui.tab import Tab

PARTS = [(one, part) for one in app.TABS for part in one.parts]
by_part = pytest.mark.parametrize(("one", "part"), PARTS, ids=[f"{one.id}/{part.id}" for one, part in PARTS])
BAD = (None, True, math.nan, -1e308, 2**63, "\ud800", "../../../etc/passwd", [], {"a": [1]}, "9" * 9000)


def png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def query(one, part) -> dict[str, str]:
    """The link to what a first visit shows, as text."""
    return {"tab": one.id, "part": part.id, **part.table.to_text(part.parse(part.first))}


@pytest.fixture(scope="module")
def config():
    return app.build_app().config


@pytest.mark.parametrize("one", app.TABS, ids=lambda one: one.id)
def test_a_tab_builds_alone_and_says_what_it_is(one):
    assert isinstance(one, Tab)
    assert shell.alone(one).blocks
    assert re.fullmatch(r"[A-Z]\w+", one.title)
    assert one.headline
    assert set(one.picture()) & {"image", "words", "dots"}
    assert len({part.id for part in one.parts}) == len(one.parts)


def test_what_a_page_is_built_from_can_be_copied(config):
    """Gradio copies it for every visit; a key of a control's value that is a name of Gradio's own breaks that."""
    assert copy.deepcopy(config["components"])


def test_the_configuration_stays_small(config):
    """The aim of 0.6 MB for six tabs."""
    assert len(json.dumps(config, default=str)) <= 100_000 * len(app.TABS)


def test_public_endpoints_are_named_unique_and_documented(config):
    public = [d for d in config["dependencies"] if d["api_visibility"] == "public"]
    names = [d["api_name"] for d in config["dependencies"] if d["api_name"]]
    assert len(names) == len(set(names))
    assert {d["api_name"] for d in public} == {endpoint.name for one in app.TABS for endpoint in one.endpoints}
    assert all(endpoint.description for one in app.TABS for endpoint in one.endpoints)


def test_an_endpoint_that_trains_has_the_lane_of_training_and_no_other_has():
    for endpoint in (endpoint for one in app.TABS for endpoint in one.endpoints):
        trains = endpoint.lane["concurrency_id"] == lanes.TRAIN["concurrency_id"]
        assert trains == endpoint.name.endswith("_train")


@by_part
def test_the_name_of_a_part_is_that_of_its_control(one, part):
    if "/" in part.stage:
        folder, _, name = part.stage.partition("/")
        assert (bundle.DEMOS / folder / f"{name}.py").exists()
    assert part.stage in bundle.controls()


@by_part
def test_a_link_shows_what_it_was_made_from(one, part):
    link = query(one, part)
    shown = tab.opened(app.TABS, link)
    assert (shown["tab"], shown["part"]) == (one.id, part.id)
    if len(link) > 2:
        assert part.table.to_text(shown["settings"]) == {k: v for k, v in link.items() if k not in ("tab", "part")}
        assert shown["value"]["settings"] == shown["settings"]
        assert json.dumps(shown["value"], allow_nan=False)


@by_part
def test_a_link_without_settings_opens_the_part_as_it_is(one, part):
    assert tab.opened(app.TABS, {"tab": one.id, "part": part.id}) == {"tab": one.id, "part": part.id}


@pytest.mark.parametrize(
    ("one", "part"), [(one, part) for one, part in PARTS if part.form], ids=lambda value: getattr(value, "id", None)
)
def test_the_fields_of_a_first_visit_hold_what_its_stage_shows(one, part):
    fields, shown = tab.first_settings(part), part.parse(part.first)
    named = [setting.name for setting in part.settings if setting.kind.field()]
    assert {name: fields[name] for name in named} == {name: shown[name] for name in named}
    assert part.parse(fields | dict(part.first)) == shown  # what the form does not know, the server makes


def test_the_app_is_built_without_a_model():
    """In a process of its own, where nothing is cached: a start is fast."""
    program = "import app; from genai_core.common import checkpoints; checkpoints._load = None; app.build_app()"
    subprocess.run([sys.executable, "-c", program], check=True)


@by_part
def test_a_bad_value_in_a_link_gets_a_sentence(one, part):
    good = part.parse(part.first)
    for setting in part.settings:
        for bad in BAD:
            answer = errors.guarded(part.parse)(good | {setting.name: bad})
            if "ok" in answer:  # taken: then it is a value like others
                assert part.table.to_text(answer["ok"])
            else:
                assert answer["error"] != errors.UNKNOWN, (setting.name, bad)
                assert re.fullmatch(r"\S[^\n]{8,600}", answer["error"])


@by_part
def test_a_saved_picture_brings_back_what_it_shows(one, part):
    if not part.picture:
        return
    settings = part.parse(part.first)
    saved = sharing.saved(one, part, {"settings": settings, "shown": None})
    opened = sharing.opened(one, part, {"png": saved})
    assert opened["settings"] == settings
    for other in one.parts:
        if other.id != part.id and other.picture:
            with pytest.raises(validation.InputError, match="another part"):
                sharing.opened(one, other, {"png": saved})
    with pytest.raises(validation.InputError, match="no settings"):
        sharing.opened(one, part, {"png": png(Image.new("L", (4, 4)))})


def test_every_part_asks_at_least_three_questions_and_the_right_answer_has_no_place_of_its_own():
    asking = [part for one in app.TABS for part in one.parts if not part.online and not part.build]
    lacking = [part.title for part in asking if len(part.presets) < 3]
    unanswered = [f"{part.title}: {preset.label}" for part in asking for preset in part.presets if not preset.answers]
    assert not lacking + unanswered
    places = [[bool(a.wrong) for a in preset.answers].index(False) for part in asking for preset in part.presets]
    for place in range(3):
        assert places.count(place) > len(places) / 5


@by_part
def test_every_preset_is_shown_by_settings_that_a_link_can_hold(one, part):
    choose = errors.guarded(tab.preset_function(part))
    for preset in part.presets:
        assert preset.question.strip().endswith(("?", ".", "”"))
        shown = choose({"label": preset.label})["ok"]
        settings = shown["settings"]
        assert [answer["text"] for answer in shown["answers"]] == [answer.text for answer in preset.answers]
        assert all(
            text.strip().endswith((".", "”")) for answer in preset.answers for text in vars(answer).values() if text
        )
        assert part.parse(part.table.to_text(settings)) == settings
    assert len({preset.label for preset in part.presets}) == len(part.presets)
    for bad in (None, [], {"label": "x"}, {"label": ["x"]}):
        assert list(choose(bad)) == ["error"]


@by_part
def test_a_stream_ends_a_bad_request_with_a_sentence(one, part):
    if not part.run:
        return
    handle = tab.streamed(part)
    for bad in (None, 5, {}, {"ask": 5}, {"ask": {"settings": 5, "run": "1"}}, {"ask": {"settings": [], "run": "1"}}):
        values = list(handle(bad))
        last = values[-1][0] if part.stateful else values[-1]
        assert last["over"]
        assert last["error"] != errors.UNKNOWN


CODED = [(one, part) for one, part in PARTS if part.code and not part.online]


@pytest.mark.parametrize(("one", "part"), CODED, ids=[f"{one.id}/{part.id}" for one, part in CODED])
def test_the_code_of_a_part_makes_what_its_stage_shows(one, part, tmp_path, monkeypatch, capsys):
    """Of a training, after twenty steps."""
    settings = part.parse(part.first)
    module, shown = sys.modules[(part.run or part.show).__module__], {}
    steps = getattr(module, "STEPS", None)
    if steps:
        monkeypatch.setattr(module, "STEPS", 20)
    if part.run and "shown" in inspect.signature(part.code).parameters | inspect.signature(part.picture).parameters:
        more = {"state": None, "action": "run"} if part.stateful else {}
        values = (value for value in part.run(**settings, **more) if value)
        *_, last = values if steps else itertools.islice(values, 3)
        shown = {"shown": last[0] if part.stateful else last}
    program = part.code(**settings, **(shown if "shown" in inspect.signature(part.code).parameters else {}))
    assert 5 <= len([line for line in program.splitlines() if line.strip()]) <= 40
    assert "demos" not in program
    monkeypatch.chdir(tmp_path)
    exec(compile(program, part.id, "exec"), {"__name__": "__main__"})
    assert bool(part.says) != (tmp_path / "picture.png").exists()
    if part.says:
        assert part.says(**settings, **shown) in capsys.readouterr().out
    else:
        made, wanted = Image.open("picture.png").convert("RGB"), part.picture(**settings, **shown).convert("RGB")
        assert made.size == wanted.size
        assert max(high for _, high in ImageChops.difference(made, wanted).getextrema()) == 0


def test_no_control_names_a_colour_of_its_own():
    """Colours live in theme.css; a script reads them from there (viridis, white on the dark plane, excepted)."""
    for file in bundle.controls().values():
        colours = set(re.findall(r"#[0-9a-fA-F]{3,8}\b", file.with_suffix(".html").read_text(encoding="utf-8")))
        assert colours <= {"#000"}, file.name


@pytest.mark.parametrize(
    ("id_", "part", "settings"),
    [
        ("vae", "sliders", {"seed": "2"}),
        ("diffusion", "denoise", {"seed": "2"}),
        ("text", "write", {"seed": "2"}),
        ("gan", "lab", {"seed": "2"}),
        ("clip", "search", {"model": "clip-scenes-plain"}),
        ("autoencoder", "squeeze", {"model": "mse-2"}),
        ("flow", "lab", {"seed": "2"}),
        ("distillation", "ask", {"temperature": "8"}),
    ],
)
def test_a_link_of_before_a_tab_began_with_its_model_opens_what_it_opened(id_, part, settings):
    assert tab.opened(app.TABS, {"tab": id_, **settings})["part"] == part
    assert tab.opened(app.TABS, {"tab": id_})["part"] == "model"


def test_an_unknown_tab_part_or_kind_of_query_gets_a_sentence():
    for bad in ({"tab": "x"}, {"tab": "vae", "part": "../x"}, {"tab": ["vae"]}, {}):
        with pytest.raises(validation.InputError):
            tab.opened(app.TABS, bad)
    with gr.Blocks():
        assert shell.groups(app.TABS)


def test_the_README_has_a_row_for_every_tab():
    readme = (bundle.DEMOS.parent / "README.md").read_text(encoding="utf-8")
    assert all(f"\n| {one.title} | " in readme for one in app.TABS)
