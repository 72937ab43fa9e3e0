"""Object-level attention (OAT, arXiv 2407.13335) as an order of elements, beside simple orders.

    python benchmarks/order_screens.py --out ~/.cache/tapgraph-order
    python benchmarks/order_net.py --folder ~/.cache/tapgraph-order --json order.json

The question: which order has the element that the known route touches next among its first 15, on
screens with more than 15 elements, of apps that are in no training task? The net is
`perception/object_attention.py`, trained on the paths of the known routes.
"""

import argparse
import json
import math
import random
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tapgraph.evals.scanpath import sequence_score
from tapgraph.evals.stats import Tally, share
from tapgraph.tools.api.retrieval import LexicalIndex, words_of
from tapgraph.tools.mobile.perception.object_attention import ObjectAttention
from tapgraph.tools.mobile.screen import Role

KEPT = 15
_BUCKETS, _MOST = 1024, 96
_ROLES = [role.value for role in Role]
_PLAIN = len(_ROLES) + 15
_EPOCHS, _BATCH = 8, 16


@dataclass(frozen=True)
class Shown:
    """A screen for the net.

    Attributes:
        plain: `[elements, features]`.
        words: buckets of the words of each element.
        aim: buckets of the aim's words.
        path: what is touched, as places of elements.
        bm25: the score of each element for the aim.
        overlap: share of the aim's words that each element has.
    """

    record: dict[str, Any]
    plain: Tensor
    words: list[list[int]]
    aim: list[int]
    path: list[int]
    bm25: list[float]
    overlap: list[float]


def shown(record: dict[str, Any]) -> Shown:
    """The features of a screen."""
    elements = record["elements"][:_MOST]
    wanted = words_of(f"{record['aim']} {record['instruction']}")
    texts = [words_of(f"{one['text']} {one['id']}") for one in elements]
    index = LexicalIndex([Counter(words) for words in texts])
    scores = index.scores(wanted)
    bm25 = [scores.get(place, 0.0) for place in range(len(elements))]
    overlap = [len(set(words) & set(wanted)) / max(1, len(set(wanted))) for words in texts]
    width, height = record["size"]
    rows = []
    for place, one in enumerate(elements):
        left, top, right, bottom = one["bounds"]
        has = set(texts[place])
        rows.append([
            *(float(one["role"] == role) for role in _ROLES),
            *(float(one[name]) for name in ("clickable", "scrollable", "checked", "focused")),
            float(bool(one["text"])),
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
            place / _MOST,
            overlap[place],
            len(has & set(wanted)) / max(1, len(has)),
            bm25[place] / 10,
            bm25[place] / (max(bm25) or 1),
            float(bm25[place] > 0 and bm25[place] == max(bm25)),
        ])
    return Shown(
        record=record,
        plain=torch.tensor(rows),
        words=[[_bucket(word) for word in words] for words in texts],
        aim=[_bucket(word) for word in wanted],
        path=record["path"],
        bm25=bm25,
        overlap=overlap,
    )


def _logits(net: ObjectAttention, screen: Shown, path: Sequence[int]) -> Tensor:
    return net(screen.plain, screen.words, screen.aim, path)  # type: ignore[no-any-return]


def loss_of(net: ObjectAttention, screen: Shown) -> Tensor:
    """Cross-entropy of the whole path and the stop after it."""
    wanted = torch.tensor([*screen.path, len(screen.words)])
    return functional.cross_entropy(_logits(net, screen, screen.path), wanted)


def trained(screens: Sequence[Shown], *, seed: int) -> ObjectAttention:
    """The net after its epochs; no screen is left out and none is used to stop earlier."""
    torch.manual_seed(seed)
    net = ObjectAttention(_PLAIN, buckets=_BUCKETS, most_objects=_MOST)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
    steps = _EPOCHS * math.ceil(len(screens) / _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    rng = random.Random(seed)
    for _ in range(_EPOCHS):
        order = rng.sample(screens, len(screens))
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]
            loss = torch.stack([loss_of(net, screen) for screen in batch]).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return net.eval()


def greedy(net: ObjectAttention, screen: Shown) -> list[int]:
    """The path that the net takes until it stops, of eight stops at most."""
    path: list[int] = []
    while len(path) < 8:
        following = int(_logits(net, screen, path)[-1].argmax())
        if following == len(screen.words):
            break
        path.append(following)
    return path


