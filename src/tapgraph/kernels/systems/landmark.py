"""Landmark Attention: a token at the end of each block decides whether the block is read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.selection import listed
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.landmark_retrieval import LandmarkRooms, Piece
from tapgraph.kernels.systems.landmark_softmax import check_block, grouped_softmax_attention
from tapgraph.kernels.token_store import TokenStore

__all__ = ["Landmark", "LandmarkConfig", "LandmarkLayer", "Retrieval"]

Retrieval = Literal["per_head_and_token", "per_head", "per_token", "shared"]


@dataclass(frozen=True, slots=True)
class LandmarkConfig:
    """Settings of Landmark Attention; the defaults are those of the paper's language models.

    Attributes:
        block: ordinary tokens before a landmark, as the model was trained.
        retrieved: k, so many of the past blocks are read (the paper has 2 to 5).
        chunk: tokens, landmarks included, that a prompt is read in at a time; within a chunk all
            is read, before it only what is retrieved.
        retrieval: who chooses blocks: each head for each token, each head for a chunk (its largest
            score over the tokens counts), all heads together for each token (the largest over the
            heads), or all heads together for a chunk. Fewer lists are less traffic.
        lists: with a list of its own for each query head, or one for each KV head (the largest
            score over its query heads counts).
        dense_below: the first so many tokens, landmarks included, read all that is before them,
            as in training; so no more than the model was trained with. (The authors' first
            models were trained with 512, those of their present code with 2,048.)
    """

    block: int = 50
    retrieved: int = 4
    chunk: int = 250
    retrieval: Retrieval = "per_head_and_token"
    lists: Literal["query_head", "kv_head"] = "query_head"
    dense_below: int = 2_048

    def __post_init__(self) -> None:
        check_block(self.block)
        check_least(self, retrieved=1, chunk=1, dense_below=0)
        check_choices(self)

    @property
    def chooses_for_chunks(self) -> bool:
        """Whether there is one list for all tokens of a chunk."""
        return self.retrieval in {"per_head", "shared"}

    def chosen_together(self) -> tuple[int, ...]:
        """Along which axes of `[1, kv_heads, group, tokens, blocks]` there is one list."""
        heads: tuple[int, ...] = (2,) if self.lists == "kv_head" else ()
        if self.retrieval in {"per_token", "shared"}:
            heads = (1, 2)
        return (*heads, 3) if self.chooses_for_chunks else heads


class Landmark(AttentionSystem):
    """The grouped softmax over the unfinished block, the chunk and the best past blocks.

    Mohtashami and Jaggi, "Landmark Attention", 2305.16300, section 3. The past is cut into blocks
    of `block` tokens and a landmark. A query is scored against the landmarks of all past blocks;
    the best `retrieved` are read with it, in the order of the text. `grouped_softmax_attention`
    describes the attention; landmarks that are not retrieved do not compete.

    Landmarks are known by their place: they are the (block + 1)-th, 2 (block + 1)-th ... tokens. So
    the prompt must be given with landmarks in it (`insert_landmarks`), and the model must be made
    to generate one whenever the next token is a landmark's
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
        - The first `dense_below` tokens are no chunks: they read everything, at true positions. So
          do the first `retrieved` + 1 blocks, all of which are retrieved in any case. Their keys
          and values are kept a second time until then, in float32 at least.
        - Later chunks are counted from there, however a prompt is cut into calls. Where a chunk
          has one list (`per_head`, `shared`) they are counted from the first token, and the part
          of a chunk in each call has one. A decode step is a chunk of one token: it reads its
          unfinished block and what it retrieves.
        - The context-miss token and positional jumps, variants of section 4, are not here.
    """

    name: ClassVar[str] = "landmark"
    about: ClassVar[About] = About(
        paper="Landmark Attention: Random-Access Infinite Context Length for Transformers, "
        "arXiv 2305.16300, 2023",
        saves="Attention time: one key for each block is scored, and few blocks are read. Works "
        "beyond the trained length. Memory stays dense.",
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

    @property
    def chunk_tokens(self) -> int | None:
        """Those that have a list together."""
        return self.config.chunk if self.config.chooses_for_chunks else None

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "LandmarkLayer":
        """A layer with an empty past.

        Raises:
            UsageError: the keys carry a highlight.
        """
        if shape.extra_channels:
            raise UsageError(
                "attention 'landmark' has a softmax in groups, in which a highlight means nothing; "
                "use another system"
            )
        return LandmarkLayer(shape, rotary, self.config)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the last query read.

    Attributes:
        near: the token from which on everything was read.
        blocks: int64 `[heads, retrieved]`; None where nothing was retrieved.
    """

    near: int
    blocks: Tensor | None = None


