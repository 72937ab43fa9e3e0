"""The page about the server names its routes, all of them and no others."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.server.app import build_app

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

PAGE = Path(__file__).parents[2] / "docs" / "server.md"


def test_the_page_names_the_routes_that_there_are(tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        paths = build_app(engine).openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    named = re.findall(r"`(GET|POST) (/[\w/]+)`", PAGE.read_text(encoding="utf-8"))
    in_page = {
        (method, path.replace("/models/NAME", "/models/{model_id}")) for method, path in named
    }
    assert in_page == routes
