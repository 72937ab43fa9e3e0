"""Tasks on shops: what is on sale, and what buyers think of a product."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Self

from tapgraph.tools.mobile.screen_text import DescribedElement
from tapgraph.tools.mobile.simulator.tasks.notes import added_text, write_note
from tapgraph.tools.mobile.simulator.tasks.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.tasks.rules import (
    GENERAL_RULES,
    leave_page_without_field,
    open_app,
    scroll_down,
    search_for,
    searched_for,
    tap,
    tap_text,
)
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Subgoal
from tapgraph.tools.mobile.simulator.tasks.task import TaskCheck, task_check
from tapgraph.tools.mobile.simulator.tasks.wording import (
    PRODUCT_ROW,
    SHOP,
    content_words,
    count_of,
    sentiment_of,
    shop_label,
    shop_package,
)
from tapgraph.tools.mobile.simulator.world.product import Product
from tapgraph.tools.mobile.simulator.world.review import majority_is_positive
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["ReviewsTask", "SaleTask"]

_DETAILED_FROM = 100
_FEWEST = 3
"""Two reviews may contradict each other, so a third is always read."""


@dataclass(frozen=True, slots=True)
class SaleTask:
    """Note the prices of those of some items that are on sale in a shop."""

    shop: str
    items: tuple[str, ...]

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """Which of some items are on sale; the list stands before or after the shop.

        >>> SaleTask.match("Which of milk, eggs or butter are on sale at Walmart? Note the prices.")
        SaleTask(shop='Walmart', items=('milk', 'eggs', 'butter'))
        """
        found = re.search(
            rf"(?i)items?\b.*?\bon sale (?:at|in|on) {SHOP}\s*:\s*(?P<items>[^.?]+)", instruction
        ) or re.search(
            rf"(?i)which of (?:these |the following )?(?:items:? )?(?P<items>[^.?:]+?) (?:is|are) "
            rf"(?:currently )?on sale (?:at|in|on) {SHOP}",
            instruction,
        )
        if found is None:
            return None
        parts = re.split(r",\s*(?:(?:or|and)\s+)?|\s+(?:or|and)\s+", found["items"])
        return cls(shop_label(found["shop"]), tuple(part.strip() for part in parts if part.strip()))

    def products(self, world: World) -> dict[str, Product | None]:
        """For each item the product that the shop's search finds first."""
        return {
            item: next(iter(world.products_matching(self.shop, item)), None) for item in self.items
        }

    def check(self, world: World, records: PhoneRecords, /) -> TaskCheck:
        """The notes must hold each item on sale with its price, and none of the others."""
        text = added_text(records)
        words = content_words(text)
        reasons = []
        for item, product in self.products(world).items():
            is_named = set(content_words(item)) <= set(words)
            if product is None or not product.is_on_sale:
                if is_named:
                    reasons.append(f"the note names {item}, which is not on sale")
            elif not is_named:
                reasons.append(f"no note names {item}, which is on sale")
            elif not re.search(rf"(?<![\d.]){re.escape(product.price[1:])}(?!\d)", text):
                reasons.append(f"the price of {item} is not {product.price} in the note")
        return TaskCheck(tuple(reasons))

    def subgoals(self) -> tuple[Subgoal, ...]:
        """Look up each item, then write the note."""
        return (
            *(_look_up(self.shop, item) for item in self.items),
            write_note(
                "Write a note with the items that are on sale and their prices",
                f"On sale at {self.shop}",
                self._note,
            ),
        )

    def _note(self, glance: Glance) -> str:
        found = [
            glance.noted(rf"{re.escape(item)}: on sale for (?P<price>\$[\d.,]*\d).*")
            for item in self.items
        ]
        return "\n".join(
            f"{item}: {lines[0]['price']}"
            for item, lines in zip(self.items, found, strict=True)
            if lines
        )


