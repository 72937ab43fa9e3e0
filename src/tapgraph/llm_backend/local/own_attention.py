"""Models that attention systems cannot work in: with their own attention, and a cache of their own.

What `generate()` does between two tokens is done here for each reply alone, by the same methods of
the model. So every architecture that `generate()` knows gives the same tokens, recurrent ones too;
replies are not read together in one pass, and proposed tokens are not tried.
"""

import copy
import inspect
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel
from transformers.generation.utils import ALL_CACHE_NAMES
from transformers.utils.generic import ModelOutput

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import Reading
from tapgraph.kernels.in_models.attention_cache import AttentionCache
from tapgraph.kernels.in_models.text_decoder import TextDecoder
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.token_store import PAGE_TOKENS
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.forward_pass import NextTokens, without_nameless
from tapgraph.llm_backend.local.memory_budget import CacheCost

__all__ = ["OwnAttention", "OwnCache", "needs_own_attention"]

_UNCUT = 2**30


class OwnDense(Dense):
    """Dense attention as the model itself computes it."""

    croppable: ClassVar[bool] = False
    same_in_chunks: ClassVar[bool] = False
    shares_pages: ClassVar[bool] = False


def needs_own_attention(model: PreTrainedModel, system: Any) -> bool:
    """Whether dense attention is wanted of a model that attention systems do not work in.

    Raises:
        UsageError: another system is wanted of it, or it keeps its past in itself.
    """
    try:
        TextDecoder(model)
    except UsageError:
        if not isinstance(system, Dense):
            raise
    else:
        return False
    if any(hasattr(part, "recurrent_states") for part in model.modules()):
        raise UsageError(
            f"{type(model).__name__} keeps what it has read in itself, so that two replies would "
            "be mixed; it is not run"
        )
    return True


class OwnCache(AttentionCache):
    """The past of one sequence as the model keeps it.

    Attributes:
        said: what the model's next call is to be told, by name; the past is among it.
        ids: all tokens so far, `[1, tokens]`.
        rope_deltas: what models with pictures keep in themselves of the last conversation.
    """

    def __init__(self) -> None:
        # The layers are the model's own: nothing of the base class is needed.
        self.layers = []
        self.said: dict[str, Any] = {}
        self.ids = torch.zeros((1, 0), dtype=torch.int64)
        self.rope_deltas: Any = None

    @property
    def tokens_seen(self) -> int:
        """Tokens read so far."""
        return self.ids.shape[1]

    @property
    def croppable(self) -> bool:
        """Never."""
        return False

    @property
    def reading(self) -> Reading:
        """Everything."""
        return Reading(attended=float(self.tokens_seen))

    def bytes_held(self) -> int:
        """Bytes of all tensors of the past."""
        pasts = [self.said[name] for name in ALL_CACHE_NAMES if name in self.said]
        return sum(tensor.nbytes for past in pasts for tensor in _tensors(past))

    def fork(self) -> "OwnCache":
        """A copy that shares no changing state with this one."""
        twin = OwnCache()
        twin.said, twin.ids = copy.deepcopy(self.said), self.ids
        twin.rope_deltas = self.rope_deltas
        return twin


def _tensors(part: Any) -> list[Tensor]:
    if isinstance(part, Tensor):
        return [part]
    if isinstance(part, dict):
        return [tensor for one in part.values() for tensor in _tensors(one)]
    if isinstance(part, list | tuple):
        return [tensor for one in part for tensor in _tensors(one)]
    return _tensors(vars(part)) if hasattr(part, "__dict__") and not callable(part) else []


class OwnAttention:
    """A model with its own attention, where an engine expects an attention system at work.

    Attributes:
        system: stands for it.
        chunk: tokens of a prompt in one pass; recurrent models take a prompt only whole.
        cost: an estimate of what a reply's cache takes.
    """

    def __init__(self, checkpoint: Checkpoint, chunk: int) -> None:
        self._checkpoint = checkpoint
        self._model = cast("Any", checkpoint.model)
        self.system = OwnDense()
        self._takes_cache: bool = self._model._supports_default_dynamic_cache()
        self.is_recurrent = bool(getattr(self._model, "_is_stateful", False))
        self.chunk = _UNCUT if self.is_recurrent or not self._takes_cache else chunk
        self.cost = _estimated_cost(checkpoint.model)
        self._arguments = set(inspect.signature(self._model.forward).parameters)
        self._rotating: Any = next(
            (part for part in checkpoint.model.modules() if _keeps_deltas(part)), None
        )

    def new_cache(self) -> OwnCache:
        """An empty cache."""
        return OwnCache()

    def read(self, parts: Sequence[NextTokens]) -> list[Tensor]:
        """As `ForwardPass.read`, one part after the other."""
        return [self._read(part) for part in parts]

    def _read(self, part: NextTokens) -> Tensor:
        cache = part.cache
        if not isinstance(cache, OwnCache):
            raise TypeError("this model keeps its past in caches of its own")
        device = self._model.device
        new = torch.tensor([list(part.tokens)], device=device)
        is_first = cache.tokens_seen == 0
        cache.ids = new if is_first else torch.cat([cache.ids, new], dim=1)
        if is_first:
            self._begin(cache, part)
        else:
            cache.said = self._model._update_model_kwargs_for_generation(
                ModelOutput(), cache.said, is_encoder_decoder=False, num_new_tokens=new.shape[1]
            )
        if self._rotating is not None:
            self._rotating.rope_deltas = cache.rope_deltas
        inputs = self._model.prepare_inputs_for_generation(
            cache.ids,
            next_sequence_length=None if is_first else new.shape[1],
            is_first_iteration=is_first,
            **cache.said,
        )
        if "logits_to_keep" in self._arguments:
            inputs["logits_to_keep"] = max(1, part.scored)
        output = self._model(**inputs, return_dict=True)
        if self._rotating is not None:
            cache.rope_deltas = self._rotating.rope_deltas
        cache.said |= {name: output[name] for name in ALL_CACHE_NAMES if name in output}
        logits: Tensor = output.logits[0, -max(1, part.scored) :].float()
        return without_nameless(self._checkpoint, logits)[len(logits) - part.scored :]

    def _begin(self, cache: OwnCache, part: NextTokens) -> None:
        cache.said = {"attention_mask": torch.ones_like(cache.ids), "use_cache": True}
        if self._takes_cache:
            text = self._model.config.get_text_config(decoder=True)
            # The same distinction as in `generate()`.
            is_mamba = "mamba" in type(self._model).__name__.lower()
            name = "cache_params" if is_mamba else "past_key_values"
            cache.said[name] = DynamicCache(config=text)
        if part.pictures is not None:
            inputs = part.pictures.inputs
            cache.said |= {name: value.to(cache.ids.device) for name, value in inputs.items()}
        if "position_ids" in self._arguments:
            cache.said["position_ids"] = self._model._prepare_position_ids_for_generation(
                cache.ids, cache.said
            )


def _keeps_deltas(part: nn.Module) -> bool:
    return hasattr(part, "rope_deltas")


def _estimated_cost(model: PreTrainedModel) -> CacheCost:
    """Keys and values of all layers, as if all of them attended to everything."""
    text = model.config.get_text_config(decoder=True)
    heads = getattr(text, "num_attention_heads", None) or 1
    kv_heads = getattr(text, "num_key_value_heads", None) or heads
    width = getattr(text, "head_dim", None) or text.hidden_size // heads
    layers = getattr(text, "num_hidden_layers", 1)
    page = PAGE_TOKENS * 2 * layers * kv_heads * width * model.dtype.itemsize
    return CacheCost(0, page, page)
