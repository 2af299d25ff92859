"""What programs can ask of the part Compress: a file of the learned codec, and the picture in one."""

import base64
from collections.abc import Mapping
from typing import Any

from PIL import Image

from demos._ui import validation
from demos._ui.api import File, Picture, Value, endpoint
from demos._ui.settings import Setting, Table, checked
from demos.autoencoder import _files, compress
from genai_core.autoencoders import codec
from genai_core.autoencoders.codec import classical


def _file(value: Any, _others: Mapping[str, Any]) -> bytes:
    return validation.decoded(value, "That file", _files.FILE_BYTES)


@endpoint(
    compress.PART.table,
    File("The file of the learned codec", f"picture{codec.SUFFIX}"),
    Picture("The picture that is in it, 64 x 64"),
    Value("bytes, psnr (in dB) and quality of it, and of WebP and JPEG beside it"),
)
def autoencoder_compress(**settings: Any) -> tuple[bytes, Image.Image, dict]:
    """Write a scene, or a picture of one's own scaled to 64 x 64, as a file of the learned codec."""
    made, image = _files.files(**settings), _files.original(settings["scene"], settings["picture"])
    figures = {
        kind: {"bytes": len(data), "psnr": _files.finite(classical.psnr(result, image)), "quality": chosen}
        for kind, (chosen, data, result) in made.items()
    }
    return made["ours"][1], made["ours"][2], figures


@endpoint(
    Table(
        (
            Setting(
                "file",
                checked(_file, from_file=lambda data: base64.b64encode(data).decode(), file=f"a {codec.SUFFIX} file"),
                lambda _others: base64.b64encode(_files.files(7, "", 40, "bytes")["ours"][1]).decode(),
                "The file",
            ),
        )
    ),
    Picture("The picture that is in the file, 64 x 64"),
    Value("quality and bytes of the file"),
)
def autoencoder_decompress(file: bytes) -> tuple[Image.Image, dict]:
    """Open a file of the learned codec."""
    made, quality = _files.opened(file)
    return made, {"quality": quality, "bytes": len(file)}


ENDPOINTS = (autoencoder_compress, autoencoder_decompress)
