"""Screenshots as drivers send them."""

import base64
import io
import warnings

from PIL import Image

from tapgraph.errors import ToolError

__all__ = ["picture_of"]

_MOST_PIXELS = 50_000_000
"""More than any screen has; a picture of so many takes 150 MB."""


def picture_of(sent: object) -> Image.Image:
    """The RGB picture in base64 that a driver sent.

    Raises:
        ToolError: it is none, is damaged, or is larger than any screen.
    """
    try:
        with warnings.catch_warnings():
            # Its own limit comes after ours, which is checked before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(base64.b64decode(str(sent))))
        width, height = picture.size
        if width * height > _MOST_PIXELS:
            raise ToolError(f"the screenshot has {width} x {height} pixels, more than any screen")
        return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ToolError(f"the screenshot is no picture that can be read ({error})") from error
