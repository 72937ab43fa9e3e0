"""What can be set on a page, and by which control: searches, orders, choices, forms, drafts."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Setting", "Touch"]


@dataclass(frozen=True, kw_only=True)
class Touch:
    """A control and what to do there: tap it, or write into it.

    Attributes:
        id: resource entry name.
        key: tells it from others of that id; empty where there is one.
        text: what to write; None for a tap.
        submits: whether Enter follows the text.
        item: what to choose in the dialog that a tap opens; empty where none opens.
    """

    id: str
    key: str = ""
    text: str | None = None
    submits: bool = False
    item: str = ""


@dataclass(frozen=True)
class Setting:
    """Something that the user can set on a page and that an act or a list then reads.

    Attributes:
        name: such as `query`, or the column that a form's field fills.
        value: what it is now.
        toward: what brings it nearer to a wanted value, one touch at a time.
    """

    name: str
    value: str
    toward: Callable[[str], Touch]
