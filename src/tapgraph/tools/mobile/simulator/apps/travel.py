"""Travel reviews, shown as Tripadvisor: cities with ranked lists."""

from collections.abc import Sequence
from random import Random
from typing import get_args

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.world.travel import AttractionKind
from tapgraph.tools.mobile.simulator.world.world import matches_query

__all__ = ["TRAVEL", "TRAVEL_PACKAGE"]

TRAVEL_PACKAGE = "com.tripadvisor.tripadvisor"
KINDS: Sequence[str] = get_args(AttractionKind)
CITY = kit.Entity("city", {"name": "text", "region": "text", "sights": "number"})
ATTRACTION = kit.Entity(
    "attraction",
    {"name": "text", "city": "city", "kind": "text", "rank": "number", "tag": "text",
     "rating": "rating", "votes": "number", "price": "text", "about": "text", "is_saved": "flag"},
)  # fmt: skip
REVIEW = kit.Entity(
    "review",
    {"author": "text", "attraction": "attraction", "stars": "rating", "age": "text",
     "title": "text", "text": "text"},
)  # fmt: skip


def _fill(app: kit.KitApp, random: Random) -> None:
    del random
    for city in app.world.cities:
        number = app.store.add("city", name=city.name, region=city.region,
                               sights=len(city.ranked("Things to do")))  # fmt: skip
        for entry in city.attractions:
            app.store.add(
                "attraction", id=entry.number, name=entry.name, city=number, kind=entry.kind,
                rank=entry.rank, tag=entry.tag, rating=entry.rating, votes=entry.review_count,
                price=f"From ${entry.price_usd} a night" if entry.price_usd else "",
                about=entry.about,
            )  # fmt: skip
            for review in entry.reviews:
                app.store.add("review", author=review.author, attraction=entry.number,
                              stars=review.stars, age=review.age, title=review.title,
                              text=review.text)  # fmt: skip


def _cities(at: kit.At, query: str) -> Sequence[kit.Record]:
    names = [city.name for city in at.app.world.cities_matching(query)]
    return [city for city in at.all("city") if city.title in names]


def _is_found(at: kit.At, entry: kit.Record) -> bool:
    return matches_query(at.held("query"), (entry.title,))


def _is_listed(at: kit.At, entry: kit.Record) -> bool:
    is_here = entry.number("city") == at.record.id
    return is_here and entry.text("kind") == at.held("kind", KINDS[0])


FACE = kit.Face(title="{rank}. {name}", stars="rating", votes="({votes})",
                lines=("{tag}", "{price}"), picture="landscape")  # fmt: skip
PAGES = (
    kit.Page(
        "home", "Where to?|Explore", tab="Explore|Home", glyph="home",
        blocks=(
            kit.Rows(entity="city", opens="city", looks=("cards",), empty="",
                     face=kit.Face(title="{name}", lines=("{region} · {sights} sights",),
                                   picture="landscape"),
                     find=kit.Find(searched=_cities,
                                   hint="Search for a city|Where are you going?")),
            kit.Rows(entity="attraction", opens="attraction", face=FACE, where=_is_found, empty="",
                     end="End of results"),
        ),
    ),
    kit.Page("saved", "Saved|Trips|Favorites", glyph="heart",
             blocks=(kit.Rows(entity="attraction", opens="attraction", face=FACE,
                              where=kit.has("is_saved")),)),
    kit.Page(
        "city", "{name}", entity="city",
        blocks=(kit.Tabs("kind", KINDS),
                kit.Rows(entity="attraction", opens="attraction", face=FACE, where=_is_listed,
                         find=kit.Find(sorts=(kit.Sort("Rank", "rank"),)), end="End of the list")),
    ),
    kit.Page(
        "attraction", "{city}", entity="attraction",
        blocks=(
            kit.Hero("landscape"),
            kit.Headline("{name}", ("#{rank} of {kind} in {city}", "{tag}", "{price}"), "rating"),
            kit.Prose("About|Overview", "{about}"),
            kit.Rows(entity="review", heading="Reviews|What travelers say", looks=("list",),
                     end="No more reviews", where=kit.refers("attraction"),
                     face=kit.Face(title="{author}", stars="stars", lines=("{age}", "{title}"),
                                   text="{text}")),
        ),
        acts=(kit.Flip("Save|Add to trip", glyph="heart-outline", column="is_saved",
                       on_words="Saved|In your trip", on_glyph="heart", event="saved"),),
    ),
)  # fmt: skip

TRAVEL = kit.AppSpec(
    package=TRAVEL_PACKAGE, label="Tripadvisor", glyph="owl", color="#34E0A1",
    glyph_color="#1F1F1F", entities=(CITY, ATTRACTION, REVIEW), fill=_fill, pages=PAGES,
    tabs=("home", "saved"),
    looks=kit.Looks(accents=("#00784C", "#00AA6C", "#1F1F1F")),
)  # fmt: skip
