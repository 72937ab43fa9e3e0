"""The sites: papers, recipes, news and a travel guide."""

from collections.abc import Iterator

from tapgraph.tools.mobile.simulator.web.web_site import Address, Document, Site, WebPage
from tapgraph.tools.mobile.simulator.world.paper import Paper
from tapgraph.tools.mobile.simulator.world.recipe import Recipe
from tapgraph.tools.mobile.simulator.world.world import share_found

__all__ = ["Guide", "Library", "News", "Recipes", "Scholars"]

_RESULTS_A_PAGE = 8


class Library(Site):
    """Papers with their abstracts."""

    host, name, color = "openpapers.example", "OpenPapers", "#7A1F1F"

    def documents(self) -> Iterator[Document]:
        """The home page and each paper."""
        yield self.document("/", "OpenPapers: papers for everyone", "papers preprints science")
        for paper in self.world.papers:
            yield self.document(f"/abs/{paper.number}", paper.title, f"paper {paper.abstract}")

    def answer(self, address: Address) -> WebPage | None:
        """Newest papers, or one with its abstract."""
        if address.path == "/":
            newest = sorted(self.world.papers, key=lambda paper: -paper.year)
            return self.page(address, "papers", self.name, papers=newest[:6], library=self)
        found = [one for one in self.world.papers if address.path == f"/abs/{one.number}"]
        if not found:
            return None
        return self.page(address, "paper", found[0].title, paper=found[0],
                         authors=self.authors(found[0]))  # fmt: skip

    def authors(self, paper: Paper) -> str:
        """Their names."""
        names = {one.number: one.name for one in self.world.scholars}
        return ", ".join(names[number] for number in paper.authors)


class Scholars(Site):
    """A search over papers: who cites whom, how often, and the profiles of authors."""

    host, name, color = "scholar.google.com", "Google Scholar", "#4D7BD6"

    def documents(self) -> Iterator[Document]:
        """The home page and each profile."""
        yield self.document("/", "Google Scholar", "scholarly papers citations authors search")
        for one in self.world.scholars:
            yield Document(self.url("/citations", user=one.number), f"{one.name} - {self.name}",
                           f"{one.affiliation} profile citations", self.name)  # fmt: skip
        for paper in self.world.papers:
            if any(paper.number in one.cites for one in self.world.papers):
                yield Document(self.url("/scholar", cites=paper.number), f"Cites: {paper.title}",
                               "citing papers", self.name)  # fmt: skip

    def answer(self, address: Address) -> WebPage | None:
        """The search field, results, citing papers or a profile."""
        query = address.query
        if address.path == "/":
            return self.page(address, "scholar", self.name, results=(), told="", following="")
        if address.path == "/citations":
            return self._profile(address)
        if address.path != "/scholar":
            return None
        if "cites" in query:
            cited = next((p for p in self.world.papers if str(p.number) == query["cites"]), None)
            found = [p for p in self.world.papers if cited and cited.number in p.cites]
            return self._results(address, f"Cites: {cited.title if cited else '?'}", found)
        wanted = query.get("q", "")
        return self._results(address, f"{wanted} - {self.name}", self._found(wanted))

    def _found(self, wanted: str) -> list[Paper]:
        shares = {
            paper: share_found(wanted, (paper.title, paper.abstract, str(paper.year),
                                        "survey review" if paper.is_survey else ""))
            for paper in self.world.papers
        }  # fmt: skip
        kept = [paper for paper, share in shares.items() if share >= 0.5]
        titled = {paper: share_found(wanted, (paper.title,)) for paper in kept}
        return sorted(kept, key=lambda paper: (-shares[paper] - titled[paper], len(paper.title)))

    def _results(self, address: Address, title: str, found: list[Paper]) -> WebPage:
        query = dict(address.query)
        if query.get("by") == "date":
            found = sorted(found, key=lambda paper: -paper.year)
        start = int(query["start"]) if query.get("start", "").isdecimal() else 0
        later = start + _RESULTS_A_PAGE
        following = self.url("/scholar", **{**query, "start": later}) if found[later:] else ""
        return self.page(
            address, "scholar", title, results=[self._result(p) for p in found[start:later]],
            told=f"{self.say('About|')} {len(found)} results".strip(), following=following,
        )  # fmt: skip

    def _result(self, paper: Paper) -> dict[str, object]:
        by_number = {one.number: one for one in self.world.scholars}
        return {
            "paper": paper, "url": f"https://{Library.host}/abs/{paper.number}",
            "authors": [by_number[number] for number in paper.authors],
        }  # fmt: skip

    def _profile(self, address: Address) -> WebPage | None:
        user = address.query.get("user")
        found = [one for one in self.world.scholars if str(one.number) == user]
        if not found:
            return None
        own = [paper for paper in self.world.papers if found[0].number in paper.authors]
        own.sort(key=lambda paper: -paper.citations)
        best = sum(paper.citations >= rank for rank, paper in enumerate(own, 1))
        return self.page(address, "profile", f"{found[0].name} - {self.name}", scholar=found[0],
                         results=[self._result(paper) for paper in own], h_index=best,
                         total=sum(paper.citations for paper in own))  # fmt: skip


