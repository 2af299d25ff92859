"""What programs can ask of the CLIP tab."""

import base64
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import Image

from demos._ui.api import ROWS, Pictures, Value, endpoint
from demos._ui.settings import Kind, Setting, Table, checked, number, optional, text
from demos.clip import _models, classify, search

MINUS = -0.5  # the weight of the words that are not wanted
SEARCH = {setting.name: setting for setting in search.PART.settings}
CLASSIFY = {setting.name: setting for setting in classify.PART.settings}


def listed(kind: Kind) -> Kind:
    """Lines of text that an endpoint takes as a list."""

    def check(value: Any, others: Mapping[str, Any]) -> Any:
        texts = isinstance(value, list) and all(isinstance(line, str) for line in value)
        return kind.parse("\n".join(value) if texts else value, "", others)

    return checked(check, schema={"type": "array", "items": {"type": "string"}})


def as_list(setting: Setting) -> Setting:
    return replace(setting, kind=listed(setting.kind), default=setting.default.split("\n"))


@endpoint(
    Table(
        (
            Setting(
                "text",
                checked(lambda value, _: _models.text(value)),
                "two small red circles above a blue star",
                "The text",
            ),
            Setting("without", text(_models.LONGEST), "", "Words that the pictures should not have"),
            SEARCH["model"],
            SEARCH["results"],
        )
    ),
    Value("id, similarity and caption of each, and whether it is true; best first", ROWS),
    Pictures("The pictures found, best first"),
)
def clip_search(text: str, without: str, model: str, results: int) -> tuple[list[dict], list]:
    """Search the gallery of 10,000 drawings by words, less other words."""
    terms = [[1, "text", text]] + ([[MINUS, "text", without]] if without else [])
    hits = search.show(**search.PART.parse({"terms": terms, "model": model, "results": results}))["hits"]
    rows = [{key: hit[key] for key in ("id", "similarity", "caption", "true")} for hit in hits]
    return rows, [(Image.open(io.BytesIO(base64.b64decode(hit["image"]))), hit["caption"]) for hit in hits]


@endpoint(
    Table(
        (
            *(CLASSIFY[name] for name in ("picture", "scene", "model")),
            as_list(CLASSIFY["labels"]),
            as_list(CLASSIFY["templates"]),
            Setting(
                "temperature",
                optional(number(classify.LOW, classify.HIGH)),
                None,
                "The temperature",
                "Left out: the one that the model learned.",
            ),
        )
    ),
    Value("The probability of each label", {"type": "object", "additionalProperties": {"type": "number"}}),
    Value("cosines, {label: cosine}, and temperature"),
)
def clip_classify(labels: str, templates: str, temperature: float | None, **more: Any) -> tuple[dict, dict]:
    """Classify a picture, or a scene of the gallery, by labels in words (zero-shot)."""
    given = {**more, "labels": labels, "templates": templates, "temperature": temperature or classify.LEARNED}
    shares, t, value = classify.shares(**given)
    named = [row["label"] for row in value["rows"]]
    cosines = {row["label"]: row["cosine"] for row in value["rows"]}
    return dict(zip(named, shares, strict=True)), {"cosines": cosines, "temperature": t}


ENDPOINTS = (clip_search, clip_classify)
