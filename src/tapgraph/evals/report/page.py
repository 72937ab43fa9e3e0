"""A page from a template, in one file that needs no network.

Everything a screen or a model said is shown as text: Jinja escapes it, characters that could
reorder or hide text are named, and the page's Content-Security-Policy lets nothing run or load but
the styles, the script and the pictures that were put there. Only those are `Markup`.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from tapgraph.tools.action_words import action_words
from tapgraph.tools.visible_text import visible_text

__all__ = ["write_page"]


def write_page(
    place: Path, template: str, *, styles: Sequence[str], script: str = "", **fields: object
) -> Path:
    """Fill a template of this package, replace the file at once, and return its path.

    The template finds `style`, `script` and what its policy needs to allow them, `style_hash` and
    `script_hash`, beside its own fields.
    """
    style = "".join(_part(name) for name in styles)
    code = _part(script) if script else ""
    page = (
        _environment()
        .from_string(_part(template))
        .render(
            **fields,
            style=Markup(style),
            script=Markup(code),
            style_hash=_csp_hash(style),
            script_hash=_csp_hash(code),
        )
    )
    unfinished = place.with_suffix(".part")
    unfinished.write_text(page, encoding="utf-8")
    return unfinished.replace(place)


def _part(name: str) -> str:
    return resources.files("tapgraph.evals.report").joinpath(name).read_text(encoding="utf-8")


def _csp_hash(content: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
    return Markup(f"'sha256-{digest}'")


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        action_words=action_words,
        pretty=_pretty,
        seconds=_seconds,
        clock=_clock,
        when=_when,
        cost=_cost,
        count=_count,
    )
    return environment


def _visible(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible_text(value)
    return value


def _pretty(value: object) -> str:
    """JSON over several lines; text that is none stays as it is."""
    try:
        told = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return str(value)
    return json.dumps(told, ensure_ascii=False, indent=2)


def _count(value: int) -> str:
    return f"{value:,}"


def _cost(value: float) -> str:
    return "$0" if value == 0 else f"${value:,.4f}"


def _seconds(value: float) -> str:
    if value >= 90:
        return f"{int(value // 60)} min {int(value % 60)} s"
    if value >= 10:
        return f"{value:.0f} s"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _clock(value: float) -> str:
    return f"{int(value // 60)}:{int(value % 60):02d}"


def _when(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S %Z}"
