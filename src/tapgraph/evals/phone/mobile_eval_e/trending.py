"""Scenario 4: what people talk about. X, Lemon8, Fandango and Notes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tapgraph.evals.phone.mobile_eval_e.looking import (
    events,
    is_named,
    listed,
    looked_at,
    noted,
    notes,
    opened,
    searched,
    searches,
    seen_things,
)
from tapgraph.evals.phone.mobile_eval_e.opinions import tone_of
from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import all_of, any_of, did, fact_in, says
from tapgraph.evals.phone.sim.spelling import spelled_time
from tapgraph.evals.phone.sim.ways import look_at, write_note
from tapgraph.evals.suite import Evidence, Finding, Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record
from tapgraph.tools.mobile.simulator.world.post import HIGHLY_LIKED_FROM
from tapgraph.tools.mobile.simulator.world.world import query_words

__all__ = ["TRENDING"]

_GAME, _PAINTING = "Black Myth Wukong", "Watercolor painting tutorial"
_TOP = 3
_FILMS = 5
_FEW_WORDS = 2
"""So many words of its own a note must share with a post that it takes up."""
_COMMON: Final = frozenset(query_words(
    "i you he she it we they your his her its our their who what which when where why how this "
    "these those there here is are was were be been has have had do does did can could will would "
    "not no but so if then than as about after before between into out up down over again just "
    "only very too also every each all both many much more most other one first back left said "
    "say says take thing things people love like new now today time year"
))  # fmt: skip
"""What any text may have."""
_VAGUE: Final = (
    "People say that it is great, and they have so much to say about it that you will love."
)


def sum_up_game_posts(draw: Draw) -> Sketch:
    """What the most liked posts on a game say, in a note."""
    posts = _ranked(draw, "X", _GAME)
    top, rest = posts[:_TOP], posts[_TOP:]
    search = look_at("X", "explore", settings={"query": _GAME})
    read = [look_at("X", "post", one, facts=(one.text("text"),)) for one in top]
    return Sketch(
        says=("",),
        rubrics=(
            opened("X", "home"),
            searched("the game was searched for", "X", ("wukong", "black myth")),
            any_of("top posts were found", _listed("a list", draw, "X", top, _FEW_WORDS),
                   looked_at("a page", "X", "post", top)),
            _read("several of them were read", draw, "X", top, _FEW_WORDS),
            opened("Notes", "list"),
            noted("the note takes up several of them",
                  lambda text: _takes_up(text, top, posts, _FEW_WORDS)),
        ),
        aims=(search, *read, write_note(_GAME, _gist(top))),
        wrong={"one only": (search, read[0], write_note(_GAME, _gist(top[:1]))),
               "words that fit any post": (search, *read, write_note(_GAME, _VAGUE)),
               "the least liked": (search, *(look_at("X", "post", one) for one in rest),
                                   write_note(_GAME, _gist(rest))),
               "another subject": (
                   look_at("X", "explore", settings={"query": f"{_GAME} sequel"}),
                   write_note(_GAME, _gist(_ranked(draw, "X", "Noodle week")))),
               "nothing noted": (search, *read)},
        parameters={"posts": len(top)},
    )  # fmt: skip


def sum_up_news(draw: Draw) -> Sketch:
    """What the first three trends are about that are news, in a note."""
    trends = sorted(draw.all("X", "trend"), key=lambda one: one.number("place"))
    news = [one.title for one in trends if one.flag("is_news")][:_TOP]
    rest = [one.title for one in trends if one.title not in news]
    best = {name: _ranked(draw, "X", name) for name in news}
    firsts = [posts[0] for posts in best.values()]
    reads = [post for posts in best.values() for post in posts]
    section = look_at("X", "explore", settings={"section": "News"}, facts=news)
    read = [
        aim
        for name, one in zip(news, firsts, strict=True)
        for aim in (
            look_at("X", "explore", settings={"query": name}),
            look_at("X", "post", one, facts=(one.text("text"),)),
        )
    ]
    others = [_ranked(draw, "X", name)[0] for name in rest[:_TOP]]
    return Sketch(
        says=("",),
        rubrics=(
            opened("X", "home"),
            any_of("the news were opened", did("the section", "X", "tab", detail="News"),
                   searched("a search", "X", "news")),
            any_of("the first three were found",
                   all_of("one by one", *(searched(name, "X", name) for name in news)),
                   noted("the note", lambda text: says(text, news)),
                   looked_at("by their posts", "X", "post", firsts, least=_TOP)),
            _read("a post on them was read", draw, "X", reads, 1),
            _read("several posts on them were read", draw, "X", reads, 2),
            opened("Notes", "list"),
            noted("the note tells what they are about, and of nothing else",
                  lambda text: _tells_news(text, best, rest)),
        ),
        aims=(section, *read, write_note("News", _gist(firsts, news))),
        wrong={"trends that are no news": (
                   section, *read, write_note("News", _gist(others, rest[:_TOP]))),
               "one post only": (section, *read[:2], write_note("News", "\n".join(news))),
               "words that fit any post": (section, *read, write_note("News", "\n".join(
                   [*news, _VAGUE]))),
               "the names only": (section, *read, write_note("News", "\n".join(news))),
               "not in the news": (*read, write_note("News", _gist(firsts, news))),
               "one more": (section, *read, write_note("News", _gist(
                   [*firsts, others[0]], [*news, rest[0]])))},
        parameters={"news": ", ".join(news)},
    )  # fmt: skip


def note_painters(draw: Draw) -> Sketch:
    """The accounts with highly liked posts on painting, in a note."""
    authors = {one.id: one for one in draw.all("Lemon8", "author")}
    posts = _ranked(draw, "Lemon8", _PAINTING)
    liked = [one for one in posts if one.number("likes") >= HIGHLY_LIKED_FROM]
    rest = [one for one in posts if one not in liked]
    good = [authors[one.number("author")] for one in _one_an_author(liked)]
    bad = [authors[one.number("author")] for one in _one_an_author(rest)]
    draw.demand(len(good) > 1 and bool(bad))
    search = look_at("Lemon8", "explore", settings={"query": "watercolor painting tutorials"},
                     facts=tuple(f"@{one.text('handle')}" for one in good))  # fmt: skip
    single = look_at("Lemon8", "explore", settings={"query": f"watercolor {liked[0].title}"})
    return Sketch(
        says=("",),
        rubrics=(
            opened("Lemon8", "home"),
            searched("painting was searched for", "Lemon8", ("watercolo", "painting")),
            _met("an account was found", draw, liked, good, 1),
            _met("several accounts were found", draw, liked, good, 2),
            opened("Notes", "list"),
            noted("the note has accounts with highly liked posts, and no others",
                  lambda text: _names_accounts(text, good, bad)),
        ),
        aims=(search, write_note("Watercolor", _handles(good))),
        wrong={"everybody": (search, write_note("Watercolor", _handles((*good, *bad)))),
               "one only": (single, write_note("Watercolor", _handles(good[:1]))),
               "the wrong ones": (
                   look_at("Lemon8", "explore", settings={"query": f"watercolor {rest[0].title}"}),
                   write_note("Watercolor", _handles(bad))),
               "nothing noted": (search,)},
        parameters={"accounts": len(good)},
    )  # fmt: skip


def note_best_trending_film(draw: Draw) -> Sketch:
    """The best rated of the five films that most people see, with the times it is shown."""
    films = sorted(draw.all("Fandango", "film"), key=lambda one: one.number("place"))
    top = films[:_FILMS]
    best, second = sorted(top, key=lambda one: float(one.values["stars"]), reverse=True)[:2]
    pages = [look_at("Fandango", "film", one, facts=(f"{one.title}: {one.values['stars']} stars",))
             for one in top]  # fmt: skip
    others = [one.title for one in top if one.title not in best.title]
    showings = _showings(draw, best)
    seen = any_of("in the list", did("filtered", "Fandango", "filter"),
                  did("sorted", "Fandango", "sort"))  # fmt: skip
    note = write_note("Best film", _programme(draw, best))
    without = [page for page in pages if page.about != (best.entity.name, best.id)]
    return Sketch(
        says=("",),
        rubrics=(
            opened("Fandango", "films"),
            *(any_of(f"ratings were seen, at least {least}", seen,
                     looked_at("pages", "Fandango", "film", top, least=least))
              for least in (1, 2, _FILMS)),
            _showtimes_seen("showtimes were seen", draw, films),
            _showtimes_seen("those of the best were seen", draw, [best]),
            opened("Notes", "list"),
            noted("the note has the best and its times",
                  lambda text: _tells_programme(text, best, showings, others)),
        ),
        aims=(*pages, look_at("Fandango", "film", best, facts=(_programme(draw, best),)), note),
        wrong={"the second best": (*pages, write_note("Best film", _programme(draw, second))),
               "without times": (*pages, write_note("Best film", best.title)),
               "one page": (pages[0], write_note("Best film", _programme(draw, top[0]))),
               "two pages": (*pages[:2], note),
               "the list only": (look_at("Fandango", "films", settings={
                   "In theaters": "on"}), write_note("Best film", best.title)),
               "not the best": (*without, write_note("Best film", best.title))},
        parameters={"film": best.title},
    )  # fmt: skip


def note_sentiment_on_film(draw: Draw) -> Sketch:
    """What most people say about the latest horror film in theaters, in a note."""
    horror = [one for one in draw.all("Fandango", "film") if one.text("genre") == "Horror"]
    newest = sorted(horror, key=lambda one: one.text("released"), reverse=True)
    shown = [one for one in newest if not one.flag("is_coming")]
    coming, wanted, older = newest[0], shown[0], shown[1]
    draw.demand(coming.flag("is_coming"))
    liked = {one.title: one.is_liked for one in draw.app("Fandango").world.films}
    browse = look_at("Fandango", "films", settings={"Horror": "on"})
    ways = {one.id: _way_to_reviews(draw, one) for one in (wanted, older, coming)}
    posts = {one.id: _reviews(draw, one) for one in (wanted, older)}
    told = _sentiment(wanted, is_good=liked[wanted.title])
    return Sketch(
        says=("",),
        rubrics=(
            opened("Fandango", "films"),
            any_of("horror films were browsed", did("by the filter", "Fandango", "filter",
                                                    detail="Horror"),
                   searched("by a search", "Fandango", "horror"),
                   looked_at("by their pages", "Fandango", "film", horror)),
            _found_film("a horror film was found", horror),
            _found_film("the latest one in theaters was", [wanted]),
            opened("Lemon8", "home"),
            any_of("its reviews were searched for", *(
                searched(one.title, "Lemon8", one.title) for one in shown)),
            *(any_of(f"{count} were read", *(
                _reviews_read(draw, one, least) for one in shown))
              for count, least in (("reviews", 1), ("several reviews", 2))),
            opened("Notes", "list"),
            noted("the note has the film and what most people say",
                  lambda text: _tells_sentiment(text, wanted, is_good=liked[wanted.title])),
        ),
        aims=(browse, *ways[wanted.id], write_note(wanted.title, told)),
        wrong={"the one to come": (browse, *ways[coming.id], write_note(coming.title, _sentiment(
                   coming, is_good=liked[coming.title]))),
               "an older one": (browse, *ways[older.id], write_note(older.title, _sentiment(
                   older, is_good=liked[older.title]))),
               "the few who disagree": (browse, *ways[wanted.id], write_note(
                   wanted.title, _sentiment(wanted, is_good=not liked[wanted.title]))),
               "one review": (browse, *ways[wanted.id][:3]),
               "reviews not read": (browse, *ways[wanted.id][:2]),
               "reviews not searched for": (
                   browse, ways[wanted.id][0], look_at("Lemon8", "post", posts[older.id][0]))},
        parameters={"film": wanted.title},
    )  # fmt: skip


def _ranked(draw: Draw, feed: str, topic: str) -> list[Record]:
    """The posts on a topic, the most liked first."""
    posts = [one for one in draw.all(feed, "post") if one.text("topic") == topic]
    return sorted(posts, key=lambda one: one.number("likes"), reverse=True)


def _one_an_author(posts: Sequence[Record]) -> list[Record]:
    return list({one.number("author"): one for one in posts}.values())


def _found(draw: Draw, feed: str) -> Callable[[str], list[int]]:
    world = draw.app(feed).world
    return lambda query: [one.number for one in world.posts_matching(feed, query)]


def _listed(name: str, draw: Draw, feed: str, posts: Sequence[Record], least: int) -> Rubric:
    return listed(name, feed, _found(draw, feed), posts, least)


def _own_words(post: Record) -> set[str]:
    """The words of a post that are not those of its topic, of which all its posts have some."""
    told = set(query_words(f"{post.title} {post.text('text')}"))
    return told - set(query_words(f"{post.text('topic')} {post.text('words')}")) - _COMMON


def _taken_up(text: str, posts: Sequence[Record], among: Sequence[Record]) -> list[Record]:
    """The posts that a text shares words with that no other of these posts has."""
    told = set(query_words(text))
    words = {one.id: _own_words(one) for one in among}
    return [one for one in posts if len(told & words[one.id] - {
        word for other in among if other.id != one.id for word in words[other.id]
    }) >= _FEW_WORDS]  # fmt: skip


def _takes_up(text: str, posts: Sequence[Record], among: Sequence[Record], least: int) -> Finding:
    taken = _taken_up(text, posts, among)
    return Finding(len(taken) >= least, f"the words of {len(taken)} of {len(posts)} posts stand in "
                   f"{text[:200]!r}; how well it sums them up is not judged")  # fmt: skip


def _read(name: str, draw: Draw, feed: str, posts: Sequence[Record], least: int) -> Rubric:
    """So many were opened, or a search listed them as they begin, and a note takes them up."""

    def holds(seen: Evidence) -> Finding:
        numbers = {number for query in searches(seen, feed) for number in find(query)}
        known = {one.id for one in seen_things(seen, feed, "post", posts)}
        for text in notes(seen):
            known |= {one.id for one in _taken_up(text, posts, posts)} & numbers
        return Finding(len(known) >= least, f"{len(known)} of {len(posts)} posts were read")

    find = _found(draw, feed)
    return Rubric(name, holds)


def _gist(posts: Sequence[Record], names: Sequence[str] = ()) -> str:
    texts = [one.text("text") for one in posts]
    return "\n".join(f"{name}: {text}" for name, text in
                     zip(names or [""] * len(texts), texts, strict=True))  # fmt: skip


def _tells_news(text: str, news: Mapping[str, Sequence[Record]], rest: Sequence[str]) -> Finding:
    everything = [post for posts in news.values() for post in posts]
    taken = {one.text("topic") for one in _taken_up(text, everything, everything)}
    missing = [name for name in news if name not in taken]
    wrong = [name for name in rest if fact_in(name, text)]
    return Finding(not missing and not wrong, f"{text[:200]!r} takes up no post on {missing} and "
                   f"names {wrong}; how well it sums up is not judged")  # fmt: skip


def _met(
    name: str, draw: Draw, posts: Sequence[Record], authors: Sequence[Record], least: int
) -> Rubric:
    """So many of the accounts in one list, or their pages or posts were opened."""
    many = _one_an_author(posts)
    return any_of(name, _listed("a list", draw, "Lemon8", many, least),
                  looked_at("posts", "Lemon8", "post", many, least=least),
                  looked_at("accounts", "Lemon8", "profile", authors, least=least))  # fmt: skip


def _handles(authors: Sequence[Record]) -> str:
    return "\n".join(f"@{one.text('handle')}" for one in authors)


def _names_accounts(text: str, good: Sequence[Record], bad: Sequence[Record]) -> Finding:
    right, wrong = (
        [one.title for one in some if says(text, [(one.text("handle"), one.title)]).holds]
        for some in (good, bad)
    )
    return Finding(len(right) > 1 and not wrong, f"{text[:200]!r} has {right}, and {wrong} whose "
                   "posts few like")  # fmt: skip


def _showings(draw: Draw, film: Record) -> dict[str, list[Record]]:
    """The showings of a film that have seats left, by the day."""
    days: dict[str, list[Record]] = {}
    for one in draw.all("Fandango", "showing"):
        if one.number("film") == film.id and not one.flag("is_sold_out"):
            days.setdefault(one.text("starts")[:10], []).append(one)
    return days


def _programme(draw: Draw, film: Record) -> str:
    day, shown = min(_showings(draw, film).items())
    times = ", ".join(f"{one.when('starts'):%H:%M}" for one in shown)
    return f"{film.title} on {day}: {times}"


def _tells_programme(
    text: str, film: Record, showings: Mapping[str, Sequence[Record]], others: Sequence[str]
) -> Finding:
    """All times of one day at least, but for what is sold out."""
    named = says(text, [film.title], others)
    days = [day for day, shown in showings.items()
            if says(text, [spelled_time(one.when("starts")) for one in shown]).holds]  # fmt: skip
    return Finding(named.holds and bool(days), f"{named.why}; it has all times of {days}")


def _showtimes_seen(name: str, draw: Draw, films: Sequence[Record]) -> Rubric:
    """The page of one of the films was opened, on which its times stand, or one of its showings."""
    numbers = {one.id for one in films}
    shown = [one for one in draw.all("Fandango", "showing") if one.number("film") in numbers]
    return any_of(name, looked_at("its page", "Fandango", "film", films),
                  looked_at("a showing", "Fandango", "showing", shown))  # fmt: skip


def _reviews(draw: Draw, film: Record) -> list[Record]:
    return [one for one in draw.all("Lemon8", "post") if is_named(one.title, f"{film.title},")]


def _way_to_reviews(draw: Draw, film: Record) -> tuple[Aim, ...]:
    """The film, a search that lists its reviews as they begin, and the first two of them."""
    posts = _reviews(draw, film)
    search = look_at("Lemon8", "explore", settings={"query": f"{film.title} review"},
                     facts=tuple(one.text("text") for one in posts))  # fmt: skip
    read = [look_at("Lemon8", "post", one) for one in posts[:2]]
    return (look_at("Fandango", "film", film), search, *read)


def _found_film(name: str, films: Sequence[Record]) -> Rubric:
    """The page of one of the films was opened, or it was chosen in the list and searched for."""

    def holds(seen: Evidence) -> Finding:
        pages = seen_things(seen, "Fandango", "film", films)
        chosen = [
            one
            for one in films
            if any(is_named(query, one.title) for query in searches(seen, "Lemon8"))
        ]
        is_narrowed = bool(events(seen, "Fandango", "filter") or events(seen, "Fandango", "search"))
        titles = [one.title for one in (*pages, *(chosen if is_narrowed else ()))]
        return Finding(bool(titles), f"found were {titles}")

    return Rubric(name, holds)


def _reviews_read(draw: Draw, film: Record, least: int) -> Rubric:
    """So many were opened, or a search listed them as they begin, and a note is about them."""
    posts = _reviews(draw, film)
    return any_of(
        film.title, looked_at("opened", "Lemon8", "post", posts, least=least),
        all_of("in the list", _listed("a list", draw, "Lemon8", posts, least),
               noted("a note", lambda text: _with_tone(text, film))),
    )  # fmt: skip


def _sentiment(film: Record, *, is_good: bool) -> str:
    words = "positive: most people love it" if is_good else "negative: most people are disappointed"
    return f"The reviews of {film.title} are mostly {words}."


def _with_tone(text: str, film: Record) -> Finding:
    tone = _tone(text, film)
    return Finding(fact_in(film.title, text) and tone is not None, f"{text[:200]!r} is {tone}")


def _tells_sentiment(text: str, film: Record, *, is_good: bool) -> Finding:
    wanted = "positive" if is_good else "negative"
    tone = _tone(text, film)
    is_right = fact_in(film.title, text) and tone == wanted
    return Finding(is_right, f"{text[:200]!r} should be on {film.title!r} and {wanted}: {tone}")


def _tone(text: str, film: Record) -> str | None:
    return tone_of(text.casefold().replace(film.title.casefold(), "it"))


TRENDING: Final[Mapping[str, Kind]] = {
    "4_x_back_myth_wukong": Kind(sum_up_game_posts, "medium"),
    "4_x_trending_news": Kind(sum_up_news, "hard"),
    "4_watercolor_painting_tutorial": Kind(note_painters, "medium"),
    "4_movie_trending": Kind(note_best_trending_film, "hard"),
    "4_horror_movie_reviews": Kind(note_sentiment_on_film, "expert"),
}
