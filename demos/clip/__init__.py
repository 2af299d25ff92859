"""The CLIP tab: search by words and pictures, zero-shot classes, a map, where it fails, your own pictures, the Hub."""

import gradio as gr

from demos import _checks, _common, _keep
from demos._common import STREAM
from demos.clip import _models, atlas, classify, hub, mine, probes, search
from demos.clip._models import warm
from genai_core import clip, clip_explain, retrieval, scenes

__all__ = ["PARTS", "TITLE", "build_tab", "clip_search", "restore", "warm"]
TITLE = "CLIP"

HOW = r"""
**CLIP** (Radford 2021, [arXiv 2103.00020](https://arxiv.org/abs/2103.00020)) puts pictures and texts into one space.
One network makes a unit vector $I_i$ of picture $i$, another $T_j$ of text $j$; of a batch of $N$ pairs each picture
must find its own text among all, and each text its picture:

$$\mathcal{L} = -\frac{1}{2N}\sum_i \log \frac{e^{s\, I_i \cdot T_i}}{\sum_j e^{s\, I_i \cdot T_j}}
  -\frac{1}{2N}\sum_i \log \frac{e^{s\, I_i \cdot T_i}}{\sum_j e^{s\, I_j \cdot T_i}}$$

A **search** is then an inner product: the pictures nearest to a text are what it describes, and vectors can be added
and subtracted. A **zero-shot classifier** is a few texts and a softmax.

Words that merely occur are enough to tell most pairs of a batch apart, so "a red circle and a blue star" and "a blue
circle and a red star" come out nearly alike. **NegCLIP** (Yuksekgonul 2022,
[arXiv 2210.01936](https://arxiv.org/abs/2210.01936)) goes on training such a model with hard negatives: texts that are
nearly right, pictures that look alike. In our world both can be made: beside a scene stands its *twin*, with two
colours exchanged, mirrored, or one thing short, and their texts tell the two apart. Both models are here, before and
after; the part Fail measures the difference.

The world is drawn by our own generator, so that of every picture the truth is known; some pairs of colour and shape,
such as a teal circle, were held out of training altogether. Pictures are found by **zvec**, an embedded vector
database: a graph (HNSW, Malkov 2016) where there are many, all of them compared where there are few.
"""


@_checks.handler
def clip_search(text: str, without: str = "", model: str = "clip-scenes", results: int = 10) -> list[dict]:
    """Search the gallery of 10,000 drawings by words, less other words; each result with its caption, true or not."""
    terms = [[1, "text", text]] + ([[-0.5, "text", without]] if without else [])
    found = search.search({"terms": terms, "model": model, "results": results})
    return [{key: hit[key] for key in ("id", "similarity", "caption", "true")} for hit in found["hits"]]


# Values that a link fills, part by part.
PARTS = {"search": 1, "classify": 1, "map": 1, "fail": 1, "yours": 0, "hub": 1}


def restore(query: dict) -> list:
    """Settings of a link -> values for what `build_tab` returns. Raises: InputError, CheckpointError."""
    part = _checks.choice(query.get("part", "search"), "The part", tuple(PARTS))
    settings = {key: value for key, value in query.items() if key not in ("tab", "part")}
    found = {
        "search": lambda: (search.search(settings),),
        "classify": lambda: (classify.classify(settings),),
        "map": lambda: (atlas.atlas(settings),),
        "fail": lambda: (probes.probe(settings),),
        "yours": lambda: (),
        "hub": lambda: hub.values(settings),
    }[part]()
    return _keep.among(PARTS, part, found)


def build_tab() -> list:
    """Layout and wiring; returns the components that `restore` fills."""
    with gr.Tabs() as parts:
        with gr.Tab("Search", id="search"):
            searched = search.build()
        with gr.Tab("Classify", id="classify"):
            classified = classify.build()
        with gr.Tab("Map", id="map"):
            mapped = atlas.build()
        with gr.Tab("Fail", id="fail"):
            failed = probes.build()
        with gr.Tab("Yours", id="yours"):
            menu = mine.build()
        with gr.Tab("Hub", id="hub"):
            fetched = hub.build(menu)
    _common.how_it_works(
        HOW,
        clip.CLIP,
        clip.loss,
        clip.train,
        retrieval.combine,
        clip_explain.word_contributions,
        clip_explain.patch_relevance,
        clip_explain.ensemble,
        clip_explain.project,
        scenes.twin,
        scenes.contradict,
    )
    _common.model_cards(_models.NAMES)
    gr.api(clip_search, api_name="clip_search", **STREAM)
    return [parts, searched, classified, mapped, failed, *fetched]
