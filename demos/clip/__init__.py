"""The CLIP tab: the model as a graph, search by words and pictures, zero-shot classes, a map, where it fails, your own
pictures, the Hub.
"""

from demos._ui import images
from demos._ui.tab import Tab
from demos.clip import _api, _models, classify, fail, hub, model, search, yours
from demos.clip import map as map_part
from genai_core import clip
from genai_core.clip import explain, gallery
from genai_core.common import vector_store
from genai_core.data import scenes

NEIGHBOUR = 3  # the drawing on the card of Home

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


def neighbours() -> dict:
    """A drawing, and the nineteen that CLIP finds nearest to it among two thousand, by embeddings that are stored."""
    vectors = gallery.load("clip-scenes")[:2000]
    nearest = (vectors @ vectors[NEIGHBOUR]).topk(20).indices.tolist()
    sheet = images.tile(gallery.pictures(nearest), 10, gap=4, between=255)
    return {"image": images.png(sheet), "alt": "A drawing and those that are most like it"}


TAB = Tab(
    title="CLIP",
    group="Pictures and words",
    headline="Pictures and words in one space",
    text="Search ten thousand drawings by words, by pictures, by sums of both, and see which words decided. Then find "
    "out what it cannot tell apart.",
    picture=neighbours,
    parts=(model.PART, search.PART, classify.PART, map_part.PART, fail.PART, yours.PART, hub.PART),
    how=HOW,
    sources=(
        clip.CLIP,
        clip.loss,
        clip.train,
        vector_store.combine,
        explain.word_contributions,
        explain.patch_relevance,
        explain.ensemble,
        explain.project,
        scenes.twin,
        scenes.contradict,
    ),
    cards=_models.NAMES,
    endpoints=_api.ENDPOINTS,
    warm=_models.warm,
    unnamed="search",
)
