"""The views that apps build their pages from.

An activity's `build()` returns a fresh tree of views after every event; nothing in a view
survives it. What must survive lives in the activity, in the app's database, or (scroll offsets,
focus, text being edited) in the phone, which recognises a view by its `id`, its `key` or its place
among its siblings. Lengths are in dp, text sizes in sp, colours are `#RRGGBB`. Of grounds and
borders an empty colour means none, of all else the window's theme. `layout.py` sets `bounds` and
`visible`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from PIL import Image

from tapgraph.tools.mobile.geometry import Bounds

__all__ = [
    "Alignment",
    "AppIcon",
    "Box",
    "Button",
    "Card",
    "CheckBox",
    "Chip",
    "Column",
    "Direction",
    "Divider",
    "Field",
    "Frame",
    "Icon",
    "IconButton",
    "Insets",
    "Label",
    "Length",
    "Linear",
    "MapView",
    "Marker",
    "Picture",
    "Place",
    "ProgressBar",
    "RadioButton",
    "RatingBar",
    "Row",
    "Scroll",
    "ScrollColumn",
    "ScrollRow",
    "Snapshot",
    "Spacer",
    "Switch",
    "Toggle",
    "View",
]

Length: TypeAlias = int | Literal["match", "wrap"]
Insets: TypeAlias = int | tuple[int, int] | tuple[int, int, int, int]
"""All sides; or (horizontal, vertical); or (left, top, right, bottom)."""
Direction: TypeAlias = Literal["up", "down", "left", "right"]
"""Where a finger moves to."""
Alignment: TypeAlias = Literal["start", "center", "end"]
Place: TypeAlias = Literal[
    "top_start",
    "top_center",
    "top_end",
    "center_start",
    "center",
    "center_end",
    "bottom_start",
    "bottom_center",
    "bottom_end",
]

_NOWHERE = Bounds(0, 0, 0, 0)


@dataclass(kw_only=True, eq=False, repr=False)
class View:
    """A rectangle on the screen, with everything that all kinds of views share.

    Attributes:
        id: resource entry name, such as `search_button`; with a colon it is taken as the whole id.
        key: tells siblings of a list apart, so that state stays with the right one.
        desc: content description, what a screen reader says.
        weight: share of a row's or column's remaining length.
        gravity: place inside a `Frame`.
        corner_dp: radius of the background.
        border: colour of a thin line around the background.
        on_swipe: takes a swipe that starts here; returns whether it was used.
        decorative: left out of the UI dump, with all below.
    """

    id: str = ""
    key: str = ""
    text: str = ""
    desc: str = ""
    width: Length = "wrap"
    height: Length = "wrap"
    weight: float = 0.0
    padding: Insets = 0
    margin: Insets = 0
    gravity: Place = "top_start"
    background: str = ""
    foreground: str = ""
    border: str = ""
    corner_dp: int = 0
    on_click: Callable[[], None] | None = None
    on_long_click: Callable[[], None] | None = None
    on_double_click: Callable[[], None] | None = None
    on_swipe: Callable[[Direction], bool] | None = None
    decorative: bool = False
    enabled: bool = True
    selected: bool = False
    checkable: bool = False
    checked: bool = False
    class_name: str = "android.view.View"
    children: list["View"] = field(default_factory=list)
    identity: str = field(default="", init=False)
    bounds: Bounds = field(default=_NOWHERE, init=False)
    """Where it is laid out, also outside its parent."""
    visible: Bounds = field(default=_NOWHERE, init=False)
    """The part of `bounds` that nothing clips; empty when scrolled away."""
    measured: tuple[int, int] = field(default=(0, 0), init=False)

    @property
    def clickable(self) -> bool:
        """Whether a tap does something here."""
        return self.on_click is not None

    @property
    def focusable(self) -> bool:
        """Whether it can be reached without touch; Android makes what is clickable focusable."""
        return self.clickable

    def __repr__(self) -> str:
        said = self.id or self.text or self.desc
        return f"<{type(self).__name__} {said!r}>"

    def walk(self) -> Iterator["View"]:
        """Itself, then all below, in the order of drawing."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(kw_only=True, eq=False, repr=False)
class Box(View):
    """A view that is made of others."""

    children: list[View] = field(default_factory=list, kw_only=False)


@dataclass(kw_only=True, eq=False, repr=False)
class Linear(Box):
    """Children one after another.

    Attributes:
        gap: space between two children.
        align: place of children across the direction.
        arrange: place of all children along the direction, where space is left.
    """

    gap: int = 0
    align: Alignment = "start"
    arrange: Alignment = "start"
    class_name: str = "android.widget.LinearLayout"


