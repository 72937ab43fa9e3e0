"""Feeds: their looks and their posts; the pages come on top."""

from dataclasses import dataclass

from tapgraph.tools.mobile.simulator.apps.recording_app import RecordingApp
from tapgraph.tools.mobile.simulator.world.post import Post
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["FEED_STYLES", "Feed", "FeedStyle"]


@dataclass(frozen=True, slots=True)
class FeedStyle:
    """How a feed looks; one with pictures shows a title and a picture for each post."""

    package: str
    label: str
    glyph: str
    color: str
    glyph_color: str
    accent: str
    has_pictures: bool


FEED_STYLES = (
    FeedStyle(
        "com.twitter.android", "X", "alpha-x", "#000000", "#FFFFFF", "#1D9BF0", has_pictures=False
    ),
    FeedStyle(
        "com.bd.nproject", "Lemon8", "fruit-citrus", "#FFEB3B", "#1F1F1F", "#8A6D00",
        has_pictures=True,
    ),
)  # fmt: skip


class Feed(RecordingApp):
    """A feed without its pages.

    Events: `search` (the query), `post_opened` (the number), `profile_opened` (the account's name).
    Marks: `like` (number of the post), `follow` (account name).
    """

    def __init__(self, world: World, style: FeedStyle) -> None:
        super().__init__(world)
        self.style = style
        self.package, self.label = style.package, style.label
        self.glyph, self.color, self.glyph_color = style.glyph, style.color, style.glyph_color

    def posts(self) -> list[Post]:
        """All posts, the newest first."""
        mine = [post for post in self.world.posts if post.feed == self.label]
        return sorted(mine, key=lambda post: (post.hours_ago, post.number))

    def likes(self, post: Post) -> int:
        """How many like the post, the user included."""
        return post.likes + self.is_marked("like", post.number)
