"""A burger restaurant: the menu, deals, an order that is picked up."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import price_cents

__all__ = ["BURGERS"]

DISH = kit.Entity(
    "dish",
    {"name": "text", "kind": "text", "price": "money", "old_price": "money", "calories": "number",
     "is_deal": "flag", "is_sold_out": "flag"},
)  # fmt: skip
RESTAURANT = kit.Entity(
    "restaurant",
    {
        "name": "text",
        "address": "text",
        "opens": "text",
        "miles": "rating",
        "is_closed": "flag",
        "is_chosen": "flag",
    },
)
PURCHASE = kit.Entity(
    "purchase",
    {"code": "text", "restaurant": "text", "way": "text", "total": "money", "at": "when"},
)
WANTED = "Spicy McCrispy"
"""Always among the deals and never sold out, for those who look for it."""
CHAIN = "McDonald's"
MENU: Mapping[str, tuple[str, ...]] = {
    "Burgers": ("Classic Burger", "Double Burger", "Double Cheese Burger", "Cheese Burger",
                "Crispy Chicken Burger", "Spicy Chicken Burger", WANTED, "Garden Burger"),
    "Sides": ("Small Fries", "Large Fries", "Onion Rings", "Side Salad", "6 Chicken Bites",
              "9 Chicken Bites"),
    "Drinks": ("Orange Soda", "Iced Coffee", "Iced Latte", "Still Water", "Vanilla Shake"),
    "Desserts": ("Apple Pie", "Vanilla Ice Cream", "Chocolate Sundae", "Caramel Sundae"),
}  # fmt: skip
WAYS = ("Counter", "Drive-thru", "Table service")


def _fill(app: kit.KitApp, random: Random) -> None:
    for kind, names in MENU.items():
        for name in names:
            price = price_cents(random, 1, 8)
            is_deal = random.random() < 0.3 or name == WANTED
            app.store.add(
                "dish", name=name, kind=kind, price=round(price * 0.7) if is_deal else price,
                old_price=price, is_deal=is_deal,
                is_sold_out=random.random() < 0.1 and name != WANTED,
                calories=random.randrange(90, 980, 10),
            )  # fmt: skip
    nearby = [place for place in app.world.places if place.name.startswith(CHAIN)]
    open_now = [place for place in nearby if place.is_open(app.phone.clock)]
    chosen = random.choice(open_now or nearby)
    for place in nearby:
        today = place.hours_on(app.phone.clock)
        app.store.add(
            "restaurant", name=place.name, address=place.address, miles=place.distance_mi,
            opens=today.describe(), is_closed=today.is_closed, is_chosen=place == chosen,
        )  # fmt: skip


def _purchase(at: kit.At) -> Mapping[str, kit.Value]:
    if not at.all("cart"):
        raise kit.Refused("Your order is empty")
    total = kit.cart_cents(at)
    restaurant = next(one for one in at.all("restaurant") if one.flag("is_chosen"))
    return {"code": f"{len(at.all('purchase')) + 1:02}{total % 100:02}", "total": total,
            "restaurant": restaurant.title, "way": at.held("way", WAYS[0]),
            "at": at.scene.now.isoformat(timespec="minutes")}  # fmt: skip


def _choose(at: kit.At) -> Mapping[str, kit.Value]:
    if at.record.flag("is_closed"):
        raise kit.Refused("This restaurant is closed today")
    for other in at.all("restaurant"):
        at.app.store.change(other, is_chosen=0)
    return {"is_chosen": 1}


FACE = kit.Face(title="{name}", lines=("{calories} kcal",), value="{price}", picture="food",
                badges={"is_sold_out": "Sold out", "is_deal": "Deal"},
                is_off=kit.has("is_sold_out"))  # fmt: skip
BAG = kit.Act("Your order|Bag|Basket", glyph="shopping-outline", opens="cart")
ADD = kit.Act("Add to order|Add to bag|Add to basket", glyph="plus", event="added",
              effects=(kit.PutInCart("cart"),), toast="{name} added",
              is_possible=lambda at: not at.record.flag("is_sold_out"))  # fmt: skip
ORDER = kit.Act("Place order|Order now|Check out", glyph="check", event="ordered", opens="orders",
                confirm="Pay and send your order?|Send this order now?",
                effects=(kit.Insert("purchase", _purchase), kit.RemoveAll("cart")))  # fmt: skip
PAGES = (
    kit.Page(
        "menu", "Menu|Our menu|Order", glyph="hamburger", acts=(BAG,),
        blocks=(kit.Rows(
            entity="dish", opens="dish", face=FACE, group="{kind}",
            find=kit.Find(
                search=("{name}", "{kind}"), hint="Search the menu|What would you like?",
                filters=(kit.Filter("Under 500 kcal", lambda _, one: one.number("calories") < 500),
                         kit.Filter("Available|In stock", kit.lacks("is_sold_out"))),
            ),
        ),),
    ),
    kit.Page(
        "deals", "Deals|Offers|Savings", glyph="tag-heart", acts=(BAG,),
        blocks=(kit.Rows(
            entity="dish", opens="dish", has_ads=True, looks=("cards", "grid", "list"),
            face=replace(FACE, old_value="{old_price}"), where=kit.has("is_deal"),
            find=kit.Find(sorts=(kit.Sort("Cheapest|Lowest price", "price"),
                                 kit.Sort("Name|A to Z", "name"))),
        ),),
    ),
    kit.Page(
        "restaurants", "Restaurants|Locations|Find us", glyph="map-marker",
        blocks=(kit.Rows(
            entity="restaurant", looks=("list", "cards"),
            switch=kit.Act("Choose", event="restaurant_chosen", effects=(kit.Change(_choose),)),
            face=kit.Face(title="{name}", lines=("{address}", "{opens}, {miles} mi away"),
                          glyph="store",
                          badges={"is_closed": "Closed today"},
                          is_off=kit.has("is_closed"), is_on="is_chosen"),
        ),),
    ),
    kit.Page(
        "dish", "{kind}", entity="dish", acts=(BAG,), main=ADD,
        blocks=(
            kit.Hero("food"), kit.Headline("{name}", ("{price}",)),
            kit.Facts((("fire", "Energy|Calories", "{calories} kcal"),
                       ("tag-outline", "Usual price|Before", "{old_price}"))),
            kit.Prose("About|Good to know", "{name}, made when you order. Ask us about allergens."),
        ),
    ),
    kit.Page(
        "cart", "Your order|Bag|Basket", main=ORDER,
        blocks=kit.cart_blocks(
            "{article.name}", kit.Choices("way", WAYS, "Pick-up|How do you want it?")
        ),
    ),
    kit.Page(
        "orders", "Orders|My orders|Recent", glyph="receipt-text-outline",
        blocks=(kit.Rows(
            entity="purchase", empty="No orders yet|You have not ordered yet", looks=("list",),
            face=kit.Face(title="Order {code}", glyph="receipt-text-outline", value="{total}",
                          lines=("{way}, {restaurant}", "{at:day}, {at:time}")),
            find=kit.Find(sorts=(kit.Sort("Newest", "at", is_descending=True),)),
        ),),
    ),
)  # fmt: skip

BURGERS = kit.AppSpec(
    package="com.mcdonalds.app", label=CHAIN, glyph="food", color="#DA291C",
    glyph_color="#FFC72C", entities=(DISH, RESTAURANT, kit.cart_of("dish"), PURCHASE), fill=_fill,
    pages=PAGES, tabs=("menu", "deals", "restaurants", "orders"), permissions=("location",),
    looks=kit.Looks(accents=("#DA291C", "#FFC72C", "#264F36")),
    interruptions=(kit.SIGN_IN, kit.NEWSLETTER, kit.RATING),
)  # fmt: skip
