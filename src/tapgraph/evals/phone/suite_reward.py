"""A suite's rubrics as the reward of a policy that plays the phone agent's model."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.errors import UsageError
from tapgraph.evals.phones import SimulatedPhones
from tapgraph.evals.suite import Suite, Task
from tapgraph.evals.trial import Trial, TrialRecord, run_trial
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits, Reply, ToolSpec, Usage
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, chat_prompt
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.training.episodes import Episode, Turn
from tapgraph.llm_backend.training.policy import Policy
from tapgraph.tools.mobile.device import Device

__all__ = ["SuiteReward", "rubric_share"]


class SuiteReward:
    """Each problem is a task of a suite on a fresh simulated phone; see `Reward`.

    The reward is the share of the task's rubrics that hold when the agent has ended. Every reply of
    the run is a turn. Replies are sampled freely: what breaks a role's schema is told to the policy
    as to any model, and is a turn too. An attempt runs the whole agent, so it takes seconds to
    minutes, one after the other.

    Args:
        suite: the tasks.
        checkpoint: tokenizer and chat template of the policy's model.
        split: a part of the suite; empty for all of it.
        max_steps: of an attempt; None for each task's own.

    Raises:
        UsageError: a rubric cannot be judged by a machine (when an attempt ends).
    """

    def __init__(
        self, suite: Suite, checkpoint: Checkpoint, *, split: str = "", max_steps: int | None = None
    ) -> None:
        self._suite = suite
        self._checkpoint = checkpoint
        self._split = split
        self._max_steps = max_steps

    def play(self, policy: Policy, problems: Sequence[int]) -> list[Episode]:
        """One run of the agent for each problem."""
        return [self._episode(policy, problem) for problem in problems]

    def _episode(self, policy: Policy, problem: int) -> Episode:
        templates = self._suite.part(self._split)
        seed = self._suite.split(self._split).first_seed + problem // len(templates)
        template = templates[problem % len(templates)]
        model = _SampledModel(policy, self._checkpoint)
        share = rubric_share(
            template.draw(seed), model, suite=self._suite, seed=seed, max_steps=self._max_steps
        )
        return Episode(tuple(model.turns), share)


def rubric_share(
    task: Task, model: ChatModel, *, suite: Suite, seed: int, max_steps: int | None = None
) -> float:
    """Run the phone agent once and tell the share of rubrics that hold at its end, 0..1.

    Args:
        task: what the agent is to do.
        model: who plays all of its roles.
        suite: of the task, for the apps that it adds to the phone.
        seed: of the simulated phone's world.
        max_steps: in the place of the task's own.

    Raises:
        UsageError: a rubric cannot be judged by a machine.
    """

    def make_agent(device: Device, _task: Task, _seed: int) -> PhoneAgent:
        return PhoneAgent(device, model)

    with (
        tempfile.TemporaryDirectory(prefix="tapgraph-reward-") as folder,
        SimulatedPhones().opened(seed, suite.apps) as device,
    ):
        record = run_trial(
            Trial(task.id, seed, 0),
            task,
            device,
            make_agent,
            folder=Path(folder) / "run",
            max_steps=max_steps,
        )
    return _share(record)


def _share(record: TrialRecord) -> float:
    open_rubrics = [verdict.rubric for verdict in record.verdicts if verdict.holds is None]
    if open_rubrics:
        raise UsageError(f"no machine can tell whether this holds: {open_rubrics[0]!r}")
    return sum(bool(verdict.holds) for verdict in record.verdicts) / len(record.verdicts)


class _SampledModel:
    """A policy as a `ChatModel` that keeps every turn."""

    def __init__(self, policy: Policy, checkpoint: Checkpoint) -> None:
        self.turns: list[Turn] = []
        self._policy = policy
        self._checkpoint = checkpoint

    @property
    def traits(self) -> ModelTraits:
        """Bound to no form, so that what it says is what was sampled."""
        return ModelTraits(self._checkpoint.name, json="none", max_tokens=self._policy.max_tokens)

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,  # noqa: ARG002  part of the protocol
        tools: Sequence[ToolSpec] = (),  # noqa: ARG002
        max_tokens: int | None = None,  # noqa: ARG002
        temperature: float | None = None,  # noqa: ARG002
        stop: Sequence[str] = (),  # noqa: ARG002
    ) -> Reply:
        """Sample one reply."""
        checkpoint, began = self._checkpoint, time.monotonic()
        turns = [ChatTurn(message.role, message.parts) for message in messages]
        prompt = chat_prompt(checkpoint, turns).tokens
        (said,) = self._policy.replies([prompt])
        self.turns.append(Turn(prompt, said))
        # Logits that no token belongs to may be sampled too, and say nothing.
        named = [token for token in said if token < len(checkpoint.token_bytes)]
        spoken = b"".join(checkpoint.token_bytes[token] for token in named)
        return Reply(
            text=spoken.decode("utf-8", "replace"),
            usage=Usage(len(prompt), len(said)),
            latency_s=time.monotonic() - began,
            finish_reason="stop" if said[-1] in checkpoint.end_tokens else "length",
            model=checkpoint.name,
        )
