"""Looking at a phone until it shows something that stays."""

import dataclasses
import hashlib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from PIL import Image

from tapgraph.errors import ExtraMissing, UnreadableTree
from tapgraph.tools.mobile import ocr
from tapgraph.tools.mobile.device import AppInfo, Capability, Device
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.ocr import OcrLine
from tapgraph.tools.mobile.screen import (
    Element,
    Role,
    Screen,
    SeenState,
    Source,
    fingerprint_of,
)
from tapgraph.tools.mobile.tree_elements import (
    blind_regions,
    elements_from_tree,
    tells_what_is_seen,
)
from tapgraph.tools.mobile.ui_tree import UiTree

__all__ = ["NameIcons", "ReadFrom", "ScreenReader", "SeeStates"]

ReadFrom = Literal["tree", "ocr", "both", "auto"]
"""What to read; `auto` reads the picture only where the hierarchy is unreadable or useless."""

NameIcons = Callable[[Iterable[Element], Image.Image], tuple[Element, ...]]
"""From elements and the picture of their screen to the same with icons."""
SeeStates = Callable[[Image.Image], tuple[SeenState, ...]]
"""From the picture of a screen to the states that it surely shows."""

_STATUS_BAR_SHARE = 0.025
"""Upper part of an upright picture whose text (clock, battery) is not read."""
_MOST_VIRTUAL_LOOKS = 60
_SPLASH_S = 2.0
"""An app that starts shows nothing for about so long."""
_LOOKS_FOR_ALL = 2
"""So many looks are compared in all they show; later ones without numbers, which may be a clock."""
_NUMBER = re.compile(r"\d+")
_BLACK = "the picture is black: the phone protects this screen from being seen, or is off"

_Value = TypeVar("_Value")
_ProgressKey = tuple[str, int, int]
_BlankKey = tuple[tuple[str, str], ...]
_Place = tuple[Role, str, int]


@dataclass(slots=True)
class _Look:
    """What is gathered during one reading."""

    deadline_s: float
    size: Size = field(default_factory=lambda: Size(0, 0))
    tree: UiTree | None = None
    picture: Image.Image | None = None
    states: tuple[SeenState, ...] = ()
    is_stable: bool = True
    warnings: list[str] = field(default_factory=list)
    device_s: float = 0.0
    picture_s: float = 0.0
    ocr_s: float = 0.0


