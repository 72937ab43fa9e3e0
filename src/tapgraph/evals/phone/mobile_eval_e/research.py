"""Scenario 2: looking things up. Chrome, Notes, YouTube, a restaurant's app, Maps and a shop."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from tapgraph.evals.phone.mobile_eval_e.looking import (
    ends_at,
    events,
    looked_at,
    noted,
    notes,
    open_app,
    opened,
    searched,
    searches,
)
from tapgraph.evals.phone.mobile_eval_e.opinions import (
    Tone,
    points,
    points_of,
    tone_of,
    tone_of_points,
    tone_of_reviews,
)
from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import all_of, any_of, did, there_are, there_is
from tapgraph.evals.phone.sim.ways import do, look_at, write_note
from tapgraph.evals.suite import Evidence, Finding, Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record
from tapgraph.tools.mobile.simulator.web.web_site import Address
from tapgraph.tools.mobile.simulator.world.paper import Paper
from tapgraph.tools.mobile.simulator.world.product import Product
from tapgraph.tools.mobile.simulator.world.recipe import Recipe
from tapgraph.tools.mobile.simulator.world.review import Review
from tapgraph.tools.mobile.simulator.world.world import share_found

__all__ = ["RESEARCH"]

_SCHOLAR, _LIBRARY, _RECIPES = "scholar.google.com", "openpapers.example", "recipes.example"
_GOOGLE = "www.google.com"
_A_PAGE = 8
"""So many papers stand on a page of results."""
_HOUR_MIN = 60
_HEADPHONES = "Bose QuietComfort 45"


def open_most_cited_citing(draw: Draw) -> Sketch:
    """The abstract of the most cited paper of those that cite a certain one."""
    papers = draw.app("Chrome").world.papers
    citing = [one for one in papers if 1 in one.cites]
    best, second = sorted(citing, key=lambda one: -one.citations)[:2]
    search = _visit(draw, _SCHOLAR, "/scholar", q="segment anything")
    lists = [_visit(draw, _SCHOLAR, "/scholar", cites="1"),
             _visit(draw, _SCHOLAR, "/scholar", cites="1", start=str(_A_PAGE))]  # fmt: skip
    stop = _abstract(draw, best)
    return Sketch(
        says=("",),
        rubrics=(
            opened("Chrome", "start"),
            _visited("the search of papers was opened", _SCHOLAR),
            searched("the paper was searched for", "Chrome", "segment", "anything"),
            _visited("those that cite it were listed", _SCHOLAR, cites="1"),
            Rubric("several of them were looked at", partial(_went_on, citing)),
            Rubric("the most cited one of the list was opened", partial(_best_opened, citing)),
            _shown("the abstract of the most cited one is in front", best),
        ),
        aims=(search, *lists, stop),
        wrong={"the second": (search, *lists, _abstract(draw, second)),
               "the first page only": (search, lists[0],
                                       _abstract(draw, _most_cited(citing[:_A_PAGE], best))),
               "the paper itself": (search, *lists, _abstract(draw, papers[0])),
               "not searched for": (*lists, stop),
               "the list left out": (search, stop),
               "left in the list": (search, *lists, stop, lists[0])},
        parameters={"paper": best.title},
    )  # fmt: skip


def note_surveys(draw: Draw) -> Sketch:
    """Titles of three surveys on a topic."""
    papers = draw.app("Chrome").world.papers
    surveys = sorted((one for one in papers if one.is_survey), key=lambda one: -one.citations)
    others = [one for one in papers if not one.is_survey and "Agents" in one.title]
    other = draw.one(others)
    search = _visit(draw, _SCHOLAR, "/scholar", q="survey of llm agents")
    titles = [one.title for one in surveys[:3]]
    return Sketch(
        says=("",),
        rubrics=(
            opened("Chrome", "start"),
            _visited("the search of papers was opened", _SCHOLAR),
            searched("surveys were searched for", "Chrome", ("survey", "review", "overview"),
                     "agent"),
            Rubric("a survey was found", partial(_surveys_found, surveys, 1)),
            Rubric("three surveys were found", partial(_surveys_found, surveys, 3)),
            opened("Notes", "list"),
            noted("a note has three surveys and no other paper",
                  partial(_has_titles, surveys, others)),
        ),
        aims=(search, write_note("Surveys", "\n".join(titles))),
        wrong={"two only": (search, write_note("Surveys", "\n".join(titles[:2]))),
               "one is no survey": (search, write_note("Surveys",
                                                       "\n".join((*titles, other.title)))),
               "none is a survey": (search, write_note("Surveys", other.title)),
               "found and not noted": (search, *(_abstract(draw, one) for one in surveys[:3]),
                                       open_app("Notes")),
               "not searched for": (_visit(draw, _SCHOLAR),
                                    write_note("Surveys", "\n".join(titles))),
               "not looked up": (open_app("Chrome"), write_note("Surveys", "\n".join(titles)))},
        parameters={"papers": "; ".join(titles)},
    )  # fmt: skip


def watch_quick_recipe(draw: Draw) -> Sketch:
    """A video of a quick recipe with what is at home."""
    recipes = draw.app("Chrome").world.recipes
    right = [one for one in recipes if _is_wanted(one)]
    wanted, slow = draw.one(right), draw.one([one for one in recipes if _is_slow(one)])
    other = draw.one([one for one in draw.all("YouTube", "video") if not _shows(one, right)])
    (video,) = _videos(draw, wanted)
    search = _visit(draw, _GOOGLE, "/search", q="chinese recipe with onions, beef and potatoes")
    find = look_at("YouTube", "home", settings={"query": wanted.title})
    stop = look_at("YouTube", "video", video)
    videos = [video for one in right for video in _videos(draw, one)]
    return Sketch(
        says=("",),
        rubrics=(
            opened("Chrome", "start"),
            searched("recipes with all of it were searched for", "Chrome",
                     ("chinese", "stir", "wok", "asian"), "beef", "onion", "potato"),
            any_of("a quick one was opened", *(
                _visited(one.title, _RECIPES, path=f"/recipe/{one.number}") for one in right)),
            opened("YouTube", "home"),
            any_of("a video of it was searched for",
                   Rubric("in words", partial(_asks_for, right)),
                   all_of("among those on cooking",
                          did("the topic", "YouTube", "filter", detail="Cooking"),
                          looked_at("one", "YouTube", "video", videos))),
            looked_at("a video of it was opened", "YouTube", "video", videos),
            ends_at("it is in front", "YouTube", "video", videos),
        ),
        aims=(search, _recipe(draw, wanted), find, stop),
        wrong={"a slow one": (search, _recipe(draw, slow),
                              look_at("YouTube", "home", settings={"query": slow.title}),
                              look_at("YouTube", "video", _videos(draw, slow)[0])),
               "another video": (search, _recipe(draw, wanted), find,
                                 look_at("YouTube", "video", other)),
               "no recipe": (search, find, stop),
               "no search": (open_app("Chrome"), _recipe(draw, wanted), find, stop),
               "not left there": (search, _recipe(draw, wanted), find, stop, open_app("Chrome")),
               "not opened": (search, _recipe(draw, wanted), find)},
        parameters={"recipe": wanted.title},
    )  # fmt: skip


def order_deal_and_show_way(draw: Draw) -> Sketch:
    """A deal in the order, and the way to the restaurant that it is picked up from."""
    dishes = draw.all("McDonald's", "dish")
    wanted = next(one for one in dishes if one.title == "Spicy McCrispy")
    other = draw.one([one for one in dishes if "Spicy" in one.title and one is not wanted])
    restaurant = next(one for one in draw.all("McDonald's", "restaurant") if one.flag("is_chosen"))
    places = [one for one in draw.all("Maps", "place") if one.title.startswith("McDonald's")]
    (there,) = [one for one in places if one.text("address") == restaurant.text("address")]
    elsewhere = draw.one([one for one in places if one is not there])
    deals = look_at("McDonald's", "deals")
    add = do("McDonald's", "dish", "add_to_order", wanted)
    check = look_at("McDonald's", "restaurants",
                    facts=(f"{restaurant.title}, {restaurant.text('address')}",))  # fmt: skip
    search = look_at("Maps", "map", settings={"query": there.title})
    stop = look_at("Maps", "directions", there)
    street = there.text("address").partition(",")[0]
    return Sketch(
        says=("",),
        rubrics=(
            opened("McDonald's", "menu"),
            did("the deals were opened", "McDonald's", "deals_opened"),
            did("the deal was opened", "McDonald's", "dish_opened", wanted),
            all_of("it alone is in the order, and nothing was paid",
                   there_is("it", "McDonald's", "cart", article=wanted.id),
                   there_are("articles", "McDonald's", "cart", 1),
                   there_are("payments", "McDonald's", "purchase", 0)),
            opened("Maps", "map"),
            searched("the restaurant was searched for", "Maps",
                     ("mcdonald", street, there.title.partition(" ")[2])),
            ends_at("the way there is in front", "Maps", "directions", [there]),
        ),
        aims=(deals, add, check, search, stop),
        wrong={"paid": (deals, add, do("McDonald's", "cart", "place_order"), check, search, stop),
               "another dish": (deals, do("McDonald's", "dish", "add_to_order", other), check,
                                search, stop),
               "only looked at": (deals, look_at("McDonald's", "dish", wanted), check, search,
                                  stop),
               "the deals not opened": (add, check, search, stop),
               "another restaurant": (deals, add, check, search,
                                      look_at("Maps", "directions", elsewhere)),
               "found by chance": (deals, add, check,
                                   look_at("Maps", "map", settings={"query": "Restaurants"}), stop),
               "not gone there": (deals, add, check, search)},
        parameters={"restaurant": restaurant.title},
    )  # fmt: skip


def sum_up_headphones_reviews(draw: Draw) -> Sketch:
    """The general opinion of those who bought certain headphones."""
    shop = draw.app("Amazon Shopping")
    product = next(one for one in shop.world.products
                   if one.shop == shop.label and one.name.startswith(_HEADPHONES))  # fmt: skip
    thing = shop.store.get("product", product.number)
    other = next(one for one in draw.all("Amazon Shopping", "product")
                 if one.title.startswith("Bose") and one.id != thing.id)  # fmt: skip
    search = look_at("Amazon Shopping", "home", settings={"query": "Bose QC45 headphones"})
    page = look_at("Amazon Shopping", "product", thing)
    read = look_at("Amazon Shopping", "reviews", thing, facts=[one.text for one in product.reviews])
    tone = tone_of_reviews(product.reviews)
    opposite: Tone = "negative" if tone == "positive" else "positive"
    note = write_note("Bose QC45", _opinion(product.reviews, tone))
    return Sketch(
        says=("",),
        rubrics=(
            opened("Amazon Shopping", "home"),
            searched("the headphones were searched for", "Amazon Shopping",
                     ("bose", "quietcomfort"), ("45", "qc")),
            looked_at("their page was opened", "Amazon Shopping", "product", [thing]),
            Rubric("a review was found", partial(_reviews_found, product, 1)),
            Rubric("several reviews were found", partial(_reviews_found, product, 2)),
            opened("Notes", "list"),
            noted("a note tells the general opinion", partial(_tells_opinion, product)),
        ),
        aims=(search, page, read, note),
        wrong={"the other opinion": (search, page, read,
                                     write_note("Bose QC45", f"Overall {opposite}.")),
               "not read": (search, page, write_note("Bose QC45", f"Overall {tone}.")),
               "the page not opened": (search, open_app("Notes"), note),
               "others": (look_at("Amazon Shopping", "home", settings={"query": "Bose Ultra"}),
                          look_at("Amazon Shopping", "reviews", other),
                          write_note("Bose", f"Overall {opposite}.")),
               "not searched for": (look_at("Amazon Shopping", "home",
                                            settings={"query": "Headphones"}), page, read, note),
               "nothing noted": (search, page, read, open_app("Notes"))},
        parameters={"opinion": tone},
    )  # fmt: skip


def _visit(draw: Draw, host: str, path: str = "/", **query: str) -> Aim:
    """Be on a page of the web that the browser knows."""
    url = str(Address(host, path, query))
    page = next(one for one in draw.all("Chrome", "page") if one.text("url") == url)
    return look_at("Chrome", "web", page)


def _abstract(draw: Draw, paper: Paper) -> Aim:
    return _visit(draw, _LIBRARY, f"/abs/{paper.number}")


def _recipe(draw: Draw, recipe: Recipe) -> Aim:
    return _visit(draw, _RECIPES, f"/recipe/{recipe.number}")


def _addresses(seen: Evidence) -> list[Address]:
    """The pages of the web that were opened, the oldest first."""
    return [Address.parse(url) for url, _ in events(seen, "Chrome", "page_opened")]


def _visited(name: str, host: str, *, path: str = "", **query: str) -> Rubric:
    """A page of the host was opened, with this path and query where they are given."""

    def holds(seen: Evidence) -> Finding:
        fit = [
            str(one)
            for one in _addresses(seen)
            if one.host == host and path in {"", one.path} and query.items() <= one.query.items()
        ]
        return Finding(bool(fit), f"opened were {fit}")

    return Rubric(name, holds)


def _shown(name: str, paper: Paper) -> Rubric:
    """The address bar of the browser in front has the page of the abstract."""
    address = f"{_LIBRARY}/abs/{paper.number}"

    def holds(seen: Evidence) -> Finding:
        screen = seen.screen
        is_browser = screen is not None and screen.app is not None and screen.app.label == "Chrome"
        is_it = is_browser and seen.shows(re.escape(address))
        return Finding(is_it, f"{address} is {'' if is_it else 'not '}in front")

    return Rubric(name, holds)


def _listed(citing: Sequence[Paper], seen: Evidence) -> list[Paper]:
    """Those citing papers that stood on an opened page of the list."""
    starts = [int(one.query.get("start", "0")) for one in _addresses(seen)
              if (one.host, one.query.get("cites")) == (_SCHOLAR, "1")]  # fmt: skip
    return [one for place, one in enumerate(citing)
            if any(start <= place < start + _A_PAGE for start in starts)]  # fmt: skip


def _read(papers: Sequence[Paper], seen: Evidence) -> list[Paper]:
    """Those whose abstracts were opened."""
    paths = {one.path for one in _addresses(seen) if one.host == _LIBRARY}
    return [one for one in papers if f"/abs/{one.number}" in paths]


def _went_on(citing: Sequence[Paper], seen: Evidence) -> Finding:
    """Whether more was opened than the first page of the list."""
    found, read = _listed(citing, seen), _read(citing, seen)
    why = f"{len(found)} with their citations were listed, of {len(read)} the abstract was opened"
    return Finding(len(found) > _A_PAGE or bool(found and read), why)


def _best_opened(citing: Sequence[Paper], seen: Evidence) -> Finding:
    """Whether the abstract was opened of the most cited of those that were listed."""
    found = _listed(citing, seen)
    if not found:
        return Finding(False, "no list of citing papers was opened")
    best = max(found, key=lambda one: one.citations)
    return Finding(best in _read(citing, seen), f"of {len(found)}, {best.title!r} is cited most")


def _most_cited(papers: Sequence[Paper], but_not: Paper) -> Paper:
    return max((one for one in papers if one is not but_not), key=lambda one: one.citations)


def _has_title(text: str, paper: Paper) -> bool:
    """Whether a text has the title, whatever stands between its words."""
    return " ".join(re.findall(r"\w+", paper.title.casefold())) in " ".join(
        re.findall(r"\w+", text.casefold())
    )


def _surveys_found(surveys: Sequence[Paper], least: int, seen: Evidence) -> Finding:
    """Whether so many were opened, or named in a note or to the user."""
    told = "\n".join((*notes(seen), seen.answer, seen.notes))
    read = _read(surveys, seen)
    found = [one.title for one in surveys if one in read or _has_title(told, one)]
    return Finding(len(found) >= least, f"opened or named were {found}")


def _has_titles(surveys: Sequence[Paper], others: Sequence[Paper], text: str) -> Finding:
    right = [one.title for one in surveys if _has_title(text, one)]
    wrong = [one.title for one in others if _has_title(text, one)]
    return Finding(len(right) >= 3 and not wrong, f"surveys: {right}, other papers: {wrong}")


def _is_wanted(recipe: Recipe) -> bool:
    return _has_all(recipe) and recipe.minutes < _HOUR_MIN


def _is_slow(recipe: Recipe) -> bool:
    return _has_all(recipe) and recipe.minutes >= _HOUR_MIN


def _has_all(recipe: Recipe) -> bool:
    return recipe.cuisine == "Chinese" and recipe.uses("onion", "beef", "potato")


def _videos(draw: Draw, recipe: Recipe) -> list[Record]:
    return [one for one in draw.all("YouTube", "video") if _shows(one, [recipe])]


def _shows(video: Record, recipes: Sequence[Recipe]) -> bool:
    return any(one.title in video.title for one in recipes)


def _asks_for(recipes: Sequence[Recipe], seen: Evidence) -> Finding:
    """Whether a search for videos has most words of the title of a recipe."""
    shares = {
        query: max(share_found(one.title, (query,)) for one in recipes)
        for query in searches(seen, "YouTube")
    }
    return Finding(max(shares.values(), default=0.0) > 0.6, f"shares of a title: {shares}")


def _opinion(reviews: Sequence[Review], tone: Tone) -> str:
    """A summary of reviews: the general opinion, and what somebody says about it."""
    said = next(one.text for one in reviews if one.is_positive == (tone == "positive"))
    return f"Overall {tone}. One of them says: {said}"


def _reviews_found(product: Product, least: int, seen: Evidence) -> Finding:
    """Whether all reviews were opened, or what so many say was noted."""
    numbers = [number for number, _ in events(seen, "Amazon Shopping", "reviews_opened")]
    told = points("\n".join((*notes(seen), seen.notes)), "headphones")
    made = [one for one in product.reviews if points_of([one], "headphones") & told]
    is_open = str(product.number) in numbers
    why = f"the page of all reviews was {'' if is_open else 'not '}opened"
    return Finding(is_open or len(made) >= least, f"{why}, {len(made)} are in notes")


def _tells_opinion(product: Product, text: str) -> Finding:
    """Whether a text tells the opinion of most, and not rather what nobody says."""
    told, made = points(text, "headphones"), points_of(product.reviews, "headphones")
    tone, right = tone_of(text) or tone_of_points(told), tone_of_reviews(product.reviews)
    is_theirs = len(told & made) >= len(told - made)
    why = f"it finds the opinion {tone}, which is {right}; its words are not judged"
    return Finding(tone == right and is_theirs, why)


RESEARCH: Final[Mapping[str, Kind]] = {
    "2_segment_anything_cited": Kind(open_most_cited_citing, "hard"),
    "2_llm_agents_survey": Kind(note_surveys, "medium"),
    "2_recipes_chinese": Kind(watch_quick_recipe, "hard"),
    "2_mcdonalds_deals": Kind(order_deal_and_show_way, "hard"),
    "2_headphones_reviews": Kind(sum_up_headphones_reviews, "medium"),
}
"""By the official identity of a task."""
