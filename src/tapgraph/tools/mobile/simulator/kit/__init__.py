"""A kit for apps: things, pages of blocks, acts, and a style that the seed draws."""

from tapgraph.tools.mobile.simulator.kit.act import Act, Flip
from tapgraph.tools.mobile.simulator.kit.block import Block, Door, Link
from tapgraph.tools.mobile.simulator.kit.cart import cart_blocks, cart_cents, cart_of
from tapgraph.tools.mobile.simulator.kit.choosing import Choices, Tabs
from tapgraph.tools.mobile.simulator.kit.days import Days, chosen_day
from tapgraph.tools.mobile.simulator.kit.detail import (
    Buttons,
    Facts,
    Headline,
    Hero,
    Prose,
    Total,
)
from tapgraph.tools.mobile.simulator.kit.effect import (
    Change,
    Effect,
    Insert,
    PutInCart,
    Refused,
    Remove,
    RemoveAll,
    Step,
)
from tapgraph.tools.mobile.simulator.kit.face import Face
from tapgraph.tools.mobile.simulator.kit.finding import Filter, Find, OneOf, Sort, search_for
from tapgraph.tools.mobile.simulator.kit.form import Form, FormField, SaveForm, SaveNew, filled_in
from tapgraph.tools.mobile.simulator.kit.interruption import COOKIES, NEWSLETTER, RATING, SIGN_IN
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec, KitApp, Page
from tapgraph.tools.mobile.simulator.kit.record import Entity, Record, Value
from tapgraph.tools.mobile.simulator.kit.rows import Rows
from tapgraph.tools.mobile.simulator.kit.scene import At, StoredApp
from tapgraph.tools.mobile.simulator.kit.setting import Setting, Touch
from tapgraph.tools.mobile.simulator.kit.style import Looks
from tapgraph.tools.mobile.simulator.kit.talk import Bubbles, Composer
from tapgraph.tools.mobile.simulator.kit.where import Where, equals, has, lacks, refers

__all__ = [
    "COOKIES",
    "NEWSLETTER",
    "RATING",
    "SIGN_IN",
    "Act",
    "AppSpec",
    "At",
    "Block",
    "Bubbles",
    "Buttons",
    "Change",
    "Choices",
    "Composer",
    "Days",
    "Door",
    "Effect",
    "Entity",
    "Face",
    "Facts",
    "Filter",
    "Find",
    "Flip",
    "Form",
    "FormField",
    "Headline",
    "Hero",
    "Insert",
    "KitApp",
    "Link",
    "Looks",
    "OneOf",
    "Page",
    "Prose",
    "PutInCart",
    "Record",
    "Refused",
    "Remove",
    "RemoveAll",
    "Rows",
    "SaveForm",
    "SaveNew",
    "Setting",
    "Sort",
    "Step",
    "StoredApp",
    "Tabs",
    "Total",
    "Touch",
    "Value",
    "Where",
    "cart_blocks",
    "cart_cents",
    "cart_of",
    "chosen_day",
    "equals",
    "filled_in",
    "has",
    "lacks",
    "refers",
    "search_for",
]
