"""`tapgraph device`: look at a phone and touch it, without any model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapgraph.cli.device_spec import DeviceSpec, takes_device
from tapgraph.cli.open_device import open_device
from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError

if TYPE_CHECKING:
    from tapgraph.tools.mobile.actions import Action
    from tapgraph.tools.mobile.device import Device

__all__ = ["app", "open_app", "screenshot", "tap", "tree", "type_text"]

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
    try:
        image.save(out)
    except (OSError, ValueError) as error:
        raise UsageError(f"--out {str(out)!r} cannot be written: {error}") from error
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
    device: DeviceSpec,
    json: JsonOption = False,
) -> None:
    """Print what is on the screen as an agent reads it, numbered."""
    from tapgraph.tools.mobile.screen_reader import ScreenReader  # noqa: PLC0415
    from tapgraph.tools.mobile.screen_text import describe  # noqa: PLC0415

    with open_device(device) as opened:
        screen = ScreenReader(opened, pictures="when needed").read()
    if json:
        from tapgraph.tools.mobile.screen_json import screen_to_record  # noqa: PLC0415

        print_json(screen_to_record(screen) | ({"xml": screen.tree_xml} if xml else {}))
        return
    print_line(screen.tree_xml if xml else describe(screen, budget_tokens=budget_tokens))


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
