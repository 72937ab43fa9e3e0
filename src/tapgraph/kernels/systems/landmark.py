"""Landmark Attention: a token at the end of each block decides whether the block is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, cast

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.masks import positions_of, rows_by_start
from tapgraph.kernels.selection import listed
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.landmark_rooms import LandmarkRooms, Piece
from tapgraph.kernels.systems.landmark_softmax import check_block, grouped_softmax_attention
from tapgraph.kernels.systems.landmark_store import LandmarkStore, OffloadedStore, of_rows
from tapgraph.kernels.token_store import TokenStore

__all__ = ["Landmark", "LandmarkConfig", "LandmarkLayer", "Retrieval"]

Retrieval = Literal["per_head_and_token", "per_head", "per_token", "shared"]


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
        dense_below: the first so many slots of a row, landmarks included, read all that is before
            them, as in training; so no more than the model was trained with. (The authors' first
            models were trained with 512, those of their present code with 2,048.)
    """

    block: int = 50
    retrieved: int = 4
    chunk: int = 250
    retrieval: Retrieval = "per_head_and_token"
    lists: Literal["query_head", "kv_head"] = "query_head"
    blocks_on: Literal["device", "cpu"] = "device"
    dense_below: int = 1_024

    def __post_init__(self) -> None:
        check_block(self.block)
        for name in ("retrieved", "chunk"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.dense_below < 0:
            raise UsageError(f"dense_below must be at least 0, got {self.dense_below!r}")
        if self.retrieval not in {"per_head_and_token", "per_head", "per_token", "shared"}:
            raise UsageError(
                "retrieval must be 'per_head_and_token', 'per_head', 'per_token' or 'shared', "
                f"got {self.retrieval!r}"
            )
        if self.lists not in {"query_head", "kv_head"}:
            raise UsageError(f"lists must be 'query_head' or 'kv_head', got {self.lists!r}")
        if self.blocks_on not in {"device", "cpu"}:
            raise UsageError(f"blocks_on must be 'device' or 'cpu', got {self.blocks_on!r}")

    def chosen_together(self) -> tuple[int, ...]:
        """Along which axes of `[rows, kv_heads, group, tokens, blocks]` there is one list."""
        heads: tuple[int, ...] = (2,) if self.lists == "kv_head" else ()
        if self.retrieval in {"per_token", "shared"}:
            heads = (1, 2)
        return (*heads, 3) if self.retrieval in {"per_head", "shared"} else heads


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
    (retrieved + 2) (block + 1) + chunk, or `dense_below`, however long the text.

    Deviations:
        - Grouped queries (the paper has none): keys and values are kept for each KV head; `lists`
          says whose scores choose. Scores are compared after a softmax over landmarks wherever
          several heads or tokens choose together.
        - The first `dense_below` slots are no chunks: they read everything, at true positions.
          Their keys and values are kept a second time until then, rotated, in float32 at least.
        - Later chunks are counted from there, or from the first token of a call, so results depend
          on how a prompt is cut into calls if there are more than `retrieved` blocks before it. A
          decode step is a chunk of one token: it reads its unfinished block and what it retrieves.
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

    @property
    def dense_below(self) -> int:
        """As its setting; below it is the grouped softmax over everything.

        The trained length sets it, not the break-even: for some thousand tokens from here on dense
        attention would be quicker, but it is not what the model was trained for.
        """
        return self.config.dense_below

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "LandmarkLayer":
        """A layer with an empty past."""
        return LandmarkLayer(shape, rotary, self.config)


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

    It holds the memory of a `LandmarkStore` or of an `OffloadedStore`, that of `LandmarkRooms`, and
    8 bytes for each block that each head read last and for each row. While a row has fewer than
    `dense_below` slots it also holds a `TokenStore` of all rows, in float32 (float64 for float64).
    """

    def __init__(self, shape: LayerShape, rotary: Rotary, config: LandmarkConfig) -> None:
        super().__init__(shape)
        self._rotary = rotary
        self._config = config
        self._stride = config.block + 1
        is_offloaded = config.blocks_on == "cpu"
        self._store = OffloadedStore(config.block) if is_offloaded else LandmarkStore(config.block)
        self._at_true_positions: TokenStore | None = None
        self._rooms = LandmarkRooms(
            shape, rotary, config.block, config.retrieved, config.chosen_together()
        )
        self._choice: _Choice | None = None

    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """The first slots read everything; then chunk by chunk. Rows with one start go together."""
        output = torch.zeros_like(queries)
        queries = queries.to(torch.promote_types(queries.dtype, torch.float32))
        first, end = self.tokens_seen - queries.shape[2], self.tokens_seen
        blocks = starts.new_full((len(starts), self.shape.heads, self._config.retrieved), -1)
        near = torch.full_like(starts, end)
        at_true_positions = self._turned_to_true_positions(queries, starts)
        scored = 0
        for start, rows in rows_by_start(starts):
            for piece in self._pieces(rows, start, max(start, first)):
                part = slice(piece.slot - first, piece.end - first)
                if piece.slot < start + self._config.dense_below:
                    asking = of_rows(at_true_positions, rows)[:, :, part]
                    attended, chosen = self._attend_to_everything(piece, asking)
                else:
                    asking = of_rows(queries, rows)[:, :, part]
                    attended, chosen = self._rooms.attend(self._memory, piece, asking)
                output[rows, :, part] = attended.to(output.dtype)
                if piece.end == end:
                    blocks[rows, :, : chosen.shape[2]] = chosen
                    near[rows] = piece.near
                    scored += len(rows) * ((end - 1 - start) // self._stride)
        self._memory.settle()
        if int(starts.max()) + self._config.dense_below <= end:
            self._at_true_positions = None
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
        self.crop_extra(self.tokens_seen)
        self._choice = extra

    def fork(self) -> Self:
        """A copy with memory of its own."""
        twin = super().fork()
        twin._rooms = self._rooms.fork()
        if self._at_true_positions is not None:
            twin._at_true_positions = self._at_true_positions.fork()
        return twin

    def crop_extra(self, tokens: int) -> None:
        """Forget what was read last, and what was kept twice of later slots."""
        self._choice = None
        self._rooms.crop(tokens)
        if self._at_true_positions is not None:
            self._at_true_positions.crop(min(tokens, self._at_true_positions.tokens))

    def select_extra_rows(self, rows: Tensor) -> None:
        """Make row r what row `rows[r]` was."""
        self._rooms.forget()
        if self._at_true_positions is not None:
            self._at_true_positions.select_rows(rows)
        if self._choice is not None:
            self._choice = _Choice(
                self._choice.blocks.index_select(0, rows), self._choice.near.index_select(0, rows)
            )

    def extra_bytes(self) -> int:
        """8 bytes for each block that was read last and for each row, and what is kept twice."""
        held = self._rooms.bytes_held()
        if self._at_true_positions is not None:
            held += self._at_true_positions.bytes_held()
        if self._choice is not None:
            held += 8 * (self._choice.blocks.numel() + self._choice.near.numel())
        return held

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

    def _turned_to_true_positions(self, queries: Tensor, starts: Tensor) -> Tensor:
        """The first of the queries, as many as may read everything; keys and values are kept."""
        first = self.tokens_seen - queries.shape[2]
        end = min(self.tokens_seen, int(starts.max()) + self._config.dense_below)
        if not self._config.dense_below or end <= first:
            return queries[:, :, :0]
        kept = self._at_true_positions = self._at_true_positions or TokenStore()
        if kept.tokens < first:
            # A crop has made a long text short.
            missing = slice(kept.tokens, first)
            keys = self.keys[:, :, missing].to(queries)
            keys = self._rotary(keys, positions_of(missing, starts))
            kept.append(keys, self.values[:, :, missing].to(queries))
        recent = self._memory.recent(torch.arange(len(starts)), first, end)
        # One call, for the angles cost more than the products.
        both = torch.cat((queries[:, :, : end - first], recent.keys.to(queries)), dim=1)
        both = self._rotary(both, positions_of(slice(first, end), starts))
        kept.append(both[:, self.shape.heads :], recent.values.to(queries))
        return both[:, : self.shape.heads]

    def _pieces(self, rows: Tensor, start: int, slot: int) -> Iterator[Piece]:
        """From a slot on: all that reads everything, then the chunks."""
        sparse_from = min(start + self._config.dense_below, self.tokens_seen)
        if slot < sparse_from:
            yield Piece(rows, start, slot, sparse_from, 0, start)
            slot = sparse_from
        for first in range(slot, self.tokens_seen, self._config.chunk):
            end = min(first + self._config.chunk, self.tokens_seen)
            finished = (first - start) // self._stride
            yield Piece(rows, start, first, end, finished, start + finished * self._stride)

    def _attend_to_everything(self, piece: Piece, queries: Tensor) -> tuple[Tensor, Tensor]:
        """The output from true positions; no blocks are retrieved."""
        kept = self._at_true_positions
        assert kept is not None  # noqa: S101 — the tokens were kept just now
        attended = grouped_softmax_attention(
            queries,
            of_rows(kept.keys[:, :, piece.near : piece.end], piece.rows),
            of_rows(kept.values[:, :, piece.near : piece.end], piece.rows),
            block=self._config.block,
            scale=self.shape.scale,
        )
        return attended.output, piece.rows.new_empty((*queries.shape[:2], 0))
