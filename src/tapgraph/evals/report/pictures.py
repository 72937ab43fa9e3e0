"""Screenshots made small enough to travel inside a page."""

import base64
import io

from PIL import Image

__all__ = ["data_uri"]

_QUALITY = 72
"""WebP; text of a phone screen stays crisp, and a picture of 540 px width takes about 25 kB."""


def data_uri(image: Image.Image, *, width_px: int) -> str:
    """The picture as a `data:` URI, at most as wide as asked."""
    if image.width > width_px:
        height_px = max(1, round(image.height * width_px / image.width))
        image = image.resize((width_px, height_px), Image.Resampling.LANCZOS, reducing_gap=1.0)
    encoded = io.BytesIO()
    image.convert("RGB").save(encoded, format="WEBP", quality=_QUALITY, method=2)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
