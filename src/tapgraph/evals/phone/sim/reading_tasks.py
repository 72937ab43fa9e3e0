"""Feeds and videos: whom people like, and what to follow, save, answer and pass on."""

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    kept,
    note_says,
    tells,
    there_are,
    there_is,
    value_is,
)
from tapgraph.evals.phone.sim.spelling import spelled_count
from tapgraph.evals.phone.sim.texting import friends, only_they_know, texted
from tapgraph.evals.phone.sim.ways import do, look_at, send_message, tell, write_note
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["READING_TASKS"]

_FEEDS = ("X", "Lemon8")
_MANY_LIKES = 1000
_LEAST_VIEWS = 1_000_000
"""From here on lists show views in millions."""


def note_creators(draw: Draw) -> Sketch:
    """The accounts with highly liked posts on a topic, in a note."""
    feed = draw.one(_FEEDS)
    topic, posts = _topic(draw, feed)
    authors = _authors(draw, feed)
    liked = sorted({one.number("author") for one in posts if one.number("likes") > _MANY_LIKES})
    rest = sorted({one.number("author") for one in posts} - set(liked))
    draw.demand(bool(liked and rest))
    others = [_names(authors[number]) for number in rest]
    handles = [f"@{authors[number].text('handle')}" for number in liked]
    everybody = [f"@{authors[number].text('handle')}" for number in (*liked, *rest)]
    return Sketch(
        says=(
            f"Note which accounts on {feed} have posts about {topic!r} with more than 1,000 likes. "
            "Only those.",
            f"Who writes highly liked posts (over 1,000 likes) about {topic} on {feed}? List all "
            "these account names in a note, and no others.",
        ),
        rubrics=(
            *(note_says(f"the note has {authors[number].text('handle')}", _names(authors[number]))
              for number in liked),
            note_says("the note has nobody else", _names(authors[liked[0]]), but_not=others),
        ),
        aims=(look_at(feed, "explore", settings={"query": topic},
                      facts=(f"{', '.join(handles)} have posts with over 1,000 likes",)),
              write_note(f"{topic} on {feed}", "\n".join(handles))),
        wrong={"everybody who writes about it": (write_note(topic, "\n".join(everybody)),)},
        parameters={"feed": feed, "topic": topic, "accounts": len(liked)},
    )  # fmt: skip


def follow_best_author(draw: Draw) -> Sketch:
    """The author of the most liked post on a topic, and nobody else."""
    feed = draw.one(_FEEDS)
    topic, posts = _topic(draw, feed)
    best, second = _ranked(posts, "likes")[:2]
    authors = _authors(draw, feed)
    draw.demand(_tells_apart(best, second) and best.number("author") != second.number("author"))
    author, other = (authors[one.number("author")] for one in (best, second))
    follow = do(feed, "profile", "follow", author)
    return Sketch(
        says=(
            f"Follow whoever wrote the most liked post about {topic!r} on {feed}.",
            f"Which post on {topic} got the most likes on {feed}? Follow its author, only that "
            "one.",
        ),
        rubrics=(
            value_is("the author is followed", feed, author, "is_followed", 1),
            all_of("nobody else is", value_is("that", feed, author, "is_followed", 1),
                   there_are("followed", feed, "author", 1, is_followed=1)),
        ),
        aims=(look_at(feed, "post", best, facts=(f"{best.number('likes')} likes",)), follow),
        wrong={"the second best": (do(feed, "profile", "follow", other),),
               "two of them": (follow, do(feed, "profile", "follow", other))},
        parameters={"feed": feed, "topic": topic, "author": author.text("handle")},
    )  # fmt: skip