@dataclass(kw_only=True, eq=False, repr=False)
class Column(Linear):
    """Children below one another; as wide as its parent unless told otherwise."""

    width: Length = "match"


@dataclass(kw_only=True, eq=False, repr=False)
class Row(Linear):
    """Children beside one another, centred vertically; as wide as its parent."""

    width: Length = "match"
    align: Alignment = "center"


@dataclass(kw_only=True, eq=False, repr=False)
class Frame(Box):
    """Children over one another, each at its `gravity`."""

    class_name: str = "android.widget.FrameLayout"


@dataclass(kw_only=True, eq=False, repr=False)
class Card(Column):
    """A column on a sheet with round corners and a thin border."""

    class_name: str = "androidx.cardview.widget.CardView"
    border: str = "#DADCE0"
    corner_dp: int = 12
    padding: Insets = 12


@dataclass(kw_only=True, eq=False, repr=False)
class Scroll(Linear):
    """What both scrolling lists share."""

    scroll_px: int = field(default=0, init=False)
    """How far its content is scrolled."""
    scroll_range_px: int = field(default=0, init=False)
    """How far it can be scrolled; 0 where everything fits."""


@dataclass(kw_only=True, eq=False, repr=False)
class ScrollColumn(Scroll):
    """A column that a finger scrolls up and down."""

    width: Length = "match"
    height: Length = "match"
    class_name: str = "androidx.recyclerview.widget.RecyclerView"


@dataclass(kw_only=True, eq=False, repr=False)
class ScrollRow(Scroll):
    """A row that a finger scrolls to the sides."""

    width: Length = "match"
    class_name: str = "androidx.recyclerview.widget.RecyclerView"


@dataclass(kw_only=True, eq=False, repr=False)
class Label(View):
    """Text.

    Attributes:
        max_lines: more is cut with an ellipsis; 0 for all.
        link: drawn in blue and underlined; combine it with `on_click`.
        strike: drawn crossed out, as an old price.
    """

    text: str = field(default="", kw_only=False)
    size_sp: int = 14
    bold: bool = False
    color: str = ""
    max_lines: int = 0
    link: bool = False
    strike: bool = False
    align: Alignment = "start"
    class_name: str = "android.widget.TextView"


@dataclass(kw_only=True, eq=False, repr=False)
class Button(View):
    """A push button with a text and perhaps an icon.

    Attributes:
        style: `filled` and `tonal` have a background, `outlined` a border, `text` neither.
        color: the accent.
    """

    text: str = field(default="", kw_only=False)
    glyph: str = ""
    style: Literal["filled", "tonal", "outlined", "text"] = "filled"
    color: str = ""
    size_sp: int = 14
    class_name: str = "android.widget.Button"


@dataclass(kw_only=True, eq=False, repr=False)
class IconButton(View):
    """A round button that shows one icon; `desc` is what it says to a screen reader."""

    glyph: str = field(default="", kw_only=False)
    color: str = ""
    glyph_dp: int = 24
    width: Length = 48
    height: Length = 48
    class_name: str = "android.widget.ImageButton"


@dataclass(kw_only=True, eq=False, repr=False)
class Field(View):
    """A text field.

    The phone keeps what is being typed. A new `value` from the activity (other than the one it
    gave last time) replaces it, so `Field(value=self.query, on_change=self.set_query)` and a field
    without callbacks both do what one expects.

    Attributes:
        hint: shown while empty.
        on_change: called with the whole text after each change.
        on_submit: called with the whole text by the keyboard's action key.
        action: the keyboard's action key; with `newline` it starts a new line.
        autofocus: raises the keyboard when the field first appears.
        style: `outlined` has a border, `filled` a grey pill, `plain` only its text.
    """

    hint: str = field(default="", kw_only=False)
    value: str = ""
    on_change: Callable[[str], None] | None = None
    on_submit: Callable[[str], None] | None = None
    password: bool = False
    multiline: bool = False
    autofocus: bool = False
    action: Literal["search", "done", "newline"] = "done"
    style: Literal["outlined", "filled", "plain"] = "outlined"
    glyph: str = ""
    size_sp: int = 16
    min_lines: int = 1
    width: Length = "match"
    class_name: str = "android.widget.EditText"
    focused: bool = field(default=False, init=False)

    @property
    def clickable(self) -> bool:
        """Whether a tap does something here: it takes the focus."""
        return True


