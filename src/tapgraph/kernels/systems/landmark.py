"""Landmark Attention: a token at the end of each block decides whether the block is read."""

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.masks import rows_by_start
from tapgraph.kernels.merge import Partial, merge
from tapgraph.kernels.selection import listed, top_k
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.landmark_softmax import (
    attend_to_blocks,
    check_block,
    grouped_softmax_attention,
)
from tapgraph.kernels.systems.landmark_store import LandmarkStore, OffloadedStore

__all__ = ["Landmark", "LandmarkConfig", "LandmarkLayer", "Retrieval"]

Retrieval = Literal["per_head_and_token", "per_head", "per_token", "shared"]

_SLAB_ELEMENTS = 1 << 21
"""So many elements of retrieved keys are held at a time, if one query needs no more."""


@dataclass(frozen=True, slots=True)
class LandmarkConfig:
    """Settings of Landmark Attention; the defaults are those of the paper's language models.

    Attributes:
        block: ordinary tokens before a landmark, as the model was trained.
        retrieved: k, so many of the past blocks are read (the paper has 2 to 5).
        chunk: slots, landmarks included, that a prompt is read in at a time; within a chunk all
            is read, before it only what is retrieved.
        retrieval: who chooses blocks: each head for each token, each head for a chunk (its largest
            score over the tokens counts), all heads together for each token (the largest over the
            heads), or all heads together for a chunk. Fewer lists are less traffic.
        lists: with a list of its own for each query head, or one for each KV head (the largest
            score over its query heads counts).
        blocks_on: where keys and values are; on the "cpu", landmark keys and the newest tokens
            stay on the device, and blocks are copied there when they are retrieved. Choose
            "per_head" or "shared" retrieval with it.
    """

    block: int = 50
    retrieved: int = 4
    chunk: int = 250
    retrieval: Retrieval = "per_head_and_token"
    lists: Literal["query_head", "kv_head"] = "query_head"
    blocks_on: Literal["device", "cpu"] = "device"

    def __post_init__(self) -> None:
        check_block(self.block)
        for name in ("retrieved", "chunk"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.retrieval not in {"per_head_and_token", "per_head", "per_token", "shared"}:
            raise UsageError(
                "retrieval must be 'per_head_and_token', 'per_head', 'per_token' or 'shared', "
                f"got {self.retrieval!r}"
            )
        if self.lists not in {"query_head", "kv_head"}:
            raise UsageError(f"lists must be 'query_head' or 'kv_head', got {self.lists!r}")
        if self.blocks_on not in {"device", "cpu"}:
            raise UsageError(f"blocks_on must be 'device' or 'cpu', got {self.blocks_on!r}")


class Landmark(AttentionSystem):
    """The grouped softmax over the unfinished block, the chunk and the best past blocks.

    Mohtashami and Jaggi, "Landmark Attention", 2305.16300, section 3. The past is cut into blocks
    of `block` tokens and a landmark. A query is scored against the landmarks of all past blocks;
    the best `retrieved` are read with it, in the order of the text. `grouped_softmax_attention`
    describes the attention; landmarks that are not retrieved do not compete.

    Landmarks are known by their place: they are the (block + 1)-th, 2 (block + 1)-th ... real slots
    of each row. So the prompt must be given with landmarks in it (`insert_landmarks`), and the
    model must be made to generate one whenever the next slot is a landmark's
    (`tapgraph.llm_backend.local.landmark_generation.LandmarkTurns` for `generate()`).

    Keys are stored before the rotary embedding and rotated when they are read (section 3.2.2,
    "stingy position mapping"): before the chunk there is room for `retrieved` + 1 blocks. To be
    scored, the newest `retrieved` blocks stand at their true distance and all older ones in the
    first room. To be read, blocks stand one after the other, with an empty room before the first
    that is one of the newest `retrieved`. So no position is ever larger than
    (retrieved + 2) (block + 1) + chunk, however long the text.

    Deviations:
        - Grouped queries (the paper has none): keys and values are kept for each KV head; `lists`
          says whose scores choose. Scores are compared after a softmax over landmarks wherever
          several heads or tokens choose together.
        - Chunks are counted from the first real token of each call, so results depend on how a
          prompt is cut into calls if there are more than `retrieved` blocks before it. A decode
          step is a chunk of one token: it reads its unfinished block and what it retrieves.
        - The context-miss token and positional jumps, variants of section 4, are not here.
    """

    name: ClassVar[str] = "landmark"
    about: ClassVar[About] = About(
        paper="Landmark Attention: Random-Access Infinite Context Length for Transformers, "
        "arXiv 2305.16300, 2023",
        saves="Attention time: one key for each block is scored, and few blocks are read. Memory "
        "of the device, with blocks offloaded to the CPU. Works beyond the trained length.",
        needs="A model fine-tuned with landmark tokens, and a landmark in every block of its text.",
        fails_when="The model was not fine-tuned, the text has no landmarks, or an answer needs "
        "more blocks at once than are retrieved.",
    )
    keys: ClassVar[Literal["rotated", "unrotated"]] = "unrotated"

    def __init__(self, config: LandmarkConfig = LandmarkConfig()) -> None:
        self.config = config

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "LandmarkLayer":
        """A layer with an empty past."""
        return LandmarkLayer(shape, rotary, self.config)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Neighbouring tokens of one chunk, in rows that begin at the same slot.

    Attributes:
        rows: int64, which rows.
        start: the slot of their first real token.
        slot: of the first of the tokens.
        finished: blocks before the block of the first token.
    """

    rows: Tensor
    start: int
    slot: int
    finished: int


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the last query read.

    Attributes:
        blocks: int64 `[batch, heads, retrieved at most]`, -1 for none.
        near: int64 `[batch]`, the slot from which on everything was read.
    """

    blocks: Tensor
    near: Tensor


class LandmarkLayer(FullCacheLayer):
    """One layer of Landmark Attention.

    It holds the memory of a `LandmarkStore` or of an `OffloadedStore`, and 8 bytes for each block
    that each head read last and for each row.
    """

    def __init__(self, shape: LayerShape, rotary: Rotary, config: LandmarkConfig) -> None:
        super().__init__(shape)
        self._rotary = rotary
        self._config = config
        self._stride = config.block + 1
        is_offloaded = config.blocks_on == "cpu"
        self._store = OffloadedStore(config.block) if is_offloaded else LandmarkStore(config.block)
        self._choice: _Choice | None = None

    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Attend chunk by chunk, in rows with the same start together."""
        output = torch.zeros_like(queries)
        first = self.tokens_seen - queries.shape[2]
        blocks = starts.new_full((len(starts), self.shape.heads, self._config.retrieved), -1)
        near = torch.full_like(starts, self.tokens_seen)
        scored = 0
        for start, rows in rows_by_start(starts):
            for slot in range(max(start, first), self.tokens_seen, self._config.chunk):
                piece = _Piece(rows, start, slot, (slot - start) // self._stride)
                part = slice(slot - first, slot - first + self._config.chunk)
                attended, chosen = self._attend(piece, queries[rows, :, part])
                output[rows, :, part] = attended
                is_last = slot + self._config.chunk >= self.tokens_seen
                if is_last:
                    blocks[rows, :, : chosen.shape[2]] = chosen
                    near[rows] = start + piece.finished * self._stride
                    scored += len(rows) * piece.finished
        self._memory.settle()
        self._choice = _Choice(blocks, near)
        return SparseOutput(output, LastRead(scored=scored / len(starts)))

    def attend_to_one(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """A chunk of one token."""
        return self.attend_sparsely(queries, starts)

    def kept_by_last_query(self) -> Tensor:
        """The ordinary tokens of retrieved blocks and of everything near.

        Landmarks only weigh, so none are among them, not even where the query is one.
        """
        real = super().kept_by_last_query()
        if self._choice is None or self._starts is None:
            return real
        slots = torch.arange(self.tokens_seen, device=self._starts.device)
        positions = (slots - self._starts[:, None]).clamp(min=0)
        blocks = positions // self._stride
        is_read = listed(self._choice.blocks, self.tokens_seen // self._stride + 1)
        is_read = is_read.gather(2, blocks[:, None].expand_as(real))
        is_near = (slots >= self._choice.near[:, None])[:, None]
        is_ordinary = (positions % self._stride != self._config.block)[:, None]
        return real & is_ordinary & (is_read | is_near)

    def save_extra(self) -> object:
        """What was read last; it is never changed in place."""
        return self._choice

    def load_extra(self, extra: object) -> None:
        """Go back to what was read then."""
        if extra is not None and not isinstance(extra, _Choice):
            raise UsageError(f"not a snapshot of this layer: {extra!r}")
        self._choice = extra

    def crop_extra(self, tokens: int) -> None:  # noqa: ARG002
        """Forget what was read last."""
        self._choice = None

    def select_extra_rows(self, rows: Tensor) -> None:
        """Make row r what row `rows[r]` was."""
        if self._choice is not None:
            self._choice = _Choice(
                self._choice.blocks.index_select(0, rows), self._choice.near.index_select(0, rows)
            )

    def extra_bytes(self) -> int:
        """8 bytes for each block that was read last and for each row."""
        if self._choice is None:
            return 0
        return 8 * (self._choice.blocks.numel() + self._choice.near.numel())

    def bytes_on_device(self) -> int:
        """What stays on the model's device when blocks are offloaded; otherwise everything."""
        if isinstance(self._store, OffloadedStore):
            return self._store.bytes_on_device() + self.extra_bytes()
        return self.bytes_held()

    @property
    def _memory(self) -> LandmarkStore:
        return cast(LandmarkStore, self._store)

    def _store_tokens(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> None:
        check_call(self.shape, queries, keys, values, starts, self.tokens_seen)
        self._memory.place(keys, values, starts)
        self._starts = starts

    def _attend(self, piece: _Piece, queries: Tensor) -> tuple[Tensor, Tensor]:
        """The output, and the blocks `[rows, heads, most]` that the last query retrieved."""
        near = piece.start + piece.finished * self._stride
        last = piece.slot + queries.shape[2]
        reserved = min(piece.finished, self._config.retrieved + 1) * self._stride
        positions = torch.arange(reserved, reserved + last - near, device=queries.device)
        positions = positions.expand(len(piece.rows), -1)
        rotated = self._rotary(queries, positions[:, piece.slot - near :])
        recent = self._memory.recent(piece.rows, near, last)
        attended = grouped_softmax_attention(
            rotated,
            self._rotary(recent.keys, positions),
            recent.values,
            block=self._config.block,
            scale=self.shape.scale,
        )
        if not piece.finished:
            return attended.output, piece.rows.new_empty((len(piece.rows), self.shape.heads, 0))
        grouped = rotated.reshape(
            len(rotated), self.shape.kv_heads, self.shape.group, *rotated.shape[2:]
        )
        chosen = self._choose(piece, grouped)
        attended = merge([attended, self._retrieve(piece, grouped, chosen)])
        lists = chosen[:, :, :, -1].expand(-1, self.shape.kv_heads, self.shape.group, -1)
        return attended.output, lists.flatten(1, 2)

    def _choose(self, piece: _Piece, queries: Tensor) -> Tensor:
        """The best blocks in the order of the text, int64 `[rows, kv_heads, lists, tokens, most]`.

        `lists` is the group or 1, `tokens` is theirs or 1.
        """
        blocks = torch.arange(piece.finished, device=queries.device)
        # The oldest of the room that is reserved is for all that are older than the newest.
        rooms = (blocks - (piece.finished - self._config.retrieved - 1)).clamp(min=0)
        rooms = torch.minimum(rooms, blocks)
        positions = (rooms * self._stride + self._config.block).expand(len(piece.rows), -1)
        landmarks = self._memory.landmark_keys(piece.rows, piece.start, piece.finished)
        landmarks = self._rotary(landmarks, positions)
        exact = torch.promote_types(queries.dtype, torch.float32)
        scores = torch.einsum("bhgqd,bhnd->bhgqn", queries.to(exact), landmarks.to(exact))
        together = self._chosen_together()
        if together:
            scores = (scores * self.shape.scale).softmax(dim=-1).amax(dim=together, keepdim=True)
        chosen = top_k(scores, min(self._config.retrieved, piece.finished))
        return chosen.expand(-1, self.shape.kv_heads, -1, -1, -1)

    def _chosen_together(self) -> tuple[int, ...]:
        """Along which axes of `[rows, kv_heads, group, tokens, blocks]` there is one list."""
        heads = {
            "per_head_and_token": (),
            "per_head": (),
            "per_token": (1, 2),
            "shared": (1, 2),
        }[self._config.retrieval]
        if not heads and self._config.lists == "kv_head":
            heads = (2,)
        is_for_chunk = self._config.retrieval in {"per_head", "shared"}
        return (*heads, 3) if is_for_chunk else heads

    def _retrieve(self, piece: _Piece, queries: Tensor, chosen: Tensor) -> Partial:
        """Attention to the chosen blocks, a few queries at a time if each has its own blocks."""
        if chosen.shape[3] == 1:
            return self._attend_to_chosen(piece, queries, chosen)
        for_each_query = chosen[:, :, :, 0].numel() * self._stride * queries.shape[-1]
        slab = max(1, _SLAB_ELEMENTS // for_each_query)
        parts = [
            self._attend_to_chosen(piece, some, theirs)
            for some, theirs in zip(
                torch.split(queries, slab, 3), torch.split(chosen, slab, 3), strict=True
            )
        ]
        return Partial(
            torch.cat([part.output for part in parts], dim=2),
            torch.cat([part.log_sum_exp for part in parts], dim=2),
        )

    def _attend_to_chosen(self, piece: _Piece, queries: Tensor, chosen: Tensor) -> Partial:
        found = self._memory.blocks(piece.rows, piece.start, chosen)
        keys = self._rotated_to_rooms(found.keys, chosen, piece.finished)
        return attend_to_blocks(queries, keys, found.values, scale=self.shape.scale)

    def _rotated_to_rooms(self, keys: Tensor, chosen: Tensor, finished: int) -> Tensor:
        """Keys `[..., most, block + 1, head_dim]` of chosen blocks `[..., most]`, one per room.

        Where there is an empty room differs from list to list, but each block has only two rooms
        to stand in. So few angles are needed, however many lists there are.
        """
        lists = keys.flatten(0, -4).flatten(1, 2)[None]
        places = torch.arange(lists.shape[2], device=keys.device)[None]
        rotated = self._rotary(lists, places).view_as(keys)
        newest = finished - self._config.retrieved
        if newest <= 0:
            return rotated
        after_empty_room = self._rotary(lists, places + self._stride).view_as(keys)
        return torch.where((chosen >= newest)[..., None, None], after_empty_room, rotated)
