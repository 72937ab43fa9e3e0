"""Tasks on feeds: whom to follow."""

import re
from dataclasses import dataclass
from typing import Self

from tapgraph.tools.mobile.simulator.tasks.notes import added_text, write_note
from tapgraph.tools.mobile.simulator.tasks.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.tasks.rules import (
    GENERAL_RULES,
    leave_page_without_field,
    open_app,
    scroll_down,
    search_for,
    searched_for,
    tap_text,
)
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Subgoal
from tapgraph.tools.mobile.simulator.tasks.task import TaskCheck
from tapgraph.tools.mobile.simulator.world.post import HIGHLY_LIKED_FROM, Author
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["CreatorsTask"]

_FEEDS = {"lemon8": "Lemon8", "x": "X"}
_POST = re.compile(
    r"(?P<name>[^@]+), @(?P<handle>[\w.]+) · \d+[hd], (?P<likes>[\d,.]+K?) likes, .*", re.DOTALL
)
_ENOUGH = 2
_WANTED = 3


@dataclass(frozen=True, slots=True)
class CreatorsTask:
    """Note the account names of those who wrote highly liked posts on a topic."""

    feed: str
    topic: str

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """Creators (accounts, people) on a feed with highly liked posts about a topic.

        >>> CreatorsTask.match("Note accounts on X that have well-liked posts on lunar landers.")
        CreatorsTask(feed='X', topic='lunar landers')
        """
        found = re.search(
            r"(?i)(?:creators?|accounts?|people|authors?)\b.*?\bon [\"'“]?(?P<feed>lemon8|x)\b.*?"
            r"\b(?:highly|most|well|much)[- ]liked posts? (?:about|on) (?P<topic>[^.,;]+?)"
            r"(?= and (?:write|list|note|save|add|put)\b|[.,;]|$)",
            instruction,
        )
        return cls(_FEEDS[found["feed"].lower()], found["topic"].strip()) if found else None

    def authors(self, world: World) -> tuple[list[Author], list[Author]]:
        """Who wrote a highly liked post on the topic, and who only wrote others on it."""
        posts = world.posts_matching(self.feed, self.topic)
        liked = dict.fromkeys(post.handle for post in posts if post.is_highly_liked)
        others = dict.fromkeys(post.handle for post in posts if post.handle not in liked)
        return (
            [world.author(self.feed, handle) for handle in liked],
            [world.author(self.feed, handle) for handle in others],
        )

    def check(self, world: World, records: PhoneRecords, /) -> TaskCheck:
        """The notes must name two or more of the first (or the only one), none of the others."""
        text = added_text(records).casefold()

        def is_named(author: Author) -> bool:
            return author.handle.casefold() in text or author.display_name.casefold() in text

        liked, others = self.authors(world)
        named = [author for author in liked if is_named(author)]
        reasons = [
            f"the note names {author.handle}, no post of whom has {HIGHLY_LIKED_FROM} likes"
            for author in others
            if is_named(author)
        ]
        if len(named) < min(_ENOUGH, len(liked)) or not named:
            reasons.append(
                f"the note names {len(named)} of the {len(liked)} accounts with highly liked posts"
            )
        return TaskCheck(tuple(reasons))

    def subgoals(self) -> tuple[Subgoal, ...]:
        """Read the best-liked posts, then write the names down."""
        return (
            Subgoal(
                f"Search {self.feed} for {self.topic} and find creators of highly liked posts",
                (
                    *GENERAL_RULES,
                    open_app(self.feed),
                    self._read,
                    leave_page_without_field,
                    _open_search,
                    search_for(self.topic),
                ),
                self._has_enough,
                self._creators_on,
            ),
            write_note(
                "List their account names in a note",
                f"{self.feed}: {self.topic}",
                lambda glance: "\n".join(f"@{handle}" for handle in _noted_handles(glance)),
            ),
        )

    def _read(self, glance: Glance) -> Move | None:
        if not self._is_found(glance):
            return None
        if not any("selected" in tab.states for tab in glance.of_role("tab") if tab.text == "Top"):
            return tap_text("Top", "tab", expectation="The best-liked posts.")(glance)
        return scroll_down("I look for more creators.")(glance)

    def _is_found(self, glance: Glance) -> bool:
        return searched_for(glance, self.topic) and bool(glance.of_role("tab"))

    def _creators_on(self, glance: Glance) -> tuple[str, ...]:
        if not self._is_found(glance):
            return ()
        known = set(_noted_handles(glance))
        posts = [post for one in glance.of_role("button") if (post := _POST.fullmatch(one.text))]
        facts = [
            f"creator @{post['handle']}: a post with {post['likes']} likes"
            for post in posts
            if _likes(post["likes"]) >= HIGHLY_LIKED_FROM and post["handle"] not in known
        ]
        if any(_likes(post["likes"]) < HIGHLY_LIKED_FROM for post in posts):
            facts.append(_END)
        return tuple(facts)

    def _has_enough(self, glance: Glance) -> bool:
        return len(_noted_handles(glance)) >= _WANTED or bool(glance.noted(re.escape(_END)))


_END = "the posts that follow have few likes"


def _noted_handles(glance: Glance) -> tuple[str, ...]:
    found = glance.noted(r"creator @(?P<handle>[\w.]+): .*")
    return tuple(dict.fromkeys(match["handle"] for match in found))


def _likes(text: str) -> int:
    number = float(text.rstrip("K").replace(",", ""))
    return round(number * 1000) if text.endswith("K") else round(number)


def _open_search(glance: Glance) -> Move | None:
    if glance.of_role("input"):
        return None
    return tap_text("Explore", expectation="A page with a search field.")(glance)
