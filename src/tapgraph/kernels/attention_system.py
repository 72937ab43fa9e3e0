"""What every long-context attention system is.

An `AttentionSystem` is one published method with its settings; `open_layer` gives one
`LayerAttention` for each layer of a model and each sequence. It owns whatever the method keeps of
the past (all keys, some keys, summaries), takes the queries, keys and values of the new tokens, and
returns the attention output for them. Sequences of a batch have layers of their own, so none
depends on another, and no method knows of padding.
"""

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, Self

from torch import Tensor

from tapgraph.errors import UsageError

__all__ = ["About", "AttentionSystem", "LayerAttention", "LayerShape", "Reading", "Rotary"]


@dataclass(frozen=True, slots=True)
class LayerShape:
    """One attention layer of a model.

    Attributes:
        index: which layer, from 0.
        layers: how many layers the model has.
        heads: query heads.
        kv_heads: key/value heads; `heads` is a multiple of it.
        head_dim: width of one head.
        scale: what the dot products are multiplied with, most often 1/sqrt(head_dim).
        extra_channels: how many of the last channels are not the model's own but carry a bias,
            see `highlighted_layer`.
        kept_bits: bits of an element of old keys and values, 8 or 4; None to keep them as they are.
    """

    index: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    scale: float
    extra_channels: int = 0
    kept_bits: int | None = None

    def __post_init__(self) -> None:
        if self.kv_heads < 1 or self.heads % self.kv_heads:
            raise UsageError(
                f"heads must be a multiple of kv_heads, got {self.heads} and {self.kv_heads}"
            )
        if not 0 <= self.index < self.layers:
            raise UsageError(f"a layer's index must be in 0..{self.layers - 1}, got {self.index}")

    @property
    def group(self) -> int:
        """Query heads for one KV head: query head h belongs to KV head h // group."""
        return self.heads // self.kv_heads


@dataclass(frozen=True, slots=True)
class About:
    """What a person chooses a system by; each text is one or two plain sentences.

    Attributes:
        paper: authors' title, arXiv number and year.
        saves: what gets smaller or faster.
        needs: training, calibration or model properties.
        fails_when: where it loses answers, or gains nothing.
    """

    paper: str
    saves: str
    needs: str
    fails_when: str


