"""Feeds: one kit, shown as X and Lemon8."""

from functools import partial

from tapgraph.tools.mobile.simulator.app import Activity
from tapgraph.tools.mobile.simulator.apps.feed_pages import author_row, post_card
from tapgraph.tools.mobile.simulator.apps.feed_posts import Feed
from tapgraph.tools.mobile.simulator.apps.parts import (
    GREY,
    bottom_bar,
    end_of_list,
    search_bar,
    section,
    tab_row,
)
from tapgraph.tools.mobile.simulator.views import (
    Column,
    Divider,
    Icon,
    Label,
    Row,
    ScrollColumn,
    View,
)
from tapgraph.tools.mobile.simulator.world.post import Author, Post

__all__ = ["FeedApp"]


class FeedApp(Feed):
    """A feed that opens with the newest posts."""

    def first_activity(self) -> "FeedHome":
        """The newest posts."""
        return FeedHome(self)


class FeedHome(Activity[Feed]):
    """The newest posts, the search with its trends, and the user's own page."""

    def __init__(self, app: Feed) -> None:
        super().__init__(app)
        self.tab = "Home"

    def build(self) -> View:
        """The chosen destination above the bar."""
        content = {"Home": self._home, "Explore": self._explore, "Profile": self._own_page}
        return Column(
            [
                *content[self.tab](),
                bottom_bar(
                    (("home", "Home"), ("magnify", "Explore"), ("account", "Profile")),
                    self.tab,
                    self._select,
                    color=self.app.style.accent,
                ),
            ],
            height="match",
        )

    def on_back(self) -> bool:
        """Back leads to the home tab first."""
        was_elsewhere = self.tab != "Home"
        self.tab = "Home"
        return was_elsewhere

    def _select(self, tab: str) -> None:
        self.tab = tab

    def _home(self) -> list[View]:
        return [
            Row(
                [
                    Icon(self.app.glyph, size_dp=28, color="#1F1F1F"),
                    Label(f"{self.app.label} for you", id="title", size_sp=20, bold=True),
                ],
                gap=8,
                padding=(16, 10),
            ),
            Divider(),
            ScrollColumn(
                [
                    *(post_card(self.app, post) for post in self.app.posts()),
                    end_of_list("You have seen all posts"),
                ],
                id="feed",
                key="home",
                weight=1,
            ),
        ]

    def _explore(self) -> list[View]:
        return [
            search_bar(f"Search {self.app.label}", "", self._search),
            ScrollColumn(
                [
                    section("Trending"),
                    *(
                        self._trend(place, topic)
                        for place, topic in enumerate(self.app.world.trends(self.app.label), 1)
                    ),
                    end_of_list("These are all trends"),
                ],
                id="trends",
                key="explore",
                weight=1,
            ),
        ]

    def _trend(self, place: int, topic: str) -> View:
        count = sum(1 for post in self.app.posts() if post.topic == topic)
        return Column(
            [
                Label(f"{place} · Trending", size_sp=12, color=GREY),
                Label(topic, size_sp=16, bold=True),
                Label(f"{count} posts" if count > 1 else "1 post", size_sp=12, color=GREY),
            ],
            key=topic,
            gap=2,
            padding=(16, 10),
            on_click=partial(self._search, topic),
        )

    def _search(self, text: str) -> None:
        if text.strip():
            self.open(FeedResults(self.app, text.strip()))

    def _own_page(self) -> list[View]:
        rows = self.app.database.execute(
            "SELECT subject FROM marks WHERE kind = 'follow' ORDER BY at"
        ).fetchall()
        followed = [self.app.world.author(self.app.label, handle) for (handle,) in rows]
        return [
            section("Accounts you follow"),
            ScrollColumn(
                [
                    *(author_row(self.app, author) for author in followed),
                    end_of_list(f"{len(followed)} accounts" if followed else "None yet"),
                ],
                id="followed",
                key="profile",
                weight=1,
            ),
        ]


class FeedResults(Activity[Feed]):
    """What a search finds: well liked posts, the newest, and accounts."""

    def __init__(self, app: Feed, query: str) -> None:
        super().__init__(app)
        self.query = query
        self.tab = "Top"

    def on_open(self) -> None:
        """Remember the search."""
        self.app.record("search", self.query)

    def build(self) -> View:
        """Search field, tabs and the list."""
        return Column(
            [
                search_bar(
                    f"Search {self.app.label}", self.query, self._search, on_back=self.finish
                ),
                tab_row(
                    ("Top", "Latest", "People"),
                    self.tab,
                    self._select,
                    color=self.app.style.accent,
                ),
                Divider(),
                ScrollColumn(
                    [*self._entries(), end_of_list("End of results")],
                    id="results",
                    key=f"{self.query} {self.tab}",
                    weight=1,
                ),
            ],
            height="match",
        )

    def _entries(self) -> list[View]:
        posts = list(self.app.world.posts_matching(self.app.label, self.query))
        if self.tab == "People":
            return [author_row(self.app, author) for author in self._people(posts)]
        if self.tab == "Latest":
            posts.sort(key=lambda post: post.hours_ago)
        return [post_card(self.app, post) for post in posts]

    def _people(self, posts: list[Post]) -> list[Author]:
        world, feed, wanted = self.app.world, self.app.label, self.query.casefold().lstrip("@")
        named = [
            author.handle
            for author in world.authors
            if author.feed == feed
            and (wanted in author.handle.casefold() or wanted in author.display_name.casefold())
        ]
        handles = dict.fromkeys([*named, *(post.handle for post in posts)])
        return [world.author(feed, handle) for handle in handles]

    def _select(self, tab: str) -> None:
        self.tab = tab

    def _search(self, text: str) -> None:
        if text.strip():
            self.query, self.tab = text.strip(), "Top"
            self.app.record("search", self.query)
            self.app.phone.close_keyboard()
