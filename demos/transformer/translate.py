"""Translate: an English sentence into French, the beam search as a tree, and where the decoder looked."""

import functools
from typing import Any

import numpy as np
import torch
from PIL import Image

from demos._ui import charts, text_image, tokens, trees, validation
from demos._ui.settings import Setting, integer, number, text
from demos._ui.tab import Answer, Part, Preset
from demos.transformer import _models
from demos.transformer.attention import packed
from genai_core.language.text_stream import TextStream
from genai_core.transformer import translate as core
from genai_core.transformer.translate import BeamStep, Hypothesis

NAME = "translate-en-fr"
CONFIG = core.RECIPES[NAME].config
LONGEST = 200  # characters of a sentence
LAYER = 4  # of the decoder, whose mean over the heads agrees best with a statistical word alignment (IBM model 1)
LISTED = 6  # continuations of each hypothesis that are looked at, at least
SIDE, PIXELS = 24, 3_000_000  # of a saved picture: a cell of its matrix, and at most of all
END = "<end>"  # how the token that ends a translation stands in the tree

# What presets say of these depends on the weights; tests/demos/test_transformer_translate.py reads it from them.
CATS = "I have a black cat and a red car."
NOIR = 5  # the place of “noir” in its translation
GREEDY = "That looks like it hurts."  # one beam finds another translation than four
NAME_UNKNOWN = "Tom bought a kayak in Reykjavik."  # no sentence of the training has either word
NEGATED = "I can't not laugh."  # the translation has one negation
LONG = (
    "The man who lives next door told me that the woman he had met at the station was the sister of the doctor who had "
    "treated his father."
)
LONG_TOO = (  # a right translation; that of the model lacks the sister and the doctor
    "L'homme qui habite à côté m'a dit que la femme qu'il avait rencontrée à la gare était la sœur du médecin qui "
    "avait soigné son père."
)
WHO = 22  # the place of the “qui” after the station
MUST, MUST_TOO = "You must help me.", "Il faut que vous m'aidiez."  # right, and hardly a word as in its translation


def cleaned(string: str) -> str:
    """On one line, as the sentences of the training are."""
    return " ".join(string.split())


def ids(string: str) -> list[int]:
    return core.load(NAME).tokenizer.encode(cleaned(string))


def check(settings: dict[str, Any]) -> dict[str, Any]:
    """Raises: InputError for a sentence without tokens, or with too many."""
    count = len(ids(settings["text"]))
    if not count:
        raise validation.InputError("The sentence is empty: type one in English.")
    if count > CONFIG.longest:
        raise validation.InputError(f"The sentence has {count} tokens; the model reads at most {CONFIG.longest}.")
    return settings


@functools.lru_cache(maxsize=64)
def searched(string: str, width: int, alpha: float) -> tuple[BeamStep, ...]:
    return tuple(core.beam_steps(core.load(NAME), ids(string), width, alpha, LISTED))


def best(string: str, width: int, alpha: float) -> Hypothesis:
    return searched(string, width, alpha)[-1].kept[0]


def written(hypothesis: Hypothesis) -> str:
    return core.text_of(core.load(NAME), hypothesis)


def translated(string: str, width: int, alpha: float) -> str:
    return written(best(string, width, alpha))


def names(token_ids: Any) -> list[str]:
    """The tokens as they stand in a list, without the end."""
    return tokens.texts(core.load(NAME), [i for i in token_ids if i < CONFIG.vocab_size])


@functools.lru_cache(maxsize=64)
def alignments(string: str, width: int, alpha: float) -> torch.Tensor:
    """[layer, head, T, S] of the translation, with its end."""
    return core.alignments(core.load(NAME), ids(string), best(string, width, alpha).ids)


def alignment(string: str, width: int, alpha: float, layer: int, head: int) -> torch.Tensor:
    """[T, S] of a head, or of the mean of a layer's heads where it is 0."""
    heads = alignments(string, width, alpha)[layer - 1]
    return heads[head - 1] if head else heads.mean(0)


def tree(steps: tuple[BeamStep, ...], width: int) -> list[list[dict[str, Any]]]:
    """What is drawn of each step: what goes on, what has ended, then as many of the pruned, each best first."""
    path = steps[-1].kept[0].ids

    @functools.cache
    def stream(before: tuple[int, ...]) -> TextStream:
        return TextStream(core.load(NAME).tokenizer, before)

    def node(h: Hypothesis, kept: bool) -> dict[str, Any]:
        return {
            "parent": h.parent,
            "text": END if h.ended else tokens.candidate(stream(h.ids[:-1]), h.ids[-1]),
            "score": round(h.log_p, 3),
            "kept": kept,
            "ended": h.ended,
            "best": h.ids == path[: len(h.ids)],
        }

    levels = []
    for length, step in enumerate(steps, 1):
        kept, pruned = ([h for h in some if len(h.ids) == length] for some in (step.kept, step.pruned))
        kept.sort(key=lambda h: h.ended)
        levels.append([*(node(h, True) for h in kept), *(node(h, False) for h in pruned[: max(2, width)])])
    return levels


