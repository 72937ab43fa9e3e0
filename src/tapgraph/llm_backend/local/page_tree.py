"""Keys and values of recent texts, each page of tokens kept once however many texts begin with it.

A page is what all layers keep of `PAGE` tokens; the tree's edges are the tokens of pages. A reply
copies the pages that its prompt begins with into memory of its own and gives new ones back at its
end: torch attends to keys that lie behind each other, and gathering them for each token would cost
more than this one copy.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tapgraph.kernels.highlighted_layer import HighlightedLayer, own_keys_and_values
from tapgraph.kernels.in_models.attention import AttentionCache
from tapgraph.kernels.systems.dense import DenseLayer

__all__ = ["PAGE", "PageTree"]

PAGE = 16
"""Tokens of a page. A prompt is used again in whole pages, so at most 15 tokens are read twice."""


@dataclass(slots=True, eq=False)
class _Page:
    tokens: tuple[int, ...] = ()
    memory: Tensor | None = None
    parent: "_Page | None" = None
    children: dict[tuple[int, ...], "_Page"] = field(default_factory=dict)


class PageTree:
    """Pages under a byte budget; the one that was not used for longest goes first.

    For caches of one sequence whose layers are all `DenseLayer`s without a window, or such with
    highlights; what is kept are the model's own keys and values, without what highlights add.

    Attributes:
        bytes_held: of all pages.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._root = _Page()
        # A page is used with all pages before it, and stands behind those that follow it here:
        # so the first one of all has no followers.
        self._by_use: OrderedDict[_Page, None] = OrderedDict()
        self._limit_bytes = budget_bytes
        self.bytes_held = 0

    def __len__(self) -> int:
        return len(self._by_use)

    @property
    def tokens_held(self) -> int:
        """Tokens whose keys and values are kept."""
        return len(self._by_use) * PAGE

    def known(self, tokens: Sequence[int], most: int) -> int:
        """How many of the first `most` tokens are kept, in whole pages."""
        return len(self._path(tokens, most)) * PAGE

    def find(
        self, tokens: Sequence[int], most: int, open_cache: Callable[[], AttentionCache]
    ) -> tuple[AttentionCache, int] | None:
        """A new cache for a prompt, and how many of its first `most` tokens it holds."""
        pages = self._path(tokens, most)
        if not pages:
            return None
        self._use(pages)
        cache = open_cache()
        _fill(cache, torch.stack([page.memory for page in pages if page.memory is not None]))
        return cache, len(pages) * PAGE

    def keep(self, tokens: Sequence[int], cache: AttentionCache) -> None:
        """Copy what a cache holds of its first tokens, as far as it is not kept already."""
        whole = len(tokens) // PAGE * PAGE
        if not whole:
            return
        path = self._path(tokens, whole)
        self._use(path)
        size = _page_bytes(cache)
        new = min(whole // PAGE, self._limit_bytes // size) - len(path)
        self._drop_until(self._limit_bytes - new * size)
        # What was dropped may have been a part of the path, where the limit is low.
        path = self._path(tokens, whole)
        first = len(path) * PAGE
        end = min(whole, first + (self._limit_bytes - self.bytes_held) // size * PAGE)
        for place, memory in enumerate(_pages_of(cache, first, end) if first < end else []):
            begin = first + place * PAGE
            parent = path[-1] if path else self._root
            page = _Page(tuple(tokens[begin : begin + PAGE]), memory, parent)
            parent.children[page.tokens] = page
            path.append(page)
            self.bytes_held += memory.nbytes
        self._use(path)

    def limit(self, limit_bytes: int) -> None:
        """Keep no more than `limit_bytes`, and no more than the budget, from now on."""
        self._limit_bytes = max(0, min(limit_bytes, self._budget_bytes))
        self._drop_until(self._limit_bytes)

    def _drop_until(self, limit_bytes: int) -> None:
        while self._by_use and self.bytes_held > limit_bytes:
            page, _ = self._by_use.popitem(last=False)
            if page.parent is not None and page.memory is not None:
                del page.parent.children[page.tokens]
                self.bytes_held -= page.memory.nbytes

    def _path(self, tokens: Sequence[int], most: int) -> list[_Page]:
        path: list[_Page] = []
        page = self._root
        for begin in range(0, most - PAGE + 1, PAGE):
            following = page.children.get(tuple(tokens[begin : begin + PAGE]))
            if following is None:
                break
            path.append(following)
            page = following
        return path

    def _use(self, path: Sequence[_Page]) -> None:
        for page in reversed(path):
            self._by_use[page] = None
            self._by_use.move_to_end(page)


def _dense_layers(cache: AttentionCache) -> list[DenseLayer | HighlightedLayer]:
    return [
        layer for layer in cache.rows[0].layers if isinstance(layer, DenseLayer | HighlightedLayer)
    ]


def _page_bytes(cache: AttentionCache) -> int:
    layers = _dense_layers(cache)
    width = sum(layer.shape.kv_heads * layer.shape.head_dim for layer in layers)
    return 2 * PAGE * width * own_keys_and_values(layers[0])[0].element_size()


def _pages_of(cache: AttentionCache, first: int, end: int) -> list[Tensor]:
    """The pages from slot `first` to `end`, each flat: layer by layer, keys before values."""
    count = (end - first) // PAGE
    columns = []
    for layer in _dense_layers(cache):
        for part in own_keys_and_values(layer):
            _, kv_heads, _, head_dim = part.shape
            held = part[0, :, first:end].reshape(kv_heads, count, PAGE, head_dim)
            columns.append(held.transpose(0, 1).reshape(count, -1))
    # Copied one by one, so that each page can be freed by itself.
    return [page.clone() for page in torch.cat(columns, dim=1)]


def _fill(cache: AttentionCache, pages: Tensor) -> None:
    """Give pages `[pages, elements]` to a cache that has seen nothing."""
    count, first = len(pages), 0
    for layer in _dense_layers(cache):
        kv_heads, head_dim = layer.shape.kv_heads, layer.shape.head_dim
        size = kv_heads * PAGE * head_dim
        parts = []
        for begin in (first, first + size):
            part = pages[:, begin : begin + size].view(count, kv_heads, PAGE, head_dim)
            parts.append(part.transpose(0, 1).reshape(1, kv_heads, count * PAGE, head_dim))
        layer.adopt(parts[0], parts[1])
        first += 2 * size