def like_newest_post(draw: Draw) -> Sketch:
    """The newest post of an account, and no other."""
    feed = draw.one(_FEEDS)
    author = draw.one(draw.all(feed, "author"))
    posts = [one for one in draw.all(feed, "post") if one.number("author") == author.id]
    draw.demand(len(posts) > 1)
    newest, older = _ranked(posts, "at")[:2]
    draw.demand(newest.text("age") != older.text("age"))
    like = do(feed, "profile", "like", author, row=newest)
    return Sketch(
        says=(
            f"Like the newest post of @{author.text('handle')} on {feed}, but no older one.",
            f"{author.title} posted something new on {feed}. Give their latest post a like.",
        ),
        rubrics=(
            value_is("the newest post is liked", feed, newest, "is_liked", 1),
            all_of("no other is", value_is("that", feed, newest, "is_liked", 1),
                   there_are("liked", feed, "post", 1, is_liked=1)),
        ),
        aims=(like,),
        wrong={"an older one": (do(feed, "profile", "like", author, row=older),),
               "both": (like, do(feed, "profile", "like", author, row=older))},
        parameters={"feed": feed, "author": author.text("handle")},
    )  # fmt: skip


def reply_to_best_post(draw: Draw) -> Sketch:
    """A reply to the most liked post on a topic."""
    feed = draw.one(_FEEDS)
    topic, posts = _topic(draw, feed)
    best, second = _ranked(posts, "likes")[:2]
    draw.demand(_tells_apart(best, second))
    text = draw.one(("Thanks, very helpful!", "Saved this one.", "Where can I read more?",
                     "Totally agree."))  # fmt: skip
    count = len(draw.all(feed, "reply"))
    return Sketch(
        says=(
            f"Reply {text!r} to the post about {topic!r} on {feed} that has the most likes.",
            f"On {feed}, find the most liked post on {topic} and answer it with: {text}",
        ),
        rubrics=(
            there_is("the reply is there", feed, "reply", text=text, author="You"),
            all_of("it stands once, under the most liked post",
                   there_is("there", feed, "reply", text=text, post=best.id),
                   there_are("replies", feed, "reply", count + 1)),
        ),
        aims=(_write(feed, "post", best, text),),
        wrong={"the second best": (_write(feed, "post", second, text),),
               "other words": (_write(feed, "post", best, "Nice"),)},
        parameters={"feed": feed, "topic": topic, "text": text},
    )  # fmt: skip


def count_liked_posts(draw: Draw) -> Sketch:
    """How many posts on a topic have more likes than a limit."""
    feed = draw.one(_FEEDS)
    topic, posts = _topic(draw, feed)
    limit = draw.one((500, 1000, 5000, 10_000, 20_000))
    likes = [one.number("likes") for one in posts]
    count = sum(one > limit for one in likes)
    draw.demand(1 < count < len(posts) and not any(abs(one - limit) < 100 for one in likes))
    look = look_at(feed, "explore", settings={"query": topic},
                   facts=(f"{count} of {len(posts)} posts",))  # fmt: skip
    return Sketch(
        says=(
            f"How many posts about {topic!r} on {feed} have more than {limit:,} likes? Answer "
            "with the number only.",
            f"Count the posts on {topic} on {feed} that got over {limit:,} likes and tell me just "
            "the number.",
        ),
        rubrics=(
            did("the feed was opened", feed, "home_opened"),
            tells("the number is right", spelled_count(count), but_not=[str(len(posts))]),
        ),
        aims=(look, tell(str(count))),
        wrong={"all of them": (look, tell(str(len(posts)))),
               "one less": (look, tell(str(count - 1)))},
        parameters={"feed": feed, "topic": topic, "limit": limit, "count": count},
    )  # fmt: skip


