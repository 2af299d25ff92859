"""A tab and its parts: what each one offers, from which the page, links, saved pictures and code follow.

A part is a stage, and a form where it has settings that the stage does not show itself. Whatever is asked of the server
is the settings and nothing else, so that a link, a saved picture, a preset and a press of a button are one thing.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from PIL import Image

from demos._server import gpu, lanes
from demos._ui import api, controls, errors, live, page, sharing, validation
from demos._ui.settings import Setting, Table
from genai_core.common.checkpoints import CheckpointError


@dataclass(frozen=True)
class Answer:
    """An answer to a preset's question. wrong: why it is wrong; the right one has none."""

    text: str
    wrong: str = ""


@dataclass(frozen=True)
class Preset:
    """A pill: the settings it sets (or a function that gives them), its question, and what was to be seen.

    answers: two to four to choose from before it is shown, one of them right, each other one a common misconception.
    Raises: ValueError for others.
    """

    label: str
    question: str
    settings: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(default_factory=dict)
    observation: str = ""
    answers: tuple[Answer, ...] = ()

    def __post_init__(self) -> None:
        right = sum(not answer.wrong for answer in self.answers)
        if self.answers and (not 2 <= len(self.answers) <= 4 or right != 1):
            raise ValueError(f"The preset “{self.label}” must have two to four answers, one of them right.")

    def given(self) -> Mapping[str, Any]:
        return self.settings() if callable(self.settings) else self.settings


@dataclass(frozen=True)
class Action:
    """A button of a form. "stop" ends the run, "reset" shows the stage as before it; others go to `Part.run`."""

    name: str
    label: str
    primary: bool = False


