"""The small web and the browser that shows it."""

import re
from collections.abc import Iterator

import pytest
from tests.tools.mobile.simulator.kit_walker import WORLD, Walker

from tapgraph.tools.mobile.simulator.apps import browser
from tapgraph.tools.mobile.simulator.apps.browser import BROWSER
from tapgraph.tools.mobile.simulator.state_dump import difference, unexpected
from tapgraph.tools.mobile.simulator.views import Button, Field, Label, Picture, View
from tapgraph.tools.mobile.simulator.web.html_views import Reading, hyperlinks, views_of
from tapgraph.tools.mobile.simulator.web.web import Web
from tapgraph.tools.mobile.simulator.world.world import World

BACK, ENTER = 4, 66


class Reader:
    """Somebody who reads one page."""

    def __init__(self, html: str) -> None:
        self.opened: list[str] = []
        self.answers: list[str] = []
        self.typed: dict[str, str] = {}
        self.body, self.dialog = views_of(
            html,
            Reading(
                url="https://a.example/b/c", follow=self.opened.append, answer=self.answers.append,
                held=self.typed.get, hold=self.typed.__setitem__,
            ),
        )  # fmt: skip

    def views(self) -> Iterator[View]:
        for view in (*self.body, *self.dialog):
            yield from view.walk()

    def tap(self, text: str) -> None:
        view = next(view for view in self.views() if view.text == text)
        assert view.on_click is not None
        view.on_click()


def words(reader: Reader) -> list[str]:
    return [view.text for view in reader.views() if isinstance(view, Label) and view.text]


# Rendering.


def test_text_lists_and_tables_become_labels_in_their_order() -> None:
    reader = Reader(
        "<h1>One\n two</h1><p>a <b>bold</b> b</p><ul><li>x</li></ul><ol><li>y</li><li>z</li></ol>"
        "<table><tr><th>k</th><td>v</td></tr></table>"
    )
    assert words(reader) == ["One two", "a", "bold", "b", "•", "x", "1.", "y", "2.", "z", "k", "v"]


def test_pages_are_dark_on_white_whatever_the_look_of_the_phone() -> None:
    reader = Reader(
        "<article><p>a</p></article><table><tr><td>b</td></tr></table>"
        '<form><input name="q"></form><dialog><p>c</p><button>no</button></dialog>'
    )
    for view in reader.views():
        has_ground = bool(view.border) or isinstance(view, Button | Field)
        assert not has_ground or view.background == "#FFFFFF"
        assert not isinstance(view, Label) or view.color == "#1F1F1F"
        assert not isinstance(view, Field) or view.foreground == "#1F1F1F"


def test_a_link_leads_to_its_address_as_seen_from_the_page() -> None:
    reader = Reader(
        '<p>See <a href="../d?e=1">this</a> or <a href="https://f.example/">that</a></p>'
    )
    reader.tap("this")
    reader.tap("that")
    assert reader.opened == ["https://a.example/d?e=1", "https://f.example/"]


@pytest.mark.parametrize("way", ["button", "key"])
def test_a_form_asks_for_an_address_with_what_was_typed(way: str) -> None:
    html = (
        '<form action="/s"><input name="q" placeholder="Words"><input name="n" value="5">'
        "<button>Go</button></form>"
    )
    reader = Reader(html)
    field = next(view for view in reader.views() if isinstance(view, Field))
    assert (field.hint, field.value) == ("Words", "")
    assert field.on_change is not None
    assert field.on_submit is not None
    if way == "key":
        field.on_submit("a & b")
    else:
        field.on_change("a & b")
        reader.tap("Go")
    assert reader.opened == ["https://a.example/s?q=a+%26+b&n=5"]


def test_an_image_is_drawn_as_its_kind_with_its_words() -> None:
    reader = Reader('<img src="/pictures/food/1.jpg" alt="Soup" height="90">')
    (picture,) = [view for view in reader.views() if isinstance(view, Picture)]
    assert (picture.style, picture.desc, picture.height) == ("food", "Soup", 90)


def test_the_buttons_of_a_dialog_answer_it() -> None:
    reader = Reader('<p>x</p><dialog><p>Ok?</p><button value="no">No</button></dialog>')
    assert [view.text for view in reader.body[0].walk()] == ["x"]
    assert any(isinstance(view, Button) for view in reader.dialog[0].walk())
    reader.tap("No")
    assert reader.answers == ["no"]


# The web.


def test_all_links_of_all_pages_lead_to_pages_that_are_there() -> None:
    web = Web(WORLD)
    waiting, seen = [one.url for one in web.documents()], set[str]()
    waiting.append("https://www.google.com/search?q=beef")
    waiting.append("https://scholar.google.com/scholar?q=survey")
    while waiting:
        url = waiting.pop()
        page = web.open(url)
        assert page.title != "Page not found", url
        assert "can't be reached" not in page.html, url
        seen.add(url)
        waiting += [one.url for one in hyperlinks(page.html, url) if one.url not in seen]
    assert len(seen) > len(list(web.documents()))


@pytest.mark.parametrize(
    "url", ["nobody.example", "https://recipes.example/recipe/999", "x..y", "http://[::1/"]
)
def test_an_address_that_nobody_has_is_answered_with_a_page_that_says_so(url: str) -> None:
    assert re.search("can't be reached|no page at this address", Web(WORLD).open(url).html)


