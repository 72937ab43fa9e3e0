from collections.abc import Sequence
from typing import Any

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.phone.suite_reward import SuiteReward
from tapgraph.evals.suite import Rubric, Task, suite_of

GIVES_UP = '{"thought": "no", "subgoals": ["Nothing"], "current": 1, "status": "impossible"}'
HALF = Task(
    id="half",
    instruction="Do nothing.",
    rubrics=(
        Rubric("nothing was changed", lambda seen: seen.changes == ()),
        Rubric("something was answered", lambda seen: seen.answer != ""),
    ),
)


class Scripted:
    """A policy that says the same whatever it is asked."""

    max_tokens = 400

    def __init__(self, checkpoint: Any, *says: str) -> None:
        self.asked: list[str] = []
        self._checkpoint = checkpoint
        self._says = list(says)

    def replies(self, prompts: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
        tokenizer, (prompt,) = self._checkpoint.tokenizer, prompts
        self.asked.append(tokenizer.decode(list(prompt)))
        said = self._says[min(len(self.asked), len(self._says)) - 1]
        end = min(self._checkpoint.end_tokens)
        return [(*tokenizer.encode(said, add_special_tokens=False), end)]


def test_the_reward_is_the_share_of_rubrics_and_every_reply_is_a_turn(tiny: Any) -> None:
    checkpoint = tiny.load()
    policy: Any = Scripted(checkpoint, "I do not know.", GIVES_UP)
    (episode,) = SuiteReward(suite_of([HALF]), checkpoint).play(policy, [0])
    assert episode.reward == 0.5
    # The first reply was no JSON, so the role was asked again.
    assert len(episode.turns) == 2
    first, second = (checkpoint.tokenizer.decode(list(turn.reply)) for turn in episode.turns)
    assert first.startswith("I do not know.")
    assert second.startswith(GIVES_UP)
    assert "Do nothing." in policy.asked[0]


def test_problems_are_tasks_of_the_suite_in_turn(tiny: Any) -> None:
    other = Task(id="other", instruction="Rest.", rubrics=(Rubric("always", lambda _: True),))
    checkpoint = tiny.load()
    policy: Any = Scripted(checkpoint, GIVES_UP)
    episodes = SuiteReward(suite_of([HALF, other]), checkpoint).play(policy, [0, 1, 1])
    assert [episode.reward for episode in episodes] == [0.5, 1, 1]


def test_a_rubric_that_no_machine_can_judge_is_no_reward(tiny: Any) -> None:
    asks = Task(id="asks", instruction="Rest.", rubrics=(Rubric("it is nice"),))
    checkpoint = tiny.load()
    policy: Any = Scripted(checkpoint, GIVES_UP)
    with pytest.raises(UsageError, match="no machine can tell whether this holds: 'it is nice'"):
        SuiteReward(suite_of([asks]), checkpoint).play(policy, [0])