class ScreenReader:
    """Reads a phone's screen when it has stopped changing.

    The phone is looked at again every `poll_s` until two looks in a row agree and nothing is shown
    that turns or fills while a page loads; from the third look on, numbers may differ, as on a
    clock. A screen without elements is believed after two seconds. Nothing else is waited for.

    On a phone whose time is virtual (`Capability.VIRTUAL_TIME`) one look is enough unless something
    is loading, and there is no pause between looks. A loading sign that once outlasted the time
    limit, a page that stayed without elements, a text that was still changing then, and a picture
    that never stood still are not waited for again. A black picture is not read; it leaves a
    warning.

    `pictures="when needed"` takes a screenshot only to read text from it, or to name icons:
    `name_icons` is given the elements and the picture, and gives the elements with their icons.
    `see_states` is given the picture where the hierarchy cannot be read, is of no use, or is not
    asked; what the phone says of its keyboard itself is not asked of it.
    """

    def __init__(
        self,
        device: Device,
        *,
        source: ReadFrom = "auto",
        pictures: Literal["always", "when needed"] = "always",
        poll_s: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        read_text: Callable[[Image.Image], Iterable[OcrLine]] = ocr.read_text,
        name_icons: NameIcons | None = None,
        see_states: SeeStates | None = None,
    ) -> None:
        self._device = device
        self._source = source
        self._pictures = pictures
        self._poll_s = poll_s
        self._clock = clock
        self._sleep = sleep
        self._read_text = read_text
        self._name_icons = name_icons
        self._see_states = see_states
        self._is_virtual = Capability.VIRTUAL_TIME in device.capabilities
        self._vain_progress: frozenset[_ProgressKey] = frozenset()
        self._vain_blanks: frozenset[_BlankKey] = frozenset()
        self._restless_texts: frozenset[_Place] = frozenset()
        self._picture_is_restless = False

    def read(self, *, timeout_s: float = 5.0) -> Screen:
        """The screen as soon as it is stable, or as it is after `timeout_s`.

        A hierarchy that cannot be read, or text that cannot be read from the picture because the
        extra `ocr` is missing, leaves a warning in the screen; what else is known is still given.
        """
        look = _Look(deadline_s=self._clock() + timeout_s)
        look.size = self._asked(look, self._device.size)
        self._wait_for_tree(look)
        app = self._asked(look, self._device.current_app)
        keyboard_shown = self._asked(look, self._device.keyboard_shown)
        elements: tuple[Element, ...] = ()
        if look.tree is not None:
            elements = elements_from_tree(look.tree, look.size, front_package=app.package)
        reads_picture = self._must_read_picture(look, elements)
        if reads_picture:
            self._wait_for_picture(look)
        elif self._pictures == "always" or self._name_icons is not None:
            self._take_picture(look)
        digest = _digest_of_unknown(look, elements, whole=reads_picture)
        if self._sees_nothing_else(look, elements):
            look.states = self._states_of(look.picture)
        source: Source = "tree"
        if reads_picture:
            known = () if self._source == "ocr" else elements
            elements, source = self._with_text(look, known)
        if self._name_icons is not None and look.picture is not None:
            elements = self._name_icons(elements, look.picture)
        return self._screen(
            look, elements, app, source, keyboard_shown=keyboard_shown, picture_digest=digest
        )

    def read_change(self, before: Screen, *, patience_s: float = 1.5) -> Screen:
        """The screen after an action; while it is as it was `before`, it is looked at again.

        A page of a real phone may begin to change only after a while, so an unchanged screen is
        believed after `patience_s`. On a phone whose time is virtual one look is enough.
        """
        began_s = self._clock()
        screen = self.read()
        looks = [screen]
        while (
            not self._is_virtual
            and screen.fingerprint == before.fingerprint
            and self._clock() - began_s < patience_s
        ):
            self._sleep(self._poll_s)
            screen = self.read()
            looks.append(screen)
        pictures_s = sum(look.picture_s for look in looks)
        read_s = sum(look.ocr_s for look in looks)
        if len(looks) == 1:
            return screen
        return dataclasses.replace(
            screen,
            device_s=self._clock() - began_s - pictures_s - read_s,
            picture_s=pictures_s,
            ocr_s=read_s,
        )

    def read_region(self, screen: Screen, region: Bounds) -> Screen:
        """The same look with the text read from one region of its picture added.

        For what the hierarchy does not tell, such as one of `blind_regions`. The fingerprint stays.

        Raises:
            ValueError: the screen has no picture.
            ExtraMissing: the extra `ocr` is not installed.
        """
        if screen.screenshot is None:
            raise ValueError("the screen has no picture to read from; read it with pictures")
        started_s = self._clock()
        crop = screen.screenshot.crop((region.left, region.top, region.right, region.bottom))
        lines = [_moved(line, region) for line in self._read_text(crop)]
        return dataclasses.replace(
            screen,
            elements=ocr.merge(screen.elements, lines),
            source="both",
            ocr_s=screen.ocr_s + self._clock() - started_s,
        )

    def _screen(
        self,
        look: _Look,
        elements: tuple[Element, ...],
        app: AppInfo,
        source: Source,
        *,
        keyboard_shown: bool,
        picture_digest: str,
    ) -> Screen:
        now = self._device.local_time()
        return Screen(
            size=look.size,
            elements=elements,
            app=app,
            keyboard_shown=keyboard_shown,
            screenshot=look.picture,
            tree_xml="" if look.tree is None else look.tree.xml,
            # Reading twice does not give the same letters; the picture stands for what was read.
            fingerprint=fingerprint_of(
                app,
                [element for element in elements if element.source == "tree"],
                keyboard_shown=keyboard_shown,
                picture=picture_digest,
            ),
            source=source,
            looks_like=look.states,
            local_time=f"{now:%A %Y-%m-%d %H:%M}" if now is not None else "",
            is_stable=look.is_stable,
            warnings=tuple(look.warnings),
            device_s=look.device_s,
            picture_s=look.picture_s,
            ocr_s=look.ocr_s,
        )

    def _wait_for_tree(self, look: _Look) -> None:
        looks = 0
        refusals = 0
        previous: UiTree | None = None
        splash_ends_s = self._clock() + _SPLASH_S
        while True:
            looks += 1
            try:
                look.tree = self._asked(look, self._device.ui_tree)
            except UnreadableTree as error:
                look.tree, refusals = None, refusals + 1
                if refusals == 2:
                    look.warnings.append(f"the view hierarchy was not read: {error}")
                    return
            loading = _loading_signs(look.tree, look.size)
            is_settled = look.tree is not None and (
                self._is_virtual or self._agree(previous, look, looks)
            )
            is_settled = is_settled and loading <= self._vain_progress
            if is_settled and not self._is_splash(look, splash_ends_s):
                return
            is_late = looks >= _MOST_VIRTUAL_LOOKS if self._is_virtual else False
            if is_late or self._clock() >= look.deadline_s:
                look.is_stable = False
                self._vain_progress |= loading
                self._restless_texts |= _changing_texts(previous, look.tree, look.size)
                return
            previous = look.tree
            self._pause(look)

    def _is_splash(self, look: _Look, ends_s: float) -> bool:
        """Whether a settled screen shows nothing yet and may still come to show something."""
        if self._is_virtual or look.tree is None or elements_from_tree(look.tree, look.size):
            return False
        page = tuple((window.package, window.class_name) for window in look.tree.windows)
        if page in self._vain_blanks:
            return False
        if self._clock() < ends_s:
            return True
        self._vain_blanks |= {page}
        return False

    def _agree(self, previous: UiTree | None, look: _Look, looks: int) -> bool:
        if look.tree is None or previous is None:
            return False
        if previous.xml == look.tree.xml:
            return True
        app = AppInfo("", "")
        then, now = (
            fingerprint_of(
                app,
                elements if looks <= _LOOKS_FOR_ALL else map(_without_numbers, elements),
                keyboard_shown=False,
            )
            for elements in (
                [one for one in elements_from_tree(tree, look.size) if self._is_calm(one)]
                for tree in (previous, look.tree)
            )
        )
        return then == now

    def _is_calm(self, element: Element) -> bool:
        return _place(element) not in self._restless_texts

    def _must_read_picture(self, look: _Look, elements: tuple[Element, ...]) -> bool:
        if look.tree is None or self._source in {"ocr", "both"}:
            return True
        return self._source == "auto" and not tells_what_is_seen(look.tree, elements, look.size)

    def _sees_nothing_else(self, look: _Look, elements: tuple[Element, ...]) -> bool:
        """Whether the picture is all that tells what the screen shows."""
        if look.tree is None or self._source == "ocr":
            return True
        return self._source != "tree" and not tells_what_is_seen(look.tree, elements, look.size)

    def _states_of(self, picture: Image.Image | None) -> tuple[SeenState, ...]:
        if self._see_states is None or picture is None:
            return ()
        return tuple(one for one in self._see_states(picture) if one.state != "keyboard")

    def _wait_for_picture(self, look: _Look) -> None:
        self._take_picture(look)
        while not (self._is_virtual or self._picture_is_restless):
            previous = _picture_digest(look.picture) if look.picture else ""
            self._pause(look)
            self._take_picture(look)
            if look.picture and _picture_digest(look.picture) == previous:
                return
            if self._clock() >= look.deadline_s:
                look.is_stable = False
                self._picture_is_restless = True

    def _with_text(
        self, look: _Look, elements: tuple[Element, ...]
    ) -> tuple[tuple[Element, ...], Source]:
        if look.picture is None or _is_black(look.picture):
            return elements, "tree"
        started_s = self._clock()
        try:
            lines = list(self._read_text(look.picture))
        except ExtraMissing as error:
            look.warnings.append(f"{error}")
            return elements, "tree"
        look.ocr_s += self._clock() - started_s
        if not look.size.is_landscape:
            bar_px = _STATUS_BAR_SHARE * look.size.height_px
            lines = [line for line in lines if line.bounds.center.y >= bar_px]
        return ocr.merge(elements, lines), "both" if elements else "ocr"

    def _take_picture(self, look: _Look) -> None:
        started_s = self._clock()
        look.picture = self._device.screenshot()
        look.picture_s += self._clock() - started_s
        if _is_black(look.picture) and _BLACK not in look.warnings:
            look.warnings.append(_BLACK)

    def _asked(self, look: _Look, question: Callable[[], _Value]) -> _Value:
        started_s = self._clock()
        try:
            return question()
        finally:
            look.device_s += self._clock() - started_s

    def _pause(self, look: _Look) -> None:
        if not self._is_virtual:
            started_s = self._clock()
            self._sleep(self._poll_s)
            look.device_s += self._clock() - started_s


