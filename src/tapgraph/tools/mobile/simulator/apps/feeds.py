"""Feeds: one description, shown as X and Lemon8."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.world.world import matches_query

__all__ = ["FEEDS"]

AUTHOR = kit.Entity(
    "author",
    {"name": "text", "handle": "text", "bio": "text", "followers": "number", "following": "number",
     "is_followed": "flag"},
)  # fmt: skip
POST = kit.Entity(
    "post",
    {"title": "text", "text": "text", "author": "author", "topic": "text", "words": "text",
     "age": "text", "at": "when", "likes": "number", "is_liked": "flag"},
)  # fmt: skip
REPLY = kit.Entity("reply", {"text": "text", "author": "text", "post": "post", "likes": "number"})
TREND = kit.Entity("trend", {"name": "text", "place": "number", "posts": "text", "is_news": "flag"})
SECTIONS = ("Trending", "News")
TABS = ("Top", "Latest", "People")


def _fill(app: kit.KitApp, random: Random) -> None:
    del random
    world, feed = app.world, app.label
    numbers = {}
    for author in world.authors:
        if author.feed == feed:
            numbers[author.handle] = app.store.add(
                "author", name=author.display_name, handle=author.handle, bio=author.bio,
                followers=author.followers, following=author.following,
            )  # fmt: skip
    posts = [post for post in world.posts if post.feed == feed]
    for post in posts:
        at = app.phone.clock - timedelta(hours=post.hours_ago)
        app.store.add(
            "post", id=post.number, title=post.title, text=post.text, author=numbers[post.handle],
            topic=post.topic, words=" ".join(post.words), age=post.age, likes=post.likes,
            at=at.isoformat(timespec="minutes"),
        )  # fmt: skip
        for reply in post.replies:
            app.store.add("reply", text=reply.text, author=f"@{reply.handle}", post=post.number,
                          likes=reply.likes)  # fmt: skip
    for place, topic in enumerate(world.trends(feed), 1):
        own = [post for post in posts if post.topic == topic]
        app.store.add("trend", name=topic, place=place, is_news="news" in own[0].words,
                      posts=f"{len(own)} posts" if len(own) > 1 else "1 post")  # fmt: skip


def _is_found(at: kit.At, post: kit.Record) -> bool:
    texts = [post.text(name) for name in ("title", "text", "topic", "words")]
    handle = at.app.follow(post, "author").text("handle")
    return matches_query(at.held("query"), (*texts, handle))


def _is_top(at: kit.At, post: kit.Record) -> bool:
    return at.held("tab", TABS[0]) == "Top" and _is_found(at, post)


def _is_latest(at: kit.At, post: kit.Record) -> bool:
    return at.held("tab") == "Latest" and _is_found(at, post)


def _is_person(at: kit.At, author: kit.Record) -> bool:
    query = at.held("query").casefold().lstrip("@")
    if at.held("tab") != "People" or not query:
        return False
    is_named = query in f"{author.text('handle')} {author.title}".casefold()
    return is_named or any(
        post.number("author") == author.id and _is_found(at, post) for post in at.all("post")
    )


def _is_trend(at: kit.At, trend: kit.Record) -> bool:
    is_wanted = at.held("section", SECTIONS[0]) == SECTIONS[0] or trend.flag("is_news")
    return is_wanted and not at.held("query")


def _author_of(at: kit.At, author: kit.Record) -> bool:
    return author.id == at.record.number("author")


def _reply(at: kit.At) -> Mapping[str, kit.Value]:
    return {"author": "You", "post": at.record.id}


LIKE = kit.Flip("Like|Heart", glyph="heart-outline", column="is_liked", on_words="Liked",
                on_glyph="heart", counts="likes", event="liked")  # fmt: skip
FOLLOW = kit.Flip("Follow|Subscribe", column="is_followed", on_words="Following|Subscribed",
                  counts="followers", event="followed")  # fmt: skip
NEWEST = kit.Find(sorts=(kit.Sort("Newest", "at", is_descending=True),))
BEST = kit.Find(sorts=(kit.Sort("Most liked", "likes", is_descending=True),))
PEOPLE = kit.Face(title="{name}", lines=("@{handle}", "{bio}"), picture="initial")


def _pages(label: str, *, picture: str, sections: Sequence[str] = ()) -> tuple[kit.Page, ...]:
    face = kit.Face(
        title="{author.name}", picture=picture,
        lines=("@{author.handle} · {age}", "{likes:short} likes", "{title}", "{text}"),
    )  # fmt: skip

    def posts(where: kit.Where | None, find: kit.Find, end: str = "") -> kit.Rows:
        return kit.Rows(entity="post", opens="post", face=face, where=where, find=find, empty="",
                        row_acts=(LIKE,), end=end, looks=("cards",))  # fmt: skip

    return (
        kit.Page("home", f"{label} for you", tab="Home|Feed", glyph="home",
                 blocks=(posts(None, NEWEST, "You have seen all posts"),)),
        kit.Page(
            "explore", "Explore|Search|Discover", glyph="magnify",
            blocks=(
                kit.Tabs("tab", TABS, when="searching"),
                *([kit.Tabs("section", sections, when="browsing")] if sections else []),
                kit.Rows(entity="trend", heading="Trending|What is happening", searches="{name}",
                         looks=("list",),
                         face=kit.Face(title="{place} · Trending", lines=("{name}", "{posts}")),
                         where=_is_trend,
                         find=kit.Find(search=("{name}",)), empty=""),
                posts(_is_top, BEST), posts(_is_latest, NEWEST),
                kit.Rows(entity="author", opens="profile", face=PEOPLE, where=_is_person, empty="",
                         looks=("list",)),
            ),
        ),
        kit.Page("own", "Profile|You", glyph="account",
                 blocks=(kit.Rows(entity="author", opens="profile", face=PEOPLE, looks=("list",),
                                  heading="Accounts you follow|Following", empty="None yet",
                                  where=kit.has("is_followed")),)),
        kit.Page(
            "post", "Post", entity="post",
            blocks=(
                kit.Rows(entity="author", opens="profile", where=_author_of, row_acts=(FOLLOW,),
                         looks=("list",), face=kit.Face(title="{name}", lines=("@{handle}",),
                                                        picture="initial")),
                *([kit.Hero("art")] if picture == "art" else []),
                kit.Headline("{title}"), kit.Prose("", "{text}"),
                kit.Facts((("clock-outline", "Posted", "Posted {age} ago · {topic}"),
                           ("heart-outline", "Likes", "{likes:short} likes"))),
                kit.Buttons((LIKE,)),
                kit.Rows(entity="reply", heading="Replies|Comments", looks=("list",),
                         where=kit.refers("post"), empty="No replies",
                         face=kit.Face(title="{author}", text="{text}", lines=("{likes} likes",))),
                kit.Composer("reply", _reply, "replied", hint="Post your reply|Add a comment"),
            ),
        ),
        kit.Page(
            "profile", "{name}", entity="author",
            blocks=(
                kit.Hero("initial"),
                kit.Headline("{name}", ("@{handle}", "{bio}",
                                        "{followers:short} followers · {following} following")),
                kit.Buttons((FOLLOW,)),
                posts(kit.refers("author"), NEWEST, "No more posts"),
            ),
        ),
    )  # fmt: skip


X = kit.AppSpec(
    package="com.twitter.android", label="X", glyph="alpha-x", color="#000000",
    entities=(AUTHOR, POST, REPLY, TREND), fill=_fill,
    pages=_pages("X", picture="initial", sections=SECTIONS),
    tabs=("home", "explore", "own"),
    looks=kit.Looks(accents=("#1D9BF0", "#1F1F1F", "#00796B")),
)  # fmt: skip
LEMON8 = kit.AppSpec(
    package="com.bd.nproject", label="Lemon8", glyph="fruit-citrus", color="#FFEB3B",
    glyph_color="#1F1F1F", entities=X.entities, fill=_fill, pages=_pages("Lemon8", picture="art"),
    tabs=X.tabs,
    looks=kit.Looks(accents=("#8A6D00", "#6D7A00", "#C2185B")),
)  # fmt: skip
FEEDS = (X, LEMON8)
