"""A pretrained language model of the Hugging Face Hub, or a local transformers folder, on the stage of Write."""

from collections.abc import Iterator
from typing import Any

from PIL import Image

from demos._server import lanes
from demos._ui import text_image, validation
from demos._ui.settings import Setting, checked, integer, seed, switch, text
from demos._ui.tab import Part
from demos.text import _explain, _models, write
from genai_core.language import hub

KNOWN = ("distilgpt2", "HuggingFaceTB/SmolLM2-135M", "EleutherAI/pythia-70m")


def fetch(request: dict | None = None, **settings: Any) -> Iterator[dict]:
    """How far the model is, then what Write streams. Raises: InputError."""
    name = settings["model"]
    if name not in _models.FETCHED:
        try:
            for loaded in hub.loading(name):
                if isinstance(loaded, str):
                    yield empty(settings, loaded, done=False)
        except hub.HubError as error:
            raise validation.InputError(str(error)) from None
        _models.FETCHED.put(name, loaded, loaded.network)
    for message in write.write(request, **settings):
        yield message | template(name)


def template(name: str) -> dict:
    """For the page: whether the model has a chat template."""
    return {"template": getattr(_models.FETCHED.get(name), "has_chat_template", False)}


def inspect(request: dict) -> dict:
    """Write's, of the settings of this part."""
    return _explain.explained(PART.parse(request), request.get("kept", []))


def empty(settings: dict[str, Any], note: str, *, done: bool) -> dict:
    """The stage's value without a text."""
    timing = {"count": 0, "seconds": 0.0, "first": 0.0}
    return {"settings": settings, "kept": 0, "note": note, "new": [], "begins": True, "done": done, **timing}


def show(**settings: Any) -> dict:
    """The text, where the model has been fetched."""
    if settings["model"] in _models.FETCHED:
        return write.show(**settings) | template(settings["model"])
    return empty(settings, "Nothing is fetched until you press the button.", done=True) | write.menus()


def picture(**settings: Any) -> Image.Image:
    """As Write's; the prompt alone where the model has not been fetched."""
    if settings["model"] in _models.FETCHED:
        return write.picture(**settings)
    return text_image.of_text([(settings["prompt"], write.SOFT)])


PART = Part(
    id="hub",
    title="Hub",
    lead="<b>Name a language model</b> of the Hugging Face Hub: it is fetched once, and then writes here, in Write and "
    "in Search. This needs a network the first time, and patience.",
    stage="text/write",
    settings=(
        Setting(
            "model",
            checked(lambda value, _others: validation.hub_name(value, KNOWN[0])),
            KNOWN[0],
            "Model",
            formerly="source",
        ),
        Setting("prompt", text(_models.LONGEST, lines=3), "Once upon a time", "The prompt"),
        _models.FILTERS_SETTING,
        Setting("seed", seed(), 1, "Seed"),
        Setting("tokens", integer(1, _models.MOST), 40, "The number of tokens"),
        Setting("choices", checked(write.choices_text), "", "The choices"),
        Setting("chat", switch(), False, "As a chat"),
    ),
    functions=(inspect, write.menus),
    run=fetch,
    lane=lanes.TRAIN,
    long=True,
    online=True,
    props={"known": list(KNOWN)},
    show=show,
    picture=picture,
    code=write.code,
    says=write.says,
)
