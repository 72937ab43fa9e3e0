"""Products: what each shop sells, at which price, and what buyers wrote."""

from dataclasses import dataclass
from random import Random

from tapgraph.tools.mobile.simulator.world.product_data import CATALOG, SHOPS, Article
from tapgraph.tools.mobile.simulator.world.review import Review, compose_reviews

__all__ = ["Product", "generate_products"]

_ALWAYS_REVIEWED = "Bose QuietComfort 45"
_GROCERY_SAMPLE = ("Ribeye Steak", "Navel Oranges", "Toilet Paper")


@dataclass(frozen=True, slots=True)
class Product:
    """One article in one shop.

    Attributes:
        number: its identity within the world.
        shop: the label of the app that sells it.
        words: further words that find it.
        price_cents: what a buyer pays today.
        list_price_cents: the usual price; higher than the price when the product is on sale.
        rating: 1.0 to 5.0, one decimal.
    """

    number: int
    shop: str
    name: str
    brand: str
    category: str
    words: tuple[str, ...]
    price_cents: int
    list_price_cents: int
    rating: float
    review_count: int
    reviews: tuple[Review, ...]
    specifications: tuple[tuple[str, str], ...]
    delivery_days: int

    @property
    def is_on_sale(self) -> bool:
        """Whether it costs less than usual."""
        return self.price_cents < self.list_price_cents

    @property
    def price(self) -> str:
        """Today's price as a person reads it, such as "$14.97"."""
        return f"${self.price_cents / 100:,.2f}"

    @property
    def list_price(self) -> str:
        """The usual price as a person reads it."""
        return f"${self.list_price_cents / 100:,.2f}"

    @property
    def discount_percent(self) -> int:
        """How much less than usual, rounded; 0 when not on sale."""
        return round(100 * (1 - self.price_cents / self.list_price_cents))


def generate_products(random: Random) -> tuple[Product, ...]:
    """What the three shops sell.

    In each shop that sells steak, oranges and toilet paper, one or two of the three are on sale.
    """
    products: list[Product] = []
    for shop in SHOPS:
        on_sale = set(random.sample(_GROCERY_SAMPLE, random.choice((1, 2))))
        for article in CATALOG:
            if shop not in article.shops:
                continue
            sample = next((part for part in _GROCERY_SAMPLE if part in article.name), None)
            is_on_sale = sample in on_sale if sample else random.random() < 0.3
            products.append(_product(random, len(products) + 1, shop, article, is_on_sale))
    return tuple(products)


def _product(random: Random, number: int, shop: str, article: Article, is_on_sale: bool) -> Product:
    usual = _shop_price(random, article.price)
    today = round(usual * random.uniform(0.68, 0.88)) if is_on_sale else usual
    is_liked = random.random() < 0.8
    is_famous = article.name.startswith(_ALWAYS_REVIEWED)
    reviews = compose_reviews(
        random,
        article.subject,
        count=random.randint(7, 9) if is_famous else random.randint(4, 6),
        positive=is_liked,
    )
    return Product(
        number=number,
        shop=shop,
        name=article.name,
        brand=article.brand,
        category=article.category,
        words=article.words,
        price_cents=today,
        list_price_cents=usual,
        rating=random.randint(41, 48) / 10 if is_liked else random.randint(21, 31) / 10,
        review_count=random.randint(40, 24000),
        reviews=reviews,
        specifications=(("Brand", article.brand), *article.specifications),
        delivery_days=random.randint(1, 6),
    )


def _shop_price(random: Random, dollars: float) -> int:
    """A price near the given one that ends as shops like it, in cents."""
    wanted = dollars * random.uniform(0.96, 1.04)
    ending = random.choice((97, 99, 94, 98, 88))
    return max(100, (int(wanted) * 100) + ending) if wanted > 3 else max(97, round(wanted * 100))