def scores(string: str, reference: str, width: int, alpha: float) -> tuple[float, float] | None:
    """BLEU and chrF against the reference, where there is one."""
    own = cleaned(reference)
    return core.sentence_scores(translated(string, width, alpha), own) if own else None


def notes(string: str, hypothesis: Hypothesis, pieces: bool) -> list[str]:
    """What is to be said of a sentence and of its translation."""
    found = ["It was cut here: it had not come to its end."] if not hypothesis.ended else []
    if not cleaned(string).endswith((".", "!", "?", '"', "…")):
        found.append("Sentences of the training end in . or ! or ?; without one the translation may not find its end.")
    return [*found, "∅: a piece of a character, which takes several tokens."] if pieces else found


def show(text: str, reference: str, width: int, alpha: float, layer: int, head: int, token: int) -> dict[str, Any]:
    steps, weights = searched(text, width, alpha), alignments(text, width, alpha)
    source, target = names(ids(text)), names(steps[-1].kept[0].ids)
    found = scores(text, reference, width, alpha)
    return {
        "source": source,
        "target": target,
        "translation": translated(text, width, alpha),
        "weights": packed((255 * weights[:, :, : len(target)]).round().byte()),
        "layers": CONFIG.n_decoder,
        "heads": CONFIG.n_head,
        "levels": tree(steps, width),
        "finals": [
            {"text": written(h), "log_p": h.log_p, "score": core.score(h, alpha), "ended": h.ended}
            for h in steps[-1].kept
        ],
        "scores": found and {"bleu": found[0], "chrf": found[1]},
        "note": " ".join(notes(text, steps[-1].kept[0], "∅" in source + target)),
    }


def where(layer: int, head: int) -> str:
    return f"layer {layer}, {f'head {head}' if head else 'mean of its heads'}"


def picture(text: str, reference: str, width: int, alpha: float, layer: int, head: int, token: int) -> Image.Image:
    """The translation, the tree of its search, and the alignment."""
    value = show(text, reference, width, alpha, layer, head, token)
    said = [(f"{cleaned(text)}\n", text_image.SOFT), (value["translation"], text_image.INK)]
    if value["scores"]:
        said.append((f"\n{scored(**value['scores'])} against “{cleaned(reference)}”", text_image.SOFT))
    finals = [(f"log p = {f['log_p']:.2f} nat, score {f['score']:.2f}", f["text"]) for f in value["finals"]]
    weights = alignment(text, width, alpha, layer, head)[: len(value["target"])].numpy()
    ink = np.array([int(charts.ACCENT[k : k + 2], 16) for k in (1, 3, 5)])
    cells = (255 + weights[..., None] * (ink - 255)).round().astype(np.uint8)
    board = charts.below(
        [
            charts.sentence(
                f"At which English token (column) it looks before each French one (row), {where(layer, head)}"
            ),
            charts.matrix(cells, value["target"], value["source"], title="", side=SIDE),
        ],
        gap=0,
    )
    indented = charts.beside([Image.new("RGB", (trees.EDGE, 1), "white"), board], gap=0)
    sheet = charts.below([text_image.of_text(said), trees.picture(value["levels"], finals), indented], gap=0)
    shrink = min(1.0, (PIXELS / (sheet.width * sheet.height)) ** 0.5)  # of a long sentence
    return sheet.resize((int(sheet.width * shrink), int(sheet.height * shrink))) if shrink < 1 else sheet


def scored(bleu: float, chrf: float) -> str:
    return f"BLEU {bleu:.1f}, chrF {chrf:.1f}"


def code(text: str, reference: str, width: int, alpha: float, layer: int, head: int, token: int) -> str:
    of_head = f"[{head - 1}]" if head else ".mean(0)"
    measured = f"""
bleu, chrf = translate.sentence_scores(text, {cleaned(reference)!r})
print(f"BLEU {{bleu:.1f}}, chrF {{chrf:.1f}}")
"""
    return f"""from genai_core.transformer import translate

model = translate.load("{NAME}")
source = model.tokenizer.encode({cleaned(text)!r})
*_, last = translate.beam_steps(model, source, width={width}, alpha={alpha:g})
best = last.kept[0]
text = translate.text_of(model, best)
print(text)
weights = translate.alignments(model, source, best.ids)[{layer - 1}]{of_head}  # [T, S], {where(layer, head)}
print(weights.argmax(1).tolist())  # at which English token it looks most before each French one
{measured if cleaned(reference) else ""}"""


