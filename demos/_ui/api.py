"""The endpoints of the API: typed, described and checked by tables of settings, as the page is.

A picture goes in and comes out as a file. A setting that is left out, or None, has its default.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.components.api_component import Api
from gradio.data_classes import FileData
from PIL import Image

from demos._server import lanes
from demos._ui import errors
from demos._ui.settings import Setting, Table
from genai_core.data import image_file

OBJECT = {"type": "object", "additionalProperties": True}
TEXT = {"type": "string"}
ROWS = {"type": "array", "items": OBJECT}
# Gradio's own schema of a file is 1.5 kB.
FILE = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "meta": {"type": "object", "default": {"_type": "gradio.FileData"}},
    },
}


def plain(value: Any, schema: dict[str, Any], label: str, use: str) -> Api:
    """A component of JSON that no page draws. use: "input" or "output".

    Components that a page draws, such as gr.Image, would bring their scripts to every visitor. Gradio sends a schema
    four times with each: as the argument of an Api, and for either use and none. Here it is sent once.
    """
    component = Api(value, {}, label)
    for name in ("api_info", "api_info_as_input", "api_info_as_output"):
        setattr(component, name, dict)
    setattr(component, f"api_info_as_{use}", lambda: schema)
    return component


def of_files(schema: dict[str, Any], description: str, use: str = "output") -> Api:
    """A component of JSON with files in it."""
    return plain(None, {**schema, "description": description, "additional_description": description}, description, use)


def read(file: FileData | None) -> bytes | None:
    """What is in a file that was sent."""
    return Path(file.path).read_bytes() if file and file.path else None


def saved(component: Api, image: Image.Image) -> dict[str, Any]:
    """A PNG file of it, as Gradio sends files."""
    path = processing_utils.save_pil_to_cache(image, cache_dir=component.GRADIO_CACHE, format="png")
    return FileData(path=path, orig_name=Path(path).name).model_dump()


@dataclass(frozen=True)
class Picture:
    """An output: a PNG file, of a PIL picture."""

    label: str

    def component(self) -> gr.components.Component:
        component = of_files(FILE, self.label)
        component.postprocess = lambda image: image and saved(component, image)  # type: ignore[assignment, method-assign]
        return component


@dataclass(frozen=True)
class Pictures:
    """An output: a list of {"image": PNG file, "caption"}, of pairs of a PIL picture and a text."""

    label: str

    def component(self) -> gr.components.Component:
        item = {"type": "object", "properties": {"image": FILE, "caption": {"type": "string"}}}
        component = of_files({"type": "array", "items": item}, self.label)

        def postprocess(pairs: Sequence[tuple[Image.Image, str]] | None) -> list[dict[str, Any]] | None:
            return (
                None
                if pairs is None
                else [{"image": saved(component, image), "caption": text} for image, text in pairs]
            )

        component.postprocess = postprocess  # type: ignore[assignment, method-assign]
        return component


@dataclass(frozen=True)
class Value:
    """An output: JSON as `schema` has it."""

    label: str
    schema: Mapping[str, Any] = field(default_factory=lambda: OBJECT)

    def component(self) -> gr.components.Component:
        return plain(None, {**self.schema, "description": self.label}, self.label, "output")


@dataclass(frozen=True)
class File:
    """An output: a file of this name, of bytes."""

    label: str
    name: str

    def component(self) -> gr.components.Component:
        component = of_files(FILE, self.label)

        def postprocess(data: bytes | None) -> dict[str, Any] | None:
            if data is None:
                return None
            path = processing_utils.save_bytes_to_cache(data, self.name, component.GRADIO_CACHE)
            return FileData(path=path, orig_name=self.name).model_dump()

        component.postprocess = postprocess  # type: ignore[assignment, method-assign]
        return component


Output = Picture | Pictures | Value | File


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, named as its function and described by its docstring.

    function: the table's settings, checked, as keyword arguments -> a value for each of `returns`, a tuple where there
    are several. A generator streams them, and None where there is nothing new.
    takes: the settings that are its parameters, in this order; the others have their defaults.
    names: {setting: what the API calls it}.
    """

    function: Callable[..., Any]
    table: Table
    returns: tuple[Output, ...]
    takes: tuple[str, ...]
    names: Mapping[str, str]
    lane: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def description(self) -> str:
        return " ".join((self.function.__doc__ or "").split())

    @functools.cached_property
    def parameters(self) -> dict[str, Setting]:
        """{name in the API: setting}"""
        settings = {setting.name: setting for setting in self.table.settings}
        return {self.names.get(name, name): settings[name] for name in self.takes}

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Check and run. A picture is the bytes of a file. Raises: InputError and what the function raises."""
        given = {}
        for name, value in {**dict(zip(self.parameters, values, strict=False)), **named}.items():
            setting = self.parameters[name]
            if value is not None:
                given[setting.name] = setting.kind.from_file(value) if setting.kind.from_file else value
        return self.function(**self.table.parse(given))


def endpoint(
    table: Table,
    *returns: Output,
    takes: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    lane: Mapping[str, Any] = lanes.LIGHT,
) -> Callable[[Callable[..., Any]], Endpoint]:
    """The decorator that makes a function an Endpoint; takes: by default all settings of the table."""
    names_taken = tuple(takes) or tuple(setting.name for setting in table.settings)
    return lambda function: Endpoint(function, table, returns, names_taken, names or {}, lane)


def described(setting: Setting) -> str:
    """What a parameter is and which values it takes, for who reads /info."""
    schema = setting.kind.schema()
    of = schema.get("items", schema)
    said = [setting.title.rstrip(".")]
    if setting.kind.from_file:
        said.append(setting.kind.file or f"a picture file ({image_file.NAMES})")
    if "minimum" in of:
        low, high = (f"{v:,}" if isinstance(v, int) else f"{v:g}" for v in (of["minimum"], of["maximum"]))
        said.append(f"{'each ' if of is not schema else ''}{low} to {high}")
    if "maxLength" in schema:
        said.append(f"at most {schema['maxLength']:,} characters")
    if "examples" in schema:
        said.append(f"such as {', '.join(schema['examples'])}")
    if setting.only:
        said.append(f"of {' and '.join(setting.only[1])}")
    if callable(setting.default):
        said.append("may be left out")
    return ", ".join(said) + (f". {setting.hint}" if setting.hint else "")


def component(setting: Setting) -> gr.components.Component:
    """What Gradio checks of a parameter and tells of it."""
    if setting.kind.from_file:
        component = of_files(FILE, described(setting), "input")
        component.data_model = FileData  # Gradio checks that it is one, and that the file was sent to it
        component.preprocess = read  # type: ignore[assignment, method-assign]
        return component
    default, schema = setting.default, setting.kind.schema()
    if callable(default) or (default == "" and schema["type"] != "string"):
        default = None
    return plain(default, {**schema, "additional_description": described(setting)}, setting.title, "input")


def handler(one: Endpoint) -> Callable:
    """The function that Gradio calls, with the names of the parameters, and errors as sentences."""

    def answers(*values: Any) -> Iterator:
        for value in one(*values):
            if value is not None:
                yield value

    streams = inspect.isgeneratorfunction(one.function)
    answer = errors.stream_handler(answers) if streams else errors.handler(lambda *values: one(*values))
    answer.__name__ = one.name
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in one.parameters
    ]
    vars(answer)["__signature__"] = inspect.Signature(parameters)
    return answer


def build(endpoints: Sequence[Endpoint]) -> None:
    """The endpoints, behind a button that no page shows. What is the same for two of them is one component."""
    shared: dict[str, gr.components.Component] = {}

    def of_setting(setting: Setting) -> gr.components.Component:
        key = repr((setting.kind.schema(), setting.default, described(setting)))
        return shared.get(key) or shared.setdefault(key, component(setting))

    def of_output(output: Output) -> gr.components.Component:
        return shared.get(repr(output)) or shared.setdefault(repr(output), output.component())

    with gr.Group(visible=False):
        never = gr.Button()
        for one in endpoints:
            never.click(
                handler(one),
                [of_setting(setting) for setting in one.parameters.values()],
                [of_output(output) for output in one.returns],
                api_name=one.name,
                api_description=one.description,
                show_progress="hidden",
                trigger_mode="multiple",
                **one.lane,
            )