@dataclass(kw_only=True, eq=False, repr=False)
class Icon(View):
    """A symbol of the Material Design icon font, by its name there, such as `map-marker`."""

    glyph: str = field(default="", kw_only=False)
    size_dp: int = 24
    color: str = ""
    class_name: str = "android.widget.ImageView"


@dataclass(kw_only=True, eq=False, repr=False)
class Picture(View):
    """An illustration that is drawn from its subject: equal subjects look equal.

    Attributes:
        subject: what it shows; also the seed.
        style: the kind of drawing. `initial` is a round avatar with the first letter, `app` the
            icon of an app (`subject` is then the glyph and `color` its background).
    """

    subject: str = field(default="", kw_only=False)
    style: Literal["landscape", "product", "food", "building", "art", "initial", "app"] = (
        "landscape"
    )
    color: str = ""
    width: Length = "match"
    height: Length = 160
    class_name: str = "android.widget.ImageView"


@dataclass(frozen=True, slots=True)
class Marker:
    """A pin on a map; `x` and `y` run from 0 to 1, right and down."""

    x: float
    y: float
    label: str = ""
    color: str = "#EA4335"


@dataclass(kw_only=True, eq=False, repr=False)
class MapView(View):
    """A street map that is drawn from its subject, with pins and perhaps a route.

    Attributes:
        route: the corners of the route, `(x, y)` from 0 to 1, right and down.
    """

    subject: str = field(default="", kw_only=False)
    markers: tuple[Marker, ...] = ()
    route: tuple[tuple[float, float], ...] = ()
    width: Length = "match"
    height: Length = "match"


@dataclass(kw_only=True, eq=False, repr=False)
class Toggle(View):
    """Something that is on or off; `on_click` must change what `checked` is built from."""

    text: str = field(default="", kw_only=False)
    color: str = ""
    size_sp: int = 16
    checkable: bool = True


@dataclass(kw_only=True, eq=False, repr=False)
class Switch(Toggle):
    """A sliding switch, with its text on the left."""

    class_name: str = "android.widget.Switch"


@dataclass(kw_only=True, eq=False, repr=False)
class CheckBox(Toggle):
    """A square with a tick, with its text on the right."""

    class_name: str = "android.widget.CheckBox"


@dataclass(kw_only=True, eq=False, repr=False)
class RadioButton(Toggle):
    """A circle with a dot, with its text on the right."""

    class_name: str = "android.widget.RadioButton"


@dataclass(kw_only=True, eq=False, repr=False)
class Chip(Toggle):
    """A small rounded button, such as a filter; `checked` fills it."""

    glyph: str = ""
    size_sp: int = 14
    checkable: bool = False
    class_name: str = "android.widget.Button"


@dataclass(kw_only=True, eq=False, repr=False)
class Divider(View):
    """A thin horizontal line."""

    width: Length = "match"
    color: str = ""


@dataclass(kw_only=True, eq=False, repr=False)
class Spacer(View):
    """Empty space; it is not in the UI dump."""

    decorative: bool = True
    class_name: str = "android.widget.Space"


@dataclass(kw_only=True, eq=False, repr=False)
class ProgressBar(View):
    """A turning circle."""

    color: str = ""
    width: Length = 48
    height: Length = 48
    class_name: str = "android.widget.ProgressBar"


@dataclass(kw_only=True, eq=False, repr=False)
class RatingBar(View):
    """Five stars, filled up to `value`; describes itself as `4.5 stars`."""

    value: float = field(default=0.0, kw_only=False)
    size_dp: int = 16
    color: str = "#E7711B"
    class_name: str = "android.widget.RatingBar"

    def __post_init__(self) -> None:
        if not self.desc:
            self.desc = f"{self.value:.1f} stars"


@dataclass(kw_only=True, eq=False, repr=False)
class AppIcon(View):
    """A launcher entry: a round icon with a label below, one view as on Android.

    Attributes:
        color: background of the icon.
        ink: colour of the label.
    """

    text: str = field(default="", kw_only=False)
    glyph: str = ""
    color: str = "#1A73E8"
    glyph_color: str = "#FFFFFF"
    ink: str = ""
    shows_label: bool = True
    class_name: str = "android.widget.TextView"


@dataclass(kw_only=True, eq=False, repr=False)
class Snapshot(View):
    """A small image of something else, drawn when it is looked at: `draw(width_px, height_px)`."""

    draw: Callable[[int, int], Image.Image] = field(kw_only=True)
    class_name: str = "android.view.View"
