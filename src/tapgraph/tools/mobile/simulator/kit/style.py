"""How an app looks and speaks: drawn by seed from what the app allows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal, Self, TypeVar

from tapgraph.tools.mobile.simulator.canvas import is_dark, mixed
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.speech import Speech
from tapgraph.tools.mobile.simulator.theme import DARK, LIGHT, Theme

__all__ = ["COMMON_LOOKS", "RARE_LOOKS", "BarKind", "Looks", "Navigation", "RowLook", "Style"]

BarKind = Literal["plain", "tinted", "large"]
Navigation = Literal["bottom", "top", "drawer"]
RowLook = Literal["list", "cards", "grid"]
ButtonLook = Literal["filled", "tonal", "outlined"]

COMMON_LOOKS: Final = range(10_000, 20_000)
"""Seeds whose apps have no rare look: of papers, bars, lists, ways to tabs and buttons none is of
the last kind that an app allows. For those who learn and are then tested on looks never seen."""
RARE_LOOKS: Final = range(20_000, 30_000)
"""Seeds whose apps have only rare looks, each where it allows more than one."""

_Choice = TypeVar("_Choice")
_WHITE = "#FFFFFF"


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What an app lets the seed choose from.

    Attributes:
        accents: colours of buttons and of what is chosen.
        papers: colours behind everything.
        rows: how lists may be laid out, where a list does not say so itself.
        mains_at_foot: whether the main button may stand at the foot.
        settled: whether only colours, corners and spaces vary; of all else, words too, the app has
            the first choice.
    """

    accents: Sequence[str]
    papers: Sequence[str] = (_WHITE, _WHITE, "#FBFAF6", "#F3F6FB", DARK.paper)
    bars: Sequence[BarKind] = ("plain", "tinted", "large")
    rows: Sequence[RowLook] = ("list", "cards", "grid")
    navigation: Sequence[Navigation] = ("bottom", "top", "drawer")
    buttons: Sequence[ButtonLook] = ("filled", "filled", "tonal", "outlined")
    corners_dp: Sequence[int] = (4, 10, 22)
    spaces_dp: Sequence[int] = (8, 12, 16)
    mains_at_foot: Sequence[bool] = (True, False)
    settled: bool = False

    def worn_by(self, seed: int) -> Self:
        """What is left to choose from for a phone of that seed."""
        if seed in COMMON_LOOKS:
            keep = _common
        elif seed in RARE_LOOKS:
            keep = _rare
        else:
            return self
        return replace(
            self,
            papers=keep(self.papers),
            bars=keep(self.bars),
            rows=keep(self.rows),
            navigation=keep(self.navigation),
            buttons=keep(self.buttons),
        )


def _common(choices: Sequence[_Choice]) -> Sequence[_Choice]:
    return [one for one in choices if one != choices[-1]] or choices


def _rare(choices: Sequence[_Choice]) -> Sequence[_Choice]:
    return [choices[-1]]


@dataclass(frozen=True, kw_only=True)
class Style:
    """What the seed chose.

    Attributes:
        seed: of every further choice.
        space_dp: between things and around them.
        speaks: whether icons tell a screen reader what they are; if not they have only ids.
        has_icon_bar: whether what a page offers stands in its bar as icons; if not as words.
        main_at_foot: whether the main button stands at the foot; if not, in the bar or floating.
        searches_by_icon: whether the search field appears only after a tap on a magnifying glass.
        speech: how the phone says things.
    """

    seed: str
    accent: str
    paper: str
    bar: BarKind
    rows: Sequence[RowLook]
    navigation: Navigation
    button: ButtonLook
    corner_dp: int
    space_dp: int
    speaks: bool
    has_icon_bar: bool
    main_at_foot: bool
    searches_by_icon: bool
    settled: bool
    speech: Speech

    @classmethod
    def draw(cls, looks: Looks, random: Random, profile: PhoneProfile) -> Self:
        """A style that the looks allow; on dark paper the accent is lighter, to be seen."""
        accent, paper = random.choice(looks.accents), random.choice(looks.papers)
        if profile.is_dark and not is_dark(paper):
            paper = DARK.paper
        free = not looks.settled
        return cls(
            seed=str(random.random()),
            accent=mixed(accent, _WHITE, 0.22) if is_dark(paper) else accent,
            paper=paper,
            bar=random.choice(looks.bars) if free else looks.bars[0],
            rows=looks.rows,
            navigation=random.choice(looks.navigation) if free else looks.navigation[0],
            button=random.choice(looks.buttons),
            corner_dp=random.choice(looks.corners_dp),
            space_dp=random.choice(looks.spaces_dp),
            speaks=not free or random.random() < 0.7,
            has_icon_bar=not free or random.random() < 0.7,
            main_at_foot=(random.choice(looks.mains_at_foot) if free else looks.mains_at_foot[0]),
            searches_by_icon=free and random.random() < 0.35,
            settled=looks.settled,
            speech=profile.speech,
        )

    def choose(self, name: str, choices: Sequence[_Choice]) -> _Choice:
        """One of the choices, the same for the same name."""
        return choices[0] if self.settled else Random(f"{self.seed}/{name}").choice(choices)

    def say(self, words: str) -> str:
        """One of several wordings that `|` parts, the same for the same words, in its language."""
        chosen = self.choose(words, words.split("|")) if "|" in words else words
        return self.speech.say(chosen)

    def say_stars(self, stars: float) -> str:
        """What a screen reader says of a rating."""
        return self.speech.say("{stars} stars", stars=self.speech.number(stars, 1))

    def in_order(self, name: str, things: Sequence[_Choice]) -> list[_Choice]:
        """The same things in an order that is the same for the same name."""
        ordered = list(things)
        if not self.settled:
            Random(f"{self.seed}/{name}").shuffle(ordered)
        return ordered

    @property
    def is_dark(self) -> bool:
        """Whether text is light on a dark ground."""
        return is_dark(self.paper)

    @property
    def theme(self) -> Theme:
        """The colours of what names none of its own."""
        return Theme(
            paper=self.paper,
            sheet=self.sheet,
            ink=self.ink,
            muted=self.muted,
            line=self.line,
            accent=self.tint,
            field=mixed(self.paper, self.ink, 0.08),
            key=mixed(self.paper, self.ink, 0.16),
        )

    @property
    def ink(self) -> str:
        """Colour of text."""
        return DARK.ink if self.is_dark else LIGHT.ink

    @property
    def muted(self) -> str:
        """Colour of text that matters less."""
        return DARK.muted if self.is_dark else LIGHT.muted

    @property
    def line(self) -> str:
        """Colour of borders and of lines between rows."""
        return mixed(self.paper, self.ink, 0.14)

    @property
    def sheet(self) -> str:
        """Colour of cards and fields."""
        return mixed(self.paper, self.ink, 0.06) if self.is_dark else _WHITE

    @property
    def tint(self) -> str:
        """Colour of text and icons that stand for the accent."""
        if self.is_dark == is_dark(self.accent):
            return mixed(self.accent, self.ink, 0.45)
        return self.accent

    @property
    def bar_paper(self) -> str:
        """Colour of the bar on top."""
        return self.accent if self.bar == "tinted" else self.paper

    @property
    def bar_ink(self) -> str:
        """Colour of what stands in the bar on top."""
        return self.accent_ink if self.bar == "tinted" else self.ink

    @property
    def accent_ink(self) -> str:
        """Colour of what stands on the accent."""
        return _WHITE if is_dark(self.accent) else "#1F1F1F"
