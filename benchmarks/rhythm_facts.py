"""Two facts of the paper's analysis, against tokens at like positions; see `rhythm.py`.

Replies are sampled at temperature 0.7 to word problems that the script makes up. A peak's control
is a token of the same reply, at most eight tokens away, that is no peak; what is compared is a peak
with its control, and intervals are bootstraps over replies.
"""

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from tapgraph.kernels.in_models.attention import layer_shapes, observe_attention
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, chat_prompt
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.messages import TextPart
from tapgraph.llm_backend.training.policy import Policy
from tapgraph.llm_backend.training.policy_loss import token_scores
from tapgraph.llm_backend.training.rhythm import RhythmReader, RhythmSettings, peaks

__all__ = ["facts_table", "measure_facts"]

TEMPERATURE: Final = 0.7
NEAR: Final = 8
SHORTEST: Final = 40
RESAMPLES: Final = 2000
_PEOPLE = ("Tom", "Ana", "Mira", "Jonas", "Priya", "Leo", "Sofia", "Omar")
_THINGS = ("apples", "pencils", "stickers", "marbles", "books", "shells", "coins", "cards")
_QUESTIONS = (
    "{a} has {x} {t}. {b} gives {a} {y} more, and then {a} loses {z}. How many {t} does {a} have?",
    "A box holds {x} {t}. {a} buys {y} boxes and gives {z} {t} to {b}. How many {t} are left?",
    "{a} collects {x} {t} every day for {y} days. {b} has {z} {t}. How many do they have together?",
    "{a} and {b} share {x} {t}. {a} takes {y}, then {b} takes {z}. How many {t} remain?",
)


def questions(count: int, seed: int = 0) -> list[str]:
    """Word problems over three small numbers."""
    dice, made = random.Random(seed), []
    for number in range(count):
        first, second = dice.sample(_PEOPLE, 2)
        made.append(
            _QUESTIONS[number % len(_QUESTIONS)].format(
                a=first, b=second, t=dice.choice(_THINGS), x=dice.randint(20, 40),
                y=dice.randint(2, 9), z=dice.randint(2, 9),
            )
            + " Explain each step."
        )  # fmt: skip
    return made


