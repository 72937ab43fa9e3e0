"""Does highlighting help a small model to answer? NQ-Open among passages, arm by arm.

    python benchmarks/autopasta.py heads --data DIR [--questions N]
    python benchmarks/autopasta.py answers --data DIR [--questions N] [--seconds S]
    python benchmarks/autopasta.py table

`heads` looks for the heads to steer (`steering.head_search`) on questions of their own and writes
them beside the checkpoint. `answers` asks the others, arm by arm, and adds them to the results a
batch at a time, so that a later run goes on; `table` reads the results.

Arms: `none`; `random sentence`, `predicted` (the model's own key sentence) and `gold` (the first
sentence with an answer) are highlighted; `random heads` highlights the gold one with as many heads
drawn at random; `repeated` and `moved` steer nothing: the predicted sentence stands once more, or
instead, right before the question, and `gold repeated` and `gold moved` do so with the gold one.
Exact match and F1 are SQuAD's, on the first line of a reply of at most 12 tokens. For the damage a
random example is highlighted in a list of examples of another task (country and capital, word and
opposite); right is a reply that begins with the answer.
"""

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from nq_passages import NqQuestion, exact_match, f1, nq_questions
from torch_machine import machine

from tapgraph.errors import UsageError
from tapgraph.kernels.highlight import Steering
from tapgraph.llm_backend.calibration.calibration_file import load_calibration, save_calibration
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import GenerationRequest, Prompt, Sampling
from tapgraph.llm_backend.local.systems import calibration_path
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.llm_backend.steering.head_search import (
    SteeredExample,
    SteeringSearch,
    find_steered_heads,
)
from tapgraph.llm_backend.steering.key_sentence import most_similar, sentences_of
from tapgraph.llm_backend.steering.spans import Spans, joined_spans, token_spans
from tapgraph.settings import Settings

RESULTS = Path(__file__).parent / "results" / "autopasta.json"
SEED, WORDS, DISTRACTORS = 0, 75, 1
PROFILED = 40
"""Questions that are never asked in the table: the first ones."""
BATCH = 16
REPLY_TOKENS, QUOTE_TOKENS = 12, 40
RESAMPLES = 10_000
ARMS = (
    "none", "random sentence", "predicted", "gold", "random heads", "repeated", "moved",
    "gold repeated", "gold moved",
)  # fmt: skip
DAMAGE_FILES = ("country-capital.json", "antonym.json")
DAMAGE_PROMPTS, DAMAGE_SHOTS = 60, 8
SHOTS = """\
Text: Lake Orta lies west of Lake Maggiore. The village of Pella stands on its western shore.
Question: which village is on the western shore of lake orta?
Answer: Pella

Text: Walter Finch built organs. He opened his workshop in May 1911 and sold it to his brother.
Question: when did walter finch open his workshop?
Answer: May 1911

"""
HEAD = f"{SHOTS}Text: "
ANSWER, QUOTE = "Answer:", "The sentence of the text that answers it:"


@dataclass(frozen=True)
class Asked:
    """A prompt, and what of it is highlighted, in characters."""

    text: str
    places: Spans = ()

    def prompt(self, checkpoint: Checkpoint) -> Prompt:
        """As the engine takes it."""
        encoded = checkpoint.harmless.encode(self.text, add_special_tokens=True)
        spans = joined_spans(token_spans(encoded.offsets, self.places))
        return Prompt(encoded.tokens, highlights=spans)


def other_sentence(question: NqQuestion) -> tuple[int, int]:
    """Any sentence but the gold one, always the same."""
    others = [place for place in sentences_of(question.text) if place != gold(question)]
    return random.Random(f"sentence {SEED} {question.number}").choice(others)


def gold(question: NqQuestion) -> tuple[int, int]:
    """The sentence that holds the answer, as `sentences_of` the whole text has it."""
    last = question.key_place[1] - 1
    return next(place for place in sentences_of(question.text) if place[0] <= last < place[1])


def asked(
    question: NqQuestion,
    place: tuple[int, int] | None = None,
    *,
    text: str | None = None,
    want: str = ANSWER,
) -> Asked:
    """The prompt of a question; `place` of its text is highlighted."""
    told = question.text if text is None else text
    places = () if place is None else ((len(HEAD) + place[0], len(HEAD) + place[1]),)
    return Asked(f"{HEAD}{told}\nQuestion: {question.question}?\n{want}", places)


