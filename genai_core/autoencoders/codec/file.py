"""Files of the learned codec (.gac): a header of 9 bytes, and what a range coder makes of the rounded latents.

    3 bytes "GAC", 1 version, 1 width, 1 height, 1 quality, 2 checksum; then the range coder's bytes

The probabilities are whole numbers from tables in the checkpoint, chosen by whole numbers that were read before: no
floating-point network decides what the bits mean, so every machine reads the same latents [Balle 2019]. The checksum
covers the tables too: a file of another model is refused.
"""

import zlib
from collections.abc import Iterator

import constriction
import numpy as np
import torch
from torch import Tensor

from genai_core.autoencoders.codec.model import Codec
from genai_core.autoencoders.codec.prior import HERE, LARGEST, LEVELS, NEAR, STRIDE, contexts
from genai_core.common import checks

MAGIC, VERSION, HEADER = b"GAC", 1, 9
BEST = 100  # the quality of a file is a whole number from 0 to this
SUFFIX = ".gac"
DAMAGED = "The checksum does not fit: the file is cut off, damaged, or of another model."

_Categorical = constriction.stream.model.Categorical(perfect=False)
_Encoder, _Decoder = constriction.stream.queue.RangeEncoder, constriction.stream.queue.RangeDecoder


class CodecFileError(ValueError):
    """A file is none of this codec's, or is damaged. The message is one sentence, fit for a user."""


def encode(model: Codec, x: Tensor, quality: int) -> bytes:
    """A picture [3, size, size] in [0, 1] as a file. Raises: ValueError for another shape, or no quality in 0..100."""
    return write(model, *quantise(model, x, quality), quality)


def decode(model: Codec, data: bytes) -> Tensor:
    """The picture of a file: [3, size, size] float32 in [0, 1]. Raises: CodecFileError."""
    return rebuild(model, *read(model, data))


