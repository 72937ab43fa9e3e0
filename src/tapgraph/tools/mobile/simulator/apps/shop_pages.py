"""Shops: the page of a product, its reviews and the cart."""

from tapgraph.tools.mobile.simulator.app import Activity, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.apps.parts import (
    GREY,
    end_of_list,
    fact,
    page,
    rating_line,
    review_card,
    section,
    top_bar,
)
from tapgraph.tools.mobile.simulator.apps.shop_goods import Shop
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
from tapgraph.tools.mobile.simulator.world.product import Product

__all__ = ["CartPage", "ProductPage", "ReviewsPage", "product_row"]

_RED = "#B12704"


def product_row(app: Shop, product: Product) -> View:
    """A product in a list; one on sale has a badge and its old price."""
    return Column(
        [
            Row(
                [
                    Picture(product.name, style="product", width=108, height=108, corner_dp=8),
                    Column(
                        [
                            *_badge(app, product),
                            Label(product.name, size_sp=16, max_lines=2),
                            rating_line(product.rating, product.review_count),
                            _price_line(product, size_sp=20),
                            Label(_delivery(product), size_sp=12, color=GREY),
                        ],
                        weight=1,
                        gap=3,
                    ),
                ],
                gap=12,
                padding=(12, 12),
            ),
            Divider(),
        ],
        key=f"product {product.number}",
        on_click=lambda: app.open(ProductPage(app, product)),
    )


def _badge(app: Shop, product: Product) -> list[View]:
    if not product.is_on_sale:
        return []
    return [
        Label(
            app.style.sale_badge,
            id="sale_badge",
            size_sp=12,
            bold=True,
            color="#FFFFFF",
            background=_RED,
            corner_dp=4,
            padding=(6, 2),
        )
    ]


def _price_line(product: Product, *, size_sp: int) -> View:
    parts: list[View] = [Label(product.price, id="price", size_sp=size_sp, bold=True)]
    if product.is_on_sale:
        parts += [
            Label(f"Was {product.list_price}", id="old_price", color=GREY, strike=True),
            Label(f"-{product.discount_percent}%", color=_RED),
        ]
    return Row(parts, gap=8)


def _delivery(product: Product) -> str:
    days = product.delivery_days
    return f"Delivery in {days} day{'s' if days > 1 else ''}"


class ProductPage(Activity[Shop]):
    """Everything about one product."""

    def __init__(self, app: Shop, product: Product) -> None:
        super().__init__(app)
        self.product = product

    def on_open(self) -> None:
        """Remember the visit."""
        self.app.record("product_opened", self.product.number)

    def build(self) -> View:
        """Picture, name, price, specifications and the first reviews."""
        product, app = self.product, self.app
        is_listed = app.is_marked("list", product.number)
        heart = IconButton(
            "heart" if is_listed else "heart-outline",
            desc="Remove from list" if is_listed else "Add to list",
            on_click=lambda: app.toggle_mark("list", product.number),
        )
        cart = IconButton(
            "cart-outline", id="cart", desc="Cart", on_click=lambda: self.open(CartPage(app))
        )
        return page(
            top_bar(product.category, self.finish, actions=(heart, cart)),
            [
                Picture(product.name, style="product", height=230),
                Column(
                    [
                        *_badge(app, product),
                        Label(product.name, id="product_name", size_sp=20),
                        Row([Label(f"Brand: {product.brand}", color=GREY)]),
                        rating_line(product.rating, product.review_count),
                        _price_line(product, size_sp=26),
                    ],
                    gap=6,
                    padding=16,
                ),
                fact("truck-delivery-outline", _delivery(product)),
                fact("keyboard-return", "Free returns for 30 days"),
                section("Specifications"),
                *(self._specification(name, value) for name, value in product.specifications),
                section("Customer reviews"),
                *(review_card(review) for review in product.reviews[:2]),
                Button(
                    "See all reviews",
                    id="see_all_reviews",
                    style="outlined",
                    margin=(16, 12),
                    width="match",
                    on_click=lambda: self.open(ReviewsPage(app, product)),
                ),
            ],
            foot=Row(
                [
                    Button(
                        "Add to cart",
                        id="add_to_cart",
                        weight=1,
                        color=app.style.accent,
                        on_click=self._add,
                    )
                ],
                padding=(16, 10),
            ),
        )

    def _specification(self, name: str, value: str) -> View:
        return Row(
            [Label(name, color=GREY, weight=2), Label(value, weight=3)],
            key=name,
            padding=(16, 6),
        )

    def _add(self) -> None:
        held = {product.number: quantity for product, quantity in self.app.cart()}
        self.app.set_quantity(self.product, held.get(self.product.number, 0) + 1)
        self.app.toast("Added to cart")


