"""The browser, shown as Chrome: an address bar, pages of the small web, bookmarks, history."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from urllib.parse import urlencode

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.block import Block, Door, Link
from tapgraph.tools.mobile.simulator.views import Column, Field, Row, View
from tapgraph.tools.mobile.simulator.web.html_views import (
    Reading,
    hyperlinks,
    search_address,
    views_of,
)
from tapgraph.tools.mobile.simulator.web.web import SEARCH_HOST, Web
from tapgraph.tools.mobile.simulator.web.web_site import Address, WebPage

__all__ = ["BROWSER", "BROWSER_PACKAGE", "know"]

BROWSER_PACKAGE = "com.android.chrome"
PAGE = kit.Entity(
    "page",
    {"title": "text", "url": "text", "visited": "when", "is_home": "flag"},
    is_trace=True,
)
"""The addresses that the browser knows; `visited` is empty for one where nobody was."""
BOOKMARK = kit.Entity("bookmark", {"name": "text", "page": "page"})
SUGGESTED = ("google scholar", "recipes for dinner", "news of today",
             "chinese recipe with onions, beef and potatoes")  # fmt: skip
SCHOLAR = "scholar.google.com"
KNOWN_PAPERS = ({"q": "segment anything"}, {"q": "survey of llm agents"},
                {"cites": "1", "start": "8"})  # fmt: skip
"""Searches among papers, and a second page of those that cite one."""
COOKIE = kit.Entity("cookie", {"host": "text", "choice": "text"}, is_trace=True)


def _fill(app: kit.KitApp, random: Random) -> None:
    web = Web(app.world)
    homes = {site.url() for site in web.sites}
    for one in web.documents():
        app.store.add("page", title=one.title, url=one.url, is_home=one.url in homes)
    pages = [page for page in app.store.all("page") if not page.flag("is_home")]
    for query in SUGGESTED:
        know(app, str(Address(SEARCH_HOST, "/search", {"q": query})))
    for wanted in KNOWN_PAPERS:
        know(app, str(Address(SCHOLAR, "/scholar", wanted)))
    chosen = random.sample(pages, 7)
    for page in chosen[:2]:
        app.store.add("bookmark", name=page.title, page=page.id)
    for hours, page in enumerate(chosen[1:], 3):
        then = app.phone.clock - timedelta(hours=hours * hours)
        app.store.change(page, visited=then.isoformat(timespec="seconds"))


def know(app: kit.StoredApp, url: str) -> kit.Record:
    """The page at an address, which the browser knows from now on, so that ways lead there."""
    page = Web(app.world).open(url)
    for one in app.store.all("page"):
        if one.text("url") == page.url:
            return one
    return app.store.get("page", app.store.add("page", title=page.title, url=page.url))


def _go(at: kit.At, url: str) -> None:
    at.app.phone.close_keyboard()
    at.app.go("web", know(at.app, url))


def _go_or_search(at: kit.At, typed: str) -> None:
    """What the address bar does: an address has a dot and no space, all else is searched for."""
    text = typed.strip()
    if "." in text and " " not in text:
        _go(at, text)
    elif text:
        _go(at, str(Address(SEARCH_HOST, "/search", {"q": text})))


class Visit(kit.Effect):
    """Remembers the visit: `page_opened` (the URL, the title), `search` (the query, the host)."""

    entity = "page"

    def apply(self, at: kit.At) -> None:
        """For a page that was opened."""
        url = at.record.text("url")
        address = Address.parse(url)
        at.app.store.change(at.record, visited=at.scene.now.isoformat(timespec="seconds"))
        at.app.note("page_opened", url, at.record.title)
        if wanted := address.query.get("q"):
            at.app.note("search", wanted, address.host)


class AddressBar(Block):
    """Where the user is, and a field for where to go."""

    def head(self, at: kit.At) -> list[View]:
        """The field; it is empty, so that what is typed is the whole address."""
        style = at.style
        here = "" if at.subject is None else at.record.text("url").removeprefix("https://")
        field = Field(
            here or style.say("Search or type web address|Search Google or type a URL"),
            id="url_bar", on_submit=partial(_go_or_search, at), action="search", style="filled",
            corner_dp=style.corner_dp, background=style.sheet if style.is_dark else "#EDF1F8",
            foreground=style.ink, weight=1, glyph="lock-outline" if here else "magnify",
        )  # fmt: skip
        return [Row([field], padding=(style.space_dp, 4))]

    def links(self) -> Iterator[Link]:
        """Every address that the browser knows, as somebody would type it."""
        yield Link("url_bar", "web", self._doors)

    @staticmethod
    def _doors(at: kit.At) -> Sequence[Door]:
        pages = at.all("page")
        return [Door(page.title, page, text=_typed(page.text("url"))) for page in pages]


def _typed(url: str) -> str:
    address = Address.parse(url)
    is_search = (address.host, address.path) == (SEARCH_HOST, "/search")
    return address.query["q"] if is_search and address.query else url.removeprefix("https://")


class WebView(Block):
    """The page, and at the foot its cookie banner until it is answered."""

    def body(self, at: kit.At) -> list[View]:
        """What scrolls."""
        views, _ = views_of(_content(at).html, self._reading(at))
        return [Column(views, background="#FFFFFF", gap=10, padding=12)]

    def foot(self, at: kit.At) -> list[View]:
        """The banner."""
        host = _host(at)
        if any(cookie.title == host for cookie in at.all("cookie")):
            return []
        return views_of(_content(at).html, self._reading(at))[1][:1]

    def links(self) -> Iterator[Link]:
        """The links and the search field of the page, to addresses that the browser knows."""
        yield Link("web_link", "web", self._doors)
        yield Link("web_q", "web", self._searches)

    @staticmethod
    def _doors(at: kit.At) -> Sequence[Door]:
        page = _content(at)
        known = {one.text("url"): one for one in at.all("page")}
        links = hyperlinks(page.html, page.url)
        return [Door(one.words, known[one.url], one.url) for one in links if one.url in known]

    @staticmethod
    def _searches(at: kit.At) -> Sequence[Door]:
        found = search_address(_content(at).html, at.record.text("url"))
        doors = []
        for page in at.all("page") if found else ():
            url = page.text("url")
            wanted = Address.parse(url).query.get("q", "")
            if wanted and url == str(Address.parse(f"{found}?{urlencode({'q': wanted})}")):
                doors.append(Door(wanted, page, text=wanted))
        return doors

    def _reading(self, at: kit.At) -> Reading:
        return Reading(
            url=at.record.text("url"), follow=partial(_go, at), answer=partial(self._answer, at),
            held=at.held, hold=at.scene.hold,
        )  # fmt: skip

    def _answer(self, at: kit.At, choice: str) -> None:
        at.app.store.add("cookie", host=_host(at), choice=choice)
        at.app.note("interruption", f"cookies of {_host(at)}", choice)


def _content(at: kit.At) -> WebPage:
    return Web(at.app.world).open(at.record.text("url"))


def _host(at: kit.At) -> str:
    return Address.parse(at.record.text("url")).host


def _is_marked(at: kit.At) -> bool:
    return any(mark.number("page") == at.record.id for mark in at.all("bookmark"))


def _mark(at: kit.At) -> Mapping[str, kit.Value]:
    return {"name": at.record.title, "page": at.record.id}


class RemoveMark(kit.Effect):
    """Takes the bookmark of the page away."""

    entity = "bookmark"

    def apply(self, at: kit.At) -> None:
        """Remove it."""
        for mark in at.all("bookmark"):
            if mark.number("page") == at.record.id:
                at.app.store.remove(mark)


class Forget(kit.Effect):
    """Empties the history."""

    entity = "page"

    def apply(self, at: kit.At) -> None:
        """No page was visited."""
        for page in at.all("page"):
            at.app.store.change(page, visited="")


def _was_visited(_: kit.At, page: kit.Record) -> bool:
    return bool(page.text("visited"))


BAR = AddressBar()
FACE = kit.Face(title="{title}", lines=("{url}",), glyph="web")
PAGES = (
    kit.Page(
        "start", "New tab|Start|Chrome", tab="Home|Start", glyph="home",
        blocks=(BAR, kit.Rows(entity="page", opens="web", face=FACE, where=kit.has("is_home"),
                              heading="Most visited|Shortcuts", looks=("list", "cards"))),
    ),
    kit.Page(
        "bookmarks", "Bookmarks|Saved pages", glyph="star",
        blocks=(kit.Rows(
            entity="bookmark", opens="web", about=lambda row: row.app.follow(row.record, "page"),
            face=kit.Face(title="{name}", lines=("{page.url}",), glyph="star"),
            looks=("list", "cards"), empty="No bookmarks yet",
            row_acts=(kit.Act("Delete bookmark", glyph="close", effects=(kit.Remove(),)),),
        ),),
    ),
    kit.Page(
        "history", "History|Recent pages", glyph="history",
        blocks=(kit.Rows(
            entity="page", opens="web", where=_was_visited, looks=("list",),
            face=kit.Face(title="{title}", lines=("{url}", "{visited}"), glyph="history"),
            find=kit.Find(search=("{title}", "{url}"), hint="Search history",
                          sorts=(kit.Sort("Newest", "visited", is_descending=True),)),
            empty="You have not visited any page",
        ),),
        acts=(kit.Act("Clear history|Delete browsing data", glyph="trash-can-outline",
                      event="history_cleared", effects=(Forget(),), confirm="Clear your history?",
                      yes="Clear"),),
    ),
    kit.Page(
        "web", "{title}", entity="page", arrival=(Visit(),), blocks=(BAR, WebView()),
        acts=(
            kit.Act("Bookmark|Add to bookmarks", glyph="star-outline", event="bookmarked",
                    effects=(kit.Insert("bookmark", _mark),), toast="Bookmark added",
                    is_there=lambda at: not _is_marked(at)),
            kit.Act("Remove bookmark", glyph="star", event="bookmark_removed",
                    effects=(RemoveMark(),), is_there=_is_marked),
        ),
    ),
)  # fmt: skip

BROWSER = kit.AppSpec(
    package=BROWSER_PACKAGE, label="Chrome", glyph="google-chrome", color="#FFFFFF",
    glyph_color="#4285F4", entities=(PAGE, BOOKMARK, COOKIE), fill=_fill, pages=PAGES,
    tabs=("start", "bookmarks", "history"), permissions=("notifications",),
    looks=kit.Looks(accents=("#0B57D0", "#5F6368", "#188038"), mains_at_foot=(False,)),
    interruptions=(kit.SIGN_IN,),
)  # fmt: skip