class LandmarkLayer(FullCacheLayer):
    """One layer of Landmark Attention.

    It holds a `TokenStore` of keys that are rotated as if each block began at position 0, what
    `LandmarkRooms` holds, and 8 bytes for each block that each head read last. While everything is
    read it also holds a `TokenStore` in float32 (float64 for float64).
    """

    def __init__(self, shape: LayerShape, rotary: Rotary, config: LandmarkConfig) -> None:
        super().__init__(shape)
        self._rotary = rotary
        self._config = config
        self._stride = config.block + 1
        self._read_in_full = max(config.dense_below, (config.retrieved + 1) * self._stride)
        self._at_true_positions: TokenStore | None = None
        self._rooms = LandmarkRooms(
            shape, rotary, config.block, config.retrieved, config.chosen_together()
        )
        self._choice: _Choice | None = None

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Store the token and attend from it: a chunk of one token."""
        check_call(self.shape, queries, keys, values)
        token, heads = self.tokens_seen, self.shape.heads
        exact = _exact(queries)
        both = torch.cat((queries.to(exact) * self.shape.scale, keys.to(exact)), dim=1)
        place = torch.tensor([token % self._stride], device=keys.device)
        true_position = torch.tensor([[min(token, self._read_in_full - 1)]], device=keys.device)
        places = torch.cat((self._rooms.places(place), true_position), dim=1)
        # One call, for the angles cost more than the products.
        turned = self._rotary(both.expand(-1, -1, places.shape[1], -1), places)
        asking = turned[:, :heads]
        if token < self._read_in_full:
            self._keep_at_true_positions(turned[:, heads:, -1:], values)
        self._store.append(turned[:, heads:, -2:-1].to(keys.dtype), values)

        def attend(piece: Piece) -> tuple[Tensor, Tensor | None]:
            if token < self._read_in_full:
                return self._attend_to_everything(piece, asking[:, :, -1:]), None
            return self._rooms.attend_from_one(self._store, piece, asking[:, :, :-1])

        finished = token // self._stride if token >= self._read_in_full else 0
        piece = Piece(token, token + 1, finished, finished * self._stride)
        return self._remembered(self._attend_by_piece(queries, [piece], attend))

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """The first tokens read everything; then chunk by chunk."""
        first = self.tokens_seen - queries.shape[2]
        asking = queries.to(_exact(queries)) * self.shape.scale
        in_full_until = min(self.tokens_seen, self._read_in_full)
        turned = asking[:, :, : max(0, in_full_until - first)]
        if in_full_until > first:
            turned = self._rotary(turned, _positions(first, in_full_until, turned))

        def attend(piece: Piece) -> tuple[Tensor, Tensor | None]:
            part = slice(piece.first - first, piece.end - first)
            if piece.first < self._read_in_full:
                return self._attend_to_everything(piece, turned[:, :, part]), None
            return self._rooms.attend(self._store, piece, asking[:, :, part])

        return self._attend_by_piece(queries, self._pieces(first), attend)

    def kept_by_last_query(self) -> Tensor:
        """The ordinary tokens of retrieved blocks and of everything near.

        Landmarks only weigh, so none are among them, not even where the query is one.
        """
        kept = super().kept_by_last_query()
        if self._choice is None:
            return kept
        tokens = torch.arange(self.tokens_seen, device=kept.device)
        is_read = (tokens >= self._choice.near).expand_as(kept)
        if self._choice.blocks is not None:
            blocks = listed(self._choice.blocks, self.tokens_seen // self._stride + 1)
            is_read = is_read | blocks[:, tokens // self._stride]
        return is_read & (tokens % self._stride != self._config.block)

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
        """Forget what was read last, and what was kept twice of later tokens."""
        self._choice = None
        self._rooms.crop(tokens)
        if self._at_true_positions is not None:
            self._at_true_positions.crop(min(tokens, self._at_true_positions.tokens))

    def extra_bytes(self) -> int:
        """8 bytes for each block that was read last, and what is kept twice."""
        held = self._rooms.bytes_held()
        if self._at_true_positions is not None:
            held += self._at_true_positions.bytes_held()
        if self._choice is not None and self._choice.blocks is not None:
            held += self._choice.blocks.nbytes
        return held

    def _store_tokens(self, queries: Tensor, keys: Tensor, values: Tensor) -> None:
        check_call(self.shape, queries, keys, values)
        first, end = self.tokens_seen, self.tokens_seen + keys.shape[2]
        in_full = max(0, min(end, self._read_in_full) - first)
        exact = keys.to(_exact(keys))
        positions = _positions(first, end, keys)
        # One call, for the angles cost more than the products.
        rotated = self._rotary(
            torch.cat((exact, exact[:, :, :in_full]), dim=2),
            torch.cat((positions % self._stride, positions[:, :in_full]), dim=1),
        )
        if in_full:
            self._keep_at_true_positions(rotated[:, :, -in_full:], values[:, :, :in_full])
        self._store.append(rotated[:, :, : end - first].to(keys.dtype), values)

    def _keep_at_true_positions(self, keys: Tensor, values: Tensor) -> None:
        """Keep the first of new tokens that are not yet in memory."""
        kept = self._at_true_positions = self._at_true_positions or TokenStore()
        if kept.tokens < self.tokens_seen:
            # A crop has made a long text short.
            missing = slice(kept.tokens, self.tokens_seen)
            positions = _positions(missing.start, missing.stop, keys)
            before = self.keys[:, :, missing].to(keys)
            before = self._rotary.undo(before, positions % self._stride)
            kept.append(self._rotary(before, positions), self.values[:, :, missing].to(keys))
        kept.append(keys, values.to(keys))

    def _attend_by_piece(
        self,
        queries: Tensor,
        pieces: Iterable[Piece],
        attend: Callable[[Piece], tuple[Tensor, Tensor | None]],
    ) -> SparseOutput:
        """What `attend` gives for each piece: the output, and the blocks last retrieved, if any."""
        outputs = []
        for piece in pieces:
            output, blocks = attend(piece)
            outputs.append(output.to(queries.dtype))
            self._choice = _Choice(piece.near, blocks)
        if self._read_in_full <= self.tokens_seen:
            self._at_true_positions = None
        scored = (self.tokens_seen - 1) // self._stride
        return SparseOutput(torch.cat(outputs, dim=2), LastRead(scored=scored))

    def _pieces(self, first: int) -> Iterator[Piece]:
        """From a token on: all that reads everything, then the chunks, or what is left of one."""
        sparse_from, chunk = self._read_in_full, self._config.chunk
        if first < sparse_from:
            yield Piece(first, min(sparse_from, self.tokens_seen), 0, 0)
        first = max(first, sparse_from)
        counted_from = 0 if self._config.chooses_for_chunks else sparse_from
        while first < self.tokens_seen:
            end = min(first + chunk - (first - counted_from) % chunk, self.tokens_seen)
            begin = max(sparse_from, first - (first - counted_from) % chunk)
            finished = begin // self._stride
            yield Piece(first, end, finished, finished * self._stride)
            first = end

    def _attend_to_everything(self, piece: Piece, queries: Tensor) -> Tensor:
        """The output from true positions; no blocks are retrieved."""
        kept = self._at_true_positions
        assert kept is not None  # noqa: S101 — the tokens were kept just now
        keys, values = kept.keys[:, :, : piece.end], kept.values[:, :, : piece.end]
        return grouped_softmax_attention(queries, keys, values, block=self._config.block, scale=1.0)


def _positions(first: int, end: int, like: Tensor) -> Tensor:
    """The positions `[1, tokens]` of the tokens from `first` to `end`."""
    return torch.arange(first, end, device=like.device)[None]


def _exact(tensor: Tensor) -> torch.dtype:
    """What is computed in: float32, float64 for float64."""
    return torch.promote_types(tensor.dtype, torch.float32)