class ReviewsPage(Activity[Shop]):
    """All reviews of a product."""

    def __init__(self, app: Shop, product: Product) -> None:
        super().__init__(app)
        self.product = product

    def on_open(self) -> None:
        """Remember the visit."""
        self.app.record("reviews_opened", self.product.number)

    def build(self) -> View:
        """The reviews, to scroll through."""
        return page(
            top_bar("Customer reviews", self.finish),
            [
                Column(
                    [
                        Label(self.product.name, id="product_name", size_sp=16, bold=True),
                        rating_line(self.product.rating, self.product.review_count),
                    ],
                    gap=4,
                    padding=(16, 4),
                ),
                Divider(),
                *(review_card(review) for review in self.product.reviews),
                end_of_list("No more reviews"),
            ],
            list_id="reviews",
        )


class CartPage(Activity[Shop]):
    """What the user wants to buy; an order is placed only after a confirmation."""

    def build(self) -> View:
        """The products, the total and the order button."""
        cart = self.app.cart()
        total = sum(product.price_cents * quantity for product, quantity in cart)
        return page(
            top_bar("Cart", self.finish),
            [*(self._row(product, quantity) for product, quantity in cart)]
            or [end_of_list("Your cart is empty")],
            foot=Column([
                Divider(),
                Row(
                    [
                        Label("Total", size_sp=18, weight=1),
                        Label(f"${total / 100:,.2f}", id="total", size_sp=20, bold=True),
                    ],
                    padding=(16, 8),
                ),
                Button(
                    "Place order",
                    id="place_order",
                    width="match",
                    margin=(16, 0, 16, 12),
                    color=self.app.style.accent,
                    enabled=bool(cart),
                    on_click=lambda: self._confirm(total),
                ),
            ]),
        )

    def _row(self, product: Product, quantity: int) -> View:
        return Column(
            [
                Row(
                    [
                        Picture(product.name, style="product", width=72, height=72, corner_dp=8),
                        Column(
                            [
                                Label(product.name, size_sp=15, max_lines=2),
                                Label(product.price, bold=True),
                            ],
                            weight=1,
                            gap=4,
                        ),
                        IconButton(
                            "minus",
                            desc=f"One less of {product.name}",
                            on_click=lambda: self.app.set_quantity(product, quantity - 1),
                        ),
                        Label(f"{quantity}", size_sp=16),
                        IconButton(
                            "plus",
                            desc=f"One more of {product.name}",
                            on_click=lambda: self.app.set_quantity(product, quantity + 1),
                        ),
                    ],
                    gap=8,
                    padding=(12, 10),
                ),
                Divider(),
            ],
            key=f"cart {product.number}",
        )

    def _confirm(self, total: int) -> None:
        def order() -> None:
            self.app.place_order()
            self.app.toast("Order placed")

        self.app.show_dialog(
            Dialog(
                title="Place your order?",
                message=f"${total / 100:,.2f} will be charged to your saved card.",
                buttons=(DialogButton("Cancel"), DialogButton("Place order", order)),
            )
        )