@torch.inference_mode()
def quantise(model: Codec, x: Tensor, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """The rounded latents of a picture: y [latents, h, w] and z [overall], whole numbers from -LARGEST to LARGEST."""
    size = model.config.size
    checks.shape("The picture", x, 3, size, size)
    checks.count("The quality", quality, 0, BEST)
    device = next(model.parameters()).device
    y, z = model.analyse(x[None].to(device), torch.tensor([quality / BEST], device=device))
    y, z = (t[0].round().clamp(-LARGEST, LARGEST).int().cpu() for t in (y, z))
    return y.numpy(), z.flatten().numpy()


@torch.inference_mode()
def rebuild(model: Codec, y: np.ndarray, z: np.ndarray, quality: int) -> Tensor:
    """The picture [3, size, size] in [0, 1] of rounded latents."""
    device = next(model.parameters()).device
    y_, z_ = (torch.from_numpy(t.astype(np.float32)).to(device) for t in (y, z))
    q = torch.tensor([quality / BEST], device=device)
    return model.synthesise(y_[None], z_[None, :, None, None], q)[0].clamp(0, 1).cpu()


def write(model: Codec, y: np.ndarray, z: np.ndarray, quality: int) -> bytes:
    """Rounded latents as a file."""
    symbols, counts = _in_order(model, y, z, quality)
    coder = _Encoder()
    coder.encode(symbols, _Categorical, counts)
    body = _shortest(coder.get_compressed().astype(">u4").tobytes(), symbols, counts)
    size = model.config.size
    start = MAGIC + bytes([VERSION, size, size, quality])
    return start + _checksum(model, start, body) + body


def read(model: Codec, data: bytes) -> tuple[np.ndarray, np.ndarray, int]:
    """The rounded latents y, z and the quality of a file, exactly as they were written. Raises: CodecFileError."""
    quality = _header(model, data)
    try:
        return *_latents(model, data[HEADER:], quality), quality
    except AssertionError as error:  # constriction's word for bytes that no encoder writes
        raise CodecFileError(DAMAGED) from error


def _latents(model: Codec, body: bytes, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """y and z, place by place: the context of each is known from those before."""
    config, cells = model.config, model.config.size // STRIDE
    tables_y, tables_z = _tables(model.prior_y.frequencies, quality), _tables(model.prior_z.frequencies, quality)
    coder = _Decoder(_words(body))
    z = coder.decode(_Categorical, tables_z[0]) - LARGEST
    each = config.latents // config.groups
    y = np.zeros((config.latents, cells, cells), np.int32)
    size = np.zeros((cells + 1, cells + 2), np.int64)  # of each place, with a rim of nothing above and at the sides
    for i, j in np.ndindex(cells, cells):
        near = size[i, j] + size[i, j + 1] + size[i, j + 2] + size[i + 1, j]
        first = np.searchsorted(NEAR, near, side="right") * (len(HERE) + 1)
        for part in _groups(config.latents, each):
            context = first + np.searchsorted(HERE, size[i + 1, j + 1], side="right")
            y[part, i, j] = coder.decode(_Categorical, tables_y[context, part]) - LARGEST
            size[i + 1, j + 1] += np.abs(y[part, i, j]).sum()
    return y, z


def entropy(model: Codec, y: np.ndarray, z: np.ndarray, quality: int) -> float:
    """The information in rounded latents in bits, by the tables: what the body of a file can hardly be below."""
    symbols, counts = _in_order(model, y, z, quality)
    return float(-np.log2(counts[np.arange(len(symbols)), symbols] / counts.sum(1)).sum())


def _in_order(model: Codec, y: np.ndarray, z: np.ndarray, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """All symbols in the order of the file [n], counted from 0, and the frequencies for each [n, symbols]."""
    tables_y, tables_z = _tables(model.prior_y.frequencies, quality), _tables(model.prior_z.frequencies, quality)
    context = contexts(torch.from_numpy(y)[None].float(), model.config.groups)[0].numpy()  # [latents, h, w]
    channel = np.arange(len(y))[:, None, None]
    rows = tables_y[context, channel].transpose(1, 2, 0, 3).reshape(-1, 2 * LARGEST + 1)  # row by row, place by place
    symbols = np.concatenate((z, y.transpose(1, 2, 0).reshape(-1))) + LARGEST
    return symbols.astype(np.int32), np.concatenate((tables_z[0], rows))


def _tables(frequencies: Tensor, quality: int) -> np.ndarray:
    """The frequencies at a quality, whole numbers in float64: [contexts, channels, symbols], each row summing to one
    and the same number, below 2^53, so that every sum of them is exact.
    """
    low, share = divmod(quality * (LEVELS - 1), BEST)
    first, second = (frequencies[min(i, LEVELS - 1)].cpu().numpy().astype(np.float64) for i in (low, low + 1))
    return first * (BEST - share) + second * share


def _groups(channels: int, each: int) -> Iterator[slice]:
    return (slice(first, first + each) for first in range(0, channels, each))


def _words(body: bytes) -> np.ndarray:
    """Bytes as the range coder's words of 32 bits; zeros follow what was left out at the end."""
    return np.frombuffer(body + bytes(8 + -len(body) % 4), ">u4").astype(np.uint32)


def _shortest(body: bytes, symbols: np.ndarray, counts: np.ndarray) -> bytes:
    """The fewest bytes that are still read as the same symbols: a range coder's last word is rarely needed whole."""
    for length in range(max(0, len(body) - 7), len(body)):
        value = int.from_bytes(body[:length], "big")
        for number in (value, value + 1):
            if number < 1 << 8 * length:
                short = number.to_bytes(length, "big")
                if _reads(short, symbols, counts):
                    return short
    return body


def _reads(body: bytes, symbols: np.ndarray, counts: np.ndarray) -> bool:
    try:
        return np.array_equal(_Decoder(_words(body)).decode(_Categorical, counts), symbols)
    except AssertionError:  # constriction's word for bytes that no encoder writes
        return False


def _header(model: Codec, data: bytes) -> int:
    """The quality that a file names, once everything else in it is right."""
    if data[:3] != MAGIC:
        raise CodecFileError(f"This is no {SUFFIX} file: it does not begin with the letters GAC.")
    if len(data) < HEADER:
        raise CodecFileError(f"The {SUFFIX} file is cut off: its header alone has {HEADER} bytes.")
    version, width, height, quality = data[3:7]
    if version != VERSION:
        raise CodecFileError(f"The {SUFFIX} file is of version {version}, and only version {VERSION} can be read.")
    if (width, height) != (model.config.size,) * 2:
        size = model.config.size
        raise CodecFileError(f"The file says {width} x {height} pixels, and this model makes {size} x {size}.")
    if quality > BEST:
        raise CodecFileError(f"The file says quality {quality}, and there are 0 to {BEST}.")
    if data[7:HEADER] != _checksum(model, data[:7], data[HEADER:]):
        raise CodecFileError(DAMAGED)
    return quality


def _checksum(model: Codec, start: bytes, body: bytes) -> bytes:
    """Two bytes of a CRC-32 over header, body and the tables by which the body is read."""
    tables = [prior.frequencies.cpu().numpy().astype("<i4").tobytes() for prior in (model.prior_z, model.prior_y)]
    return (zlib.crc32(b"".join((start, body, *tables))) & 0xFFFF).to_bytes(2, "big")
