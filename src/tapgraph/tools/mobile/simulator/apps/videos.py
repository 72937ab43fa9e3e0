"""Videos: a feed, channels to subscribe to, a list for later, comments."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import lookalike, people

__all__ = ["VIDEOS"]

CHANNEL = kit.Entity(
    "channel",
    {"name": "text", "about": "text", "subscribers": "number", "is_subscribed": "flag"},
)
VIDEO = kit.Entity(
    "video",
    {"title": "text", "channel": "channel", "topic": "text", "views": "number", "likes": "number",
     "length": "text", "published": "when", "is_liked": "flag", "is_later": "flag"},
)  # fmt: skip
COMMENT = kit.Entity(
    "comment",
    {"text": "text", "author": "text", "video": "video", "likes": "number", "is_liked": "flag",
     "sent": "when"},
)  # fmt: skip
TOPICS: Mapping[str, tuple[str, ...]] = {
    "Cooking": ("Bread in one bowl", "Five soups for winter", "Knife skills in 10 minutes",
                "Pasta from scratch", "Pasta without a machine"),
    "Music": ("Piano for beginners, lesson 1", "Piano for beginners, lesson 2",
              "Rainy day playlist", "How a violin is made"),
    "Travel": ("A week on the coast", "Night trains explained", "Packing light for a month"),
    "Science": ("Why the sky is blue", "Why the sea is blue", "Black holes, simply"),
    "Repair": ("Fix a flat tire", "Fix a flat e-bike tire", "Oil a squeaky door"),
}  # fmt: skip
REMARKS = ("Finally someone explains it.", "Works, thank you!", "The part at 4:10 is gold.",
           "I disagree about step two.", "Greetings from Ohio.", "Too much music.")  # fmt: skip


LESSONS = ("How to make {}", "{}, step by step", "{} in my kitchen")


def _fill(app: kit.KitApp, random: Random) -> None:
    for topic in TOPICS:
        name = f"{random.choice(('Daily', 'Simple', 'Studio', 'Hello'))} {topic}"
        for one in (name, lookalike(name)):
            app.store.add("channel", name=one, subscribers=random.randrange(300, 4_000_000),
                          about=f"Videos about {topic.lower()}, twice a week.",
                          is_subscribed=topic == "Travel" or random.random() < 0.2)  # fmt: skip
    lessons = [random.choice(LESSONS).format(one.title) for one in app.world.recipes]
    for number, (topic, first) in enumerate(TOPICS.items()):
        for title in (*first, *(lessons if topic == "Cooking" else ())):
            published = app.phone.clock - timedelta(hours=random.randrange(3, 9000))
            video = app.store.add(
                "video", title=title, topic=topic, channel=1 + 2 * number + random.randrange(2),
                views=random.randrange(200, 9_000_000), likes=random.randrange(20, 90_000),
                length=f"{random.randrange(2, 40)}:{random.randrange(60):02}",
                published=published.isoformat(timespec="minutes"),
                is_later=title == first[0] or random.random() < 0.1,
            )  # fmt: skip
            for author in people(random, 3):
                app.store.add("comment", video=video, author=author, text=random.choice(REMARKS),
                              likes=random.randrange(900), sent=published.isoformat())  # fmt: skip


def _comment(at: kit.At) -> Mapping[str, kit.Value]:
    return {"video": at.record.id, "author": "You",
            "sent": at.scene.now.isoformat(timespec="seconds")}  # fmt: skip


def _videos(where: kit.Where | None = None, *, has_ads: bool = False) -> kit.Rows:
    return kit.Rows(
        entity="video", opens="video", where=where, empty="No videos|Nothing here yet",
        has_ads=has_ads,
        face=kit.Face(title="{title}", picture="landscape",
                      lines=("{channel}", "{views:short} views, {published:ago}, {length}")),
        find=kit.Find(
            search=("{title}", "{channel}", "{topic}"), hint="Search videos|Search",
            filters=tuple(kit.Filter(topic, kit.equals("topic", topic)) for topic in TOPICS),
            sorts=(kit.Sort("Newest", "published", is_descending=True),
                   kit.Sort("Most watched|Popular", "views", is_descending=True)),
        ),
    )  # fmt: skip


SUBSCRIBE = kit.Flip("Subscribe|Follow", column="is_subscribed", on_words="Subscribed|Following",
                     counts="subscribers", event="subscribed")  # fmt: skip
LIKE = kit.Flip("Like", glyph="thumb-up-outline", column="is_liked", on_words="Liked",
                on_glyph="thumb-up", counts="likes", event="liked")  # fmt: skip
LATER = kit.Flip("Watch later|Save", glyph="clock-plus-outline", column="is_later",
                 on_words="Saved", on_glyph="clock-check", event="saved")  # fmt: skip
CHANNELS = kit.Face(title="{name}", lines=("{subscribers:short} subscribers",), picture="initial")
PAGES = (
    kit.Page("home", "Home|For you", (_videos(has_ads=True),), glyph="home"),
    kit.Page(
        "channels", "Subscriptions|Following", glyph="youtube-subscription",
        blocks=(kit.Rows(entity="channel", opens="channel", face=CHANNELS, looks=("list", "cards"),
                         where=kit.has("is_subscribed"),
                         empty="You follow nobody yet"),),
    ),
    kit.Page("later", "Watch later|Saved videos", glyph="clock-outline",
             blocks=(_videos(kit.has("is_later")),)),
    kit.Page(
        "video", "Video|Now playing", entity="video", acts=(LATER,),
        blocks=(
            kit.Hero("landscape"),
            kit.Headline("{title}", ("{views} views, {published:ago}", "{likes:short} likes")),
            kit.Buttons((LIKE,)),
            kit.Rows(entity="channel", opens="channel", face=CHANNELS, row_acts=(SUBSCRIBE,),
                     where=lambda at, channel: channel.id == at.record.number("channel"),
                     looks=("list",)),
            kit.Rows(entity="comment", heading="Comments|What people say", looks=("list",),
                     where=kit.refers("video"),
                     face=kit.Face(title="{text}", lines=("{author}, {likes} likes",),
                                   is_loud=lambda _, __: False),
                     row_acts=(kit.Flip("Like comment", glyph="heart-outline", column="is_liked",
                                        on_glyph="heart", counts="likes"),)),
            kit.Composer("comment", _comment, "commented", hint="Add a comment|Say something"),
        ),
    ),
    kit.Page(
        "channel", "Channel", entity="channel",
        blocks=(
            kit.Hero("initial"), kit.Headline("{name}", ("{subscribers} subscribers", "{about}")),
            kit.Buttons((SUBSCRIBE,)),
            kit.Rows(entity="video", opens="video", heading="Videos|Uploads",
                     where=kit.refers("channel"),
                     face=kit.Face(title="{title}", picture="landscape",
                                   lines=("{views:short} views, {published:ago}",))),
        ),
    ),
)  # fmt: skip

VIDEOS = kit.AppSpec(
    package="com.google.android.youtube", label="YouTube", glyph="youtube", color="#FFFFFF",
    glyph_color="#FF0000", entities=(CHANNEL, VIDEO, COMMENT), fill=_fill, pages=PAGES,
    tabs=("home", "channels", "later"), looks=kit.Looks(accents=("#CC0000", "#1F1F1F", "#065FD4")),
    interruptions=(kit.SIGN_IN, kit.COOKIES),
)  # fmt: skip