class Recipes(Site):
    """Recipes with ingredients and steps; its name and colour depend on the seed."""

    host = "recipes.example"

    @property
    def name(self) -> str:  # type: ignore[override]
        """What it is called."""
        return self.choose("name", "Pantry & Pan", "Seven Spoons", "The Kitchen Table")

    @property
    def color(self) -> str:  # type: ignore[override]
        """Its colour."""
        return self.choose("color", "#B3541E", "#2F6B3A", "#8C2F5A")

    def documents(self) -> Iterator[Document]:
        """The home page and each recipe."""
        yield self.document("/", f"{self.name}: recipes for every day", "recipes cooking dinner")
        for one in self.world.recipes:
            quick = "under 1 hour quick" if one.minutes < 60 else ""
            text = f"{one.cuisine} recipe. {', '.join(one.ingredients)}. {one.minutes} minutes."
            yield self.document(f"/recipe/{one.number}", one.title, f"{text} {quick}")

    def answer(self, address: Address) -> WebPage | None:
        """All recipes or those that a search finds, or one of them."""
        if address.path == "/":
            found = self._found(address.query.get("q", ""))
            return self.page(address, "recipes", self.name, recipes=found)
        found = [one for one in self.world.recipes if address.path == f"/recipe/{one.number}"]
        return self.page(address, "recipe", found[0].title, recipe=found[0]) if found else None

    def _found(self, wanted: str) -> list[Recipe]:
        texts = {one: (one.title, one.cuisine, *one.ingredients) for one in self.world.recipes}
        shares = {one: share_found(wanted, texts[one]) for one in self.world.recipes}
        kept = [one for one in self.world.recipes if not wanted or shares[one] >= 0.5]
        return sorted(kept, key=lambda one: (-shares[one], -one.votes))


class News(Site):
    """A newspaper: what people talk about, in paragraphs."""

    host, name, color = "prairieledger.example", "The Prairie Ledger", "#1F2A44"

    def _topics(self) -> tuple[str, ...]:
        return self.world.trends("X")

    def _texts(self, topic: str) -> list[str]:
        return [one.text for one in self.world.posts if (one.feed, one.topic) == ("X", topic)]

    def documents(self) -> Iterator[Document]:
        """The front page and each article."""
        yield self.document("/", f"{self.name}: news of today", "news today headlines newspaper")
        for number, topic in enumerate(self._topics(), 1):
            texts = " ".join(self._texts(topic))
            yield self.document(f"/news/{number}", f"{topic}: what we know", f"news {texts}")

    def answer(self, address: Address) -> WebPage | None:
        """The front page or an article."""
        topics = self._topics()
        if address.path == "/":
            links = [(f"/news/{number}", topic) for number, topic in enumerate(topics, 1)]
            return self.page(address, "article", self.name, paragraphs=(), links=links)
        for number, topic in enumerate(topics, 1):
            if address.path == f"/news/{number}":
                return self.page(address, "article", f"{topic}: what we know",
                                 paragraphs=self._texts(topic), links=())  # fmt: skip
        return None


class Guide(Site):
    """A travel guide: cities with what there is to see."""

    host, name, color = "wayfarer.example", "Wayfarer", "#0F766E"

    def documents(self) -> Iterator[Document]:
        """The home page and each city."""
        yield self.document("/", f"{self.name} travel guide", "travel cities sights holidays")
        for number, city in enumerate(self.world.cities, 1):
            sights = ", ".join(one.name for one in city.ranked("Things to do"))
            yield self.document(f"/city/{number}", f"{city.name}: things to do",
                                f"{city.region} {' '.join(city.aliases)} {sights}")  # fmt: skip

    def answer(self, address: Address) -> WebPage | None:
        """The list of cities or one of them."""
        cities = self.world.cities
        if address.path == "/":
            links = [(f"/city/{number}", city.name) for number, city in enumerate(cities, 1)]
            return self.page(address, "article", self.name, paragraphs=(), links=links)
        for number, city in enumerate(cities, 1):
            if address.path == f"/city/{number}":
                told = [f"{one.name} ({one.tag}). {one.about}"
                        for one in city.ranked("Things to do")]  # fmt: skip
                return self.page(address, "article", f"{city.name}: things to do",
                                 paragraphs=told, links=())  # fmt: skip
        return None
