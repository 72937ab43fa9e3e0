"""How instructions name shops, and how shops show products in their lists."""

import re

from tapgraph.tools.mobile.simulator.apps.shop_goods import SHOP_STYLES

__all__ = ["PRODUCT_ROW", "SHOP", "shop_label", "shop_package"]

SHOP = r"(?P<shop>amazon(?: shopping)?|walmart|best ?buy)\b"
PRODUCT_ROW = re.compile(
    r"(?:(?:Limited time deal|Rollback|Sale), )?(?P<name>[^…]+?), \d\.\d(?:, \d\.\d stars)?, "
    r"\([\d,]+\), (?P<price>\$[\d,.]+\d)(?:, Was (?P<old>\$[\d,.]+\d), -\d+%)?, Delivery in .*"
)


def shop_label(word: str) -> str:
    """The label of the shop's app.

    >>> shop_label("amazon"), shop_label("BestBuy")
    ('Amazon Shopping', 'Best Buy')
    """
    wanted = word.lower().replace(" ", "")
    return next(
        style.label
        for style in SHOP_STYLES
        if style.label.lower().replace(" ", "").startswith(wanted)
    )


def shop_package(label: str) -> str:
    """The package of the shop's app."""
    return next(style.package for style in SHOP_STYLES if style.label == label)
