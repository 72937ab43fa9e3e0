"""Carts: what lies in them, how many of each, and what that costs."""

from collections.abc import Sequence

from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.block import Block
from tapgraph.tools.mobile.simulator.kit.detail import Total
from tapgraph.tools.mobile.simulator.kit.effect import Step
from tapgraph.tools.mobile.simulator.kit.face import Face
from tapgraph.tools.mobile.simulator.kit.record import Entity
from tapgraph.tools.mobile.simulator.kit.rows import Rows
from tapgraph.tools.mobile.simulator.kit.scene import At

__all__ = ["cart_blocks", "cart_cents", "cart_of"]


def cart_of(article: str) -> Entity:
    """The entity `cart`: how many of which article; an article has a `price` in cents."""
    return Entity("cart", {"article": article, "quantity": "number"})


def cart_cents(at: At) -> int:
    """What all in the cart costs."""
    return sum(
        at.app.follow(row, "article").number("price") * row.number("quantity")
        for row in at.all("cart")
    )


def cart_blocks(title: str, *more: Block) -> Sequence[Block]:
    """The articles with buttons for more and fewer, then further blocks, then what all costs.

    Args:
        title: a template for a row of the cart, such as `{article.name}`.
        more: blocks between the articles and the sum.
    """
    steps = (
        Act("One less", glyph="minus", effects=(Step("quantity", -1),)),
        Act("One more", glyph="plus", effects=(Step("quantity", 1),)),
    )
    rows = Rows(
        entity="cart",
        looks=("list",),
        face=Face(title=title, lines=("{quantity} x {article.price}",)),
        row_acts=steps,
        empty="Nothing here yet|It is still empty|Your cart is empty",
    )
    return (rows, *more, Total("Total|To pay|Subtotal", cart_cents))