def refuse_missing_account(draw: Draw) -> Sketch:
    """An account that the other feed has, and this one does not."""
    feed, elsewhere = draw.some(_FEEDS, 2)
    author, other = draw.one(draw.all(elsewhere, "author")), draw.one(draw.all(feed, "author"))
    handle = author.text("handle")
    words = {word for one in draw.all(feed, "author") for word in one.title.split()}
    draw.demand(not words & set(author.title.split()))
    return Sketch(
        says=(
            f"Follow @{handle} on {feed}.",
            f"I want to see what {author.title} (@{handle}) posts on {feed}. Follow that account.",
        ),
        rubrics=(
            did("the account was searched for", feed, "search"),
            all_of("nobody was followed",
                   *(there_are(f"on {one}", one, "author", 0, is_followed=1) for one in _FEEDS)),
        ),
        aims=(look_at(feed, "explore", settings={"query": handle, "tab": "People"},
                      facts=(f"{feed} has nobody called {handle}",)),),
        right_end="cannot",
        wrong={"somebody else": (do(feed, "profile", "follow", other),),
               "on the other feed": (do(elsewhere, "profile", "follow", author),)},
        parameters={"feed": feed, "account": handle},
    )  # fmt: skip


def subscribe_to_maker(draw: Draw) -> Sketch:
    """The channel that made a video, and no other."""
    video, more = draw.some(draw.all("YouTube", "video"), 2)
    channels = {one.id: one for one in draw.all("YouTube", "channel")}
    channel, other = channels[video.number("channel")], channels[more.number("channel")]
    draw.demand(channel.id != other.id)
    draw.demand(not channel.flag("is_subscribed") and not other.flag("is_subscribed"))
    subscribe = do("YouTube", "channel", "subscribe", channel)
    others = [one for one in channels.values() if one.id != channel.id]
    return Sketch(
        says=(
            f"Subscribe to the YouTube channel that made {video.title!r}.",
            f"I liked the video {video.title!r}. Subscribe me to its channel on YouTube, nothing "
            "else.",
        ),
        rubrics=(
            value_is("the channel is subscribed", "YouTube", channel, "is_subscribed", 1),
            all_of("the others are as they were",
                   value_is("that", "YouTube", channel, "is_subscribed", 1),
                   kept("others", "YouTube", others, "is_subscribed")),
        ),
        aims=(look_at("YouTube", "video", video), subscribe),
        wrong={"one more": (subscribe, do("YouTube", "channel", "subscribe", other)),
               "saved the video": (do("YouTube", "video", "watch_later", video),)},
        parameters={"video": video.title, "channel": channel.title},
    )  # fmt: skip


def leave_smaller_twin(draw: Draw) -> Sketch:
    """Of two channels on a topic that the user follows, the one with fewer subscribers."""
    topics = _topics(draw)
    channels = list(draw.all("YouTube", "channel"))
    pairs = [(topic, channels[2 * place : 2 * place + 2]) for place, topic in enumerate(topics)]
    topic, pair = draw.one([(topic, pair) for topic, pair in pairs
                            if all(one.flag("is_subscribed") for one in pair)])  # fmt: skip
    small, large = sorted(pair, key=lambda one: one.number("subscribers"))
    draw.demand(large.number("subscribers") > small.number("subscribers"))
    leave = do("YouTube", "channel", "subscribe", small)
    others = [one for one in channels if one.id != small.id]
    return Sketch(
        says=(
            f"I follow two channels about {topic.lower()} on YouTube. Unsubscribe from the one "
            "with fewer subscribers.",
            f"Of my two {topic.lower()} subscriptions on YouTube, keep the bigger channel and "
            "leave the other.",
        ),
        rubrics=(
            value_is("the smaller channel is left", "YouTube", small, "is_subscribed", 0),
            all_of("all others are kept", value_is("that", "YouTube", small, "is_subscribed", 0),
                   kept("others", "YouTube", others, "is_subscribed")),
        ),
        aims=(look_at("YouTube", "channel", large), look_at("YouTube", "channel", small), leave),
        wrong={"the larger one": (do("YouTube", "channel", "subscribe", large),),
               "both": (leave, do("YouTube", "channel", "subscribe", large))},
        parameters={"topic": topic, "channel": small.title},
    )  # fmt: skip


