"""Positions: five small GPTs that differ only in how a token knows where it stands, on shuffled and on long texts."""

import base64
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos._server import lanes
from demos._ui import charts, validation
from demos._ui.api import Value, endpoint
from demos._ui.settings import Setting, choice, integer, seed, switch, text
from demos._ui.tab import Answer, Part, Preset
from genai_core.common import checkpoints
from genai_core.data.corpora import straight_quotes
from genai_core.transformer import positions
from genai_core.transformer.attention import alibi_slopes
from genai_core.transformer.positions import BIN

KINDS = {
    "none": "None",
    "learned": "Learned",
    "sinusoidal": "Sinusoidal",
    "rotary": "Rotary",
    "alibi": "ALiBi",
}
LONGEST = 200  # characters of a text
TRAINED = 64  # characters of the trainings
HEADS = 4
RANKED = 10  # characters of a list
NIGHT = "Good night, good night! Parting is such sweet s"
LONG = (
    "Now is the winter of our discontent made glorious summer by this sun of York, and all the clouds that "
    "lour'd upon our house in the deep bosom of the ocean b"
)
LOVE = "I loved thee once, and now I love thee no m"
KING = "My lord the king, the queen will see you now in the gard"


def name_of(kind: str) -> str:
    """The checkpoint of a kind."""
    return f"positions-{kind}"