@dataclass(frozen=True, slots=True)
class ReviewsTask:
    """Read some reviews of a product and note how content the buyers are."""

    shop: str
    product: str
    count: int

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """So many reviews of a product in a shop, and a summary into Notes.

        >>> ReviewsTask.match(
        ...     "Read two reviews of the Vitamix blender on Best Buy and note the sentiment."
        ... )
        ReviewsTask(shop='Best Buy', product='Vitamix blender', count=2)
        """
        found = re.search(
            r"(?i)(?P<count>\w+) (?:detailed |user |customer |buyer )*reviews? (?:of|for|about|on) "
            rf"(?:the )?(?P<product>[^.]+?) (?:from|on|in|at) {SHOP}.*(?:sentiment|summar|note)",
            instruction,
        )
        if found is None:
            return None
        return cls(shop_label(found["shop"]), found["product"], count_of(found["count"]) or 3)

    def wanted(self, world: World) -> Product | None:
        """The product that the shop's search finds first."""
        return next(iter(world.products_matching(self.shop, self.product)), None)

    def check(self, world: World, records: PhoneRecords, /) -> TaskCheck:
        """The reviews must have been opened; the note must name product and right sentiment."""
        product = self.wanted(world)
        if product is None:
            return TaskCheck((f"{self.shop} sells no {self.product}",))
        opened = {
            subject for subject, _ in records.events(shop_package(self.shop), "reviews_opened")
        }
        text = added_text(records)
        names = set(content_words(f"{self.product} {product.brand}")) - {"wireless", "headphone"}
        wanted = "positive" if majority_is_positive(product.reviews) else "negative"
        said = sentiment_of(text)
        return task_check(
            (str(product.number) in opened, f"the reviews of {product.name} were not opened"),
            (bool(names & set(content_words(text))), f"no note names {product.name}"),
            (said == wanted, f"the note's sentiment is {said}, that of the buyers {wanted}"),
        )

    def subgoals(self) -> tuple[Subgoal, ...]:
        """Open the reviews, read them, write the summary."""
        return (
            Subgoal(
                f"Search {self.shop} for {self.product} and read {self.count} detailed reviews",
                (
                    *GENERAL_RULES,
                    open_app(self.shop),
                    self._read,
                    tap_text("See all reviews", expectation="The page with all reviews."),
                    self._scroll_product,
                    self._open_product,
                    leave_page_without_field,
                    search_for(self.product),
                ),
                lambda glance: len(_noted_reviews(glance)) >= max(self.count, _FEWEST),
                _reviews_on,
            ),
            write_note(
                f"Write a note that sums up the sentiment about {self.product}",
                f"{self.product} reviews",
                partial(_summary, self.product),
            ),
        )

    def _read(self, glance: Glance) -> Move | None:
        if not glance.shows("Customer reviews", "text") or glance.shows("Add to cart", "button"):
            return None
        if glance.shows("No more reviews"):
            return None
        return scroll_down("I read on.")(glance)

    def _scroll_product(self, glance: Glance) -> Move | None:
        if not glance.shows("Add to cart", "button"):
            return None
        return scroll_down("The reviews are at the foot of the page.")(glance)

    def _open_product(self, glance: Glance) -> Move | None:
        if not searched_for(glance, self.product):
            return None
        row = _top_row(glance, self.product)
        if row is None:
            return None
        return tap(row, "This is the product.", "The page of the product.")


def _look_up(shop: str, item: str) -> Subgoal:
    def facts(glance: Glance) -> tuple[str, ...]:
        if glance.noted(rf"{re.escape(item)}: .*"):
            return ()
        if glance.shows(rf'0 results for "{re.escape(item)}"'):
            return (f"{item}: not sold here",)
        row = _top_row(glance, item)
        found = PRODUCT_ROW.fullmatch(row.text) if row else None
        if found is None:
            return ()
        if found["old"]:
            return (f"{item}: on sale for {found['price']}, was {found['old']} ({found['name']})",)
        return (f"{item}: not on sale, {found['price']} ({found['name']})",)

    return Subgoal(
        f"Look up {item} at {shop} and see whether it is on sale",
        (*GENERAL_RULES, open_app(shop), leave_page_without_field, search_for(item)),
        lambda glance: bool(glance.noted(rf"{re.escape(item)}: .*")),
        facts,
    )


def _top_row(glance: Glance, query: str) -> DescribedElement | None:
    """The first product of the results of a query, where the head of the list is on the screen."""
    if not glance.shows(rf'\d+ results for "{re.escape(query)}"'):
        return None
    return next((row for row in glance.of_role("button") if PRODUCT_ROW.fullmatch(row.text)), None)


def _reviews_on(glance: Glance) -> tuple[str, ...]:
    """The detailed reviews that stand on the page of reviews as a whole."""
    if not glance.shows("Customer reviews", "text") or glance.shows("Add to cart", "button"):
        return ()
    texts = [element for element in glance.elements if element.role in {"text", "rating"}]
    facts = []
    for place in range(1, len(texts) - 3):
        stars = re.fullmatch(r"([1-5])\.0 stars", texts[place].text)
        body = texts[place + 3].text
        if (
            stars
            and len(body) >= _DETAILED_FROM
            and re.fullmatch(r"\w+ [A-Z]\.", texts[place - 1].text)
        ):
            facts.append(f"review by {texts[place - 1].text} ({stars[1]} stars): {body}")
    return tuple(facts)


def _noted_reviews(glance: Glance) -> tuple[re.Match[str], ...]:
    return glance.noted(r"review by (?P<author>\w+ [A-Z]\.) \((?P<stars>\d) stars\): (?P<text>.+)")


def _summary(product: str, glance: Glance) -> str:
    reviews = _noted_reviews(glance)
    praising = [review for review in reviews if int(review["stars"]) >= 4]
    tone = "positive" if 2 * len(praising) > len(reviews) else "negative"
    lines = [f"General sentiment about {product}: {tone}."]
    for review in reviews:
        first_sentence = review["text"].split(". ")[0].rstrip(".")
        lines.append(f"- {review['author']} ({review['stars']} stars): {first_sentence}.")
    return "\n".join(lines)
