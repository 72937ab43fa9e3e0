"""Tasks over several shops: where something is cheapest."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Self

from tapgraph.tools.mobile.simulator.tasks.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.tasks.rules import (
    GENERAL_RULES,
    leave_page_without_field,
    open_app,
    scroll_down,
    search_for,
    searched_for,
    tap,
)
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Subgoal
from tapgraph.tools.mobile.simulator.tasks.task import TaskCheck, task_check
from tapgraph.tools.mobile.simulator.tasks.wording import (
    PRODUCT_ROW,
    SHOP,
    content_words,
    shop_label,
    shop_package,
)
from tapgraph.tools.mobile.simulator.world.product import Product
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["BestDealTask"]

_SUBJECTS = (
    r"(?:best deal on|prices? of|price for|cheapest) (?:an? |the )?(?P<product>[^.]+?)"
    rf" (?:at|on|in) {SHOP}",
    r"(?:want to buy|looking for|need) (?:an? |the )?(?P<product>[^.,]+?)(?: (?:at|on)\b|[.,])",
)
_OFFER = r"offer of (?P<shop>.+?): \$(?P<price>[\d,]+\.\d\d) for (?P<name>.+)"


@dataclass(frozen=True, slots=True)
class BestDealTask:
    """Open the page of the cheapest offer of something among one or more shops."""

    product: str
    shops: tuple[str, ...]

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """The best deal or lowest price, to be left on the screen.

        >>> BestDealTask.match("Compare the price of an E310 blender at Walmart and Amazon.")
        BestDealTask(product='E310 blender', shops=('Walmart', 'Amazon Shopping'))
        """
        if not re.search(
            r"(?i)best deal|cheapest|lowest price|compare (?:the |their )?prices?", instruction
        ):
            return None
        found = next(
            (match for one in _SUBJECTS if (match := re.search(f"(?i){one}", instruction))), None
        )
        shops = dict.fromkeys(
            shop_label(match["shop"]) for match in re.finditer(rf"(?i)\b{SHOP}", instruction)
        )
        if found is None or not shops:
            return None
        product = re.sub(r"(?i)\b(?:brand[- ]new|new) ", "", found["product"]).strip()
        return cls(product, tuple(shops))

    def offers(self, world: World) -> list[Product]:
        """The products of the shops whose names hold all words, the cheapest first."""
        found = [
            product
            for shop in self.shops
            for product in world.products_matching(shop, self.product)
            if self._is_meant(product.name)
        ]
        return sorted(found, key=lambda product: product.price_cents)

    def check(self, world: World, records: PhoneRecords, /) -> TaskCheck:
        """The page of an offer with the lowest price must be in front."""
        offers = self.offers(world)
        if not offers:
            return TaskCheck((f"no shop sells {self.product}",))
        front = records.foreground()
        lowest = offers[0].price_cents
        best = {(offer.shop, str(offer.number)) for offer in offers if offer.price_cents == lowest}
        shown = next((shop for shop in self.shops if shop_package(shop) == front.package), "")
        opened = records.events(front.package, "product_opened") if shown else []
        is_page = bool(opened) and front.activity.endswith("ProductPage")
        return task_check(
            (is_page, f"no page of a product is in front but {front.package} {front.activity}"),
            (
                bool(opened) and (shown, opened[-1][0]) in best,
                f"the best deal is {offers[0].price} at {offers[0].shop}, not what is shown",
            ),
        )

    def subgoals(self) -> tuple[Subgoal, ...]:
        """Read the offers of each shop, then open the cheapest."""
        return (
            *(self._read_offers(shop) for shop in self.shops),
            Subgoal(
                f"Open the page of the cheapest {self.product}",
                (
                    *GENERAL_RULES,
                    self._open_shop,
                    self._open_offer,
                    leave_page_without_field,
                    search_for(self.product),
                ),
                self._shows_best,
            ),
        )

    def _is_meant(self, name: str) -> bool:
        return set(content_words(self.product)) <= set(content_words(name))

    def _read_offers(self, shop: str) -> Subgoal:
        end = f"all offers of {shop} for {self.product} are read"
        return Subgoal(
            f"Read what {self.product} costs at {shop}",
            (
                *GENERAL_RULES,
                open_app(shop),
                self._scroll_results,
                leave_page_without_field,
                search_for(self.product),
            ),
            lambda glance: bool(glance.noted(re.escape(end))),
            partial(self._facts, shop, end),
        )

    def _is_results(self, glance: Glance) -> bool:
        return searched_for(glance, self.product) and glance.shows("Sort: .*", "button")

    def _scroll_results(self, glance: Glance) -> Move | None:
        return scroll_down("I read on.")(glance) if self._is_results(glance) else None

    def _facts(self, shop: str, end: str, glance: Glance) -> tuple[str, ...]:
        """Offers come first in a list; another product or the end says that all are read."""
        if glance.app != shop or not self._is_results(glance):
            return ()
        rows = [row for one in glance.of_role("button") if (row := PRODUCT_ROW.fullmatch(one.text))]
        facts = [
            f"offer of {shop}: {row['price']} for {row['name']}"
            for row in rows
            if self._is_meant(row["name"])
        ]
        is_end = glance.shows("End of results") or len(facts) < len(rows)
        return (*facts, end) if is_end else tuple(facts)

    def _best(self, glance: Glance) -> re.Match[str] | None:
        return min(
            glance.noted(_OFFER),
            key=lambda offer: float(offer["price"].replace(",", "")),
            default=None,
        )

    def _open_shop(self, glance: Glance) -> Move | None:
        best = self._best(glance)
        return open_app(best["shop"])(glance) if best else None

    def _open_offer(self, glance: Glance) -> Move | None:
        best = self._best(glance)
        if best is None or not self._is_results(glance):
            return None
        for element in glance.of_role("button"):
            row = PRODUCT_ROW.fullmatch(element.text)
            if row is not None and row["name"] == best["name"]:
                return tap(element, "This is the best deal.", "The page of the product.")
        return scroll_down("The best deal must be further down.")(glance)

    def _shows_best(self, glance: Glance) -> bool:
        best = self._best(glance)
        return (
            best is not None
            and glance.app == best["shop"]
            and glance.shows("Add to cart", "button")
            and glance.shows(re.escape(best["name"]), "text")
        )