def example(checkpoint: Checkpoint, question: NqQuestion) -> SteeredExample:
    """A question for the search of heads, with the gold sentence highlighted."""
    prompt = asked(question, question.key_place).prompt(checkpoint)
    key = question.text[slice(*question.key_place)]
    told = next((one for one in question.answers if one in key), question.answers[0])
    answer = checkpoint.harmless.encode(f" {told}\n", add_special_tokens=False)
    return SteeredExample(prompt.tokens, prompt.highlights, answer.tokens)


def find_heads(arguments: argparse.Namespace) -> None:
    """Look for the heads, and write them beside the checkpoint."""
    checkpoint = load_checkpoint(arguments.model, dtype="float32")
    if 2 * arguments.questions > PROFILED:
        raise UsageError(f"at most {PROFILED // 2} questions are kept for the search")
    questions = itertools.islice(all_questions(arguments.data), 2 * arguments.questions)
    started = time.process_time()

    def tell(line: str) -> None:
        print(f"{time.process_time() - started:5.0f} s  {line}", flush=True)

    calibration = find_steered_heads(
        checkpoint.model,
        [example(checkpoint, question) for question in questions],
        seed=SEED,
        search=SteeringSearch(questions=arguments.questions),
        tell=tell,
    )
    settings = {**calibration.settings, "cpu_s": round(time.process_time() - started)}
    save_calibration(
        replace(calibration, settings=settings), calibration_path("steering", arguments.model)
    )
    print(json.dumps(settings), flush=True)


def all_questions(data: Path) -> Iterator[NqQuestion]:
    """Always in the same order."""
    return nq_questions(data, seed=SEED, words=WORDS, distractors=DISTRACTORS)


