"""Records of trials made by hand, and evaluations of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.outcome import Outcome
from tapgraph.evals.evaluate import EvalHeader, Evaluation, Plan
from tapgraph.evals.provenance import Provenance
from tapgraph.evals.trial import Trial, TrialRecord, Verdict

MakeRecord = Callable[..., TrialRecord]
MakeEvaluation = Callable[..., Evaluation]


@pytest.fixture
def record() -> MakeRecord:
    """`record("walk", held=(1, 0))`: a trial with so many rubrics, which a machine judged."""

    def make(
        template: str = "walk",
        *,
        seed: int = 0,
        number: int = 0,
        held: Sequence[int | None] = (1,),
        steps: int = 4,
        outcome: Outcome = Outcome.SUCCESS,
        **fields: Any,
    ) -> TrialRecord:
        verdicts = tuple(
            Verdict(f"rubric {place}", None, "nobody")
            if one is None
            else Verdict(f"rubric {place}", bool(one), "machine")
            for place, one in enumerate(held)
        )
        return TrialRecord(
            trial=Trial(template, seed, number),
            instruction=f"Do {template}.",
            outcome=outcome,
            spent=Spent(steps=steps),
            **{"verdicts": verdicts, **fields},
        )

    return make


@pytest.fixture
def evaluation(tmp_path: Path) -> MakeEvaluation:
    """`evaluation(records, agent="a")`, with a folder of its own."""

    def make(records: Sequence[TrialRecord], *, agent: str = "a", **fields: Any) -> Evaluation:
        header = EvalHeader(
            suite=fields.pop("suite", "by hand"),
            agent=agent,
            phones=fields.pop("phones", "a phone"),
            plan=Plan(**fields),
            made_with=Provenance("abc", {"tapgraph": "1"}, "a machine", "0123"),
        )
        folder = tmp_path / f"evaluation-{agent}"
        folder.mkdir(exist_ok=True)
        return Evaluation(header, tuple(records), folder)

    return make
