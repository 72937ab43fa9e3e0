"""Recordings rendered from routes on the simulated phone, with what was done in each frame.

Between two screens a page slides, a list scrolls, text is written, an app grows out of its icon.
Where touches are shown, a dot is where the finger is. An app is opened by its icon on the home
screen, or in the list of all apps where it is not there. Nobody acts while the home screen comes
back, an advert changes or the clock goes on. Some frames are lost, as on a busy phone.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from PIL import Image
from torch import Tensor

from tapgraph.errors import ToolError
from tapgraph.evals.suite import Task
from tapgraph.tools.mobile.actions import Action, Back, Home, OpenApp, Swipe, Tap, Type
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.perception.recording import FRAME_SIZE, grey_frame
from tapgraph.tools.mobile.perception.segmenter import ActionKind
from tapgraph.tools.mobile.screen import Element
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Guide, LostWay
from tapgraph.tools.mobile.simulator.launcher import LAUNCHER_PACKAGE
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.screen_of import screen_of
from tapgraph.tools.mobile.target import Target

__all__ = ["Film", "TrueSegment", "film_task", "write_frames"]

_WIDTH, _HEIGHT = FRAME_SIZE
_DOT_RADIUS = 2.6
_LOST = 0.08
_ADVERTS = 0.4
_MOST_ACTIONS = 14
_MOST_SWIPES = 6


@dataclass(frozen=True, slots=True)
class TrueSegment:
    """An action, from its first frame to before the first that it changes no more."""

    start: int
    end: int
    kind: ActionKind
    action: Action


@dataclass(frozen=True)
class Film:
    """Frames `[frames, height, width]` of a task, and what was done."""

    frames: Tensor
    segments: tuple[TrueSegment, ...]
    shows_touches: bool


def film_task(
    task: Task,
    phone: Phone,
    dice: Random,
    *,
    touches: float = 0.5,
    size: tuple[int, int] = FRAME_SIZE,
) -> Film:
    """The route of a task as a person would record it.

    Args:
        task: whose route is gone.
        phone: where; it is left at the end of the route.
        dice: for all that is random.
        touches: how likely it is that touches are shown.
        size: width and height of the frames.
    """
    shows_touches = dice.random() < touches
    frames: list[tuple[Tensor, int]] = []
    actions: list[tuple[ActionKind, Action]] = []
    for before, action, touch, after in _moves(task, phone, size):
        kind = _kind(action)
        if kind is None:
            continue
        frames += [(frame, -1) for frame in _still(before, dice)]
        number = len(actions)
        actions.append((kind, action))
        changing = _changing(kind, action, phone.size, before, after, dice)
        touched = touch if shows_touches else None
        for place, frame in enumerate(changing):
            shown = frame
            if touched is not None and (kind == "scroll" or place < 2):
                shown = _with_dot(frame, *touched)
            frames.append((shown, number))
        frames += [(frame, -1) for frame in _still(after, dice)[:3]]
    kept = [one for one in frames if dice.random() >= _LOST or one[1] >= 0]
    noise = torch.Generator().manual_seed(dice.randrange(2**31))
    stacked = torch.stack([frame for frame, _ in kept])
    stacked.add_(torch.randn(stacked.shape, generator=noise), alpha=0.004).clamp_(0, 1)
    owners = [owner for _, owner in kept]
    segments = tuple(
        TrueSegment(owners.index(number), len(owners) - owners[::-1].index(number), kind, action)
        for number, (kind, action) in enumerate(actions)
    )
    return Film(stacked, segments, shows_touches)


def write_frames(film: Film, folder: Path) -> None:
    """Write the frames as a folder of pictures, with the blur that a video has."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(film.frames):
        picture = Image.fromarray((frame * 255).round().to(torch.uint8).numpy())
        picture.save(folder / f"{number:05}.jpg", quality=90)


def _moves(
    task: Task, phone: Phone, size: tuple[int, int]
) -> Iterator[tuple[Tensor, Action, tuple[float, float] | None, Tensor]]:
    """Each action of the route that changes the picture, with its place, and frames around it."""
    if task.route is None:
        return
    guide, device = Guide(phone), SimulatedDevice(phone)
    told = 0
    before = grey_frame(device.screenshot(), size)
    for place, aim in enumerate(task.route.aims):
        for _ in range(task.max_steps):
            done = aim.answer or aim.question or guide.is_reached(aim, task.route.times(place))
            if done or told == _MOST_ACTIONS:
                break
            try:
                action = guide.move(aim).action
            except LostWay:
                return
            for step in _steps(action, phone):
                touch = _touch(step, phone)
                with suppress(ToolError):
                    device.perform(step)
                after = grey_frame(device.screenshot(), size)
                if bool((after - before).abs().max() > 0.05):
                    told += 1
                    yield before, step, touch, after
                before = after