def save_shortest_video(draw: Draw) -> Sketch:
    """The shortest video on a topic, for later."""
    topic = draw.one(_topics(draw))
    short, second, *more = sorted(_videos(draw, topic), key=_seconds)
    draw.demand(_seconds(short) < _seconds(second) and not short.flag("is_later"))
    longer = draw.one([one for one in (second, *more) if not one.flag("is_later")])
    save = do("YouTube", "video", "watch_later", short)
    others = [one for one in draw.all("YouTube", "video") if one.id != short.id]
    return Sketch(
        says=(
            f"Save the shortest {topic.lower()} video on YouTube to watch it later.",
            f"I have little time: put the shortest of YouTube's videos on {topic.lower()} on my "
            "list for later.",
        ),
        rubrics=(
            value_is("the shortest is saved", "YouTube", short, "is_later", 1),
            all_of("the list is else as it was",
                   value_is("that", "YouTube", short, "is_later", 1),
                   kept("others", "YouTube", others, "is_later")),
        ),
        aims=(save,),
        wrong={"a longer one": (do("YouTube", "video", "watch_later", longer),),
               "both": (save, do("YouTube", "video", "watch_later", longer))},
        parameters={"topic": topic, "video": short.title},
    )  # fmt: skip


def clear_topic_from_later(draw: Draw) -> Sketch:
    """All saved videos on one topic go, and the others stay."""
    saved = [one for one in draw.all("YouTube", "video") if one.flag("is_later")]
    topic = draw.one(_topics(draw))
    going = [one for one in saved if one.text("topic") == topic]
    staying = [one for one in saved if one.text("topic") != topic]
    other = draw.one(staying)
    drops = [do("YouTube", "video", "watch_later", one) for one in going]
    gone = [value_is(f"{one.title} is gone", "YouTube", one, "is_later", 0) for one in going]
    return Sketch(
        says=(
            f"Remove all {topic.lower()} videos from my list for later on YouTube. Keep the rest.",
            f"I am done with {topic.lower()}. Take every video about it off my watch later list "
            "on YouTube and leave the others there.",
        ),
        rubrics=(
            *gone,
            all_of("the others stay", *gone, kept("others", "YouTube", staying, "is_later")),
        ),
        aims=tuple(drops),
        wrong={"one too many": (*drops, do("YouTube", "video", "watch_later", other)),
               "another one only": (do("YouTube", "video", "watch_later", other),)},
        parameters={"topic": topic, "videos": len(going)},
    )  # fmt: skip


def tell_most_views(draw: Draw) -> Sketch:
    """How often the most watched video on a topic was watched."""
    topic = draw.one(_topics(draw))
    best, second = _ranked(_videos(draw, topic), "views")[:2]
    draw.demand(second.number("views") > _LEAST_VIEWS)
    draw.demand(not set(_views(best)) & set(_views(second)))
    look = look_at("YouTube", "video", best, facts=(f"{best.number('views'):,} views",))
    return Sketch(
        says=(
            f"How many views has the most watched {topic.lower()} video on YouTube?",
            f"Among YouTube's videos about {topic.lower()}, find the one with the most views and "
            "tell me how many it has.",
        ),
        rubrics=(
            did("YouTube was opened", "YouTube", "home_opened"),
            tells("the number is right", _views(best), but_not=[_views(second)]),
        ),
        aims=(look, tell(f"{best.number('views'):,} views")),
        wrong={"the second": (look, tell(f"{second.number('views'):,} views"))},
        parameters={"topic": topic, "video": best.title},
    )  # fmt: skip


