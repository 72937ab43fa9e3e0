"""Pictures as models get them."""

import base64
import io

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tapgraph.llm_backend.pictures import jpeg_data_url, size_as_sent

sides = st.integers(1, 4000)


@given(sides, sides, st.integers(1, 3000))
def test_longer_side_keeps_the_limit_and_small_pictures_their_size(
    width: int, height: int, limit: int
) -> None:
    sent = size_as_sent((width, height), limit)
    assert max(sent) == min(max(width, height), limit)
    assert min(sent) >= 1


def test_no_limit_keeps_the_size() -> None:
    assert size_as_sent((1080, 2400), None) == (1080, 2400)


def test_encoded_picture_has_the_size_that_is_told() -> None:
    for size in ((1080, 2400), (2400, 1080), (3, 4000)):
        data = jpeg_data_url(Image.new("RGB", size), 640).partition(",")[2]
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == size_as_sent(size, 640)