def check(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with a text that the models can read. Raises: InputError."""
    string = straight_quotes(settings["text"])
    _, unknown = positions.load(name_of(settings["kind"])).tokenizer.known(string)
    if unknown:
        more = " …" if len(unknown) > 8 else ""
        listed = " ".join(c if c.isprintable() else repr(c)[1:-1] for c in unknown[:8])
        raise validation.InputError(f"These models were trained on Shakespeare, and have never seen: {listed}{more}")
    return settings | {"text": string}


def metrics(kind: str) -> dict[str, Any]:
    """What was measured of a kind; nothing where its checkpoint is not on this machine."""
    try:
        return checkpoints.read_json(name_of(kind), "metrics.json")
    except checkpoints.CheckpointError:
        return {}


def curve(kind: str) -> list[float] | None:
    """The loss after 1 to 8, 9 to 16 ... characters, as it was measured."""
    return metrics(kind).get("curve")


def read(kind: str, string: str) -> str:
    """What of a text the model reads: its end, where it has no positions for all of it."""
    return string[-positions.load(name_of(kind)).longest :]


@functools.lru_cache(maxsize=64)
def probabilities(kind: str, string: str) -> Tensor:
    """p of each character after a text, [vocab_size]."""
    return positions.load(name_of(kind)).next_probabilities(string)


def legible(character: str) -> str:
    return {"\n": "↵", " ": "␣"}.get(character, character)


def ranked(kind: str, string: str) -> list[list]:
    """The likeliest next characters, each with its p."""
    p, characters = probabilities(kind, string), positions.load(name_of(kind)).tokenizer.characters
    values, ids = p.topk(RANKED)
    return [[legible(characters[i]), round(v, 5)] for i, v in zip(ids.tolist(), values.tolist(), strict=True)]


def distance(p: Tensor, q: Tensor) -> float:
    """Total variation distance of two distributions, in [0, 1]."""
    return float((p - q).abs().sum()) / 2


def compared(kind: str, text: str, shuffled: bool, seed: int) -> dict[str, Any]:
    """The prediction after a text, and that after its words have been shuffled."""
    own = read(kind, text)
    moved = positions.shuffle_words(own, seed) if shuffled else None
    return {
        "read": own,
        "moved": moved,
        "before": ranked(kind, own),
        "after": None if moved is None else ranked(kind, moved),
        "distance": None if moved is None else distance(probabilities(kind, own), probabilities(kind, moved)),
    }


def field(kind: str, head: int) -> tuple[Tensor, float, str]:
    """What the positions say of each pair: [64, 64], the largest magnitude of its colours, and what it is."""
    model = positions.load(name_of(kind))
    values = positions.between(model, TRAINED, head - 1)
    if kind == "none":
        return values, 1.0, "Nothing enters: all pairs are alike"
    if kind == "alibi":
        slope = float(alibi_slopes(HEADS)[head - 1])
        largest = float(alibi_slopes(HEADS).max()) * (TRAINED - 1)  # of all heads, so that they can be compared
        return values, largest, f"Bias of head {head}: −(i\u00a0−\u00a0j)\u00a0/\u00a0{1 / slope:.0f}"
    if kind == "rotary":
        return values, 1.0, "Mean of cos θ(i − j) over the pairs of a head"
    vectors = "learned vectors" if kind == "learned" else "sines and cosines"
    return values, float(values.abs().max()), f"Inner products pᵢ · pⱼ of the {vectors}"


def encodings(kind: str) -> tuple[Tensor, float, str] | None:
    """What belongs to each position: [64, width], the largest magnitude, and what it is; None where nothing does."""
    model = positions.load(name_of(kind))
    if kind == "rotary" and model.table is not None:
        return model.table[0, :TRAINED].cpu(), 1.0, "cos θ of each pair of numbers: by how much it is rotated"
    if kind == "alibi":
        slopes = alibi_slopes(HEADS)
        biases = -torch.arange(TRAINED)[:, None] * slopes  # [64, heads]
        return biases, float(slopes.max()) * (TRAINED - 1), "The bias at distances 0 to 63, one column for each head"
    own = model.encodings()
    if own is None:
        return None
    own = own[:TRAINED].cpu()
    return own, float(own.abs().max()), "The vector pᵢ that is added at each position, one row each"


def packed(values: Tensor, largest: float) -> str:
    """Numbers as int16 in base64, 32,767 the largest magnitude."""
    whole = (values / largest * 32767).round().to(torch.int16).numpy()
    return base64.b64encode(whole.astype("<i2").tobytes()).decode()


SAID = {
    "none": "Attention sees a set of characters. Only the causal mask tells them apart: each looks at those before it.",
    "learned": "A learned vector for each of 64 positions is added to the embedding of the character.",
    "sinusoidal": "Sines and cosines of the position, of 48 wavelengths, are added to the embedding of the character.",
    "rotary": "Queries and keys are rotated, pair by pair, by angles that grow with the position: their product knows "
    "the distance alone.",
    "alibi": "Nothing is added to the characters. Each head lowers its scores in proportion to the distance.",
}


def show(kind: str, text: str, shuffled: bool, seed: int, head: int) -> dict:
    """All that the stage shows."""
    values, largest, title = field(kind, head)
    own = encodings(kind)
    return {
        "kinds": KINDS,
        "said": SAID[kind],
        "trained": TRAINED,
        "heads": HEADS,
        "bin": BIN,
        "field": {"values": packed(values, largest), "largest": largest, "title": title},
        "encodings": own
        and {"values": packed(*own[:2]), "columns": own[0].shape[1], "largest": own[1], "title": own[2]},
        "curves": {one: curve(one) for one in KINDS},
        "held_out": [metrics(kind).get(name) for name in ("loss_last", "loss_shuffled")],
        **compared(kind, text, shuffled, seed),
    }


def coloured(values: np.ndarray, largest: float) -> np.ndarray:
    """Signed numbers -> blue, white, orange, uint8 [..., 3]; NaN is grey."""
    t = np.clip(np.nan_to_num(values) / largest, -1, 1)[..., None]
    inks = {ink: np.array([int(ink[k : k + 2], 16) for k in (1, 3, 5)]) for ink in (charts.REAL, charts.MADE)}
    end = np.where(t < 0, inks[charts.REAL], inks[charts.MADE])
    colours = 255 + np.abs(t) * (end - 255.0)
    return np.where(np.isnan(values)[..., None], [241, 245, 249], colours).round().astype(np.uint8)


def strip(values: np.ndarray, largest: float, zoom: tuple[int, int]) -> Image.Image:
    """A field of numbers as squares; zoom: their width and height in pixels."""
    image = Image.fromarray(coloured(values, largest))
    return image.resize((image.width * zoom[0], image.height * zoom[1]), Image.Resampling.NEAREST)


def plot(curves: Mapping[str, Sequence[float] | None], kind: str) -> Image.Image:
    """The measured losses by position."""
    there = {one: values for one, values in curves.items() if values}
    if not there:
        return charts.sentence("The losses by position are not on this machine.")
    seen = [v for values in there.values() for v in values[1:]]
    lines = [
        charts.Line(
            f"{KINDS[one]} {values[-1]:.2f}" + (f" at {len(values) * BIN}" if len(values) * BIN <= TRAINED else ""),
            [BIN * k + (BIN + 1) / 2 for k in range(1, len(values))],  # the middles of the bins
            values[1:],
            charts.MADE if one == kind else charts.NOISE,
        )
        for one, values in sorted(there.items(), key=lambda pair: -pair[1][-1])  # their names from top to bottom
    ]
    end = charts.Line("", [TRAINED] * 2, [max(seen), min(seen)], charts.LINE)
    return charts.lines(
        [*lines, end],
        across=f"Position of the character; the trainings ended at {TRAINED}",
        up="Loss on held-out text, nat per character",
        said=lambda _: "",
        size=(760, 320),
    )


def picture(kind: str, text: str, shuffled: bool, seed: int, head: int) -> Image.Image:
    """The field, the encodings, both predictions, and the losses by position."""
    values, largest, title = field(kind, head)
    lower = np.where(np.tri(TRAINED, dtype=bool), values.numpy(), np.nan)
    fields = [charts.labelled(strip(lower, largest, (4, 4)), title)]
    if own := encodings(kind):
        wide = max(2, 288 // own[0].shape[1])
        fields.append(charts.labelled(strip(own[0].numpy(), own[1], (wide, 4)), own[2]))
    found = compared(kind, text, shuffled, seed)
    texts, lists = [found["read"]], [found["before"]]
    if found["after"]:
        texts.append(found["moved"])
        lists.append(found["after"])
    heads = ("In order", "Shuffled")
    bars = [
        charts.bars([p for _, p in rows], [c for c, _ in rows], ink, title=f"{said}: the next character", width=330)
        for rows, said, ink in zip(lists, heads, (charts.REAL, charts.MADE), strict=False)
    ]
    said = [charts.sentence(f"{name}: {string}", 760) for name, string in zip(heads, texts, strict=False)]
    if found["distance"] is not None:
        said.append(charts.sentence(f"Total variation distance: {found['distance']:.3f}", 760))
    return charts.below(
        [
            charts.sentence(f"Positions: {KINDS[kind]}. {SAID[kind]}", 760),
            charts.beside(fields, 24),
            *said,
            charts.beside(bars, 40),
            plot({one: curve(one) for one in KINDS}, kind),
        ]
    )


def likeliest(rows: list[list]) -> str:
    return "  ".join(f"{c} {100 * p:.1f} %" for c, p in rows)


def says(kind: str, text: str, shuffled: bool, seed: int, head: int) -> str:
    found = compared(kind, text, shuffled, seed)
    lines = [likeliest(found["before"])]
    if found["after"]:
        lines += [likeliest(found["after"]), f"Total variation distance: {found['distance']:.3f}"]
    values = field(kind, head)[0]
    lines.append(f"Between positions 40 and 30: {float(values[40, 30]):.3f}")
    if measured := curve(kind):
        lines.append(f"Loss after {len(measured) * BIN - BIN + 1} to {len(measured) * BIN}: {measured[-1]:.3f} nat")
    return "\n".join(lines)


def code(kind: str, text: str, shuffled: bool, seed: int, head: int) -> str:
    moved = (
        f"""
after = likeliest(positions.shuffle_words(text, seed={seed}))
print(f"Total variation distance: {{float((before - after).abs().sum()) / 2:.3f}}")"""
        if shuffled
        else ""
    )
    return f'''from genai_core.common import checkpoints
from genai_core.transformer import positions

model = positions.load("{name_of(kind)}")
text = {text!r}[-model.longest :]


def likeliest(text):
    p = model.next_probabilities(text)
    characters = [model.tokenizer.decode([i]).replace("\\n", "↵").replace(" ", "␣") for i in p.topk({RANKED}).indices]
    print("  ".join(f"{{c}} {{100 * v:.1f}} %" for c, v in zip(characters, p.topk({RANKED}).values.tolist())))
    return p


before = likeliest(text){moved}
between = positions.between(model, {TRAINED}, head={head - 1})  # what positions i and j say of each other
print(f"Between positions 40 and 30: {{float(between[40, 30]):.3f}}")
curve = checkpoints.read_json("{name_of(kind)}", "metrics.json")["curve"]  # of held-out text, {BIN} positions each
print(f"Loss after {{len(curve) * {BIN} - {BIN - 1}}} to {{len(curve) * {BIN}}}: {{curve[-1]:.3f}} nat")
'''


PRESETS = (
    Preset(
        "No positions at all",
        "No position enters this model. Does it notice that the words before the last are shuffled?",
        {"kind": "none", "text": LOVE},
        "It does: the prediction changes. A character sees only those before it, so what the first layer makes of it "
        "depends on how many and which these were, and the layers above read that. Still, its loss is the highest of "
        "the five, on texts as long as those of the training.",
        (
            Answer(
                "No: attention is a sum over a set, and a sum has no order.",
                "So it is for one layer alone. The layers above it read characters that have each seen another past, "
                "because the mask hid the rest.",
            ),
            Answer("Yes: the causal mask gives the order away."),
            Answer(
                "Yes: it reads one character after the other, like an LSTM.",
                "It reads all characters at once. The mask only hides from each of them those that come later.",
            ),
        ),
    ),
    Preset(
        "Four times as long",
        "All five were trained on windows of 64 characters. Which of them predicts as well at the 256th?",
        {"kind": "alibi"},
        "ALiBi alone. Its biases push what is far out of sight, so that a long text looks like a short one. Three "
        "others lose more than a nat and a half, and learned positions end at the 64th.",
        (
            Answer(
                "Rotary: it knows distances alone, and those have no end.",
                "Distances above 64 turn the slow pairs by angles that the training never showed.",
            ),
            Answer(
                "Sinusoidal: sines go on for ever.",
                "The sines do. But the layers never met the vectors beyond position 64, and fail as soon as they come.",
            ),
            Answer("ALiBi: what is far hardly counts."),
            Answer(
                "None: without positions nothing can be out of range.",
                "The number of characters is: attention spreads over more of them than it was trained for.",
            ),
        ),
    ),
    Preset(
        "The 65th character",
        "The learned positions are 64 vectors. What does this model do with a text of 156 characters?",
        {"kind": "learned", "text": LONG},
        "It reads the last 64 and never sees the others: there is no 65th vector. Look at those that there are: they "
        "began as noise, and the training has made neighbours alike.",
        (
            Answer(
                "It reads all of them, a little worse.",
                "At the 65th there is nothing to add: the table has ended, and the model refuses.",
            ),
            Answer("It reads the last 64 of them."),
            Answer(
                "It begins again with the first vector.",
                "Then the 65th character would stand where the first one stands, and nothing would tell which of the "
                "two came first.",
            ),
        ),
    ),
    Preset(
        "Distances alone",
        "Every diagonal of the first picture has one colour. What does that say of rotary positions?",
        {"kind": "rotary"},
        "The positions of two characters enter by their distance alone: move the whole text, and every score stays. "
        "The sinusoids’ inner products have such diagonals, too, but they are added to the characters, and so the "
        "model does see where a text stands.",
        (
            Answer("Only the distance of two characters enters."),
            Answer(
                "What is far away counts for nothing.",
                "The colour pales with distance, and not to nothing: the slow pairs have hardly turned.",
            ),
            Answer(
                "Every character looks mostly at itself.",
                "This is the share of the positions. What a head looks at is up to its queries and keys as well.",
            ),
        ),
    ),
    Preset(
        "What is order worth?",
        "The words before the last are shuffled. What does that cost this model on held-out text?",
        {"kind": "rotary", "text": KING},
        "About a quarter of a nat. Most of what it knows of the next character, it knows from the letters of the word "
        "that has begun, and these stay where they are.",
        (
            Answer(
                "Nothing: the last word is the same.",
                "It does use the words before: the figure below the lists is higher for shuffled texts.",
            ),
            Answer(
                "About all: without word order there is no language.",
                "For meaning, that may be so. This model is small, and spelling is most of what it knows.",
            ),
            Answer("A little: 0.2 to 0.3 nat."),
        ),
    ),
)

PART = Part(
    id="positions",
    title="Positions",
    lead="<b>Choose how positions enter</b>, then shuffle the words. Look for what order changes, and for who reads "
    "on beyond the 64 characters of the training.",
    stage="transformer/positions",
    settings=(
        Setting("kind", choice(KINDS), "rotary", "Positions"),
        Setting("text", text(LONGEST, lines=3, shortest=1), NIGHT, "The text"),
        Setting("shuffled", switch(), True, "Shuffle the words"),
        Setting("seed", seed(), 1, "Seed of the order", applies=lambda settings: settings["shuffled"]),
        Setting("head", integer(1, HEADS), 1, "Head", applies=lambda settings: settings["kind"] == "alibi"),
    ),
    check=check,
    presets=PRESETS,
    show=show,
    picture=picture,
    code=code,
    says=says,
)


@endpoint(
    PART.table,
    Value("p of each character of the vocabulary after the text, the likeliest first"),
    takes=("text", "kind"),
    lane=lanes.LIGHT,
)
def transformer_positions(kind: str, text: str, **_settings: Any) -> dict[str, float]:
    """Predict the next character with one of five small GPTs, which differ in how positions enter.

    With learned positions, the last 64 characters of the text are read.
    """
    p = probabilities(kind, read(kind, text))
    characters = positions.load(name_of(kind)).tokenizer.characters
    return {characters[i]: float(p[i]) for i in p.argsort(descending=True).tolist()}
