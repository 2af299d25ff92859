"""One picture as three files, by the learned codec, WebP and JPEG, at equal bytes or equal PSNR."""

import base64
from typing import Any

from PIL import Image

from demos._ui import charts, images, validation
from demos._ui.settings import Setting, checked, choice, integer
from demos._ui.tab import Answer, Part, Preset
from demos.autoencoder import _files
from demos.autoencoder._files import INKS, MATCHES, MODEL, NAMES, SIDE, SUFFIXES
from genai_core.autoencoders import codec
from genai_core.autoencoders.codec import classical


def own(request: dict) -> str:
    """{"picture": any picture file in base64} -> what the setting of that name holds."""
    return _files.from_file(validation.decoded(validation.json_object(request).get("picture"), "That picture"))


def open_file(request: dict) -> dict:
    """{"file": a .gac file in base64} -> the picture that is in it, its quality and its size."""
    data = validation.decoded(validation.json_object(request).get("file"), "That file", _files.FILE_BYTES)
    made, quality = _files.opened(data)
    return {"image": images.png(made), "quality": quality, "bytes": len(data)}


def show(scene: int, picture: str, quality: int, match: str) -> dict:
    """The original and the three files, what is in them, and the curves of the card."""
    image = _files.original(scene, picture)
    return {
        "original": images.png(image),
        "lossless": len(classical.lossless(image)),
        "files": [
            {
                "kind": kind,
                "name": NAMES[kind],
                "suffix": SUFFIXES[kind],
                "quality": chosen,
                "bytes": len(data),
                "psnr": _files.finite(classical.psnr(made, image)),
                "image": images.png(made),
                "error": images.png(_files.error(made, image)),
                "data": base64.b64encode(data).decode(),
            }
            for kind, (chosen, data, made) in _files.files(scene, picture, quality, match).items()
        ],
        "curves": _files.curves(),
        "verdict": _files.verdict(scene, picture, quality, match),
    }


def picture(**settings: Any) -> Image.Image:
    """The original and the three results with their errors, and the curves."""
    image, made = _files.original(settings["scene"], settings["picture"]), _files.files(**settings)

    def figure(shown: Image.Image, text: str, ink: str = charts.SOFT) -> Image.Image:
        return charts.labelled(shown.resize((3 * SIDE, 3 * SIDE), Image.Resampling.NEAREST), text, ink)

    results = [figure(image, f"Original\n{3 * SIDE * SIDE:,} bytes of pixels", charts.INK)]
    for kind, (chosen, data, result) in made.items():
        text = f"{NAMES[kind]}, quality {chosen}\n{len(data)} bytes, {classical.psnr(result, image):.2f} dB"
        results.append(figure(result, text, charts.written(INKS[kind])))
    errors = [figure(Image.new("RGB", (SIDE, SIDE), "white"), "")]
    errors += [figure(_files.error(result, image), f"error, times {_files.ERROR}") for _, _, result in made.values()]
    lines = [
        charts.Line(NAMES[kind], [size for _, size, _ in points], [psnr for _, _, psnr in points], INKS[kind])
        for kind, points in _files.curves().items()
    ]
    plot = charts.lines(lines, across="bytes of a file, mean of unseen scenes", up="PSNR (dB)", said="{:.1f} dB".format)
    sentence = charts.sentence(_files.verdict(**settings))
    return charts.below([charts.beside(results), charts.beside(errors), sentence, plot])


def says(**settings: Any) -> str:
    image = _files.original(settings["scene"], settings["picture"])
    return "\n".join(
        f"{kind}: quality {chosen}, {len(data)} bytes, {classical.psnr(made, image):.2f} dB"
        for kind, (chosen, data, made) in _files.files(**settings).items()
    )