def usable_first(screen: Shown) -> list[float]:
    """What the text view keeps longest: inputs, then named buttons, then texts."""
    worths = []
    for one in screen.record["elements"][:_MOST]:
        is_usable = one["clickable"] or one["scrollable"]
        if one["focused"] or one["role"] == "input":
            worths.append(3.0)
        elif is_usable and (one["text"] or one["role"] == "list"):
            worths.append(2.0)
        else:
            worths.append(1.0 if one["text"] else 0.0)
    return worths


def place_of_needed(screen: Shown, worths: Sequence[float]) -> int:
    """How many elements stand before the needed one; of equals, those earlier in reading order."""
    order = sorted(range(len(worths)), key=lambda place: (-worths[place], place))
    return order.index(screen.path[0])


def main() -> None:
    """Train, measure all orders, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1, help="nets that are trained")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train, test = (_read(given.folder / f"{name}.jsonl") for name in ("train", "test-apps"))
    known = {screen.record["app"] for screen in train}
    held_out = [screen for screen in test if screen.record["app"] not in known]
    long = [screen for screen in held_out if len(screen.words) > KEPT]
    rng = random.Random(0)
    orders: dict[str, Callable[[Shown], Sequence[float]]] = {
        "random": lambda screen: [rng.random() for _ in screen.words],
        "reading order": lambda screen: [0.0] * len(screen.words),
        "usable first": usable_first,
        "word overlap": lambda screen: screen.overlap,
        "BM25": lambda screen: screen.bm25,
        "BM25, then usable first": lambda screen: [
            100 * score + worth
            for score, worth in zip(screen.bm25, usable_first(screen), strict=True)
        ],
    }
    scores: list[float] = []
    for seed in range(given.seeds):
        net = trained(train, seed=seed)
        orders[f"OAT, net {seed}"] = _pointing(net)
        with torch.no_grad():
            scores += [sequence_score(greedy(net, one), one.path) for one in held_out]
        orders[f"OAT, net {seed}, aims of other screens"] = _misled(net, long)
    rows = []
    for name, worths in orders.items():
        by_task: dict[str, Tally] = defaultdict(lambda: Tally(0.0, 0))
        firsts = 0
        for screen in long:
            place = place_of_needed(screen, worths(screen))
            by_task[screen.record["task"]] += Tally(float(place < KEPT), 1)
            firsts += place == 0
        found = share([*by_task.values()], seed=0)
        rows.append({
            "order": name,
            "kept": found.value,
            "low": found.low,
            "high": found.high,
            "first": firsts / len(long),
        })
    result = {
        "command": "python benchmarks/order_net.py",
        "trained_on": len(train),
        "held_out": len(held_out),
        "long": len(long),
        "apps": sorted({screen.record["app"] for screen in long}),
        "path_sequence_score": sum(scores) / len(scores),
        "rows": rows,
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print({name: value for name, value in result.items() if name != "rows"})
    print("| order | needed in the first 15 | 95 % interval | it stands first |\n|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['order']} | {row['kept']:.1%} | {row['low']:.1%} to {row['high']:.1%} | "
            f"{row['first']:.1%} |"
        )


def _pointing(net: ObjectAttention) -> Callable[[Shown], Sequence[float]]:
    """What the net would touch first."""

    def worths(screen: Shown) -> Sequence[float]:
        with torch.no_grad():
            return _logits(net, screen, [])[0, :-1].tolist()

    return worths


def _misled(net: ObjectAttention, screens: Sequence[Shown]) -> Callable[[Shown], Sequence[float]]:
    """The same when every screen comes with the aim of another one; it must lose."""
    aims = [{name: one.record[name] for name in ("aim", "instruction")} for one in screens]
    away = len(aims) // 2
    wrong = {
        id(one): shown({**one.record, **aims[(place + away) % len(aims)]})
        for place, one in enumerate(screens)
    }
    return lambda screen: _pointing(net)(wrong[id(screen)])


def _read(file: Path) -> list[Shown]:
    lines = file.read_text(encoding="utf-8").splitlines()
    read = [shown(record) for record in map(json.loads, lines) if record["elements"]]
    return [one for one in read if max(one.path) < len(one.words)]


def _bucket(word: str) -> int:
    return zlib.crc32(word.encode()) % _BUCKETS


if __name__ == "__main__":
    main()