def _loading_signs(tree: UiTree | None, size: Size) -> frozenset[_ProgressKey]:
    """Name and size of every spinner and of every bar across the page.

    A bar that is neither round nor as wide as the page shows a share of something and stays.
    """
    if tree is None or "Progress" not in tree.xml:
        return frozenset()
    return frozenset(
        (element.resource_id, element.bounds.width, element.bounds.height)
        for element in elements_from_tree(tree, size)
        if element.role is Role.PROGRESS
        and (
            element.bounds.width < 3 * element.bounds.height
            or element.bounds.width >= 0.8 * size.width_px
        )
    )


def _changing_texts(before: UiTree | None, after: UiTree | None, size: Size) -> frozenset[_Place]:
    """Where two looks that else show the same differ in what they say."""
    if before is None or after is None:
        return frozenset()
    then, now = elements_from_tree(before, size), elements_from_tree(after, size)
    if [_place(one) for one in then] != [_place(one) for one in now]:
        return frozenset()
    return frozenset(
        _place(new) for old, new in zip(then, now, strict=True) if old.text != new.text
    )


def _place(element: Element) -> _Place:
    return element.role, element.resource_id, element.bounds.top


def _without_numbers(element: Element) -> Element:
    """The element as any other number would leave it: numbers differ in width, too."""
    if not _NUMBER.search(element.text):
        return element
    bounds = dataclasses.replace(element.bounds, left=0, right=0)
    return dataclasses.replace(element, text=_NUMBER.sub("0", element.text), bounds=bounds)


