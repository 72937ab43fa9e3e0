"""Where pictures stand among the tokens of a prompt."""

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.generation import Pictures
from tapgraph.llm_backend.local.picture_processor import SeenPictures

__all__ = ["in_prompt"]


def in_prompt(checkpoint: Checkpoint, seen: SeenPictures, tokens: Sequence[int]) -> Pictures:
    """The pictures of a prompt, where they stand, and the positions of all its tokens."""
    model: Any = checkpoint.model
    ids = torch.tensor([tokens])
    positions = _places_in_pictures(model, {"input_ids": ids, **seen.inputs})
    known = {
        *inspect.signature(model.forward).parameters,
        *inspect.signature(model.prepare_inputs_for_generation).parameters,
    }
    inputs = {
        name: value.to(model.dtype) if value.is_floating_point() else value
        for name, value in seen.inputs.items()
        if name in known
    }
    found = torch.isin(ids[0], torch.tensor(seen.picture_tokens)).nonzero().flatten().tolist()
    first, last = (found[0], found[-1]) if found else (0, len(tokens) - 1)
    pictures = Pictures(inputs, first, last + 1, _digest(inputs), positions)
    return pictures if pictures.is_causal else replace(pictures, first_token=0)


def _digest(inputs: Mapping[str, Tensor]) -> int:
    found = hashlib.blake2b(digest_size=8)
    for name, value in sorted(inputs.items()):
        found.update(f"{name}{list(value.shape)}".encode())
        found.update(value.contiguous().flatten().view(torch.uint8).numpy().data)
    return int.from_bytes(found.digest())


def _places_in_pictures(model: Any, inputs: dict[str, Any]) -> Tensor | None:
    """Time, height and width of each token where a model rotates by them (M-RoPE); else None."""
    find = getattr(getattr(model, "model", None), "get_rope_index", None)
    if find is None:
        return None
    known = inspect.signature(find).parameters
    positions, _ = find(**{name: value for name, value in inputs.items() if name in known})
    found: Tensor = positions[:, 0]
    return found
