"""Questions whose answers can be checked: countdown and recall, as rewards for a policy."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from transformers import PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.llm_backend.training.episodes import Episode, Turn
from tapgraph.llm_backend.training.policy import Policy

__all__ = ["Answers", "Countdown", "Questions", "Recall"]

_EQUATION = re.compile(r"(\d+) *([-+*]) *(\d+) *= *(\d+)")
_NUMBER = re.compile(r"\d+")
_NAMES = (
    "harbor", "meadow", "lantern", "copper", "violet", "saddle", "winter", "orchard", "pebble",
    "canyon", "ribbon", "falcon", "cellar", "anchor", "thistle", "marble",
)  # fmt: skip


class Questions(Protocol):
    """Questions that are drawn by seed, and what replies to them are worth."""

    def question(self, seed: int) -> str:
        """The words of a prompt."""
        ...

    def score(self, seed: int, reply: str) -> float:
        """What a reply to that question is worth, 0..1; more is better."""
        ...


@dataclass(frozen=True, slots=True)
class Answers:
    """The reward of single replies to questions.

    Attributes:
        questions: what is asked.
        tokenizer: the model's; a question is encoded as it is, without a chat template.
    """

    questions: Questions
    tokenizer: PreTrainedTokenizerBase

    def play(self, policy: Policy, problems: Sequence[int]) -> list[Episode]:
        """One reply to each question; see `Reward.play`."""
        asked = [self.questions.question(problem) for problem in problems]
        prompts = [tuple(self.tokenizer.encode(text, add_special_tokens=False)) for text in asked]
        episodes = []
        replies = policy.replies(prompts)
        for problem, prompt, reply in zip(problems, prompts, replies, strict=True):
            said = str(self.tokenizer.decode(list(reply), skip_special_tokens=True))
            worth = self.questions.score(problem, said)
            episodes.append(Episode((Turn(prompt, reply),), worth))
        return episodes


@dataclass(frozen=True, slots=True)
class Countdown:
    """Reach a target from some numbers, each used once, one equation after the other.

    Attributes:
        numbers: how many are given.
        largest: of those that are given, from 1.
        highest: of targets and of what stands between.
    """

    numbers: int = 4
    largest: int = 9
    highest: int = 99

    def __post_init__(self) -> None:
        if self.numbers < 2:
            raise UsageError(f"numbers must be at least 2, got {self.numbers!r}")
        if not 1 <= self.largest <= self.highest:
            raise UsageError(
                f"largest must be from 1 to highest, {self.highest}, got {self.largest!r}"
            )

    def question(self, seed: int) -> str:
        """The numbers, and after a colon the target."""
        given, equations = self._drawn(seed)
        return f"{' '.join(map(str, given))} : {equations[-1][-1]} ;"

    def solution(self, seed: int) -> str:
        """The way that the question was made by; there may be others."""
        return " , ".join(
            f"{left} {sign} {right} = {result}"
            for left, sign, right, result in self._drawn(seed)[1]
        )

    def score(self, seed: int, reply: str) -> float:
        """1 where true equations use every number once and the last one gives the target, else 0.

        Words beside the equations do not count.
        """
        given, equations = self._drawn(seed)
        left, last = Counter(given), None
        for first, sign, second, result in _EQUATION.findall(reply):
            used = Counter((int(first), int(second)))
            if not used <= left or _result(int(first), sign, int(second)) != int(result):
                return 0.0
            last = int(result)
            left = left - used + Counter((last,))
        return float(last == equations[-1][-1] and left.total() == 1)

    def _drawn(self, seed: int) -> tuple[list[int], list[tuple[int, str, int, int]]]:
        """The numbers, shuffled, and equations that lead from them to the target."""
        dice = random.Random(seed)
        given = [dice.randint(1, self.largest) for _ in range(self.numbers)]
        left, equations = list(given), []
        while len(left) > 1:
            dice.shuffle(left)
            first, second = left.pop(), left.pop()
            # Adding 1..largest to a result may pass the highest; subtracting may always be done.
            signs = [
                sign for sign in "+-*" if 0 <= _result(first, sign, second) <= self.highest
            ] or ["-"]
            if signs == ["-"]:
                first, second = max(first, second), min(first, second)
            sign = dice.choice(signs)
            result = _result(first, sign, second)
            equations.append((first, sign, second, result))
            left.append(result)
        dice.shuffle(given)
        return given, equations


def _result(first: int, sign: str, second: int) -> int:
    if sign == "+":
        return first + second
    return first - second if sign == "-" else first * second


@dataclass(frozen=True, slots=True)
class Recall:
    """Tell the number that a name was given among others.

    Attributes:
        names: how many there are, 2 to 16.
        highest: of the numbers, from 0.
    """

    names: int = 4
    highest: int = 99

    def __post_init__(self) -> None:
        if not 2 <= self.names <= len(_NAMES):
            raise UsageError(f"names must be from 2 to {len(_NAMES)}, got {self.names!r}")

    def question(self, seed: int) -> str:
        """All names with their numbers, then one name."""
        told, asked = self._drawn(seed)
        pairs = " , ".join(f"{name} is {number}" for name, number in told.items())
        return f"{pairs} . {asked} is"

    def solution(self, seed: int) -> str:
        """The number."""
        told, asked = self._drawn(seed)
        return str(told[asked])

    def score(self, seed: int, reply: str) -> float:
        """1 where the first number of the reply is the right one, else 0."""
        found = _NUMBER.search(reply)
        return float(found is not None and found[0] == self.solution(seed))

    def _drawn(self, seed: int) -> tuple[dict[str, int], str]:
        dice = random.Random(seed)
        names = dice.sample(_NAMES, self.names)
        told = {name: dice.randint(0, self.highest) for name in names}
        return told, dice.choice(names)
