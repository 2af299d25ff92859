"""Features: which features of a sparse autoencoder are active on each letter that our GPT reads, and steering."""

import functools
from typing import Any

import torch
from PIL import Image

from demos._ui import text_image, tokens, validation
from demos._ui.charts import ACCENT, INK
from demos._ui.settings import Setting, integer, number, seed, text
from demos._ui.tab import Answer, Part, Preset
from genai_core.autoencoders import contexts, sae_gpt
from genai_core.language import generate, gpt
from genai_core.language.sampling import Temperature
from genai_core.language.tokenizers import START

NAME = "sae-gpt"
FEATURES = sae_gpt.RECIPES[NAME].config.features
LONGEST = 200  # letters of the text
WRITTEN = 200  # letters that the GPT adds
TEMPERATURE = 0.8
BEFORE, AFTER = 36, 15  # letters that are shown around the strongest place of a context
TEXT = "Farewell.\n\nROMEO:\nAnd so, good night.\n\nJULIET:\nGood night, good night!\n"
COMMAS = "Come, come, my lord, you know, as I, that he,\nBeing a man, is mortal."
OF = "The king of England, of France and of all fair fields,\nIs he so often soft of heart?"


@functools.lru_cache(maxsize=1)
def kept() -> contexts.Contexts:
    return contexts.load(NAME)


def ids_of(string: str) -> tuple[list[int], str]:
    """The tokens of a text, without those that the GPT does not know, and a sentence on them ("" if there are none)."""
    tokenizer = gpt.load(sae_gpt.load(NAME).config.gpt).tokenizer
    known, unknown = tokenizer.known(string)
    return tokenizer.encode(known), tokens.left_out(unknown, "this GPT's")


@functools.lru_cache(maxsize=32)
def codes(string: str) -> torch.Tensor:
    """The features' codes on each letter of a text, which the GPT reads after a line break: [letters, features]."""
    sae, start = sae_gpt.load(NAME), ids_of(START)[0]
    return sae_gpt.activations(sae, torch.tensor([[*start, *ids_of(string)[0]]]))[0, 1:]


def decode(ids: Any) -> str:
    return gpt.load(sae_gpt.load(NAME).config.gpt).tokenizer.decode(int(i) for i in ids)


def on(feature: int) -> list[list]:
    """The letters on which most of a feature's activation falls, and which part of it."""
    pairs = zip(kept().on[feature], kept().share[feature].tolist(), strict=True)
    return [[decode([letter]), round(share, 3)] for letter, share in pairs if share >= 0.02]


@functools.lru_cache(maxsize=256)
def about(feature: int) -> dict:
    """What is known of a feature: where it is most active in texts that the GPT wrote, and what it makes likelier."""
    sae, all_ = sae_gpt.load(NAME), kept()
    rows = all_.ids[all_.text[feature]]  # [places, T]
    levels = sae_gpt.activations(sae, rows)[..., feature]
    places = []
    for ids, level, at in zip(rows, levels, all_.token[feature].tolist(), strict=True):
        if level[at] > 0:
            first, end = max(0, at - BEFORE), at + AFTER
            shown = [round(v, 2) for v in level[first:end].tolist()]
            places.append({"text": decode(ids[first:end]), "levels": shown, "at": at - first})
    raised = sae_gpt.promoted(sae, feature)
    order = raised.argsort(descending=True).tolist()

    def bars(letters: list[int]) -> list[list]:
        return [[decode([i]), round(float(raised[i]), 2)] for i in letters]

    return {
        "id": feature,
        "density": float(all_.density[feature]),
        "strongest": float(all_.strength[feature, 0]),
        "on": on(feature),
        "places": places,
        "up": bars(order[:6]),
        "down": bars(order[:-4:-1]),
    }


def active(string: str, at: int) -> list[dict]:
    """The features that are active on a letter of a text, the strongest first."""
    code = codes(string)[at]
    order = code.argsort(descending=True)[: int((code > 0).sum())].tolist()
    return [{"id": i, "z": round(float(code[i]), 2), "on": on(i)} for i in order]


def show(text: str, at: int, feature: int, strength: float, seed: int) -> dict:
    """The letters with how active the feature is on each, the features on one of them, and what is known of it."""
    ids, note = ids_of(text)
    return {
        "letters": [decode([i]) for i in ids],
        "levels": [round(v, 2) for v in codes(text)[:, feature].tolist()],
        "active": active(text, at),
        "about": about(feature),
        "features": FEATURES,
        "note": note,
    }


@functools.lru_cache(maxsize=64)
def written(text: str, feature: int | None, strength: float, seed: int) -> str:
    """What the GPT writes after a text, steered by a feature, or (None) as it is."""
    sae = sae_gpt.load(NAME)
    model = gpt.load(sae.config.gpt)
    edited = model if feature is None else sae_gpt.Edited(model, sae_gpt.steering(sae, feature, strength))
    ids, generator = ids_of(START + text)[0], torch.Generator().manual_seed(seed)
    return decode(generate(edited, ids, chain=[Temperature(TEMPERATURE)], max_tokens=WRITTEN, generator=generator))


def both(text: str, feature: int, strength: float, seed: int) -> dict:
    """What the GPT writes after a text as it is, and steered, with the same seed."""
    plain = written(text, None, 0.0, seed)
    return {"plain": plain, "steered": written(text, feature, strength, seed) if strength else plain}


def steer(request: dict) -> dict:
    """The part's settings -> the texts of `both`."""
    settings = PART.parse(request)
    return both(settings["text"], settings["feature"], settings["strength"], settings["seed"])


