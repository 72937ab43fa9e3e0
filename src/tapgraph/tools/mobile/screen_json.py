"""A screen as JSON; its picture and its tree have files of their own."""

import dataclasses
import json
from typing import Any

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from tapgraph.errors import UnreadableRun
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.screen import Element, Screen, SeenState

__all__ = ["screen_from_json", "screen_to_json", "screen_to_record"]

_OWN_FILES = ("screenshot", "tree_xml")
_ELEMENTS = TypeAdapter(tuple[Element, ...])


def screen_to_record(screen: Screen) -> dict[str, Any]:
    """Everything but the picture and the tree, as JSON knows it."""
    plain = {
        field.name: getattr(screen, field.name)
        for field in dataclasses.fields(screen)
        if field.name not in _OWN_FILES
    }
    return plain | {
        "size": dataclasses.asdict(screen.size),
        "app": dataclasses.asdict(screen.app),
        "looks_like": [dataclasses.asdict(one) for one in screen.looks_like],
        "elements": _ELEMENTS.dump_python(screen.elements, mode="json"),
    }


def screen_to_json(screen: Screen) -> str:
    """Everything but the picture and the tree."""
    return json.dumps(screen_to_record(screen), ensure_ascii=False, separators=(",", ":"))


def screen_from_json(text: str, *, screenshot: Image.Image | None, tree_xml: str) -> Screen:
    """The screen that was written.

    Raises:
        UnreadableRun: the text is not a screen of this version.
    """
    try:
        wire = json.loads(text)
        return Screen(**{
            **wire,
            "size": Size(**wire["size"]),
            "elements": _ELEMENTS.validate_python(wire["elements"]),
            "app": AppInfo(**wire["app"]),
            "warnings": tuple(wire["warnings"]),
            "looks_like": tuple(SeenState(**one) for one in wire.get("looks_like", ())),
            "screenshot": screenshot,
            "tree_xml": tree_xml,
        })
    except (ValueError, TypeError, KeyError, ValidationError, RecursionError) as error:
        raise UnreadableRun(f"a screen of the run is damaged: {error}") from error