def pass_on_top_video(draw: Draw) -> Sketch:
    """The most watched video on a topic saved, texted, and its channel in a note."""
    topic = draw.one(_topics(draw))
    best, second = _ranked(_videos(draw, topic), "views")[:2]
    draw.demand(best.number("views") > second.number("views") and not best.flag("is_later"))
    channels = {one.id: one for one in draw.all("YouTube", "channel")}
    channel, twin = channels[best.number("channel")], channels[_twin(best.number("channel"))]
    friend, other = friends(draw, 2)
    save = do("YouTube", "video", "watch_later", best)
    note = write_note("Channel", channel.title)
    return Sketch(
        says=(
            f"Find the most watched {topic.lower()} video on YouTube. Save it for later, text its "
            f"title to {friend.title}, and write the name of its channel into a note.",
            f"Which {topic.lower()} video on YouTube has the most views? Put it on my watch later "
            f"list, send {friend.title} a message with its title, and note which channel made it.",
        ),
        rubrics=(
            value_is("the video is saved", "YouTube", best, "is_later", 1),
            texted("its title was texted", friend, best.title),
            only_they_know(draw, friend),
            note_says("its channel is noted", channel.title, but_not=[twin.title]),
        ),
        aims=(look_at("YouTube", "video", best, facts=(f"{best.title} by {channel.title}",)), save,
              send_message(friend, best.title), note),
        wrong={"the second": (do("YouTube", "video", "watch_later", second),
                              send_message(friend, second.title), note),
               "another friend, no note": (save, send_message(other, best.title)),
               "a channel alike": (save, write_note("Channel", twin.title))},
        parameters={"topic": topic, "video": best.title, "friend": friend.title},
    )  # fmt: skip


def _topic(draw: Draw, feed: str) -> tuple[str, list[Record]]:
    """A topic of a feed and its posts, of which there are several."""
    topic = draw.one(draw.all(feed, "trend")).title
    posts = [one for one in draw.all(feed, "post") if one.text("topic") == topic]
    draw.demand(len(posts) > 1)
    return topic, posts


def _authors(draw: Draw, feed: str) -> dict[int, Record]:
    return {one.id: one for one in draw.all(feed, "author")}


def _names(author: Record) -> tuple[str, str]:
    """Either says who is meant."""
    return author.text("handle"), author.title


def _ranked(things: list[Record], column: str) -> list[Record]:
    """The most first, or the newest."""
    return sorted(things, key=lambda one: one.values[column], reverse=True)


def _tells_apart(best: Record, second: Record) -> bool:
    """Whether the likes differ also where they are shown short."""
    return best.number("likes") > 1.02 * second.number("likes")


def _write(app: str, page: str, thing: Record, text: str) -> Aim:
    return do(app, page, "send", thing, settings={"draft": text})


def _topics(draw: Draw) -> list[str]:
    return list(dict.fromkeys(one.text("topic") for one in draw.all("YouTube", "video")))


def _videos(draw: Draw, topic: str) -> list[Record]:
    return [one for one in draw.all("YouTube", "video") if one.text("topic") == topic]


def _seconds(video: Record) -> int:
    minutes, _, seconds = video.text("length").partition(":")
    return int(minutes) * 60 + int(seconds)


def _views(video: Record) -> tuple[str, ...]:
    views = video.number("views")
    short = f"{views / _LEAST_VIEWS:.1f}"
    return str(views), f"{short}M", f"{short} M", f"{short} million"


def _twin(channel: int) -> int:
    """The number of the channel with almost the same name."""
    return channel + 1 if channel % 2 else channel - 1


READING_TASKS = (
    Kind(note_creators, "medium"),
    Kind(follow_best_author, "medium"),
    Kind(like_newest_post, "easy"),
    Kind(reply_to_best_post, "medium"),
    Kind(count_liked_posts, "medium"),
    Kind(refuse_missing_account, "medium"),
    Kind(subscribe_to_maker, "easy"),
    Kind(leave_smaller_twin, "medium"),
    Kind(save_shortest_video, "medium"),
    Kind(clear_topic_from_later, "medium"),
    Kind(tell_most_views, "easy"),
    Kind(pass_on_top_video, "expert"),
)
