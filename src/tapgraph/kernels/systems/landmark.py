"""Landmark Attention: a token at the end of each block decides whether the block is read."""

from collections.abc import Callable, Iterator
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
    dense_below: int = 2_048

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

    Positions are mapped when keys are read (section 3.2.2, "stingy position mapping"): before the
    chunk there is room for `retrieved` + 1 blocks. To be scored, the newest `retrieved` blocks
    stand at their true distance and all older ones in the first room. To be read, blocks stand one
    after the other, with an empty room before the first that is one of the newest `retrieved`. So
    no position is ever larger than (retrieved + 2) (block + 1) + chunk, or `dense_below`, however
    long the text. The paper's code stores keys before the rotary embedding and rotates those that
    are read; here each key is rotated once, as if its block began at position 0, and queries are
    rotated to where they stand from each room.

    Deviations:
        - Grouped queries (the paper has none): keys and values are kept for each KV head; `lists`
          says whose scores choose. Scores are compared after a softmax over landmarks wherever
          several heads or tokens choose together.
        - The first `dense_below` slots are no chunks: they read everything, at true positions. So
          do the first `retrieved` + 1 blocks, all of which are retrieved in any case. Their keys
          and values are kept a second time until then, in float32 at least.
        - Later chunks are counted from there, or from the first token of a call, so results depend
          on how a prompt is cut into calls. A decode step is a chunk of one token: it reads its
          unfinished block and what it retrieves.
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

        That is what dense attention is to these models. It takes nearly twice the time of torch's
        own, which has it in one kernel.
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
    8 bytes for each block that each head read last and for each row. While a row reads everything
    it also holds a `TokenStore` of all rows, in float32 (float64 for float64).
    """

    def __init__(self, shape: LayerShape, rotary: Rotary, config: LandmarkConfig) -> None:
        super().__init__(shape)
        self._rotary = rotary
        self._config = config
        self._stride = config.block + 1
        self._read_in_full = max(config.dense_below, (config.retrieved + 1) * self._stride)
        is_offloaded = config.blocks_on == "cpu"
        self._store = OffloadedStore(config.block) if is_offloaded else LandmarkStore(config.block)
        self._at_true_positions: TokenStore | None = None
        self._rooms = LandmarkRooms(
            shape, rotary, config.block, config.retrieved, config.chosen_together()
        )
        self._choice: _Choice | None = None

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Store the token and attend from it: a chunk of one token."""
        slot, heads = self.tokens_seen, self.shape.heads
        check_call(self.shape, queries, keys, values, starts, slot)
        exact = _exact(queries)
        both = torch.cat((queries.to(exact) * self.shape.scale, keys.to(exact)), dim=1)
        position = (slot - starts).clamp(min=0)
        places = self._rooms.places(position % self._stride)
        places = torch.cat((places, self._bounded(position)[:, None]), dim=1)
        # One call, for the angles cost more than the products.
        turned = self._rotary(both.expand(-1, -1, places.shape[1], -1), places)
        if self._read_in_full_until(starts, slot + 1) > slot:
            self._keep_at_true_positions(turned[:, heads:, -1:], values, starts)
        self._memory.append(turned[:, heads:, -2:-1].to(keys.dtype), values)
        self._note_starts(starts)

        def attend(piece: Piece) -> tuple[Tensor, Tensor | None]:
            asking = of_rows(turned[:, :heads], piece.rows)
            if piece.slot < piece.start + self._read_in_full:
                return self._attend_to_everything(piece, asking[:, :, -1:]), None
            return self._rooms.attend_from_one(self._memory, piece, asking[:, :, :-1])

        return self._remembered(self._attend_by_piece(queries, starts, attend))

    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """The first slots read everything; then chunk by chunk."""
        first = self.tokens_seen - queries.shape[2]
        asking = queries.to(_exact(queries)) * self.shape.scale
        in_full_until = self._read_in_full_until(starts, self.tokens_seen)
        turned = asking[:, :, : max(0, in_full_until - first)]
        if in_full_until > first:
            positions = positions_of(slice(first, in_full_until), starts)
            turned = self._rotary(turned, self._bounded(positions))

        def attend(piece: Piece) -> tuple[Tensor, Tensor | None]:
            part = slice(piece.slot - first, piece.end - first)
            if piece.slot < piece.start + self._read_in_full:
                at_true_positions = of_rows(turned[:, :, part], piece.rows)
                return self._attend_to_everything(piece, at_true_positions), None
            return self._rooms.attend(self._memory, piece, of_rows(asking[:, :, part], piece.rows))

        return self._attend_by_piece(queries, starts, attend)

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
        first, end = self.tokens_seen, self.tokens_seen + keys.shape[2]
        in_full = max(0, self._read_in_full_until(starts, end) - first)
        exact = keys.to(_exact(keys))
        positions = positions_of(slice(first, end), starts)
        # One call, for the angles cost more than the products.
        rotated = self._rotary(
            torch.cat((exact, exact[:, :, :in_full]), dim=2),
            torch.cat((positions % self._stride, self._bounded(positions[:, :in_full])), dim=1),
        )
        if in_full:
            self._keep_at_true_positions(rotated[:, :, -in_full:], values[:, :, :in_full], starts)
        self._memory.append(rotated[:, :, : end - first].to(keys.dtype), values)
        self._note_starts(starts)

    def _keep_at_true_positions(self, keys: Tensor, values: Tensor, starts: Tensor) -> None:
        """Keep the first of new tokens that are not yet in memory."""
        kept = self._at_true_positions = self._at_true_positions or TokenStore()
        if kept.tokens < self.tokens_seen:
            # A crop has made a long text short.
            missing = slice(kept.tokens, self.tokens_seen)
            positions = positions_of(missing, starts)
            before = self.keys[:, :, missing].to(keys)
            before = self._rotary.undo(before, positions % self._stride)
            before = self._rotary(before, self._bounded(positions))
            kept.append(before, self.values[:, :, missing].to(keys))
        kept.append(keys, values.to(keys))

    def _read_in_full_until(self, starts: Tensor, end: int) -> int:
        """The slot, at most `end`, after the last one in which some row reads everything."""
        return min(end, int(starts.max()) + self._read_in_full)

    def _bounded(self, positions: Tensor) -> Tensor:
        """Of rows that read everything, so that those of other rows are not larger."""
        return positions.clamp(max=self._read_in_full - 1)

    def _attend_by_piece(
        self,
        queries: Tensor,
        starts: Tensor,
        attend: Callable[[Piece], tuple[Tensor, Tensor | None]],
    ) -> SparseOutput:
        """What `attend` gives for each piece: the output, and the blocks last retrieved, if any.

        Rows with one start go together.
        """
        output = torch.zeros_like(queries)
        first, end = self.tokens_seen - queries.shape[2], self.tokens_seen
        blocks = starts.new_full((len(starts), self.shape.heads, self._config.retrieved), -1)
        near = torch.full_like(starts, end)
        scored = 0
        for start, rows in rows_by_start(starts):
            # All rows are written as a slice, which is quicker.
            at = rows if len(rows) < len(starts) else slice(None)
            for piece in self._pieces(rows, start, max(start, first)):
                attended, chosen = attend(piece)
                output[at, :, piece.slot - first : piece.end - first] = attended.to(output.dtype)
                near[at] = piece.near
                if chosen is not None:
                    blocks[at] = chosen
            scored += len(rows) * (max(0, end - 1 - start) // self._stride)
        self._memory.settle()
        if int(starts.max()) + self._read_in_full <= end:
            self._at_true_positions = None
        self._choice = _Choice(blocks, near)
        return SparseOutput(output, LastRead(scored=scored / len(starts)))

    def _pieces(self, rows: Tensor, start: int, slot: int) -> Iterator[Piece]:
        """From a slot on: all that reads everything, then the chunks."""
        sparse_from = min(start + self._read_in_full, self.tokens_seen)
        if slot < sparse_from:
            yield Piece(rows, start, slot, sparse_from, 0, start)
            slot = sparse_from
        for first in range(slot, self.tokens_seen, self._config.chunk):
            end = min(first + self._config.chunk, self.tokens_seen)
            finished = (first - start) // self._stride
            yield Piece(rows, start, first, end, finished, start + finished * self._stride)

    def _attend_to_everything(self, piece: Piece, queries: Tensor) -> Tensor:
        """The output from true positions; no blocks are retrieved."""
        kept = self._at_true_positions
        assert kept is not None  # noqa: S101 — the tokens were kept just now
        return grouped_softmax_attention(
            queries,
            of_rows(kept.keys[:, :, piece.near : piece.end], piece.rows),
            of_rows(kept.values[:, :, piece.near : piece.end], piece.rows),
            block=self._config.block,
            scale=1.0,
        )


def _exact(tensor: Tensor) -> torch.dtype:
    """What is computed in: float32, float64 for float64."""
    return torch.promote_types(tensor.dtype, torch.float32)
