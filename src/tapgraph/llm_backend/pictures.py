"""Pictures as models get them."""

import base64
import io

from PIL import Image

__all__ = ["jpeg_data_url", "size_as_sent"]

_JPEG_QUALITY = 85


def size_as_sent(size: tuple[int, int], longest_px: int | None) -> tuple[int, int]:
    """Width and height after the longer side is limited; small pictures are not enlarged.

    >>> size_as_sent((1080, 2400), 1280)
    (576, 1280)
    """
    longest = max(size)
    if longest_px is None or longest <= longest_px:
        return size
    width, height = (max(1, round(side * longest_px / longest)) for side in size)
    return width, height


def jpeg_data_url(image: Image.Image, longest_px: int | None) -> str:
    """The picture as a `data:` URL, in the size of `size_as_sent`."""
    sent = size_as_sent(image.size, longest_px)
    picture = image.convert("RGB")
    if sent != image.size:
        picture = picture.resize(sent, Image.Resampling.LANCZOS, reducing_gap=2.0)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode()}"