class Asking:
    """A checkpoint under chosen heads, or as many others."""

    def __init__(self, checkpoint: Checkpoint, steering: Steering) -> None:
        self._checkpoint = checkpoint
        self._steering = steering
        count = int(steering.heads.sum())
        drawn = torch.randperm(
            steering.heads.numel(), generator=torch.Generator().manual_seed(SEED)
        )[:count]
        others = torch.zeros_like(steering.heads)
        others.view(-1)[drawn] = True
        self._others = Steering(others, steering.alpha)

    @contextmanager
    def engine(self, *, others: bool = False) -> Iterator[Engine]:
        """An engine that steers the chosen heads or the others."""
        steering = self._others if others else self._steering
        with Engine(self._checkpoint, steering=steering) as engine:
            yield engine

    def replies(
        self, engine: Engine, prompts: Sequence[Asked], most: int = REPLY_TOKENS
    ) -> list[str]:
        """The first line of each reply."""
        streams = [
            engine.submit(
                GenerationRequest(one.prompt(self._checkpoint), most, Sampling(0), stop=("\n",))
            )
            for one in prompts
        ]
        return [stream.result().text.strip() for stream in streams]

    def batch(self, questions: Sequence[NqQuestion]) -> list[dict[str, Any]]:
        """The rows of some questions."""
        said: dict[str, list[str]] = {}
        with self.engine() as engine:
            said["none"] = self.replies(engine, [asked(one) for one in questions])
            quoting = [asked(one, want=QUOTE) for one in questions]
            quotes = self.replies(engine, quoting, QUOTE_TOKENS)
            predicted = [_mapped(one, quote) for one, quote in zip(questions, quotes, strict=True)]
            pairs = list(zip(questions, predicted, strict=True))
            for arm, prompts in (
                ("random sentence", [asked(one, other_sentence(one)) for one in questions]),
                ("predicted", [asked(one, place) for one, place in pairs]),
                ("gold", [asked(one, gold(one)) for one in questions]),
                ("repeated", [asked(one, text=_repeated(one, place)) for one, place in pairs]),
                ("moved", [asked(one, text=_moved(one, place)) for one, place in pairs]),
            ):
                said[arm] = self.replies(engine, prompts)
        with self.engine(others=True) as engine:
            said["random heads"] = self.replies(
                engine, [asked(one, gold(one)) for one in questions]
            )
        return [
            {
                "question": one.number,
                "tokens": len(asked(one).prompt(self._checkpoint).tokens),
                "key_is_gold": place == gold(one),
                **_scores(one, {arm: replies[row] for arm, replies in said.items()}),
            }
            for row, (one, place) in enumerate(pairs)
        ]

    def completed(
        self, questions: Sequence[NqQuestion], rows: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """All rows of some questions, of which the first rows may be there already."""
        if left := questions[len(rows) :]:
            rows = rows + self.batch(left)
        with self.engine() as engine:
            for arm, told in (("gold repeated", _repeated), ("gold moved", _moved)):
                replies = self.replies(
                    engine, [asked(one, text=told(one, gold(one))) for one in questions]
                )
                for one, row, reply in zip(questions, rows, replies, strict=True):
                    scores = _scores(one, {arm: reply})
                    row["em"] |= scores["em"]
                    row["f1"] |= scores["f1"]
        return rows

    def damage(self, file: Path) -> list[dict[str, float]]:
        """Right replies to another task, without and with a random example highlighted."""
        pairs = json.loads(file.read_text("utf-8"))
        plain, lit, answers = [], [], []
        for number in range(DAMAGE_PROMPTS):
            draw = random.Random(f"damage {file.stem} {SEED} {number}")
            *shots, (query, answer) = [
                (pair["input"], pair["output"]) for pair in draw.sample(pairs, DAMAGE_SHOTS + 1)
            ]
            lines = [f"Q: {one}\nA: {other}\n" for one, other in shots]
            text = "\n".join([*lines, f"Q: {query}\nA:"])
            chosen = draw.randrange(DAMAGE_SHOTS)
            begin = sum(len(line) + 1 for line in lines[:chosen])
            plain.append(Asked(text))
            lit.append(Asked(text, ((begin, begin + len(lines[chosen])),)))
            answers.append(answer.lower())
        with self.engine() as engine:
            said = [self.replies(engine, prompts) for prompts in (plain, lit)]
        return [
            {
                "none": float(said[0][row].lower().startswith(answer)),
                "random highlight": float(said[1][row].lower().startswith(answer)),
            }
            for row, answer in enumerate(answers)
        ]


def _scores(question: NqQuestion, said: dict[str, str]) -> dict[str, dict[str, float]]:
    return {
        "em": {arm: exact_match(reply, question.answers) for arm, reply in said.items()},
        "f1": {arm: round(f1(reply, question.answers), 4) for arm, reply in said.items()},
    }


def _mapped(question: NqQuestion, quote: str) -> tuple[int, int]:
    places = sentences_of(question.text)
    return places[most_similar(quote, [question.text[begin:end] for begin, end in places])]


def _repeated(question: NqQuestion, place: tuple[int, int]) -> str:
    return f"{question.text}\n{question.text[slice(*place)]}"


def _moved(question: NqQuestion, place: tuple[int, int]) -> str:
    text = question.text
    return f"{text[: place[0]].rstrip()} {text[place[1] :].lstrip()}\n{text[slice(*place)]}"


def ask(arguments: argparse.Namespace) -> None:
    """Ask more questions, and add them to the results."""
    checkpoint = load_checkpoint(arguments.model, dtype="float32")
    calibration = load_calibration(calibration_path("steering", arguments.model), system="steering")
    alpha = float(calibration.settings["alpha"])
    heads = calibration.tensors["heads"].nonzero().tolist()
    results: dict[str, Any] = {
        "heads": heads,
        "profile": dict(calibration.settings),
        "machine": machine(),
        "cpu_s": 0.0,
        "rows": [],
        "damage": {},
    }
    if RESULTS.is_file():
        results = json.loads(RESULTS.read_text("utf-8"))
        if results["heads"] != heads or results["profile"]["alpha"] != alpha:
            raise UsageError(f"{RESULTS} was measured with other heads: move it away")
    asking = Asking(checkpoint, Steering(calibration.tensors["heads"], alpha))
    started, before = time.process_time(), results["cpu_s"]

    def save() -> None:
        results["cpu_s"] = round(before + time.process_time() - started, 1)
        RESULTS.write_text(json.dumps(results) + "\n", "utf-8")

    questions = list(
        itertools.islice(all_questions(arguments.data), PROFILED, PROFILED + arguments.questions)
    )
    for first in range(0, len(questions), BATCH):
        if time.process_time() - started > arguments.seconds:
            break
        here = slice(first, first + BATCH)
        rows = results["rows"][here]
        if len(rows) < len(questions[here]) or "gold moved" not in rows[-1]["em"]:
            results["rows"][here] = asking.completed(questions[here], rows)
            save()
            print(len(results["rows"]), results["cpu_s"], flush=True)
    for name in DAMAGE_FILES:
        if name not in results["damage"]:
            file = arguments.data / "icl_tasks" / "abstractive" / name
            results["damage"][name] = asking.damage(file)
            save()


def print_table() -> None:
    """The arms with bootstrap intervals, paired with `none` and with `predicted`."""
    results = json.loads(RESULTS.read_text("utf-8"))
    rows = results["rows"]
    tokens = sum(row["tokens"] for row in rows) / len(rows)
    key = sum(row["key_is_gold"] for row in rows) / len(rows)
    print(f"{len(rows)} questions, prompts of {tokens:.0f} tokens, {results['cpu_s']:.0f} CPU s")
    print(f"{len(results['heads'])} heads, alpha {results['profile']['alpha']}")
    print(f"the predicted sentence is the gold one for {100 * key:.1f} %")
    print("| arm | EM | F1 | EM less none | F1 less none |\n|---|---|---|---|---|")
    for arm in ARMS:
        cells = [f"{_mean([row[metric][arm] for row in rows]):.1f}" for metric in ("em", "f1")]
        if arm != "none":
            cells += [_difference(rows, metric, arm, "none") for metric in ("em", "f1")]
        print(f"| {' | '.join([arm, *cells, *([''] * (4 - len(cells)))])} |")
    for other in ("repeated", "moved", "random sentence"):
        print(
            f"predicted less {other}: EM {_difference(rows, 'em', 'predicted', other)}, "
            f"F1 {_difference(rows, 'f1', 'predicted', other)}"
        )
    for other in ("random heads", "gold repeated", "gold moved"):
        print(
            f"gold less {other}: EM {_difference(rows, 'em', 'gold', other)}, "
            f"F1 {_difference(rows, 'f1', 'gold', other)}"
        )
    for name, told in results["damage"].items():
        means = {arm: _mean([row[arm] for row in told]) for arm in told[0]}
        less = [row["random highlight"] - row["none"] for row in told]
        print(
            f"damage, {Path(name).stem}, {len(told)} prompts: "
            + ", ".join(f"{arm} {mean:.1f} %" for arm, mean in means.items())
            + f", difference {_interval(less)}"
        )


def _mean(values: Sequence[float]) -> float:
    return 100 * sum(values) / len(values)


def _difference(rows: Sequence[dict[str, Any]], metric: str, arm: str, other: str) -> str:
    return _interval([row[metric][arm] - row[metric][other] for row in rows])


def _interval(differences: Sequence[float]) -> str:
    """The mean in points, with the 95 % interval of a bootstrap over questions."""
    told = 100 * torch.tensor(differences, dtype=torch.float64)
    draws = torch.randint(
        len(told), (RESAMPLES, len(told)), generator=torch.Generator().manual_seed(SEED)
    )
    low, high = told[draws].mean(dim=1).quantile(torch.tensor([0.025, 0.975]).double()).tolist()
    return f"{told.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


def main() -> None:
    """Read the command line."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["heads", "answers", "table"])
    parser.add_argument("--data", type=Path, help="a folder with nq_open/ and icl_tasks/")
    parser.add_argument("--questions", type=int)
    parser.add_argument("--seconds", type=float, default=3600.0, help="of the processor")
    arguments = parser.parse_args()
    if arguments.what == "table":
        print_table()
        return
    arguments.model = ModelStore(Settings.from_environment().models_folder).path_of("smollm2")
    if arguments.what == "heads":
        arguments.questions = arguments.questions or SteeringSearch().questions
        find_heads(arguments)
    else:
        arguments.questions = arguments.questions or 400
        ask(arguments)


if __name__ == "__main__":
    main()
