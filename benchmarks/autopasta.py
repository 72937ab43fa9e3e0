"""Does highlighting help a small model to answer? NQ-Open among passages, arm by arm.

    python benchmarks/autopasta.py heads --data DIR [--questions N]
    python benchmarks/autopasta.py answers --data DIR [--questions N] [--seconds S]
    python benchmarks/autopasta.py table

`heads` looks for the heads to steer (`steering.head_search`) on questions of their own and writes
them beside the checkpoint. `answers` asks the others, arm by arm, and adds each question to the
results as soon as it is answered, so that a later run goes on; `table` reads them.

Arms: `none`; `random sentence`, `predicted` (the model's own key sentence) and `gold` (the first
sentence with an answer) are highlighted; `random heads` highlights the gold one with as many heads
drawn at random; `repeated` and `moved` steer nothing: the predicted sentence stands once more, or
instead, right before the question. Exact match and F1 are SQuAD's, on the first line of a reply of
at most 12 tokens.
"""

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from nq_passages import NqQuestion, exact_match, f1, nq_questions

from tapgraph.evals.stats import Estimate
from tapgraph.kernels.highlight import Spans, joined_spans
from tapgraph.llm_backend.calibration.calibration_file import save_calibration
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.systems import calibration_path
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.llm_backend.steering.head_search import (
    SteeredExample,
    SteeringSearch,
    find_steered_heads,
)
from tapgraph.llm_backend.steering.spans import token_spans
from tapgraph.settings import Settings

RESULTS = Path(__file__).parent / "results" / "autopasta.json"
SEED, WORDS, DISTRACTORS = 0, 75, 1
PROFILED = 40
"""Questions that are never asked in the table: the first ones."""
SHOTS = """\
Text: Lake Orta lies west of Lake Maggiore. The village of Pella stands on its western shore.
Question: which village is on the western shore of lake orta?
Answer: Pella

Text: Walter Finch built organs. He opened his workshop in May 1911 and sold it to his brother.
Question: when did walter finch open his workshop?
Answer: May 1911

"""


@dataclass(frozen=True)
class Asked:
    """A prompt, and what of it is highlighted, in characters."""

    text: str
    places: tuple[tuple[int, int], ...] = ()

    def encoded(self, checkpoint: Checkpoint) -> tuple[tuple[int, ...], Spans]:
        encoded = checkpoint.harmless.encode(self.text, add_special_tokens=True)
        return encoded.tokens, joined_spans(token_spans(encoded.offsets, self.places))


def asked(question: NqQuestion, place: tuple[int, int] | None = None, extra: str = "") -> Asked:
    """The prompt of a question; `place` of its text is highlighted, `extra` stands at the end."""
    head = f"{SHOTS}Text: "
    text = f"{head}{question.text}\n{extra}Question: {question.question}?\nAnswer:"
    places = () if place is None else ((len(head) + place[0], len(head) + place[1]),)
    return Asked(text, places)


def example(checkpoint: Checkpoint, question: NqQuestion) -> SteeredExample:
    prompt, spans = asked(question, question.key_place).encoded(checkpoint)
    key = question.text[slice(*question.key_place)]
    told = next((one for one in question.answers if one in key), question.answers[0])
    answer = checkpoint.harmless.encode(f" {told}\n", add_special_tokens=False)
    return SteeredExample(prompt, spans, answer.tokens)


def find_heads(arguments: argparse.Namespace) -> None:
    data, model_path = arguments.data, arguments.model
    checkpoint = load_checkpoint(model_path, dtype="float32")
    questions = itertools.islice(all_questions(data), 2 * arguments.questions)
    started = time.process_time()

    def tell(line: str) -> None:
        print(f"{time.process_time() - started:5.0f} s  {line}", flush=True)

    calibration = find_steered_heads(
        checkpoint.model,
        [example(checkpoint, question) for question in questions],
        seed=SEED,
        search=SteeringSearch(questions=arguments.questions, data="NQ-Open"),
        tell=tell,
    )
    settings = {**calibration.settings, "cpu_s": round(time.process_time() - started)}
    save_calibration(
        replace(calibration, settings=settings), calibration_path("steering", model_path)
    )
    print(json.dumps(settings), flush=True)


def all_questions(data: Path) -> Iterator[NqQuestion]:
    return nq_questions(data, seed=SEED, words=WORDS, distractors=DISTRACTORS)


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["heads", "answers", "table"])
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--data", type=Path, help="a folder with nq_open/")
    settings = Settings.from_environment()
    arguments = parser.parse_args()
    arguments.model = ModelStore(settings.models_folder).path_of("smollm2")
    find_heads(arguments)


if __name__ == "__main__":
    main()
