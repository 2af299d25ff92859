"""What programs can ask of the transformer tab."""

from typing import Any

from demos._ui.api import Value, endpoint
from demos._ui.settings import Table
from demos.transformer import _models, attention


@endpoint(
    Table(attention.PART.settings, attention.PART.check),
    Value("tokens; weights: what the token that looks gives each token up to it, a share; scores: q · k of these"),
)
def transformer_attention(**settings: Any) -> dict[str, Any]:
    """Where one token of a text looks, in one head of a GPT."""
    names = {name: settings[name] for name in ("model", "text", "layer", "head", "scale", "temperature")}
    _, steps = attention.steps_of(**names)
    query = settings["query"]
    return {
        "tokens": _models.names(settings["model"], settings["text"])[: query + 1],
        "weights": [round(w, 4) for w in steps.weights[query, : query + 1].tolist()],
        "scores": [round(s, 3) for s in steps.scores[query, : query + 1].tolist()],
    }


ENDPOINTS = (transformer_attention,)
