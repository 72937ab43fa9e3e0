"""The program of docs/steering.md on highlights runs as it stands."""

import re
from pathlib import Path
from typing import Any

import torch

TEXT = (Path(__file__).parents[2] / "docs" / "steering.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT.partition("## The rhythm")[0], re.DOTALL)


def test_highlights_in_a_cache_change_what_is_generated(tiny: Any) -> None:
    names: dict[str, Any] = {}
    (program,) = (text for text in PROGRAMS if "use_attention" in text)
    exec(program, names)
    tokens = torch.tensor([tiny.prompt(40)])
    every = torch.ones(2, 4, dtype=torch.bool)
    model = tiny.load().model
    replies = [
        names["highlighted"](model, tokens, spans, every) for spans in (((3, 6),), ((30, 36),))
    ]
    assert all(reply.shape[1] > 40 for reply in replies)
    assert not torch.equal(*replies)