def says(text: str, reference: str, width: int, alpha: float, layer: int, head: int, token: int) -> str:
    most = alignment(text, width, alpha, layer, head).argmax(1).tolist()
    found = scores(text, reference, width, alpha)
    return "\n".join([translated(text, width, alpha), str(most), *([scored(*found)] if found else [])])


PART = Part(
    id="translate",
    title="Translate",
    lead="<b>Type an English sentence</b>, and press a French token: the English ones at which the decoder looked are "
    "shaded. A tree shows what its beam search kept and what it pruned.",
    stage="transformer/translate",
    settings=(
        Setting("text", text(LONGEST, lines=2), CATS, "The English sentence"),
        Setting("reference", text(LONGEST, lines=2), "", "Your own translation (optional)"),
        Setting("width", integer(1, 8), 4, "Beams"),
        Setting("alpha", number(0, 2, 0.1), 0.6, "Length penalty α"),
        Setting("layer", _models.chosen_on_stage("The layer", 1, CONFIG.n_decoder), LAYER, "The layer"),
        Setting("head", _models.chosen_on_stage("The head", 0, CONFIG.n_head), 0, "The head, 0 for their mean"),
        Setting("token", _models.chosen_on_stage("The French token", 0, CONFIG.longest), NOIR, "The French token"),
    ),
    check=check,
    presets=(
        Preset(
            "Black cat, chat noir",
            "French puts most colours after their noun. Where does the decoder look before it writes “noir”?",
            {"text": CATS, "token": NOIR},
            "At “black”, after it looked at “cat” for “chat”: these two rows of the matrix change places, as those of "
            "the red car do. No rule was given: the decoder's query finds the word to come, wherever it stands.",
            (
                Answer(
                    "At the last word that it wrote.", "It sees that too, by self-attention; this matrix is English."
                ),
                Answer("At “black”."),
                Answer("One token further than before.", "“cat” comes after “black”, and has been translated before."),
            ),
        ),
        Preset(
            "Greedy",
            "One beam takes the likeliest token each time. Would four beams find a translation that is likelier?",
            {"text": GREEDY, "width": 1},
            "Yes: set Beams to 4. It is another sentence, with a higher log p. At the token where they part it was "
            "behind, and there greedy decoding pruned it, for good.",
            (
                Answer("Yes: one that was behind at first."),
                Answer("No: the likeliest each time is the likeliest.", "A likely token may lead to unlikely ones."),
                Answer("No: more beams give more variety.", "Nothing is drawn; all of them look for the same maximum."),
            ),
        ),
        Preset(
            "New words",
            "No sentence of its training has “kayak” or “Reykjavik”. What does the model read there?",
            {"text": NAME_UNKNOWN},
            "Byte pairs: rare words fall into pieces, down to single letters, and none is unknown. It could copy them "
            "piece by piece, but has seldom seen that: it spells words that do not exist, and does not say so.",
            (
                Answer("A token for unknown words.", "A vocabulary of words would have one; byte pairs need none."),
                Answer("Nothing: they are left out.", "Look at the English tokens: all letters are there."),
                Answer("Pieces of them, some of one letter."),
            ),
        ),
        Preset(
            "Two negations",
            "“I can't not laugh” says that I have to. How many negations does the translation have?",
            {"text": NEGATED},
            "One, so that it says the opposite: I cannot laugh. Two negations in a row are rare in the training, and "
            "one is not. It is likely French all the same: log p says nothing of whether the meaning is kept.",
            (
                Answer(
                    "Two, word by word.", "That would be right, and it is rare in the sentences it has learned from."
                ),
                Answer("One."),
                Answer("None: two cancel out.", "That needs logic; it has learned what usually stands there."),
            ),
        ),
        Preset(
            "A long sentence",
            "30 tokens with relative clauses; half of those it was trained on have at most eight. What comes out?",
            {"text": LONG, "reference": LONG_TOO, "token": WHO},
            "A part of it: after the station it goes on at the second “who”, and there is no sister and no doctor. See "
            "the matrix: no row looks much at these two words. Nothing keeps account of what has been translated, and "
            "it has seen few such sentences.",
            (
                Answer("A part of it: clauses get lost."),
                Answer("An error: it is too long.", "It reads up to 64 tokens. Whether it can is another question."),
                Answer("A good translation: clauses are alike.", "It has seen few sentences in which they are nested."),
            ),
        ),
        Preset(
            "In other words",
            "Your translation: “Il faut que vous m'aidiez.” Both are right. What is the BLEU?",
            {"text": MUST, "reference": MUST_TOO},
            "Below 10 of 100: nothing is shared but the full stop. chrF, of letters, finds the stem of “aider” and is "
            "higher. Both compare signs, not meanings; several references of each sentence help.",
            (
                Answer("High: they say the same.", "It compares words, not meanings."),
                Answer("Half: both are right.", "It does not know what is right, only what stands in both."),
                Answer("Close to 0."),
            ),
        ),
    ),
    form=True,
    wide=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)