@dataclass(frozen=True)
class Part:
    """A sub-tab. Its id is also the name of its module, its script and its markup.

    show: the settings as keyword arguments -> what the stage shows of them, a dictionary of JSON or a text of HTML. It
    is what a link, a saved picture and a first visit open; before a training, the stage as it is then.
    stage: the own control of the stage, "vae/plane"; "stage" shows HTML.
    functions: what the stage's script asks the server besides; each takes a request and checks it.
    form: whether the settings have fields of their own. Without actions, a change is shown at once.
    run: streams to the stage; takes the settings, of a `stateful` part `state` and `action` besides, and then yields
    (value, state). What a stage sends along with a run beside the settings comes as `request`, where `run` takes it.
    again: settings whose change begins the stage again; acts: {setting: the action that its change starts}. long:
    whether leaving the page during a run asks first.
    picture: what Save PNG saves, of a part with `shown` from what its script says is on the stage. code: the program
    that makes it, as text; says: what it prints, where it saves no picture. check: what one setting demands of another.
    first: settings of a first visit that are not the defaults. note: Markdown below the form. below: builds what stands
    below the stage. formerly: its id in older links. online: it needs a network.
    build: lays out a part of another make, given its id on the page and its panel.
    """

    id: str
    title: str
    lead: str
    show: Callable[..., Any]
    stage: str = "stage"
    settings: tuple[Setting, ...] = ()
    check: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda settings: settings)
    presets: tuple[Preset, ...] = ()
    functions: tuple[Callable, ...] = ()
    form: bool = False
    actions: tuple[Action, ...] = ()
    run: Callable[..., Iterator] | None = None
    stateful: bool = False
    lane: Mapping[str, Any] = field(default_factory=lambda: lanes.STREAM)
    again: tuple[str, ...] = ()
    acts: Mapping[str, str] = field(default_factory=dict)
    long: bool = False
    wide: bool = False
    note: str = ""
    picture: Callable[..., Image.Image] | None = None
    code: Callable[..., str] | None = None
    says: Callable[..., str] | None = None
    online: bool = False
    first: Mapping[str, Any] = field(default_factory=dict)
    props: Mapping[str, Any] = field(default_factory=dict)
    below: Callable[[], None] | None = None
    formerly: str = ""
    build: Callable[[str, gr.Tab], None] | None = None

    @functools.cached_property
    def table(self) -> Table:
        return Table(self.settings, self.check)

    def parse(self, given: Any) -> dict[str, Any]:
        """Checked settings; see `Table.parse`. Raises: InputError."""
        return self.table.parse(given)

    def value(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The stage's value for checked settings."""
        shown = self.show(**settings)
        return (shown if isinstance(shown, dict) else {"html": shown}) | {"settings": settings}

    @functools.cached_property
    def _first(self) -> dict[str, Any]:
        return self.value(self.parse(self.first))  # the same for all: made once a server


@dataclass(frozen=True)
class Tab:
    """A technique's tab. Its id, in links and in `python -m demos <id>`, is the title in lower case.

    cards: {checkpoint: what the page calls it}, whose model cards are shown. how: Markdown; sources: what runs.
    endpoints: of the API. warm: imports what takes long. headline, text, picture: of its card on Home.
    group: where the navigation has it. unnamed: the part of links that name none and hold settings, where it is not the
    first: it once was.
    """

    title: str
    group: str
    parts: tuple[Part, ...]
    how: str
    sources: tuple[Callable, ...]
    cards: Mapping[str, str]
    headline: str
    text: str
    picture: Callable[[], dict]
    endpoints: tuple[api.Endpoint, ...] = ()
    warm: Callable[[], None] | None = None
    unnamed: str = ""

    @property
    def id(self) -> str:
        return self.title.lower()

    def part(self, id_: Any = None) -> Part:
        """The part with this id, by default the first; older links may say its former one. Raises: InputError."""
        if id_ is None:
            return self.parts[0]
        ids = {part.id: part for part in self.parts}
        former = {part.formerly: part for part in self.parts if part.formerly}
        if isinstance(id_, str) and id_ in former:
            return former[id_]
        return ids[validation.choice(id_, "The part", tuple(ids))]


def accepts(fn: Callable, name: str) -> bool:
    return name in inspect.signature(fn).parameters


def streamed(part: Part) -> Callable:
    """The handler of a part's runs: {"ask": {"settings", "run", ...}} -> values of the stage, then {"over": true}.

    Each carries the id of its run, so that the page can tell those that come late. An error is the last value.
    """
    assert part.run is not None
    run = gpu.on_gpu(part.run)

    def handle(asked: Any, state: Any = None) -> Iterator:
        request: dict = {}
        try:
            request = validation.json_object(validation.json_object(asked, "The request").get("ask"), "The request")
            settings = part.parse(request.get("settings"))
            more: dict[str, Any] = {"request": request} if accepts(run, "request") else {}
            if part.stateful:
                kept = None if request.get("fresh") else state
                more |= {"state": kept, "action": request.get("action", "run")}
            for value in () if live.is_ended(request.get("run")) else run(**settings, **more):
                if live.is_ended(request.get("run")):
                    break
                if part.stateful and isinstance(value, tuple):
                    value, state = value
                shown = value if not isinstance(value, str) else {"html": value}
                stamped = shown | {"run": request.get("run")} if isinstance(shown, dict) else gr.skip()
                yield (stamped, state) if part.stateful else stamped
            last: dict[str, Any] = {"over": True}
        except Exception as error:
            last = {"over": True, "error": errors.sentence(error, run.__name__)}
        last["run"] = request.get("run")
        yield (last, state) if part.stateful else last

    handle.__name__ = run.__name__
    return handle


def build_part(tab: Tab, part: Part, panel: gr.Tab) -> None:
    """Layout and wiring of a part."""
    id_ = f"{tab.id}/{part.id}"
    with gr.Row(elem_classes="part-head"):
        page.lead(part.lead)
        if not part.build and (part.picture or part.code):
            sharing.bar(tab, part)  # at the top right of every part, so that no stage pushes it out of the window
    if part.presets:
        controls.control("presets", None, [preset_function(part)], part=id_, labels=[p.label for p in part.presets])

    if part.build:
        part.build(id_, panel)
        return
    unlinked = part.table.unlinked()

    def show(request: dict) -> dict:
        return part.value(part.parse(request))

    def start(_request: dict) -> dict:
        return part._first

    ends = [live.ended] if part.run else []

    def build_stage() -> gr.HTML:
        stage = controls.control(
            part.stage, None, [start, show, *ends, *part.functions], part=id_, unlinked=unlinked, **part.props
        )
        if part.below:
            part.below()
        return stage

    if not part.form:
        asking = stage = build_stage()
    elif part.wide:
        asking, stage = build_form(id_, part, show), build_stage()
    else:
        with gr.Row(equal_height=False, elem_classes="sides"):
            with gr.Column(scale=4, min_width=280):
                asking = build_form(id_, part, show)
            with gr.Column(scale=7, min_width=320, elem_classes="stage-column"):
                stage = build_stage()
    if part.run:
        state = [gr.State()] if part.stateful else []
        options = {**lanes.RESTARTABLE, **lanes.PAGE_ONLY, **part.lane}
        run = asking.submit(streamed(part), [asking, *state], [stage, *state], **options)
        controls.cancel_on([run], asking.stop)


def first_settings(part: Part) -> dict[str, Any]:
    """What the fields of a first visit hold; nothing where a default is made by a model whose checkpoint is missing.

    The app starts without what takes a model: `check` is left to the requests of the form, and so is a default that is
    made where no field shows it, such as a picture.
    """
    parsed: dict[str, Any] = {}
    try:
        for setting in part.settings:
            made = callable(setting.default) and not setting.kind.field()
            if not made or setting.name in part.first:
                parsed[setting.name] = setting.parse(part.first, parsed)
    except CheckpointError:
        return {}
    return parsed


def build_form(id_: str, part: Part, show: Callable) -> gr.HTML:
    """The part's fields, and its note below them."""
    form = controls.control(
        "form",
        None,
        [show, *([live.ended] if part.run else [])],
        part=id_,
        fields=part.table.fields(),
        actions=[{"name": a.name, "label": a.label, "primary": a.primary} for a in part.actions],
        settings=first_settings(part),
        again=list(part.again),
        acts=dict(part.acts),
        once=[setting.name for setting in part.settings if setting.once],
        at_once=not part.actions,
        streams=part.run is not None,
        long=part.long,
        wide=part.wide,
    )
    if part.note:
        gr.Markdown(part.note, elem_classes="prose-narrow")
    return form


def preset_function(part: Part) -> Callable[[dict], dict]:
    """{"label"} -> the part's preset: its question, answers and observation, and its settings."""

    def preset(request: dict) -> dict:
        labels = tuple(p.label for p in part.presets)
        label = validation.choice(validation.json_object(request).get("label"), "The preset", labels)
        found = part.presets[labels.index(label)]
        return {
            "question": found.question,
            "answers": [vars(answer) for answer in found.answers],
            "observation": found.observation,
            "settings": part.parse(found.given()),
        }

    return preset


def build(tab: Tab) -> gr.Tabs:
    """The whole tab; returns its sub-tabs."""
    with gr.Tabs(elem_classes="parts") as parts:
        for part in tab.parts:
            with gr.Tab(part.title, id=part.id) as panel:
                build_part(tab, part, panel)
            panel.select(None, None, None, js=f"() => genai.enter('{tab.id}/{part.id}')", **lanes.PAGE_ONLY)
    page.how_it_works(tab.how, *tab.sources)
    if tab.cards:
        page.model_cards(dict(tab.cards))
    api.build(tab.endpoints)
    return parts


def opened(tabs: Sequence[Tab], query: Mapping[str, Any]) -> dict[str, Any]:
    """What a link asks for: {"tab", "part"}, and the settings and the stage's value where it has settings.

    Raises: InputError, CheckpointError.
    """
    ids = {tab.id: tab for tab in tabs}
    tab = ids[validation.choice(query.get("tab"), "The tab", tuple(ids))]
    settings = query.keys() - {"tab", "part"}
    part = tab.part(query.get("part") or (tab.unnamed if settings and tab.unnamed else None))
    found: dict[str, Any] = {"tab": tab.id, "part": part.id}
    if settings:
        own = part.parse({key: query[key] for key in settings})
        found |= {"settings": own, "value": part.value(own)}
    return found