def picture(text: str, at: int, feature: int, strength: float, seed: int) -> Image.Image:
    """The text shaded by the feature, its strongest contexts, and what the GPT writes with and without it."""
    shown, texts = show(text, at, feature, strength, seed), both(text, feature, strength, seed)
    known, most = shown["about"], max(shown["about"]["strongest"], 1e-6)
    parts: list[tuple[str, ...]] = [(f"Feature {feature} on this text\n", ACCENT)]
    parts += text_image.shaded(zip(shown["letters"], (v / most for v in shown["levels"]), strict=True))
    parts.append(("\n\nWhere it is most active in texts that the GPT wrote\n", ACCENT))
    for place in known["places"][:4]:
        letters = place["text"].replace("\n", "↵")
        parts += [*text_image.shaded(zip(letters, (v / most for v in place["levels"]), strict=True)), ("\n", INK)]
    for title, key in (("The GPT goes on", "plain"), (f"Steered by {strength:+g}", "steered")):
        parts += [(f"\n{title}\n", ACCENT), (f"{texts[key]}\n", INK)]
    return text_image.of_text(parts)


def says(text: str, at: int, feature: int, strength: float, seed: int) -> str:
    texts = both(text, feature, strength, seed)
    rows = [f"feature {row['id']}: {row['z']:.2f}" for row in active(text, at)[:5]]
    return "\n".join([*rows, "", texts["plain"], "", texts["steered"]])


def code(text: str, at: int, feature: int, strength: float, seed: int) -> str:
    known = decode(ids_of(text)[0])
    return f'''import torch

from genai_core import language
from genai_core.autoencoders import sae_gpt
from genai_core.language.sampling import Temperature
from genai_core.language.tokenizers import START

sae = sae_gpt.load("{NAME}")
gpt = language.load(sae.config.gpt)
ids = gpt.tokenizer.encode(START + {known!r})
z = sae_gpt.activations(sae, torch.tensor([ids]))[0, {at + 1}]  # the features on one letter
for i in z.argsort(descending=True)[:5].tolist():
    print(f"feature {{i}}: {{float(z[i]):.2f}}")
steered = sae_gpt.Edited(gpt, sae_gpt.steering(sae, feature={feature}, strength={strength}))
for model in (gpt, steered):
    generator = torch.Generator().manual_seed({seed})
    new = language.generate(model, ids, chain=[Temperature({TEMPERATURE})], max_tokens={WRITTEN}, generator=generator)
    print()
    print(gpt.tokenizer.decode(new))
'''


def in_text(settings: dict[str, Any]) -> dict[str, Any]:
    """A text with letters that the GPT knows, and a place in it. Raises: InputError."""
    ids, _ = ids_of(settings["text"])
    if not ids:
        raise validation.InputError("There is nothing to read: type a text in English letters first.")
    return settings | {"at": min(settings["at"], len(ids) - 1)}


PART = Part(
    id="features",
    title="Features",
    lead="<b>Click a letter</b>: of 2,048 features those light up that the GPT has found there. Then turn one up while "
    "it writes.",
    stage="autoencoder/features",
    settings=(
        Setting("text", text(LONGEST, lines=3), TEXT, "The text"),
        Setting("at", integer(0, LONGEST), 10, "The letter"),
        Setting("feature", integer(0, FEATURES - 1), 482, "The feature"),
        Setting("strength", number(-20, 20, 0.5), 10.0, "The strength"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    check=in_text,
    functions=(steer,),
    presets=(
        Preset(
            "Here ends a speech",
            "Two line breaks follow “Farewell.” Which one is this feature active on?",
            {"text": TEXT, "at": 10, "feature": 482, "strength": 10.0},
            "A speaker’s name alone follows the second. Turned up, several times as many capitals come, names in "
            "mid-sentence among them.",
            (
                Answer(
                    "The first: there the speech ends.",
                    "After one line break the speech may still go on, in another line.",
                ),
                Answer("The second."),
                Answer(
                    "Both: they are the same letter.",
                    "A feature reads what the GPT has made of a letter, and that depends on those before.",
                ),
            ),
        ),
        Preset(
            "Commas",
            "A feature as plain as they come. Is there a comma that it misses, or a letter that it mistakes for one?",
            {"text": COMMAS, "at": 4, "feature": 676, "strength": 0.0},
            "It is active on every comma and nowhere else. At strength 0 the two texts below are the same.",
            (
                Answer(
                    "It misses some: each has another part to play.",
                    "Other features tell commas apart; this one says what they have in common.",
                ),
                Answer(
                    "It takes other marks for commas.",
                    "Among 2,048 features there is no need for two marks to share one.",
                ),
                Answer("Neither."),
            ),
        ),
        Preset(
            "An f after an o",
            "Many letters f: in “of”, “France”, “fair”, “often”. On which of them is it active?",
            {"text": OF, "at": 10, "feature": 1604, "strength": 14.0},
            "It is active after an o, also in “often” and “soft”, whose end the GPT has not yet read. Turned up, it "
            "fills the words with f.",
            (
                Answer("On those that an o comes before."),
                Answer(
                    "On all of them: a letter, a feature.",
                    "The GPT also keeps what came before a letter, and “of” is frequent enough for a feature of its "
                    "own.",
                ),
                Answer(
                    "On those that end a word.",
                    "It reads letter by letter, and cannot know yet whether the word ends there.",
                ),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
