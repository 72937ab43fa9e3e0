"""Long-context evaluation in a folder, which resumes where it stopped.

`run.json` says what is run, `results.jsonl` grows by a line for each system and prompt,
`summary.json` holds the scores and the comparison with dense attention, and
`SYSTEM/LENGTH/metrics.json` the scores in the form that kvpress writes them in.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl

import torch

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.asking import QUESTION_IN
from tapgraph.evals.long_context.budgets import Learnt, learnt_of, with_budget
from tapgraph.evals.long_context.paired_systems import Paired, compare_paired
from tapgraph.evals.long_context.recall_tasks import RECALL_TASKS, recall_prompts
from tapgraph.evals.long_context.recall_vocabulary import TOKENS
from tapgraph.evals.long_context.ruler import (
    RULER_TASKS,
    RulerMode,
    ruler_samples,
    score_all,
)
from tapgraph.evals.long_context.ruler_words import Words
from tapgraph.evals.runner import ItemFailure, Progress, read_results, run_items
from tapgraph.evals.stats import Estimate, Tally, share
from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.llm_backend.calibration.calibration_file import fingerprint
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.systems import open_system

__all__ = [
    "TASKS",
    "LongContextRun",
    "LongContextSummary",
    "Score",
    "evaluate_long_context",
    "open_spec",
    "score_rows",
]

TASKS: tuple[str, ...] = (*RULER_TASKS, *(f"recall_{task}" for task in RECALL_TASKS))
"""RULER's data-free tasks, and those that the recall model was trained on (for its tokens only)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongContextRun:
    """What is evaluated.

    Attributes:
        systems: specs as `open_spec` reads them; dense is always among them.
        tasks: of `TASKS`.
        lengths: tokens of prompt and answer together.
        samples: prompts of each task and length.
        seed: of the prompts.
        mode: of RULER's shuffles.
        words: of RULER's prompts.
    """

    systems: tuple[str, ...]
    tasks: tuple[str, ...]
    lengths: tuple[int, ...]
    samples: int
    seed: int = 0
    mode: RulerMode = "faithful"
    words: Words = "made"

    def __post_init__(self) -> None:
        for name, chosen in (("mode", RulerMode), ("words", Words)):
            if getattr(self, name) not in get_args(chosen):
                raise UsageError(
                    f"{name} must be one of {', '.join(get_args(chosen))}, "
                    f"got {getattr(self, name)!r}"
                )
        for task in self.tasks:
            if task not in TASKS:
                raise UsageError(f"no task is called {task!r}; there are {', '.join(TASKS)}")
        if self.samples < 1:
            raise UsageError(f"samples must be at least 1, got {self.samples!r}")
        if not self.tasks or not self.lengths:
            raise UsageError("name at least one task and one length")


@dataclass(frozen=True, slots=True)
class _Item:
    id: str
    system: str
    task: str
    length: int
    index: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one prompt; kept in `results.jsonl`.

    Attributes:
        score: 0..1, more is better.
        output: what the model said.
        prompt_tokens: of the prompt.
        output_tokens: of the answer; generation ends once nothing can change the score.
        kv_bytes: held at the end.
        read: tokens whose keys the last step read.
        first_s: seconds until the first token.
        decode_s: seconds after it.
        first_cpu_s: CPU seconds of this process until the first token, on all its threads.
        step_cpu_s: of a later step, their mean; None where the first token was the last.
    """

    score: float
    output: str
    prompt_tokens: int
    output_tokens: int
    kv_bytes: int
    read: float
    first_s: float
    decode_s: float
    first_cpu_s: float | None = None
    step_cpu_s: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One system on one task at one length, and against dense attention on the same prompts."""

    system: str
    task: str
    length: int
    score: Estimate
    against_dense: Paired | None
    kv_bytes: float
    read: float
    first_s: float


@dataclass(frozen=True, slots=True)
class LongContextSummary:
    """What a run gave.

    Attributes:
        model: fingerprint of the model.
        scores: by system, task and length.
        failures: prompts that broke off; they score 0.
        wall_s: how long this run took.
    """

    model: str
    scores: tuple[Score, ...]
    failures: tuple[ItemFailure, ...]
    wall_s: float


@dataclass(frozen=True, slots=True)
class _Prompt:
    token_ids: tuple[int, ...]
    references: tuple[str, ...]
    new_tokens: int


def open_spec(
    spec: str, *, checkpoint: Checkpoint, context: int, learnt: Learnt
) -> AttentionSystem:
    """The system that `NAME`, `NAME?OPTION=VALUE&...` or `NAME@SHARE` stands for.

    With a share it has that budget of the context and no dense fallback, see `budgets`.

    Raises:
        UsageError: there is no such system or option, or calibration is missing.
    """
    name, at, budget = spec.partition("@")
    if at:
        try:
            spent = float(budget)
        except ValueError:
            raise UsageError(f"a budget is a share such as 0.25, got {budget!r}") from None
        return with_budget(name, spent, context=context, learnt=learnt)
    name, _, options = spec.partition("?")
    return open_system(
        name, dict(parse_qsl(options)), model_path=checkpoint.path, model=checkpoint.model
    )


