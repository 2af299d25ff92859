"""A user's picture file, read in one way wherever the app takes one: upright, eight bits, opaque, RGB, and small.

What a file may cost is known before it is decoded: its size in pixels stands in its header, a JPEG is scaled down while
it is decoded, and of several large pictures one is decoded at a time.
"""

import contextlib
import io
import threading

import numpy as np
from PIL import Image, ImageOps

KINDS = {  # Pillow's name of a format -> ours
    "PNG": "PNG",
    "JPEG": "JPEG",
    "WEBP": "WebP",
    "AVIF": "AVIF",
    "HEIF": "HEIC",  # read by pillow-heif
    "GIF": "GIF",
    "BMP": "BMP",
    "TIFF": "TIFF",
}
NAMES = ", ".join([*KINDS.values()][:-1]) + f" or {[*KINDS.values()][-1]}"
DAMAGED = "The file is damaged, or is not a picture."
SIDE = 1024  # pixels of the longer side that are kept, unless the caller needs another number
PIXELS = 40_000_000  # of a picture that has to be decoded whole
JPEG_PIXELS = 55_000_000  # of a JPEG, as a telephone's camera makes it
SCANS = 500  # of a JPEG: each costs a pass over all pixels, however few bytes it has
LARGE = 4_000_000  # pixels from which a picture waits until no other large one is being decoded

_large = threading.Lock()


class ImageFileError(ValueError):
    """A file cannot be read as a picture. The message is one sentence, fit for a user."""


def read(data: bytes, side: int = SIDE, ground: str = "white", *, still: bool = False) -> Image.Image:
    """The picture of a file, RGB, turned as its EXIF orientation says, with sides of at most `side` pixels.

    16-bit grey is scaled to eight bits, 65535 to 255. ground: the colour behind what is transparent; white, as paper
    and web pages are, unless the caller has a reason. Of an animation the first frame is read; still: refuse it.
    Raises: ImageFileError for what is no picture, is damaged, or has too many pixels.
    """
    try:
        picture = _opened(data)
        _check(picture, data, still)
        with _large if picture.width * picture.height > LARGE else contextlib.nullcontext():
            return _small(picture, side, ground)
    except ImageFileError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds on a damaged file; all mean the same to a user
        raise ImageFileError(DAMAGED) from error


def _opened(data: bytes) -> Image.Image:
    """The picture, not yet decoded, of the first format that takes the file.

    As `Image.open`, except for the limit of pixels, which there is global to the process.
    """
    Image.init()
    isobmff = data[4:8] == b"ftyp"  # the container of HEIC and AVIF
    if isobmff:
        with contextlib.suppress(ImportError):
            import pillow_heif

            pillow_heif.register_heif_opener()
    refusal = f"The file is not a picture of a known kind ({NAMES})."
    for kind, name in KINDS.items():
        factory, accept = Image.OPEN.get(kind, (None, None))
        accepts = accept(data[:16]) if accept else isobmff
        if factory is None or isinstance(accepts, str):  # Pillow was built without its decoder, or lacks a package
            refusal = f"{name} pictures cannot be read on this machine." if accepts else refusal
        elif accepts:
            try:
                return factory(io.BytesIO(data), "")
            except SyntaxError:  # not this format after all, since HEIC and AVIF may begin alike; or damaged
                refusal = DAMAGED
    raise ImageFileError(refusal)


def _check(picture: Image.Image, data: bytes, still: bool) -> None:
    jpeg = picture.format in ("JPEG", "MPO")  # MPO: a JPEG with others behind it, as telephones make them
    limit = JPEG_PIXELS if jpeg else PIXELS
    if picture.width * picture.height > limit:
        raise ImageFileError(f"The picture has more than {limit // 10**6} million pixels.")
    if jpeg and data.count(b"\xff\xda") > SCANS:
        raise ImageFileError(f"The picture has more than {SCANS} scans.")
    if still and picture.format not in ("MPO", "HEIF") and getattr(picture, "n_frames", 1) > 1:
        raise ImageFileError("The picture is animated, or has several pages.")


def _small(picture: Image.Image, side: int, ground: str) -> Image.Image:
    picture.draft(None, (side, side))  # a JPEG is decoded at 1/2, 1/4 or 1/8, at least this large
    picture.load()
    with contextlib.suppress(Exception):  # EXIF data that cannot be read are as good as none
        ImageOps.exif_transpose(picture, in_place=True)
    picture = _eight_bits(picture)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, ground), picture).convert("RGB")
    return picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    """RGBA where something may be transparent, RGB where nothing is."""
    clear = picture.info.get("transparency")
    if picture.mode.startswith("I;16"):
        value = np.asarray(picture).astype(np.uint32)
        grey = Image.fromarray(((255 * value + 32895) >> 16).astype(np.uint8))  # value / 257, rounded
        if not isinstance(clear, int):
            return grey.convert("RGB")
        opaque = Image.fromarray(np.where(value == clear, 0, 255).astype(np.uint8))
        return Image.merge("LA", (grey, opaque)).convert("RGBA")
    if picture.mode in ("I", "F"):
        raise ImageFileError("Grey of 32 bits a pixel cannot be read: save the picture with 8 or 16.")
    return picture.convert("RGBA" if clear is not None or picture.mode in ("RGBA", "LA", "PA", "RGBa") else "RGB")