def code(scene: int, picture: str, quality: int, match: str) -> str:
    own = f'Image.open(io.BytesIO(base64.b64decode("{picture}"))).convert("RGB")'
    image = own if picture else f'pictures.picture(scenes.render([scenes.scene("test", {scene})])[0])'
    imports = "import base64\nimport io\n" if picture else ""
    libraries = "from PIL import Image\n" if picture else ""
    search = {"bytes": "nearest(kind, image, len(data))", "psnr": "nearest_psnr(kind, image, psnr)"}[match]
    return f'''{imports}from pathlib import Path

{libraries}from torchvision.transforms.functional import pil_to_tensor

from genai_core.autoencoders import codec
from genai_core.autoencoders.codec import classical
from genai_core.common import pictures
from genai_core.data import scenes

image = {image}
model = codec.load("{MODEL}")
data = codec.encode(model, pil_to_tensor(image) / 255, quality={quality})
psnr = classical.psnr(pictures.picture(codec.decode(model, data)), image)
Path("picture{codec.SUFFIX}").write_bytes(data)
print(f"ours: quality {quality}, {{len(data)}} bytes, {{psnr:.2f}} dB")
for kind in ("webp", "jpeg"):
    chosen, file = classical.{search}
    Path(f"picture.{{kind}}").write_bytes(file)
    print(f"{{kind}}: quality {{chosen}}, {{len(file)}} bytes, {{classical.psnr(classical.read(file), image):.2f}} dB")
'''


PART = Part(
    id="compress",
    title="Compress",
    lead="<b>Drag the quality</b>: a learned codec, WebP and JPEG write the same picture. Look at what each one loses, "
    "and at how many bytes it needs.",
    stage="autoencoder/compress",
    settings=(
        Setting("scene", integer(0, _files.SCENES - 1), 7, "The scene", applies=lambda others: not others["picture"]),
        Setting("picture", checked(_files.own, from_file=_files.from_file), "", "The picture"),
        Setting("quality", integer(0, codec.BEST), 60, "Quality of the learned codec"),
        Setting("match", choice(MATCHES), "bytes", "WebP and JPEG at"),
    ),
    presets=(
        Preset(
            "Equal bytes",
            "Three files, as near in size as they come. Which one is the nearest to the original?",
            {"scene": 7, "quality": 60, "match": "bytes"},
            "The errors of the learned one are the palest. JPEG has no file as small.",
            (
                Answer(
                    "WebP: it has been tuned for years.",
                    "It has been tuned for photographs of all kinds; the learned codec has to know scenes alone.",
                ),
                Answer(
                    "None: as many bytes hold as much.",
                    "They hold as many bits, but not all bits tell as much of this picture.",
                ),
                Answer("The learned one."),
            ),
        ),
        Preset(
            "Equal PSNR",
            "About the same error in all three. How large is the learned file beside that of WebP?",
            {"scene": 3, "quality": 40, "match": "psnr"},
            "It has about a fifth of the bytes. JPEG’s is the largest: it spends hundreds of bytes on its tables "
            "alone, before the picture begins.",
            (
                Answer(
                    "As large: the same error takes the same bytes.",
                    "The error is what is lost; how many bytes the rest takes is what codecs differ in.",
                ),
                Answer("Far smaller."),
                Answer(
                    "Larger: a network needs its weights.",
                    "The weights are in the program, not in the file, as WebP’s rules are.",
                ),
            ),
        ),
        Preset(
            "The smallest file",
            "Quality 0. What does the learned codec give up first?",
            {"scene": 7, "quality": 0, "match": "bytes"},
            "Edges and patterns are blurred before places and colours go. WebP has no file as small as this.",
            (
                Answer("Details: edges and stripes."),
                Answer(
                    "Colours: they turn to grey.",
                    "A hue is told once for a whole thing, and a wrong one would be an error all over it.",
                ),
                Answer(
                    "The smaller thing: it is left out.",
                    "That would be a large error, where a few bits would have said it.",
                ),
            ),
        ),
        Preset(
            "Another world",
            "Digits: the codec has only ever seen scenes. Does it still win?",
            _files.digits,
            "With as many bytes WebP is far better. The learned codec is short for what it was trained on, and for "
            "nothing else.",
            (
                Answer(
                    "Yes: digits are simpler than scenes.",
                    "Short is what was likely in training, and there no digit was.",
                ),
                Answer(
                    "It fails: it has no code for a digit.",
                    "Any picture has a code and a file, if a bad one.",
                ),
                Answer("No: WebP wins."),
            ),
        ),
    ),
    functions=(own, open_file),
    show=show,
    picture=picture,
    code=code,
    says=says,
)
