"""Pictures that clients send."""

import base64
import binascii
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from PIL import Image, UnidentifiedImageError

from tapgraph.llm_backend.server.refusals import Refusal

__all__ = ["PictureFetcher", "PictureLimits", "read_picture"]

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")

PictureFetcher: TypeAlias = Callable[[str], bytes]
"""Loads the picture behind an address, or raises `TapgraphError`; it decides whom it asks."""


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What pictures may be sent.

    Attributes:
        max_pixels: width times height of one picture at most.
        fetch: loads pictures that are given by address; None refuses them all.
    """

    max_pixels: int = 16_000_000
    fetch: PictureFetcher | None = None


def read_picture(url: str, limits: PictureLimits) -> Image.Image:
    """The picture in a data URL, or behind an address if there is a fetcher.

    Raises:
        Refusal: it is no picture, too large, or an address that is not allowed.
        TapgraphError: from the fetcher.
    """
    if url.startswith("data:"):
        content = _data_of(url)
    elif limits.fetch is not None:
        content = limits.fetch(url)
    else:
        raise Refusal(400, "pictures are taken as data URLs only, as in data:image/png;base64,...")
    try:
        with warnings.catch_warnings():
            # Its own limit comes after ours, which is checked before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=_FORMATS)
        width, height = picture.size
        if width * height > limits.max_pixels:
            raise Refusal(
                400,
                f"a picture may have {limits.max_pixels} pixels at most, got {width} x {height}",
            )
        return picture.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise Refusal(400, "a picture must be PNG, JPEG, WebP or GIF of a sane size") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Refusal(400, "a picture is damaged or cut off") from error


def _data_of(url: str) -> bytes:
    head, comma, body = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise Refusal(400, "a picture's data URL looks like data:image/png;base64,...")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, "a picture's data URL does not hold base64") from error
