"""Shops: their looks, what they sell and what lies in the cart; the pages come on top."""

from dataclasses import dataclass

from tapgraph.tools.mobile.simulator.apps.recording_app import RecordingApp
from tapgraph.tools.mobile.simulator.world.product import Product
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["SHOP_STYLES", "Shop", "ShopStyle"]


@dataclass(frozen=True, slots=True)
class ShopStyle:
    """How a shop looks and speaks; `sale_badge` is what it writes on products on sale."""

    package: str
    label: str
    glyph: str
    color: str
    bar_color: str
    accent: str
    sale_badge: str


SHOP_STYLES = (
    ShopStyle(
        "com.amazon.mShop.android.shopping", "Amazon Shopping", "cart", "#232F3E", "#131921",
        "#FFA41C", "Limited time deal",
    ),
    ShopStyle(
        "com.walmart.android", "Walmart", "white-balance-sunny", "#0071DC", "#0053E2",
        "#0071DC", "Rollback",
    ),
    ShopStyle("com.bestbuy.android", "Best Buy", "tag", "#0046BE", "#0046BE", "#0046BE", "Sale"),
)  # fmt: skip


class Shop(RecordingApp):
    """A shop without its pages.

    Events: `search` (the query), `product_opened`, `reviews_opened` (the number of the product),
    `order` (the total in cents, with the numbers of the products). Its table `cart` holds what the
    user wants to buy. Marks: `list`.
    """

    def __init__(self, world: World, style: ShopStyle) -> None:
        super().__init__(world)
        self.style = style
        self.package, self.label = style.package, style.label
        self.glyph, self.color = style.glyph, style.color

    def create(self) -> None:
        """Make the tables; the cart is empty."""
        super().create()
        self.database.execute(
            "CREATE TABLE cart (product INTEGER PRIMARY KEY, quantity INTEGER NOT NULL)"
        )

    def products(self) -> tuple[Product, ...]:
        """All that the shop sells."""
        return tuple(product for product in self.world.products if product.shop == self.label)

    def cart(self) -> list[tuple[Product, int]]:
        """What is in the cart, with quantities."""
        numbered = {product.number: product for product in self.products()}
        rows = self.database.execute("SELECT product, quantity FROM cart ORDER BY rowid")
        return [(numbered[number], quantity) for number, quantity in rows.fetchall()]

    def set_quantity(self, product: Product, quantity: int) -> None:
        """Put as many in the cart; zero takes the product out."""
        if quantity < 1:
            self.database.execute("DELETE FROM cart WHERE product = ?", (product.number,))
        else:
            self.database.execute(
                "INSERT INTO cart (product, quantity) VALUES (?, ?)"
                " ON CONFLICT (product) DO UPDATE SET quantity = excluded.quantity",
                (product.number, quantity),
            )

    def place_order(self) -> None:
        """Buy what is in the cart."""
        cart = self.cart()
        total = sum(product.price_cents * quantity for product, quantity in cart)
        numbers = " ".join(f"{product.number}x{quantity}" for product, quantity in cart)
        self.record("order", total, numbers)
        self.database.execute("DELETE FROM cart")
