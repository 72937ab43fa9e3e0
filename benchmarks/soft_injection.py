"""Whether a task embedding stands for ten demonstrations in a small model.

Soft Injection (2507.20906) on input-output tasks, in the form `Q: …` and `A: …`, against:

    zero-shot            the question alone
    ten-shot             ten demonstrations before it; five sets, each for a fifth of the items
    injected             the embedding, with learnt head weights
    on whole answers     the same, learnt from all tokens of the answer instead of the first
    even weights         the embedding, all weights 1/2 (what learning begins with)
    shuffled weights     the embedding, the learnt weights in random order
    random               vectors of the same lengths in random directions, with the learnt weights
    random, learnt       those vectors with weights learnt for them
    function vector      the ten heads with the largest causal effect, summed into the residual
                         stream at the layer that is best in validation
    LoRA                 rank 1 on queries and values, from the same items and as many looks at
                         them, on the whole answer

Train, validation and test items of a task are disjoint and drawn by the seed. Whole answers are
generated (greedily, up to the end of the line) and must be equal to the expected ones; the first
token is compared too. Intervals are bootstraps over paired items inside tasks.

    python benchmarks/soft_injection.py --data DIR [--model NAME] [--tasks NAME ...] [--seeds N]
                                        [--json FILE] [--table]

DIR holds the files of `dataset_files/` of github.com/ericwtodd/function_vectors. The file grows
group by group, and a run goes on where one stopped. `--table` prints what the file holds.
"""

import argparse
import json
import platform
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from soft_injection_rivals import function_vector_of, lora_answers
from soft_injection_table import print_table
from torch import Tensor

from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.llm_backend.steering.head_outputs import HeadOutputs
from tapgraph.llm_backend.steering.head_weights import (
    HeadTraining,
    Lane,
    LearntWeights,
    learn_weights,
)
from tapgraph.llm_backend.steering.prompt_pasts import AnswerPass, PromptPasts
from tapgraph.llm_backend.steering.task_embedding import mean_outputs
from tapgraph.llm_backend.steering.task_prompts import Demonstration, Example, example_of
from tapgraph.settings import Settings

ROOT = Path(__file__).parents[1]
MAIN_TASKS = (
    "antonym",
    "country-capital",
    "english-french",
    "present-past",
    "landmark-country",
    "choose_first_of_3",
)
TASKS = (
    *MAIN_TASKS,
    "capitalize",
    "capitalize_first_letter",
    "english-spanish",
    "lowercase_first_letter",
    "next_capital_letter",
    "park-country",
    "person-occupation",
    "person-sport",
    "product-company",
    "sentiment",
    "singular-plural",
    "adjective_v_verb_3",
    "animal_v_object_3",
    "choose_last_of_3",
)
SHOTS, PROMPTS = 10, 10
TEST, VALIDATION, TRAIN, SETS = 40, 30, 200, 5
ANSWER_TOKENS = 6
GROUP = 5


@dataclass
class Task:
    """The items of a task under a seed, and what was learnt of them."""

    name: str
    seed: int
    train: list[Demonstration]
    validation: list[Demonstration]
    test: list[Demonstration]
    vectors: Tensor = field(default_factory=lambda: torch.empty(0))
    noise: Tensor = field(default_factory=lambda: torch.empty(0))

    @property
    def key(self) -> str:
        return f"{self.name}/{self.seed}"


@dataclass(frozen=True)
class Bench:
    """The model, and what reads prompts in it."""

    checkpoint: Checkpoint
    heads: HeadOutputs

    def example(self, asked: Demonstration, shots: Sequence[Demonstration] = ()) -> Example:
        return example_of(self.checkpoint, "lines", asked, shots)

    def examples(self, items: Sequence[Demonstration]) -> list[Example]:
        return [self.example(item) for item in items]

    def pasts(self, remembered_bytes: int = 2**31) -> PromptPasts:
        return PromptPasts(self.checkpoint.model, self.heads, remembered_bytes=remembered_bytes)


