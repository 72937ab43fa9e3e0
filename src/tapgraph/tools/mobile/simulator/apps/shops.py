"""Shops: one description, shown as Amazon Shopping, Walmart and Best Buy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tapgraph.tools.mobile.simulator import kit

__all__ = ["SHOPS", "SHOP_BRANDS", "ShopBrand"]

PRODUCT = kit.Entity(
    "product",
    {"name": "text", "brand": "text", "category": "text", "price": "money", "was": "text",
     "cut": "text", "rating": "rating", "votes": "number", "delivery": "text", "facts": "text",
     "is_on_sale": "flag", "is_listed": "flag"},
)  # fmt: skip
REVIEW = kit.Entity(
    "review",
    {"author": "text", "product": "product", "stars": "rating", "age": "text", "title": "text",
     "text": "text", "place": "number"},
)  # fmt: skip
DEPARTMENT = kit.Entity("department", {"name": "text"})
PURCHASE = kit.Entity("purchase", {"name": "text", "total": "money", "at": "when"})


@dataclass(frozen=True)
class ShopBrand:
    """How a shop looks and speaks; `sale_badge` is what it writes on products on sale."""

    package: str
    label: str
    glyph: str
    color: str
    accent: str
    sale_badge: str


SHOP_BRANDS = (
    ShopBrand("com.amazon.mShop.android.shopping", "Amazon Shopping", "cart", "#232F3E", "#131921",
              "Limited time deal"),
    ShopBrand("com.walmart.android", "Walmart", "white-balance-sunny", "#0071DC", "#0053E2",
              "Rollback"),
    ShopBrand("com.bestbuy.android", "Best Buy", "tag", "#0046BE", "#0046BE", "Sale"),
)  # fmt: skip


def _fill(app: kit.KitApp, random: Random) -> None:
    del random
    goods = [product for product in app.world.products if product.shop == app.label]
    for name in sorted({product.category for product in goods}):
        app.store.add("department", name=name)
    for product in goods:
        days = product.delivery_days
        is_on_sale = product.is_on_sale
        app.store.add(
            "product", id=product.number, name=product.name, brand=product.brand,
            category=product.category, price=product.price_cents, rating=product.rating,
            was=f"Was {product.list_price}" if is_on_sale else "", votes=product.review_count,
            cut=f"-{product.discount_percent}%" if is_on_sale else "", is_on_sale=is_on_sale,
            delivery=f"Delivery in {days} day{'s' if days > 1 else ''}",
            facts="\n".join(f"{name}: {value}" for name, value in product.specifications),
        )  # fmt: skip
        for place, review in enumerate(product.reviews):
            app.store.add("review", author=review.author, product=product.number, age=review.age,
                          stars=review.stars, title=review.title, text=review.text,
                          place=place)  # fmt: skip


def _found(at: kit.At, query: str) -> Sequence[kit.Record]:
    found = at.app.world.products_matching(at.app.label, query)
    return [at.app.store.get("product", product.number) for product in found]


def _is_browsing(at: kit.At, _: kit.Record) -> bool:
    return not at.held("query")


def _is_offered(at: kit.At, product: kit.Record) -> bool:
    return bool(at.held("query")) or product.flag("is_on_sale")


def _is_first_of(at: kit.At, review: kit.Record) -> bool:
    return review.number("product") == at.record.id and review.number("place") < 2


def _purchase(at: kit.At) -> Mapping[str, kit.Value]:
    if not at.all("cart"):
        raise kit.Refused("Your cart is empty")
    parts = [f"{row.number('quantity')} x {at.app.follow(row, 'article').title}"
             for row in at.all("cart")]  # fmt: skip
    return {"name": ", ".join(parts), "total": kit.cart_cents(at),
            "at": at.scene.now.isoformat(timespec="seconds")}  # fmt: skip


REVIEWS = kit.Face(title="{author}", stars="stars", lines=("{age}", "{title}"), text="{text}")
CART = kit.Act("Cart|Basket", glyph="cart-outline", opens="cart")
LIST = kit.Flip("Add to list|Save for later|Wish list", glyph="heart-outline", column="is_listed",
                on_words="Remove from list|Saved", on_glyph="heart", event="listed")  # fmt: skip
FIND = kit.Find(
    searched=_found, count='{count} results for "{query}"',
    filters=(kit.Filter("On sale|Reduced|Deals", kit.has("is_on_sale")),
             kit.Filter("4 stars & up|Well rated",
                        lambda _, product: float(product.values["rating"]) >= 4)),
    sorts=(kit.Sort("Featured|Best match"),
           kit.Sort("Price: low to high|Cheapest first", "price"),
           kit.Sort("Price: high to low|Dearest first", "price", is_descending=True),
           kit.Sort("Customer rating|Best reviewed", "rating", is_descending=True)),
)  # fmt: skip


def _pages(brand: ShopBrand) -> Sequence[kit.Page]:
    face = kit.Face(
        title="{name}", stars="rating", votes="({votes})", value="{price}", old_value="{was}",
        notes=("{cut}", "{delivery}"), picture="product",
        badges={"is_on_sale": brand.sale_badge},
    )  # fmt: skip
    return (
        kit.Page(
            "home", brand.label, tab="Home|Shop", glyph="home", acts=(CART,),
            blocks=(
                kit.Rows(entity="product", opens="product", face=face, where=_is_offered, find=FIND,
                         end="End of results"),
                kit.Rows(entity="department", face=kit.Face(title="{name}", glyph="shape-outline"),
                         heading="Departments|Categories", searches="{name}", empty="",
                         where=_is_browsing, looks=("list",)),
            ),
        ),
        kit.Page("listed", "Lists|Wish list|Saved", glyph="heart", acts=(CART,),
                 blocks=(kit.Rows(entity="product", opens="product", face=face,
                                  where=kit.has("is_listed")),)),
        kit.Page(
            "orders", "Orders|Your orders|Purchases", glyph="package-variant-closed",
            blocks=(kit.Rows(entity="purchase", looks=("list",),
                             face=kit.Face(title="{name}", lines=("{at}",), value="{total}",
                                           glyph="package-variant-closed")),),
        ),
        kit.Page(
            "product", "{category}", entity="product", acts=(LIST, CART),
            blocks=(
                kit.Hero("product"),
                kit.Headline("{name}", ("{price}", "{was}", "Brand: {brand}"), "rating"),
                kit.Facts((("truck-delivery-outline", "Delivery|Arrives", "{delivery}"),
                           ("keyboard-return", "Returns|Send back", "Free for 30 days"))),
                kit.Prose("Specifications|Details", "{facts}"),
                kit.Rows(entity="review", face=REVIEWS, heading="Customer reviews|Reviews",
                         looks=("list",), where=_is_first_of),
                kit.Buttons((kit.Act("See all reviews|All reviews", opens="reviews"),)),
            ),
            main=kit.Act("Add to cart|Add to basket|Buy", event="added", toast="Added to cart",
                         effects=(kit.PutInCart("cart"),)),
        ),
        kit.Page(
            "reviews", "Customer reviews|Reviews", entity="product",
            blocks=(kit.Headline("{name}", stars="rating"),
                    kit.Rows(entity="review", face=REVIEWS, where=kit.refers("product"),
                             looks=("list",), end="No more reviews")),
        ),
        kit.Page(
            "cart", "Cart|Basket", kit.cart_blocks("{article.name}"),
            main=kit.Act("Place order|Order now|Pay", event="order",
                         confirm="Place your order? Your saved card will be charged.",
                         toast="Order placed",
                         effects=(kit.Insert("purchase", _purchase), kit.RemoveAll("cart"))),
        ),
    )  # fmt: skip


def _shop(brand: ShopBrand) -> kit.AppSpec:
    return kit.AppSpec(
        package=brand.package, label=brand.label, glyph=brand.glyph, color=brand.color,
        entities=(PRODUCT, REVIEW, DEPARTMENT, PURCHASE, kit.cart_of("product")), fill=_fill,
        pages=_pages(brand), tabs=("home", "listed", "orders"),
        looks=kit.Looks(accents=(brand.accent, brand.color, "#1F1F1F")),
    )  # fmt: skip


SHOPS = tuple(_shop(brand) for brand in SHOP_BRANDS)