class Rotary(Protocol):
    """The model's own rotary embedding."""

    def __call__(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Rotate vectors to positions.

        Args:
            vectors: `[batch, heads, tokens, head_dim]`.
            positions: integers, `[batch, tokens]` or `[batch, heads, tokens]`.
        """
        ...

    def undo(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """What `vectors` were before they were rotated to `positions`, up to rounding."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What the last call read of the cache, for the last query of the call.

    Attributes:
        attended: tokens that took part in the softmax; mean over KV heads.
        scored: tokens (or their stand-ins: landmarks, block means) whose keys were read only in
            order to choose; mean over KV heads.
    """

    attended: float
    scored: float = 0.0


class LayerAttention(ABC):
    """The attention of one layer over one sequence, with what it keeps of the past.

    A token's position is counted from 0 over everything ever given to it. Tensors have a first axis
    of 1, as torch wants it.
    """

    def __init__(self, shape: LayerShape) -> None:
        self.shape = shape

    @property
    @abstractmethod
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""

    @property
    @abstractmethod
    def reading(self) -> Reading:
        """What the last call read."""

    @abstractmethod
    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Take a chunk of the prompt; call again for the next chunk.

        For some systems the result depends on the cuts, see `AttentionSystem.chunk_tokens`.

        Args:
            queries: `[1, heads, tokens, head_dim]`.
            keys: of the same new tokens, `[1, kv_heads, tokens, head_dim]`.
            values: of the same new tokens, `[1, kv_heads, tokens, head_dim]`.

        Returns:
            `[1, heads, tokens, head_dim]` in the dtype of `queries`.

        Raises:
            UsageError: a shape or dtype does not fit.
        """

    @abstractmethod
    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Take one generated token; arguments and result as in `prefill` with `tokens` = 1."""

    @abstractmethod
    def kept_by_last_query(self) -> Tensor:
        """Which tokens the last query of the last call attended to with their own key and value.

        Returns:
            bool `[heads, tokens_seen]`.
        """

    @abstractmethod
    def bytes_held(self) -> int:
        """Bytes of all tensors that it holds of the past."""

    @abstractmethod
    def snapshot(self) -> object:
        """A point to come back to with `restore`; cheap, for what only grows is not copied."""

    @abstractmethod
    def restore(self, snapshot: object) -> None:
        """Go back to an earlier `snapshot` of this same object; may be done many times.

        Snapshots that were taken after that one are void from then on.
        """

    @abstractmethod
    def fork(self) -> "LayerAttention":
        """A copy that shares no changing state with this one."""

    @abstractmethod
    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` tokens.

        Raises:
            UsageError: the method has dropped what it would need (then `snapshot` is the way back).
        """


class AttentionSystem(ABC):
    """A published method with its settings, for one model.

    Attributes:
        name: what users call it.
        about: what a person chooses it by.
        keys: whether it wants queries and keys after the model's rotary embedding, or before it
            (then it rotates them itself, to positions of its own).
        croppable: whether `LayerAttention.crop` works at any length.
        same_in_chunks: whether a text gives the same, but for rounding, however it is cut into
            calls of `LayerAttention.prefill` and `decode`, and its last tokens can be forgotten:
            what proposing tokens needs.
        shares_pages: whether keys and values of each token are all that its layers keep, so that
            texts can share what they begin with. Where not, whole caches are copied.
        kept_bits: as in `LayerShape`; see `in_bits`.
    """

    name: ClassVar[str]
    about: ClassVar[About]
    keys: ClassVar[Literal["rotated", "unrotated"]] = "rotated"
    croppable: ClassVar[bool] = True
    same_in_chunks: ClassVar[bool] = False
    shares_pages: ClassVar[bool] = False
    kept_bits: int | None = None

    def in_bits(self, bits: int) -> Self:
        """This system with old keys and values kept in 8 or 4 bits (see `QuantizedStore`).

        Windows, which are short, stay as they are. A text then depends a little on when its pages
        are rounded, so on how it is cut.

        Raises:
            UsageError: other bits.
        """
        if bits not in {4, 8}:
            raise UsageError(f"keys and values are kept in 8 or 4 bits, got {bits!r}")
        twin = copy(self)
        twin.kept_bits = bits
        twin.same_in_chunks = twin.shares_pages = False  # type: ignore[misc]
        return twin

    @property
    def dense_below(self) -> int:
        """Tokens below which everything is read, as quickly as dense attention reads it.

        From about there on it takes no longer than dense attention; 0 where it never is dense.
        """
        return 0

    @property
    def chunk_tokens(self) -> int | None:
        """Tokens of a prompt that are chosen for together, counted from the first of the text.

        An `AttentionCache` cuts what it is given there, so a prompt gives the same, but for
        rounding, in calls that end at multiples of it. None: it may be cut anywhere.
        """
        return None

    @property
    def is_calibrated(self) -> bool | None:
        """Whether it knows what is learnt of a model; None where there is nothing to learn."""
        return None

    def kept_tokens(self, shape: LayerShape, tokens: int) -> float:  # noqa: ARG002
        """Of how many tokens a KV head holds keys and values, mean over a layer's heads.

        Args:
            shape: the layer.
            tokens: of the text, whose prompt was read and whose reply has begun.
        """
        return tokens

    @abstractmethod
    def open_layer(self, shape: LayerShape, rotary: Rotary) -> LayerAttention:
        """The attention of one layer, with an empty past.

        Raises:
            UsageError: the settings or the calibration do not fit the layer.
        """