def evaluate_long_context(
    run: LongContextRun,
    checkpoint: Checkpoint,
    out: Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> LongContextSummary:
    """Answer all prompts with all systems, one at a time and greedily; score and compare.

    Raises:
        UsageError: a system cannot work in the model, a length has no room for a task, a task is
            for the recall model and this is another, or `out` holds another run.
    """
    _check_tasks(run, checkpoint)
    specs = tuple(dict.fromkeys(("dense", *run.systems)))
    learnt = learnt_of(checkpoint.model, checkpoint.path)
    for spec in specs:
        open_spec(spec, checkpoint=checkpoint, context=max(run.lengths), learnt=learnt)
    _claim(out, run, checkpoint)
    items = [
        _Item(f"{spec}/{task}/{length}/{index}", spec, task, length, index)
        for length in run.lengths
        for task in run.tasks
        for index in range(run.samples)
        for spec in specs
    ]
    prompts_of = lru_cache(maxsize=2)(lambda task, length: _prompts(run, task, length, checkpoint))
    for length in run.lengths:
        for task in run.tasks:
            prompts_of(task, length)

    def work(item: _Item) -> Answered:
        prompt = prompts_of(item.task, item.length)[item.index]
        system = open_spec(item.system, checkpoint=checkpoint, context=item.length, learnt=learnt)
        return _answer(checkpoint, system, prompt)

    lines = out / "results.jsonl"
    report = run_items(items, work, lines, Answered, on_progress=on_progress)
    found = read_results(lines, Answered).results
    scores = _scores([*items, *_of_earlier_runs(items, found)], found, run.seed)
    summary = LongContextSummary(
        fingerprint(checkpoint.model), scores, tuple(report.failures.values()), report.wall_s
    )
    _write(out / "summary.json", asdict(summary))
    _write_metrics(out, scores)
    return summary


def _check_tasks(run: LongContextRun, checkpoint: Checkpoint) -> None:
    made_for_recall = [task for task in run.tasks if task.startswith("recall_")]
    spelled = checkpoint.tokenizer.convert_ids_to_tokens(list(range(len(TOKENS))))
    if made_for_recall and tuple(spelled) != TOKENS:
        raise UsageError(
            f"{made_for_recall[0]} is written in the tokens of the recall model that is shipped, "
            f"and {checkpoint.name} has others; take RULER's tasks"
        )


def score_rows(summary: LongContextSummary) -> list[tuple[str, ...]]:
    """The table that is printed, headings first; scores in percent."""
    rows: list[tuple[str, ...]] = [
        ("system", "task", "length", "score", "against dense", "p", "KV MB", "read")
    ]
    for one in summary.scores:
        against, p_value = "-", "-"
        if one.against_dense is not None:
            paired = one.against_dense
            ends = f"{100 * paired.low:+.1f}, {100 * paired.high:+.1f}"
            against, p_value = f"{100 * paired.difference:+.1f} [{ends}]", f"{paired.p_value:.3f}"
        rows.append((
            one.system,
            one.task,
            f"{one.length}",
            one.score.percent,
            against,
            p_value,
            f"{one.kv_bytes / 1e6:.2f}",
            f"{one.read:,.0f}",
        ))
    return rows


def _prompts(
    run: LongContextRun, task: str, length: int, checkpoint: Checkpoint
) -> tuple[_Prompt, ...]:
    for name in RECALL_TASKS:
        if task == f"recall_{name}":
            return tuple(
                _Prompt(
                    prompt.token_ids,
                    (str(checkpoint.tokenizer.decode(list(prompt.answer_ids))).strip(),),
                    len(prompt.answer_ids),
                )
                for prompt in recall_prompts(name, length=length, count=run.samples, seed=run.seed)
            )
    for ruler_task in RULER_TASKS:
        if task == ruler_task:
            return tuple(
                _Prompt(sample.token_ids, sample.references, sample.new_tokens)
                for sample in ruler_samples(
                    ruler_task,
                    tokens=length,
                    count=run.samples,
                    tokenizer=checkpoint.tokenizer,
                    seed=run.seed,
                    mode=run.mode,
                    words=run.words,
                )
            )
    raise UsageError(f"no task is called {task!r}")


@torch.inference_mode()
def _answer(checkpoint: Checkpoint, system: AttentionSystem, prompt: _Prompt) -> Answered:
    """Greedy decoding; ends early once all references are there, for then the score is 1."""
    model: Any = checkpoint.model
    ids = torch.tensor([prompt.token_ids], device=model.device)
    said: list[int] = []
    began, cpu_began = time.perf_counter(), time.process_time()
    first_s, first_cpu_s, steps, output = 0.0, 0.0, 0, ""
    with use_attention(model, system) as attention:
        cache = attention.new_cache()
        if QUESTION_IN.get(system.name, "decode") == "decode":
            model.base_model(input_ids=ids[:, :-1], past_key_values=cache)
            ids = ids[:, -1:]
        while len(said) < prompt.new_tokens:
            logits = model(input_ids=ids, past_key_values=cache, logits_to_keep=1).logits
            ids = logits[:, -1].argmax(-1, keepdim=True)
            first_s = first_s or time.perf_counter() - began
            first_cpu_s = first_cpu_s or time.process_time() - cpu_began
            steps += 1
            token = int(ids)
            if token in checkpoint.end_tokens:
                break
            said.append(token)
            output = str(checkpoint.tokenizer.decode(said)).strip()
            if score_all(output, prompt.references) == 1:
                break
        step_cpu_s = time.process_time() - cpu_began - first_cpu_s
        return Answered(
            score=score_all(output, prompt.references),
            output=output,
            prompt_tokens=len(prompt.token_ids),
            output_tokens=len(said),
            kv_bytes=cache.bytes_held(),
            read=cache.reading.attended + cache.reading.scored,
            first_s=round(first_s, 4),
            decode_s=round(time.perf_counter() - began - first_s, 4),
            first_cpu_s=round(first_cpu_s, 4),
            step_cpu_s=round(step_cpu_s / (steps - 1), 4) if steps > 1 else None,
        )


def _scores(
    items: Sequence[_Item], results: Mapping[str, Answered], seed: int
) -> tuple[Score, ...]:
    """Prompts that broke off score 0."""
    groups: dict[tuple[str, str, int], list[Answered | None]] = {}
    for item in items:
        key = item.system, item.task, item.length
        groups.setdefault(key, []).append(results.get(item.id))
    scores = []
    for (system, task, length), answers in groups.items():
        points = [0.0 if one is None else one.score for one in answers]
        dense = [0.0 if one is None else one.score for one in groups["dense", task, length]]
        done = [one for one in answers if one is not None]
        scores.append(
            Score(
                system=system,
                task=task,
                length=length,
                score=share([Tally(point, 1) for point in points], seed=seed),
                against_dense=(
                    None if system == "dense" else compare_paired(points, dense, seed=seed)
                ),
                kv_bytes=_mean([one.kv_bytes for one in done]),
                read=_mean([one.read for one in done]),
                first_s=_mean([one.first_s for one in done]),
            )
        )
    return tuple(scores)


def _of_earlier_runs(items: Sequence[_Item], found: Iterable[str]) -> list[_Item]:
    """What the folder holds of tasks and lengths that this run does not have.

    Prompts that not all systems have answered are left out, so that systems can be compared.
    """
    asked = {(item.task, item.length) for item in items}
    earlier: dict[tuple[str, int], dict[int, list[_Item]]] = {}
    for identifier in found:
        system, task, length, index = identifier.rsplit("/", 3)
        item = _Item(identifier, system, task, int(length), int(index))
        if (task, item.length) not in asked:
            earlier.setdefault((task, item.length), {}).setdefault(item.index, []).append(item)
    kept = []
    for prompts in earlier.values():
        systems = max(len(answers) for answers in prompts.values())
        kept += [
            item
            for _, answers in sorted(prompts.items())
            if len(answers) == systems
            for item in answers
        ]
    return kept


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / max(1, len(numbers))


def _claim(out: Path, run: LongContextRun, checkpoint: Checkpoint) -> None:
    asked = {
        "model": fingerprint(checkpoint.model),
        "dtype": str(checkpoint.model.dtype).removeprefix("torch."),
    }
    header = json.loads(json.dumps(asdict(run) | asked))
    # More systems, lengths and samples may be added to a run that exists.
    fixed = {name: header[name] for name in ("model", "dtype", "seed", "mode", "words")}
    path = out / "run.json"
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{str(path)!r} is broken; use another folder") from error
        if {name: found.get(name) for name in fixed} != fixed:
            raise UsageError(f"{str(out)!r} holds another run: {found}; use another folder")
    out.mkdir(parents=True, exist_ok=True)
    _write(path, header)


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def _write_metrics(out: Path, scores: Sequence[Score]) -> None:
    """For each system and length `{task: {"string_match": percent}}`, as kvpress does for RULER."""
    folders: dict[tuple[str, int], dict[str, dict[str, float]]] = {}
    for one in scores:
        percent = round(100 * (one.score.value or 0.0), 2)
        folders.setdefault((one.system, one.length), {})[one.task] = {"string_match": percent}
    for (system, length), metrics in folders.items():
        _write(out / system.replace("/", "_") / str(length) / "metrics.json", metrics)
