"""The whole web of a world: every address has an answer."""

from collections.abc import Iterator
from random import Random

from tapgraph.tools.mobile.simulator.web.sites import Guide, Library, News, Recipes, Scholars
from tapgraph.tools.mobile.simulator.web.web_site import Address, Document, Site, WebPage
from tapgraph.tools.mobile.simulator.world.world import World, share_found

__all__ = ["SEARCH_HOST", "Web"]

SEARCH_HOST = "www.google.com"
_MOST_RESULTS = 12


class SearchEngine(Site):
    """Finds the pages of the other sites by their words; by seed with an advertisement."""

    host, name, color = SEARCH_HOST, "Google", "#4285F4"

    def __init__(self, world: World, sites: tuple[Site, ...]) -> None:
        super().__init__(world)
        self.sites = sites

    def documents(self) -> Iterator[Document]:
        """Only the page with the search field."""
        yield self.document("/", "Google", "search engine")

    def answer(self, address: Address) -> WebPage | None:
        """The search field, with what was found."""
        if address.path not in {"/", "/search"}:
            return None
        wanted = address.query.get("q", "").strip()
        if not wanted:
            return self.page(address, "search", self.name, results=(), ad=None)
        known = [one for site in self.sites for one in site.documents()]
        scores = {one: self._score(wanted, one) for one in known}
        found = sorted((one for one in known if scores[one] > 0), key=lambda one: -scores[one])
        title, ad = f"{wanted} - Google Search", self._ad(wanted, known, found)
        return self.page(address, "search", title, results=found[:_MOST_RESULTS], ad=ad)

    def _score(self, wanted: str, one: Document) -> float:
        share = share_found(wanted, (one.title, one.text, one.site))
        return share + 2 * share_found(wanted, (one.title,)) if share >= 0.5 else 0.0

    def _ad(self, wanted: str, known: list[Document], found: list[Document]) -> Document | None:
        chance = Random(f"{self.world.seed}/ad/{wanted.casefold()}")
        others = [one for one in known if one not in found[:3] and one.url.count("/") > 3]
        return chance.choice(others) if others and chance.random() < 0.4 else None


class Web:
    """All sites; the same world and address give the same page.

    >>> Web(World.generate(1)).open("www.google.com").title
    'Google'
    """

    def __init__(self, world: World) -> None:
        sites = (Scholars(world), Library(world), Recipes(world), News(world), Guide(world))
        self.sites: tuple[Site, ...] = (SearchEngine(world, sites), *sites)

    def documents(self) -> Iterator[Document]:
        """All pages that have an address of their own, the home page of each site first."""
        for site in self.sites:
            yield from site.documents()

    def open(self, url: str) -> WebPage:
        """The page at an address; for one that nobody has, a page that says so."""
        address = Address.parse(url)
        hosts = (address.host, f"www.{address.host}")
        site = next((one for one in self.sites if one.host in hosts), None)
        if site is None:
            html = f"<h2>This site can't be reached</h2><p>Check the address of {address.host}.</p>"
            return WebPage(str(address), address.host, html)
        page = site.answer(address)
        return page or site.page(address, "missing", "Page not found")
