"""Sites and their pages: what an address is answered with."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["Address", "Document", "Site", "WebPage"]

_Choice = TypeVar("_Choice")


@dataclass(frozen=True)
class Address:
    """An address, taken apart."""

    host: str
    path: str
    query: Mapping[str, str]

    @classmethod
    def parse(cls, url: str) -> "Address":
        """The parts of a URL, with or without `https://`; one of no known form is all host.

        >>> Address.parse("news.example/search?q=a+b")
        Address(host='news.example', path='/search', query={'q': 'a b'})
        """
        try:
            parts = urlsplit(url if "//" in url else f"https://{url}")
        except ValueError:
            return cls(quote(url, safe="").lower(), "/", {})
        return cls((parts.hostname or "").lower(), parts.path or "/", dict(parse_qsl(parts.query)))

    def __str__(self) -> str:
        return f"https://{self.host}{self.path}" + (
            f"?{urlencode(self.query)}" if self.query else ""
        )


@dataclass(frozen=True)
class WebPage:
    """A page as it comes over the line."""

    url: str
    title: str
    html: str


@dataclass(frozen=True)
class Document:
    """A page that search engines know, with its text; `site` is the name of its site."""

    url: str
    title: str
    text: str
    site: str


class Site(ABC):
    """A site on a host of its own; its words and looks come from the world's seed.

    Attributes:
        color: of its header and its buttons.
    """

    host: str
    name: str
    color: str = "#1A73E8"

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    def documents(self) -> Iterator[Document]:
        """Its pages that search engines know, its home page first."""

    @abstractmethod
    def answer(self, address: Address) -> WebPage | None:
        """The page at an address; nothing where it has none."""

    def url(self, path: str = "/", **query: object) -> str:
        """The address of a path of this site."""
        return str(Address(self.host, path, {name: str(value) for name, value in query.items()}))

    def document(self, path: str, title: str, text: str) -> Document:
        """One of its pages as search engines know it."""
        return Document(self.url(path), title, text, self.name)

    def choose(self, name: str, *choices: _Choice) -> _Choice:
        """One of the choices by seed, the same for the same name."""
        return Random(f"{self.world.seed}/{self.host}/{name}").choice(choices)

    def say(self, words: str) -> str:
        """One of several wordings that `|` parts."""
        return self.choose(words, *words.split("|"))

    def page(self, address: Address, template: str, title: str, **more: object) -> WebPage:
        """A page from one of the templates."""
        html = _templates().get_template(f"{template}.html.j2").render(
            site=self, title=title, say=self.say, choose=self.choose, query=address.query, **more
        )  # fmt: skip
        return WebPage(str(address), title, html)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("tapgraph.tools.mobile.simulator.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