def load_task(bench: Bench, folder: Path, name: str, seed: int) -> Task:
    """Items with different inputs and short answers, parted by the seed."""
    (path,) = folder.glob(f"*/{name}.json")
    items: dict[str, Demonstration] = {}
    for told in json.loads(path.read_text(encoding="utf-8")):
        item = Demonstration(str(told["input"]).strip(), str(told["output"]).strip())
        items.setdefault(item.input, item)
    dice = random.Random(f"{name} {seed}")
    drawn = dice.sample(list(items.values()), len(items))
    # The end of the line is one token more.
    short = (one for one in drawn if len(bench.example(one).answer) <= ANSWER_TOKENS + 1)
    kept = [one for one, _ in zip(short, range(TEST + VALIDATION + TRAIN), strict=False)]
    first, second = TEST, TEST + VALIDATION
    return Task(name, seed, kept[second:], kept[first:second], kept[:first])


def answers_of(bench: Bench, begun: AnswerPass) -> list[list[int]]:
    """The likeliest tokens after a pass over last prompt tokens, up to ends of lines."""
    model: Any = bench.checkpoint.model
    mask, cache = begun.mask, begun.cache
    chosen = [begun.logits[:, 0].argmax(-1)]
    for _ in range(ANSWER_TOKENS):
        texts = [bench.checkpoint.tokenizer.decode(row) for row in torch.stack(chosen, 1)]
        if all("\n" in text for text in texts):
            break
        positions = mask.sum(1, keepdim=True)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
        output = model(
            input_ids=chosen[-1][:, None],
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )
        chosen.append(output.logits[:, -1].argmax(-1))
    rows: list[list[int]] = torch.stack(chosen, 1).tolist()
    return rows


def scored(
    bench: Bench, items: Sequence[Demonstration], answers: Sequence[Sequence[int]]
) -> dict[str, list[int]]:
    """Whether each answer begins with the right token, and whether it is right."""
    first, whole = [], []
    for item, answer in zip(items, answers, strict=True):
        text = str(bench.checkpoint.tokenizer.decode(list(answer))).partition("\n")[0]
        first.append(int(answer[0] == bench.example(item).answer[0]))
        whole.append(int(text.strip() == item.output))
    return {"first": first, "whole": whole}


def mixed(
    bench: Bench, pasts: PromptPasts, task: Task, rows: dict[str, tuple[Tensor, Tensor]]
) -> dict[str, dict[str, list[int]]]:
    """Scores by name of a row, for vectors and weights by name; all rows in one pass."""
    count = len(task.test)
    begun = pasts.read(
        bench.examples(task.test) * len(rows),
        vectors=torch.cat([vectors.expand(count, -1, -1, -1) for vectors, _ in rows.values()]),
        weights=torch.cat([weights.expand(count, -1, -1) for _, weights in rows.values()]),
    )
    answers = answers_of(bench, begun)
    return {
        name: scored(bench, task.test, answers[place * count :][:count])
        for place, name in enumerate(rows)
    }


