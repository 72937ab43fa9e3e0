"""`tapgraph device`: look at a phone and touch it, without any model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapgraph.cli.device_spec import DeviceSpec, takes_device
from tapgraph.cli.open_device import open_device
from tapgraph.cli.options import IconsOption, JsonOption
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import ExtraMissing, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

    from tapgraph.tools.mobile.actions import Action
    from tapgraph.tools.mobile.device import Device
    from tapgraph.tools.mobile.perception.where_to_look import ImageTextEncoder

__all__ = ["app", "look", "open_app", "screenshot", "tap", "tree", "type_text"]

app = typer.Typer(help="Look at a phone and touch it; no model is needed.")

# Each command loads Appium or the simulator, and Pillow, only when it runs: hence PLC0415 below.


@app.command()
@takes_device()
def screenshot(
    *,
    out: Annotated[Path, typer.Option(help="The picture to write; its ending says the format.")] = (
        Path("screenshot.png")
    ),
    device: DeviceSpec,
    json: JsonOption = False,
) -> None:
    """Write a picture of the screen."""
    with open_device(device) as opened:
        image = opened.screenshot()
        name = opened.name
    _save(image, out)
    if json:
        print_json({
            "screenshot": str(out.absolute()),
            "width_px": image.width,
            "height_px": image.height,
            "device": name,
        })
    else:
        print_line(f"{out} ({image.width} by {image.height}, {name})")


@app.command()
@takes_device()
def tree(
    *,
    xml: Annotated[
        bool, typer.Option("--xml", help="The view hierarchy as the phone gives it.")
    ] = (False),
    budget_tokens: Annotated[
        int, typer.Option("--tokens", min=20, help="How long the view may be at most.")
    ] = 4000,
    icons: IconsOption = False,
    device: DeviceSpec,
    json: JsonOption = False,
) -> None:
    """Print what is on the screen as an agent reads it, numbered."""
    from tapgraph.tools.mobile.perception.icons import open_icon_namer  # noqa: PLC0415
    from tapgraph.tools.mobile.perception.screen_states import open_state_seer  # noqa: PLC0415
    from tapgraph.tools.mobile.screen_reader import ScreenReader  # noqa: PLC0415
    from tapgraph.tools.mobile.screen_text import describe  # noqa: PLC0415

    name_icons = open_icon_namer().named if icons else None
    see_states = open_state_seer().seen if icons else None
    with open_device(device) as opened:
        reader = ScreenReader(
            opened, pictures="when needed", name_icons=name_icons, see_states=see_states
        )
        screen = reader.read()
    if json:
        from tapgraph.tools.mobile.screen_json import screen_to_record  # noqa: PLC0415

        print_json(screen_to_record(screen) | ({"xml": screen.tree_xml} if xml else {}))
        return
    print_line(screen.tree_xml if xml else describe(screen, budget_tokens=budget_tokens))


@app.command()
@takes_device()
def look(
    goal: Annotated[str, typer.Argument(help="What to look for, in plain words.")],
    *,
    out: Annotated[Path, typer.Option(help="The picture to write; its ending says the format.")] = (
        Path("look.png")
    ),
    icons: IconsOption = False,
    encoder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A CLIP checkpoint, to go by looks instead of words."),
    ] = None,
    device: DeviceSpec,
    json: JsonOption = False,
) -> None:
    """Write the quarter of the screen to look at for something, and name what fits best there."""
    from tapgraph.tools.mobile.geometry import Size  # noqa: PLC0415
    from tapgraph.tools.mobile.perception.icons import open_icon_namer  # noqa: PLC0415
    from tapgraph.tools.mobile.perception.where_to_look import (  # noqa: PLC0415
        best_looking,
        by_words,
        window_around,
    )
    from tapgraph.tools.mobile.screen_reader import ScreenReader  # noqa: PLC0415
    from tapgraph.tools.mobile.screen_text import element_line  # noqa: PLC0415

    name_icons = open_icon_namer().named if icons else None
    clip = _opened_clip(encoder) if encoder is not None else None
    with open_device(device) as opened:
        screen = ScreenReader(opened, name_icons=name_icons).read()
    if clip is not None:
        fitting = best_looking(screen, goal, clip)
    else:
        fitting = by_words(screen.elements, goal)
    if not fitting or screen.screenshot is None:
        raise UsageError(f"nothing on this screen fits {goal!r}")
    window = Size(screen.size.width_px // 2, screen.size.height_px // 2)
    part = window_around(fitting[0].bounds, screen.size, window)
    box = (part.left, part.top, part.right, part.bottom)
    _save(screen.screenshot.crop(box), out)
    if json:
        print_json({"picture": str(out.absolute()), "bounds": box, "element": fitting[0].number})
    else:
        print_line(f"{out}: from {box[:2]} to {box[2:]}, around {element_line(fitting[0])}")


@app.command()
@takes_device()
def tap(
    x: Annotated[int, typer.Argument(help="Pixels from the left.")],
    y: Annotated[int, typer.Argument(help="Pixels from the top.")],
    *,
    device: DeviceSpec,
    json: JsonOption = False,
) -> None:
    """Tap a point and print what changed."""
    from tapgraph.tools.mobile.actions import Tap  # noqa: PLC0415

    with open_device(device) as opened:
        _act(opened, Tap(x, y), json=json)


@app.command("type")
@takes_device()
def type_text(
    text: Annotated[str, typer.Argument(help="What to write into the focused field.")],
    *,
    device: DeviceSpec,
    json: JsonOption = False,
) -> None:
    """Type into the focused field and print what changed."""
    from tapgraph.tools.mobile.actions import Type  # noqa: PLC0415

    with open_device(device) as opened:
        _act(opened, Type(text), json=json)


@app.command("open")
@takes_device()
def open_app(
    label: Annotated[str, typer.Argument(metavar="APP", help="What stands under its icon.")],
    *,
    device: DeviceSpec,
    json: JsonOption = False,
) -> None:
    """Start an app and print what changed."""
    from tapgraph.tools.mobile.actions import OpenApp  # noqa: PLC0415

    with open_device(device) as opened:
        _act(opened, OpenApp(label), json=json)


def _opened_clip(folder: Path) -> ImageTextEncoder:
    try:
        from tapgraph.tools.mobile.perception.clip_encoder import ClipEncoder  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing("local", "looking by a CLIP checkpoint") from error
    return ClipEncoder.open(folder)


def _save(picture: Image, out: Path) -> None:
    try:
        picture.save(out)
    except (OSError, ValueError) as error:
        raise UsageError(f"--out {str(out)!r} cannot be written: {error}") from error


def _act(device: Device, action: Action, *, json: bool) -> None:
    from tapgraph.tools.mobile.actions import action_to_wire  # noqa: PLC0415
    from tapgraph.tools.mobile.screen_reader import ScreenReader  # noqa: PLC0415
    from tapgraph.tools.mobile.screen_text import describe_difference  # noqa: PLC0415

    reader = ScreenReader(device, pictures="when needed")
    before = reader.read()
    receipt = device.perform(action)
    change = describe_difference(before, reader.read(), budget_tokens=2000)
    if json:
        print_json({
            "device": device.name,
            "action": action_to_wire(action),
            "elapsed_s": round(receipt.elapsed_s, 3),
            "detail": receipt.detail,
            "change": change.splitlines(),
        })
        return
    if receipt.detail:
        print_line(receipt.detail)
    print_line(change)