def test_the_search_engine_finds_the_site_that_is_named_first() -> None:
    for seed in range(6):
        html = Web(World.generate(seed)).open("https://www.google.com/search?q=Google+Scholar").html
        results = [one.url for one in hyperlinks(re.sub("(?s)<section><small>(Ad|Spons).*?</sec",
                                                        "", html), "")]  # fmt: skip
        assert results[1] == "https://scholar.google.com/"


def test_citing_papers_fill_several_pages_and_the_most_cited_one_depends_on_the_seed() -> None:
    best = set()
    for seed in range(6):
        web, counts = Web(World.generate(seed)), dict[str, int]()
        url = "https://scholar.google.com/scholar?cites=1"
        pages = [web.open(url).html, web.open(f"{url}&start=8").html]
        for html in pages:
            found = re.findall(r'<h3><a href="[^"]*">([^<]*)</a>.*?Cited by (\d+)', html, re.S)
            counts |= {title: int(count) for title, count in found}
        assert len(counts) == len(set(counts.values())) == 12
        best.add(max(counts, key=lambda title: counts[title]))
    assert len(best) > 1


@pytest.mark.parametrize("query", ["LLM agents survey", "large language model agents survey"])
def test_surveys_are_found_by_the_short_and_by_the_long_name(query: str) -> None:
    for seed in range(4):
        world = World.generate(seed)
        html = Web(world).open(f"https://scholar.google.com/scholar?q={query}").html
        surveys = [one.title for one in world.papers if one.is_survey]
        assert sum(f">{title}</a>" in html for title in surveys) >= 3


def test_one_or_two_chinese_recipes_with_beef_onions_and_potatoes_take_less_than_an_hour() -> None:
    for seed in range(8):
        chinese = [one for one in World.generate(seed).recipes if one.cuisine == "Chinese"]
        fitting = [one for one in chinese if one.uses("beef", "onions", "potatoes")]
        assert 1 <= sum(one.minutes < 60 for one in fitting) < len(fitting) == 3


# The browser.


def go(walker: Walker, text: str) -> None:
    walker.tap(walker.find("url_bar"))
    walker.phone.set_text(text)
    walker.phone.press_key(ENTER)


def kinds(walker: Walker, kind: str) -> list[tuple[str, str]]:
    return [(subject, detail) for one, subject, detail in walker.events if one == kind]


def test_words_in_the_address_bar_are_searched_for_and_a_result_opens_its_page() -> None:
    walker = Walker(BROWSER)
    go(walker, "beef potatoes onions chinese")
    assert kinds(walker, "search") == [("beef potatoes onions chinese", "www.google.com")]
    walker.tap(walker.find("web_link", "Stir-Fried Beef"))
    title = "Stir-Fried Beef with Potatoes and Onions"
    assert kinds(walker, "page_opened")[-1] == ("https://recipes.example/recipe/1", title)
    walker.phone.press_key(BACK)
    assert walker.here.record.text("url").startswith("https://www.google.com/search?")


def test_a_form_of_a_page_searches_that_site() -> None:
    walker = Walker(BROWSER)
    go(walker, "scholar.google.com")
    walker._type("web_q", "segment anything")
    walker.tap(walker.find("web_button"))
    assert kinds(walker, "search") == [("segment anything", "scholar.google.com")]
    walker.tap(walker.find("web_link", "Cited by"))
    assert kinds(walker, "page_opened")[-1][0] == "https://scholar.google.com/scholar?cites=1"


def test_a_cookie_banner_is_there_until_it_is_answered_and_then_for_the_whole_site_gone() -> None:
    walker = Walker(BROWSER, 2)
    web = Web(WORLD)
    asking = next(one for one in web.sites[1:] if "<dialog>" in web.open(one.url()).html)
    go(walker, asking.url())
    walker.tap(walker.find("web_answer"))
    assert [one.values["host"] for one in walker.table("cookie")] == [asking.host]
    assert ("interruption", f"cookies of {asking.host}", "necessary") in walker.events
    go(walker, next(one.url for one in asking.documents() if one.url != asking.url()))
    assert not [one for one in walker.screen.elements if "web_answer" in one.resource_id]


def test_what_was_visited_is_in_the_history_and_is_no_side_effect() -> None:
    walker = Walker(BROWSER)
    before = walker.phone.dump()
    go(walker, "wayfarer.example")
    go(walker, "something nobody wrote about")
    assert unexpected(difference(before, walker.phone.dump()), ["com.android.systemui/*"]) == ()
    newest = max(walker.table("page"), key=lambda page: page.text("visited"))
    assert newest.title == "something nobody wrote about - Google Search"


def test_a_bookmark_is_a_side_effect() -> None:
    walker = Walker(BROWSER)
    go(walker, "wayfarer.example")
    before = walker.phone.dump()
    walker.tap(walker.find("bookmark"))
    changed = unexpected(difference(before, walker.phone.dump()), ["com.android.systemui/*"])
    assert {change.table for change in changed} == {"bookmark", "events"}


def test_an_address_needs_a_dot_and_no_space() -> None:
    walker = Walker(BROWSER)
    browser._go_or_search(walker.here, "  ")
    go(walker, "What is 3.5 percent")
    assert kinds(walker, "search")[0][0] == "What is 3.5 percent"