def measure_facts(
    model: Path, replies: int, tokens: int, rollout: int, found: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Both facts, eight replies at a time; what `found` has already is left as it is.

    Yields:
        All that is known, after each part.
    """
    checkpoint = load_checkpoint(model, device="cpu", dtype="float32")
    asked = questions(replies)
    found.setdefault("replies", [])
    found.setdefault("cpu_s", 0.0)
    while len(found["replies"]) < replies:
        began, first = time.process_time(), len(found["replies"])
        texts = _sampled(checkpoint, asked[first : first + 8], tokens, seed=first)
        read = [_read(checkpoint, *text, seed=first + row) for row, text in enumerate(texts)]
        found["replies"] += _with_rollouts(checkpoint, texts, read, rollout)
        found["cpu_s"] = round(found["cpu_s"] + time.process_time() - began, 1)
        found["facts"] = _summary(found["replies"])
        yield found


@dataclass(frozen=True)
class Read:
    """What is known of one reply before its rollouts.

    Attributes:
        entropies: of peaks of WAAD and their controls, in nats.
        words: whether those are words or numbers, and no signs or line breaks.
        places: the highest peak of FAI and its control; none in a reply without one.
        others: for every token of the reply the likeliest one but for itself.
    """

    entropies: list[tuple[float, float]]
    words: list[tuple[bool, bool]]
    places: list[tuple[int, int]]
    others: list[int]


def _sampled(
    checkpoint: Checkpoint, asked: Sequence[str], tokens: int, seed: int
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    prompts = [
        chat_prompt(checkpoint, [ChatTurn("user", (TextPart(text),))]).tokens for text in asked
    ]
    dice = torch.Generator().manual_seed(seed)
    policy = Policy(checkpoint.model, checkpoint.end_tokens, tokens, TEMPERATURE, dice)
    return list(zip(prompts, policy.replies(prompts), strict=True))


def _read(
    checkpoint: Checkpoint, prompt: tuple[int, ...], reply: tuple[int, ...], seed: int
) -> Read | None:
    """Pairs of a peak and its control in one reply; None for replies too short to have any."""
    if len(reply) < SHORTEST:
        return None
    text = torch.tensor([[*prompt, *reply]])
    said = torch.arange(text.shape[1])[None] >= len(prompt)
    settings = RhythmSettings()
    reader = RhythmReader(
        said, layers=range(len(layer_shapes(checkpoint.model))), settings=settings
    )
    with torch.no_grad(), observe_attention(checkpoint.model, reader):
        logits = checkpoint.model(input_ids=text, use_cache=False).logits
    entropy = token_scores(logits, text, TEMPERATURE)[1][said]
    rhythm, dice = reader.rhythm(), random.Random(seed)
    pairs = _pairs(peaks(rhythm.waad[said]).tolist(), len(reply), dice)
    entropies = [
        (round(entropy[place].item(), 4), round(entropy[control].item(), 4))
        for place, control in pairs
    ]
    is_word = [_is_word(checkpoint, token) for token in reply]
    # The last tokens have no influence by definition.
    room, fai = len(reply) - settings.gap, rhythm.fai[said]
    high = [place for place in peaks(fai).tolist() if place < room]
    best = max(high, key=lambda place: fai[place].item(), default=-1)
    places = [pair for pair in _pairs(high, room, dice) if pair[0] == best]
    scores = logits[0, len(prompt) - 1 : -1].clone()
    scores.scatter_(1, torch.tensor(reply)[:, None], -torch.inf)
    words = [(is_word[place], is_word[control]) for place, control in pairs]
    return Read(entropies, words, places, scores.argmax(-1).tolist())


def _pairs(high: list[int], tokens: int, dice: random.Random) -> list[tuple[int, int]]:
    """Each peak with a token near it that is no peak."""
    taken, pairs = set(high), []
    for place in high:
        near = range(max(0, place - NEAR), min(tokens, place + NEAR + 1))
        free = [other for other in near if other not in taken]
        if free:
            pairs.append((place, dice.choice(free)))
    return pairs


def _with_rollouts(
    checkpoint: Checkpoint,
    texts: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    read: Sequence[Read | None],
    rollout: int,
) -> list[dict[str, Any]]:
    """How much of a greedy rollout stays when a token is another, for peaks and controls.

    The other token is the likeliest one but for that which stands there. What stays is the Jaccard
    index of the tokens of both rollouts, 0..1.
    """
    begun: list[tuple[int, ...]] = []
    for (prompt, reply), known in zip(texts, read, strict=True):
        for place in [place for pair in (known.places if known else ()) for place in pair]:
            before = (*prompt, *reply[:place])
            begun += [(*before, reply[place]), (*before, known.others[place])] if known else []
    policy = Policy(checkpoint.model, checkpoint.end_tokens, rollout, 0.0, torch.Generator())
    said = iter(policy.replies(begun) if begun else ())
    rows: list[dict[str, Any]] = []
    for (_, reply), known in zip(texts, read, strict=True):
        row: dict[str, Any] = {"tokens": len(reply)}
        if known is not None:
            row["entropy"], row["words"] = known.entropies, known.words
            row["places"] = known.places
            row["alike"] = [
                [round(_jaccard(next(said), next(said)), 4) for _ in pair] for pair in known.places
            ]
        rows.append(row)
    return rows


def _is_word(checkpoint: Checkpoint, token: int) -> bool:
    spoken = checkpoint.tokenizer.decode([token])
    return any(map(str.isalnum, str(spoken)))


def _jaccard(first: Sequence[int], second: Sequence[int]) -> float:
    return len({*first} & {*second}) / len({*first} | {*second})


def _summary(replies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    long = [reply for reply in replies if "entropy" in reply]
    return {
        "replies": len(long),
        "tokens": statistics.mean(reply["tokens"] for reply in replies),
        "entropy": _compared([reply["entropy"] for reply in long]),
        "entropy_of_words": _compared([_of_words(reply) for reply in long]),
        "peaks_that_are_words": _share([first for one in long for first, _ in one["words"]]),
        "controls_that_are_words": _share([second for one in long for _, second in one["words"]]),
        "alike": _compared([reply["alike"] for reply in long]),
    }


def _of_words(reply: dict[str, Any]) -> list[Sequence[float]]:
    """The pairs of which both are words."""
    both = zip(reply["entropy"], reply["words"], strict=True)
    return [pair for pair, are_words in both if all(are_words)]


def _share(flags: Sequence[bool]) -> float:
    return round(sum(flags) / max(1, len(flags)), 4)


def _compared(pairs: Sequence[Sequence[Sequence[float]]]) -> dict[str, Any]:
    """Means of peaks, of controls and of their differences, with the differences' interval."""
    filled = [of_reply for of_reply in pairs if of_reply]
    flat = [pair for of_reply in filled for pair in of_reply]
    if not flat:
        return {"pairs": 0}
    dice, drawn = random.Random(0), []
    sums = [(sum(high - low for high, low in one), len(one)) for one in filled]
    for _ in range(RESAMPLES):
        again = dice.choices(sums, k=len(sums))
        drawn.append(sum(total for total, _ in again) / sum(count for _, count in again))
    drawn.sort()
    return {
        "pairs": len(flat),
        "peaks": round(statistics.mean(high for high, _ in flat), 4),
        "controls": round(statistics.mean(low for _, low in flat), 4),
        "difference": round(statistics.mean(high - low for high, low in flat), 4),
        "low": round(drawn[int(0.025 * (RESAMPLES - 1))], 4),
        "high": round(drawn[round(0.975 * (RESAMPLES - 1))], 4),
        "peak_is_higher": round(statistics.mean(high > low for high, low in flat), 4),
    }


def facts_table(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row for each fact."""
    rows: list[tuple[str, ...]] = [
        ("fact", "pairs", "at peaks", "near them", "difference", "95 % interval")
    ]
    for name, label in (
        ("entropy", "entropy at WAAD peaks"),
        ("entropy_of_words", "the same, words alone"),
        ("alike", "Jaccard after FAI peaks"),
    ):
        fact = found["facts"][name]
        if fact["pairs"]:
            rows.append((
                label,
                str(fact["pairs"]),
                f"{fact['peaks']:.3f}",
                f"{fact['controls']:.3f}",
                f"{fact['difference']:+.3f}",
                f"{fact['low']:+.3f} to {fact['high']:+.3f}",
            ))
    return rows