def _is_black(picture: Image.Image) -> bool:
    """Whether nothing is to be seen between the bars of the system."""
    middle, top = picture.width // 2, picture.height // 10
    bottom = picture.height - top
    # Most screens show something in their middle, and to look at all of one takes milliseconds.
    return (
        picture.crop((middle, top, middle + 1, bottom)).getbbox() is None
        and picture.crop((0, top, picture.width, bottom)).getbbox() is None
    )


def _moved(line: OcrLine, region: Bounds) -> OcrLine:
    bounds = line.bounds
    return dataclasses.replace(
        line,
        bounds=Bounds(
            bounds.left + region.left,
            bounds.top + region.top,
            bounds.right + region.left,
            bounds.bottom + region.top,
        ),
    )


def _digest_of_unknown(look: _Look, elements: Iterable[Element], *, whole: bool) -> str:
    """A digest of the pixels that the elements do not tell, such as a map that was dragged.

    That is the `whole` picture where its text is read, else every blind region of a quarter of the
    screen or more; smaller ones (thumbnails, advertisements) change by themselves too often.
    """
    if look.picture is None:
        return ""
    if whole or look.tree is None:
        return _picture_digest(look.picture)
    least = 0.25 * look.size.width_px * look.size.height_px
    return " ".join(
        _picture_digest(look.picture, region)
        for region in blind_regions(look.tree, elements, look.size)
        if region.area >= least
    )


def _picture_digest(picture: Image.Image, region: Bounds | None = None) -> str:
    """A digest at 27 by 60 points and eight greys, of all but the status bar or of one region."""
    if region is None:
        top = round(_STATUS_BAR_SHARE * picture.height) if picture.height > picture.width else 0
        region = Bounds(0, top, picture.width, picture.height)
    box = (region.left, region.top, region.right, region.bottom)
    small = picture.resize((27, 60), Image.Resampling.BOX, box, reducing_gap=2.0)
    greys = small.convert("L").point(lambda grey: int(grey) // 32)
    return hashlib.blake2b(greys.tobytes(), digest_size=8).hexdigest()
