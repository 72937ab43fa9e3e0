"""Shops: one kit, shown as Amazon Shopping, Walmart and Best Buy."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

from tapgraph.tools.mobile.simulator.app import Activity, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.apps.parts import end_of_list, search_bar, section
from tapgraph.tools.mobile.simulator.apps.shop_goods import Shop
from tapgraph.tools.mobile.simulator.apps.shop_pages import CartPage, product_row
from tapgraph.tools.mobile.simulator.views import (
    Chip,
    Column,
    Divider,
    IconButton,
    Label,
    Row,
    ScrollColumn,
    ScrollRow,
    View,
)
from tapgraph.tools.mobile.simulator.world.product import Product

__all__ = ["ShopApp"]

Order = Literal["Featured", "Price: low to high", "Price: high to low", "Customer rating"]


class ShopApp(Shop):
    """A shop that opens with its front page."""

    def first_activity(self) -> "ShopHome":
        """The shop's front page."""
        return ShopHome(self)


def shop_bar(activity: Activity[Shop], query: str, *, leads_back: bool) -> View:
    """The coloured bar with search field and cart."""
    app = activity.app
    in_cart = sum(quantity for _, quantity in app.cart())

    def search(text: str) -> None:
        if not text.strip():
            return
        if isinstance(activity, ShopResults):
            activity.search(text.strip())
        else:
            app.open(ShopResults(app, text.strip()))

    return Row(
        [
            Column(
                [
                    search_bar(
                        f"Search {app.label}",
                        query,
                        search,
                        on_back=activity.finish if leads_back else None,
                        color="#FFFFFF",
                    )
                ],
                weight=1,
                width="wrap",
            ),
            IconButton(
                "cart-outline",
                id="cart",
                desc=f"Cart, {in_cart} items" if in_cart != 1 else "Cart, 1 item",
                color="#FFFFFF",
                on_click=lambda: app.open(CartPage(app)),
            ),
        ],
        background=app.style.bar_color,
        padding=(0, 0, 4, 0),
    )


class ShopHome(Activity[Shop]):
    """Departments and today's deals."""

    def __init__(self, app: Shop) -> None:
        super().__init__(app)
        self.bar_color = app.style.bar_color

    def build(self) -> View:
        """The front page."""
        products = self.app.products()
        departments = sorted({product.category for product in products})
        deals = [product for product in products if product.is_on_sale][:8]
        return Column(
            [
                shop_bar(self, "", leads_back=False),
                ScrollColumn(
                    [
                        section("Departments"),
                        ScrollRow(
                            [
                                Chip(
                                    name,
                                    key=name,
                                    on_click=partial(self._open_department, name),
                                )
                                for name in departments
                            ],
                            gap=8,
                            padding=(16, 4),
                        ),
                        section("Today's deals"),
                        *(product_row(self.app, product) for product in deals),
                        end_of_list("Search to see more"),
                    ],
                    id="content",
                    weight=1,
                ),
            ],
            height="match",
        )

    def _open_department(self, name: str) -> None:
        self.open(ShopResults(self.app, name))


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows and orders a list of products."""

    order: Order = "Featured"
    on_sale: bool = False
    four_stars: bool = False


class ShopResults(Activity[Shop]):
    """The products that a search finds."""

    def __init__(self, app: Shop, query: str) -> None:
        super().__init__(app)
        self.bar_color = app.style.bar_color
        self.query = query
        self.filters = Filters()

    def on_open(self) -> None:
        """Remember the search."""
        self.app.record("search", self.query)

    def search(self, query: str) -> None:
        """Search for something else."""
        self.query, self.filters = query, Filters()
        self.app.record("search", query)
        self.app.phone.close_keyboard()

    def build(self) -> View:
        """Search field, filters and the list."""
        products = self._products()
        count = f'{len(products)} results for "{self.query}"'
        return Column(
            [
                shop_bar(self, self.query, leads_back=True),
                ScrollRow(self._chips(), gap=8, padding=(12, 8), id="filters"),
                Divider(),
                ScrollColumn(
                    [
                        Label(count, id="result_count", color="#5F6368", padding=(16, 10, 16, 4)),
                        *(product_row(self.app, product) for product in products),
                        end_of_list("End of results"),
                    ],
                    id="results",
                    key=f"{self.query} {self.filters}",
                    weight=1,
                ),
            ],
            height="match",
        )

    def _products(self) -> list[Product]:
        products = list(self.app.world.products_matching(self.app.label, self.query))
        if self.filters.on_sale:
            products = [product for product in products if product.is_on_sale]
        if self.filters.four_stars:
            products = [product for product in products if product.rating >= 4]
        if self.filters.order == "Price: low to high":
            products.sort(key=lambda product: product.price_cents)
        elif self.filters.order == "Price: high to low":
            products.sort(key=lambda product: -product.price_cents)
        elif self.filters.order == "Customer rating":
            products.sort(key=lambda product: -product.rating)
        return products

    def _chips(self) -> list[View]:
        filters, color = self.filters, self.app.style.bar_color
        return [
            Chip(
                f"Sort: {filters.order}",
                id="sort",
                glyph="sort",
                color=color,
                checked=filters.order != "Featured",
                on_click=self._choose_order,
            ),
            Chip(
                "On sale",
                id="on_sale",
                color=color,
                checked=filters.on_sale,
                selected=filters.on_sale,
                on_click=lambda: self._set(replace(filters, on_sale=not filters.on_sale)),
            ),
            Chip(
                "4 stars & up",
                id="four_stars",
                color=color,
                checked=filters.four_stars,
                selected=filters.four_stars,
                on_click=lambda: self._set(replace(filters, four_stars=not filters.four_stars)),
            ),
        ]

    def _choose_order(self) -> None:
        self.app.show_dialog(
            Dialog(
                title="Sort by",
                style="sheet",
                items=[
                    DialogButton(
                        order,
                        partial(self._set, replace(self.filters, order=order)),
                        selected=order == self.filters.order,
                    )
                    for order in get_args(Order)
                ],
            )
        )

    def _set(self, filters: Filters) -> None:
        self.filters = filters