def _steps(action: Action, phone: Phone) -> Iterator[Action]:
    """The action, after those by which a person would find the icon that it needs."""
    if isinstance(action, OpenApp):
        if phone.foreground[0] != LAUNCHER_PACKAGE:
            yield Home()
        width, height = phone.size.width_px, phone.size.height_px
        for _ in range(_MOST_SWIPES):
            if _icon(action.app_name, phone) is not None:
                break
            yield Swipe(width // 2, round(0.75 * height), width // 2, round(0.3 * height))
    yield action


def _kind(action: Action) -> ActionKind | None:
    match action:
        case Tap():
            return "tap"
        case Swipe():
            return "scroll"
        case Type():
            return "type"
        case OpenApp():
            return "open"
        case Back():
            return "back"
    return None


def _still(frame: Tensor, dice: Random) -> Sequence[Tensor]:
    """Some frames in which nobody acts, at times with an advert that changes by itself."""
    frames = [frame] * dice.randint(4, 10)
    if dice.random() < _ADVERTS:
        scale = frame.shape[0] / _HEIGHT
        top, height = dice.randint(10, _HEIGHT - 30), dice.randint(8, 22)
        top, height = round(scale * top), round(scale * height)
        new = frame.clone()
        new[top : top + height] = 0.5 + 0.5 * (new[top : top + height] - dice.random())
        at = dice.randint(1, len(frames) - 2)
        frames[at : at + 2] = [frame.lerp(new, 0.5), new]
        frames[at + 2 :] = [new if dice.random() < 0.5 else frame] * len(frames[at + 2 :])
    return frames


def _changing(
    kind: ActionKind, action: Action, size: Size, before: Tensor, after: Tensor, dice: Random
) -> Sequence[Tensor]:
    count = dice.randint(3, 7)
    if kind == "tap":
        held = [before, before][: dice.randint(1, 2)]
        style = dice.choice(("cut", "fade", "slide"))
        return [*held, *_turned(style, before, after, count), after]
    if kind == "back":
        return [*_turned("slide back", before, after, count), after]
    if kind == "type":
        return [*_written(before, after, count), after]
    if kind == "open":
        return [before, *_grown(before, after, count), after]
    return [before, *_scrolled(action, size, before, after, count), after]


def _turned(style: str, before: Tensor, after: Tensor, count: int) -> Sequence[Tensor]:
    frames, width = [], before.shape[1]
    for step in range(1, count):
        part = step / count
        if style == "fade":
            frames.append(before.lerp(after, part))
        elif style == "slide":
            at = width - round(width * part)
            frames.append(torch.cat([before[:, :at], after[:, : width - at]], dim=1))
        elif style == "slide back":
            at = round(width * part)
            frames.append(torch.cat([after[:, :at], before[:, : width - at]], dim=1))
    return frames


def _written(before: Tensor, after: Tensor, count: int) -> Sequence[Tensor]:
    """What is new comes from left to right."""
    frames = []
    for step in range(1, count):
        at = round(before.shape[1] * step / count)
        frames.append(torch.cat([after[:, :at], before[:, at:]], dim=1))
    return frames


def _grown(before: Tensor, after: Tensor, count: int) -> Sequence[Tensor]:
    frames = []
    whole_height, whole_width = before.shape
    for step in range(1, count):
        part = step / count
        width, height = max(2, round(whole_width * part)), max(2, round(whole_height * part))
        small = torch.nn.functional.interpolate(
            after[None, None], (height, width), mode="bilinear", align_corners=False
        )[0, 0]
        frame = before.clone()
        top, left = (whole_height - height) // 2, (whole_width - width) // 2
        frame[top : top + height, left : left + width] = small
        frames.append(frame)
    return frames


def _scrolled(
    action: Action, size: Size, before: Tensor, after: Tensor, count: int
) -> Sequence[Tensor]:
    if not isinstance(action, Swipe):
        raise TypeError("only a swipe scrolls")
    length = round(before.shape[0] * (action.y1 - action.y2) / size.height_px)
    if abs(length) < 2:
        return _turned("slide", before, after, count)
    frames = []
    for step in range(1, count):
        by = round(abs(length) * step / count)
        down, up = (before, after) if length > 0 else (after, before)
        shown = torch.cat([down[by:], up[-by:]] if by else [down])
        if length < 0:
            rest = abs(length) - by
            shown = torch.cat([after[rest:], before[-rest:]] if rest else [after])
        frames.append(shown)
    return frames


def _touch(action: Action, phone: Phone) -> tuple[float, float] | None:
    """Where the finger is for it, as shares of the screen; None where no finger is seen."""
    match action:
        case Tap(x, y) | Swipe(x, y, _, _):
            return x / phone.size.width_px, y / phone.size.height_px
        case OpenApp(label) if phone.foreground[0] == LAUNCHER_PACKAGE:
            icon = _icon(label, phone)
            return Target(icon.touch_point, phone.size).place if icon is not None else None
    return None


def _icon(label: str, phone: Phone) -> Element | None:
    """The app's icon, where the screen shows it."""
    return next((one for one in screen_of(phone).elements if one.text == label), None)


def _with_dot(frame: Tensor, across: float, down: float) -> Tensor:
    height, width = frame.shape
    rows = torch.arange(height)[:, None] - down * height
    columns = torch.arange(width)[None, :] - across * width
    dot = ((rows**2 + columns**2) < (_DOT_RADIUS * width / _WIDTH) ** 2).float()
    # Light on dark and dark on light, so that it is seen on grey, too.
    return frame.lerp((frame < 0.5).float(), 0.7 * dot)
