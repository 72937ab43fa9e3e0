"""Feeds: posts, accounts, the page of a post and the page of an account."""

from tapgraph.tools.mobile.simulator.app import Activity
from tapgraph.tools.mobile.simulator.apps.feed_posts import Feed
from tapgraph.tools.mobile.simulator.apps.parts import GREY, end_of_list, page, section, top_bar
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Column,
    Divider,
    IconButton,
    Label,
    Picture,
    Row,
    View,
)
from tapgraph.tools.mobile.simulator.world.post import Author, Post, Reply

__all__ = ["PostPage", "ProfilePage", "author_row", "in_short", "post_card"]

_PINK = "#E0245E"


def in_short(count: int) -> str:
    """A number as feeds write it.

    >>> in_short(666), in_short(1792), in_short(27820)
    ('666', '1,792', '27.8K')
    """
    return f"{count:,}" if count < 10000 else f"{count / 1000:.1f}K"


def post_card(app: Feed, post: Post) -> View:
    """A post in a list: who, when, what, and how many like it."""
    picture: list[View] = []
    if app.style.has_pictures:
        picture = [Picture(f"{post.title} {post.handle}", style="art", height=150, corner_dp=12)]
    return Column(
        [
            Column(
                [
                    _byline(app, post),
                    *_text(post, max_lines=3),
                    *picture,
                    Label(f"{len(post.replies)} replies", size_sp=13, color=GREY),
                ],
                gap=6,
                padding=(16, 12),
            ),
            Divider(),
        ],
        key=f"post {post.number}",
        on_click=lambda: app.open(PostPage(app, post)),
    )


def author_row(app: Feed, author: Author) -> View:
    """An account in a list."""
    return Column(
        [
            Row(
                [
                    Picture(author.display_name, style="initial", width=44, height=44),
                    Column(
                        [
                            Label(author.display_name, size_sp=16, bold=True),
                            Label(f"@{author.handle}", color=GREY),
                            Label(author.bio, size_sp=13, max_lines=1),
                        ],
                        weight=1,
                        gap=2,
                    ),
                ],
                gap=12,
                padding=(16, 10),
            ),
            Divider(),
        ],
        key=f"author {author.handle}",
        on_click=lambda: app.open(ProfilePage(app, author)),
    )


def _byline(app: Feed, post: Post) -> View:
    author = app.world.author(app.label, post.handle)
    return Row(
        [
            Picture(author.display_name, style="initial", width=36, height=36),
            Column(
                [
                    Label(author.display_name, size_sp=15, bold=True),
                    Label(f"@{author.handle} · {post.age}", size_sp=13, color=GREY),
                ],
                weight=1,
                gap=1,
            ),
            IconButton(
                "heart" if app.is_marked("like", post.number) else "heart-outline",
                desc="Like",
                glyph_dp=20,
                width=40,
                height=40,
                color=_PINK,
                on_click=lambda: app.toggle_mark("like", post.number),
            ),
            Label(f"{in_short(app.likes(post))} likes", size_sp=13, color=GREY),
        ],
        gap=8,
    )


def _text(post: Post, *, max_lines: int) -> list[View]:
    title: list[View] = []
    if post.title:
        title = [Label(post.title, id="post_title", size_sp=17, bold=True)]
    return [*title, Label(post.text, id="post_text", size_sp=15, max_lines=max_lines)]


class PostPage(Activity[Feed]):
    """One post with its replies."""

    def __init__(self, app: Feed, post: Post) -> None:
        super().__init__(app)
        self.post = post

    def on_open(self) -> None:
        """Remember the visit."""
        self.app.record("post_opened", self.post.number)

    def build(self) -> View:
        """The whole text, the author with a follow button, the replies."""
        post, app = self.post, self.app
        picture: list[View] = []
        if app.style.has_pictures:
            picture = [Picture(f"{post.title} {post.handle}", style="art", height=240)]
        return page(
            top_bar("Post", self.finish),
            [
                *picture,
                Column(
                    [
                        Row([self._author(), follow_button(app, post.handle)], gap=12),
                        *_text(post, max_lines=0),
                        Label(f"Posted {post.age} ago · {post.topic}", size_sp=13, color=GREY),
                        self._like_row(),
                    ],
                    gap=10,
                    padding=16,
                ),
                Divider(),
                section("Replies"),
                *(self._reply(reply) for reply in post.replies),
                end_of_list("No more replies"),
            ],
        )

    def _author(self) -> View:
        author = self.app.world.author(self.app.label, self.post.handle)
        return Row(
            [
                Picture(author.display_name, style="initial", width=40, height=40),
                Column(
                    [
                        Label(author.display_name, size_sp=16, bold=True),
                        Label(f"@{author.handle}", id="account_name", color=GREY),
                    ],
                    weight=1,
                ),
            ],
            gap=10,
            weight=1,
            width="wrap",
            on_click=lambda: self.open(ProfilePage(self.app, author)),
        )

    def _like_row(self) -> View:
        is_liked = self.app.is_marked("like", self.post.number)
        return Row(
            [
                Button(
                    "Liked" if is_liked else "Like",
                    glyph="heart" if is_liked else "heart-outline",
                    style="outlined",
                    color=_PINK,
                    on_click=lambda: self.app.toggle_mark("like", self.post.number),
                ),
                Label(f"{in_short(self.app.likes(self.post))} likes", id="likes", size_sp=15),
            ],
            gap=12,
        )

    def _reply(self, reply: Reply) -> View:
        return Column(
            [
                Label(f"@{reply.handle}", size_sp=13, color=GREY),
                Label(reply.text, size_sp=15),
                Label(f"{reply.likes} likes", size_sp=12, color=GREY),
            ],
            key=f"reply {reply.handle} {reply.text}",
            gap=2,
            padding=(16, 8),
        )


def follow_button(app: Feed, handle: str) -> View:
    """Follow an account, or no longer."""
    is_followed = app.is_marked("follow", handle)
    return Button(
        "Following" if is_followed else "Follow",
        id="follow",
        style="outlined" if is_followed else "filled",
        color="#1F1F1F",
        on_click=lambda: app.toggle_mark("follow", handle),
    )


class ProfilePage(Activity[Feed]):
    """One account with its posts."""

    def __init__(self, app: Feed, author: Author) -> None:
        super().__init__(app)
        self.author = author

    def on_open(self) -> None:
        """Remember the visit."""
        self.app.record("profile_opened", self.author.handle)

    def build(self) -> View:
        """Names, numbers, a follow button and the posts."""
        author, app = self.author, self.app
        followers = author.followers + app.is_marked("follow", author.handle)
        posts = [post for post in app.posts() if post.handle == author.handle]
        return page(
            top_bar(author.display_name, self.finish),
            [
                Picture(author.bio, style="landscape", height=110),
                Column(
                    [
                        Row([
                            Picture(author.display_name, style="initial", width=64, height=64),
                            Label("", weight=1),
                            follow_button(app, author.handle),
                        ]),
                        Label(author.display_name, size_sp=20, bold=True),
                        Label(f"@{author.handle}", id="account_name", color=GREY),
                        Label(author.bio, size_sp=15),
                        Label(
                            f"{in_short(followers)} followers · {author.following} following",
                            color=GREY,
                        ),
                    ],
                    gap=6,
                    padding=16,
                ),
                Divider(),
                *(post_card(app, post) for post in posts),
                end_of_list("No more posts"),
            ],
        )
