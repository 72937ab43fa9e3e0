import httpx
import pytest

from tapgraph.cli.image_source import ImageSource
from tapgraph.errors import EnvironmentMissing, ToolError, UsageError
from tapgraph.tools.api.http_guard import GuardedTransport


def answering(status: int = 200) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, content=b"picture"))


def test_an_allowed_host_is_asked() -> None:
    source = ImageSource(["pictures.example"], transport=answering())
    assert source("https://pictures.example/a.png") == b"picture"


@pytest.mark.parametrize(
    "url",
    [
        "http://pictures.example/a.png",
        "https://other.example/a.png",
        "https://pictures.example@other.example/a.png",
        "https://[/",
        "file:///etc/passwd",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="by https from pictures"):
        ImageSource(["pictures.example"], transport=answering())(url)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ToolError, match="status 404"):
        ImageSource(["pictures.example"], transport=answering(404))("https://pictures.example/a")


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
def test_a_host_with_a_private_address_is_refused(address: str) -> None:
    guarded = GuardedTransport(
        frozenset(), resolver=lambda host, port: [address], inner=answering()
    )
    with pytest.raises((ToolError, EnvironmentMissing), match="refused"):
        ImageSource(["pictures.example"], transport=guarded)("https://pictures.example/a.png")


@pytest.mark.parametrize(
    "host",
    [
        "", "*", "*.example", "https://a.example", "a.example/b", "a.example:8000", "a b.example",
        "localhost", "127.0.0.1", "[::1]", "-a.example", "a.example\n",
    ],
)  # fmt: skip
def test_what_is_no_name_of_a_host_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="a host looks like"):
        ImageSource([host])