def ten_shot(bench: Bench, task: Task) -> tuple[dict[str, list[int]], float]:
    """Scores, and the mean length of the prompts."""
    dice = random.Random(f"shots {task.key}")
    pasts = bench.pasts()
    examples: list[Example] = []
    for place in range(SETS):
        shots = dice.sample(task.train, SHOTS)
        some = slice(place * TEST // SETS, (place + 1) * TEST // SETS)
        own = [bench.example(item, shots) for item in task.test[some]]
        # Together they share what they begin with.
        pasts.read(own)
        examples += own
    lengths = [len(one.prompt) for one in examples]
    answers = answers_of(bench, pasts.read(examples))
    return scored(bench, task.test, answers), sum(lengths) / len(lengths)


def embed(bench: Bench, task: Task) -> None:
    """Make the task's embedding, and random vectors of the same lengths."""
    dice = random.Random(f"embedding {task.key}")
    prompts = []
    for _ in range(PROMPTS):
        asked, *shots = dice.sample(task.train, SHOTS + 1)
        prompts.append(bench.example(asked, shots))
    task.vectors = mean_outputs(bench.pasts(0), prompts)
    generator = torch.Generator().manual_seed(dice.getrandbits(32))
    noise = torch.randn(task.vectors.shape, generator=generator)
    task.noise = noise * (task.vectors.norm(dim=-1) / noise.norm(dim=-1))[..., None]


def measure(
    bench: Bench, pasts: PromptPasts, task: Task, own: LearntWeights, noise: LearntWeights
) -> dict[str, Any]:
    """All rows of a task but LoRA."""
    examples = bench.examples(task.test)
    dice = torch.Generator().manual_seed(task.seed)
    mixed_up = own.weights.flatten()[torch.randperm(own.weights.numel(), generator=dice)]
    few, few_tokens = ten_shot(bench, task)
    model: Any = bench.checkpoint.model
    function = function_vector_of(
        bench.heads, model.model.layers, bench.pasts(2**28), task.vectors, _corrupted(bench, task)
    )
    layer = function.best_layer(pasts, bench.examples(task.validation))
    with function.added_at(layer):
        by_function = scored(bench, task.test, answers_of(bench, function.read(pasts, examples)))
    return {
        "items": [len(task.train), len(task.validation), len(task.test)],
        "tokens": {
            "zero-shot": sum(len(one.prompt) for one in examples) / len(examples),
            "ten-shot": few_tokens,
        },
        "learnt": {
            "step": own.step,
            "losses": [round(loss, 4) for loss in own.losses],
            "extreme": float(((own.weights < 0.1) | (own.weights > 0.9)).float().mean()),
            "mean": float(own.weights.mean()),
        },
        "function_vector_layer": layer,
        "rows": {
            **mixed(
                bench,
                pasts,
                task,
                {
                    # Weights of 0 change nothing, bit for bit.
                    "zero-shot": (task.vectors, 0 * own.weights),
                    "injected": (task.vectors, own.weights),
                    "even weights": (task.vectors, torch.full_like(own.weights, 0.5)),
                    "shuffled weights": (task.vectors, mixed_up.view_as(own.weights)),
                    "random": (task.noise, own.weights),
                    "random, learnt": (task.noise, noise.weights),
                },
            ),
            "ten-shot": few,
            "function vector": by_function,
        },
    }


def _corrupted(bench: Bench, task: Task) -> list[Example]:
    """Prompts whose demonstrations have each other's outputs."""
    dice = random.Random(f"corrupted {task.key}")
    prompts = []
    for _ in range(5):
        asked, *shots = dice.sample(task.train, 6)
        outputs = [one.output for one in shots]
        dice.shuffle(outputs)
        wrong = [
            Demonstration(one.input, output) for one, output in zip(shots, outputs, strict=True)
        ]
        prompts.append(bench.example(asked, wrong))
    return prompts


def measure_group(bench: Bench, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
    """Learn the weights of several tasks side by side, then measure each."""
    pasts = bench.pasts(2**32)
    with torch.no_grad():
        for task in tasks:
            embed(bench, task)
    lanes = [
        Lane(vectors, bench.examples(task.train), bench.examples(task.validation), task.seed)
        for task in tasks
        for vectors in (task.vectors, task.noise)
    ]
    learnt = learn_weights(
        pasts, lanes, HeadTraining(), lambda at: note(f"step {at.step}, loss {at.loss:.3f}")
    )
    for task, own, noise in zip(tasks, learnt[::2], learnt[1::2], strict=True):
        with torch.no_grad():
            yield task, measure(bench, pasts, task, own, noise)


def note(line: str) -> None:
    """Print how far it is."""
    print(f"{time.strftime('%H:%M:%S')} cpu {time.process_time():.0f} s  {line}", flush=True)


class Results:
    """The file of results, written after each record."""

    def __init__(self, path: Path, checkpoint: Checkpoint) -> None:
        self._path = path
        self._began = time.process_time()
        self.kept: dict[str, Any] = {"cpu_seconds": 0.0}
        self.kept |= {"tasks": {}, "answers": {}, "lora": {}}
        if path.is_file():
            self.kept |= json.loads(path.read_text(encoding="utf-8"))
        self.kept |= {
            "model": checkpoint.name,
            "machine": f"{platform.machine()}, {torch.get_num_threads()} thread, torch "
            f"{torch.__version__}, float32",
            "settings": {
                "prompts": PROMPTS,
                "shots": SHOTS,
                "steps": HeadTraining().steps,
                "test": TEST,
                "validation": VALIDATION,
                "train at most": TRAIN,
            },
        }

    def left(self, where: str, names: Sequence[str], seed: int) -> list[str]:
        """The tasks that have no record yet."""
        return [one for one in names if f"{one}/{seed}" not in self.kept[where]]

    def keep(self, where: str, key: str, record: dict[str, Any]) -> None:
        """Add a record."""
        now = time.process_time()
        self.kept["cpu_seconds"] += now - self._began
        self._began = now
        self.kept[where][key] = record
        self._path.write_text(json.dumps(self.kept) + "\n", encoding="utf-8")
        note(f"{where} {key}")


def measure_tasks(
    bench: Bench, results: Results, data: Path, names: Sequence[str], seed: int
) -> None:
    """All rows but LoRA, in groups that learn side by side."""
    left = results.left("tasks", names, seed)
    for first in range(0, len(left), GROUP):
        group = [load_task(bench, data, name, seed) for name in left[first:][:GROUP]]
        for task, record in measure_group(bench, group):
            results.keep("tasks", task.key, record)


def measure_lora(bench: Bench, results: Results, data: Path, names: Sequence[str]) -> None:
    """The row of LoRA, with the first seed."""
    for name in results.left("lora", names, 0):
        task = load_task(bench, data, name, 0)
        answers = lora_answers(
            bench.checkpoint.model,
            [bench.examples(part) for part in (task.train, task.validation, task.test)],
            lambda examples: answers_of(bench, bench.pasts().read(examples)),
            seed=0,
        )
        record = {"rows": {"LoRA": scored(bench, task.test, answers)}}
        results.keep("lora", task.key, record)


def measure_on_whole_answers(
    bench: Bench, results: Results, data: Path, names: Sequence[str]
) -> None:
    """The row of weights that were learnt from all tokens of the answers, with the first seed."""
    tasks = [load_task(bench, data, name, 0) for name in results.left("answers", names, 0)]
    if not tasks:
        return
    with torch.no_grad():
        for task in tasks:
            embed(bench, task)
    lanes = [
        Lane(task.vectors, bench.examples(task.train), bench.examples(task.validation), task.seed)
        for task in tasks
    ]
    pasts, training = bench.pasts(2**32), HeadTraining(answer_tokens=ANSWER_TOKENS + 1)
    learnt = learn_weights(
        pasts, lanes, training, lambda at: note(f"step {at.step}, loss {at.loss:.3f}")
    )
    for task, own in zip(tasks, learnt, strict=True):
        with torch.no_grad():
            rows = mixed(bench, pasts, task, {"on whole answers": (task.vectors, own.weights)})
        results.keep("answers", task.key, {"rows": rows, "step": own.step})


def run(arguments: argparse.Namespace) -> None:
    """Measure what the file does not hold yet."""
    checkpoint = load_checkpoint(
        ModelStore(Settings.from_environment().models_folder).path_of(arguments.model),
        device="cpu",
        dtype="float32",
    )
    bench = Bench(checkpoint, HeadOutputs(checkpoint.model))
    results = Results(arguments.json, checkpoint)
    every: Sequence[str] = arguments.tasks
    main_tasks = [name for name in every if name in MAIN_TASKS]
    measure_tasks(bench, results, arguments.data, main_tasks, 0)
    measure_lora(bench, results, arguments.data, main_tasks)
    measure_tasks(bench, results, arguments.data, every, 0)
    measure_on_whole_answers(bench, results, arguments.data, main_tasks)
    measure_lora(bench, results, arguments.data, every)
    for seed in range(1, arguments.seeds):
        measure_tasks(bench, results, arguments.data, main_tasks, seed)
    for seed in range(1, arguments.seeds):
        measure_tasks(bench, results, arguments.data, every, seed)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--json", type=Path, default=ROOT / "benchmarks/results/soft_injection.json"
    )
    parser.add_argument("--table", action="store_true", help="print what the file holds")
    arguments = parser.parse_args()
    if arguments.data is not None:
        run(arguments)
    if arguments.table or arguments.data is None:
        print_table(json.loads(arguments.json.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
