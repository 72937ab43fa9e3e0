"""A small GRPO trainer for models of this machine, over any reward that can be checked.

    trainer = GrpoTrainer(model, reward, GrpoSettings(), end_tokens={2}, credit=Credit("coupled"))
    trainer.train(Path("policy"))

In every step problems are drawn, the policy attempts each of them several times, and tokens of
attempts that were better than the others of their group become likelier. What one token counts is
for a `Credit` to say, by the rhythm of attention in the reply.
"""

import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import observe_attention
from tapgraph.llm_backend.training.credit import Credit, ReplyTokens
from tapgraph.llm_backend.training.episodes import Episode, Reward
from tapgraph.llm_backend.training.policy import Policy
from tapgraph.llm_backend.training.policy_loss import (
    group_advantages,
    policy_loss,
    token_scores,
)
from tapgraph.llm_backend.training.rhythm import RhythmReader, RhythmSettings, middle_layers

__all__ = ["GrpoSettings", "GrpoStep", "GrpoTrainer"]

_FORMAT = "tapgraph-grpo-1"
_FILE = "trainer.pt"
_STRIDE = 1_000_003
"""Between the dice of two neighbouring seeds; more steps than any training has."""


@dataclass(frozen=True, slots=True)
class GrpoSettings:
    """How a policy is trained.

    Attributes:
        steps: of new attempts each.
        problems: of a step.
        group: attempts at each problem.
        updates: gradient steps on the attempts of a step.
        learning_rate: of AdamW, without weight decay; the same in all steps.
        clip: see `policy_loss`.
        longest_gradient: longer gradients are cut to this norm.
        max_tokens: of a reply.
        temperature: of sampling.
        rows_at_once: texts that are in a forward and backward pass together.
        seed: of all random choices.
    """

    steps: int = 200
    problems: int = 8
    group: int = 8
    updates: int = 1
    learning_rate: float = 1e-6
    clip: float = 0.2
    longest_gradient: float = 1.0
    max_tokens: int = 256
    temperature: float = 1.0
    rows_at_once: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "problems", "updates", "max_tokens", "rows_at_once"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.group < 2:
            raise UsageError(f"group must be at least 2, got {self.group!r}")
        for name in ("learning_rate", "clip", "longest_gradient", "temperature"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} must be positive, got {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class GrpoStep:
    """What one step has seen.

    Attributes:
        step: counted from 0.
        reward: mean of all attempts, before the step's update.
        mixed: share of the problems whose attempts were not all worth the same; only these teach.
        entropy: mean over the tokens of all replies, in nats.
        tokens: mean length of a reply.
        weight: mean of the weights of tokens that were taught with.
    """

    step: int
    reward: float
    mixed: float
    entropy: float
    tokens: float
    weight: float


@dataclass(frozen=True, slots=True)
class _Rows:
    """Texts padded at their end, and what was known of them when they were drawn."""

    ids: Tensor
    reply: Tensor
    advantages: Tensor
    before: Tensor
    weights: Tensor
    entropy: float

    def part(self, rows: slice) -> "_Rows":
        return _Rows(
            self.ids[rows],
            self.reply[rows],
            self.advantages[rows],
            self.before[rows],
            self.weights[rows],
            self.entropy,
        )


class GrpoTrainer:
    """Trains all weights of a model in place.

    Args:
        model: any that attention systems work in; it is left in evaluation mode, for there is no
            dropout in a policy.
        reward: problems, and what attempts are worth.
        settings: how to train.
        end_tokens: any of them ends a reply.
        credit: what single tokens count; None for plain GRPO.
        rhythm: for credit by attention; None means the paper's numbers.

    Raises:
        UsageError: attention systems cannot work in the model.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        reward: Reward,
        settings: GrpoSettings,
        *,
        end_tokens: AbstractSet[int],
        credit: Credit | None = None,
        rhythm: RhythmSettings | None = None,
    ) -> None:
        self.model = model.eval().requires_grad_(True)
        self.settings = settings
        self.history: list[GrpoStep] = []
        self._reward = reward
        self._end_tokens = frozenset(end_tokens)
        self._credit = Credit() if credit is None else credit
        self._rhythm = RhythmSettings() if rhythm is None else rhythm
        self._layers = middle_layers(model)
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=0.0
        )

    def train(self, folder: Path, on_step: Callable[[GrpoStep], None] | None = None) -> None:
        """Do the steps that are left, going on from what the folder holds, and saving to it.

        An interrupted training gives exactly what one without a break gives: random choices come
        from the seed and the number of the step.

        Raises:
            UsageError: the folder holds a training with other settings.
        """
        self.load(folder)
        every = max(1, self.settings.steps // 20)
        while len(self.history) < self.settings.steps:
            step = self.step()
            if on_step is not None:
                on_step(step)
            if len(self.history) % every == 0:
                self.save(folder)
        self.save(folder)

    def step(self) -> GrpoStep:
        """Attempt problems once and learn from it."""
        settings, number = self.settings, len(self.history)
        # Torch's generator on the CPU takes no more than 32 bits of a seed.
        dice = torch.Generator().manual_seed((settings.seed * _STRIDE + number) % 2**32)
        policy = self.policy(dice)
        drawn = torch.randint(2**31, (settings.problems,), generator=dice).tolist()
        problems = [problem for problem in drawn for _ in range(settings.group)]
        episodes = self._reward.play(policy, problems)
        rewards = [episode.reward for episode in episodes]
        advantages = group_advantages(rewards, settings.group)
        rows = self._read(episodes, advantages, dice)
        self._update(rows)
        teaching = rows.reply & (rows.advantages != 0)[:, None]
        weights = rows.weights[teaching]
        self.history.append(
            GrpoStep(
                step=number,
                reward=sum(rewards) / len(rewards),
                mixed=float((advantages.view(-1, settings.group) != 0).any(1).float().mean()),
                entropy=rows.entropy,
                tokens=float(rows.reply.sum(1).float().mean()),
                weight=float(weights.mean()) if len(weights) else 1.0,
            )
        )
        return self.history[-1]

    def policy(self, dice: torch.Generator) -> Policy:
        """The model as it is now."""
        settings = self.settings
        return Policy(self.model, self._end_tokens, settings.max_tokens, settings.temperature, dice)

    def save(self, folder: Path) -> None:
        """Keep everything that the next step depends on; an older file is replaced at once."""
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / (_FILE + ".part")
        kept = {
            "format": _FORMAT,
            "setup": self._setup(),
            "history": json.dumps([asdict(step) for step in self.history]),
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        torch.save(kept, unfinished)
        unfinished.replace(folder / _FILE)

    def load(self, folder: Path) -> None:
        """Go on from what `save` kept; where there is nothing, nothing changes.

        Raises:
            UsageError: it was kept by a training with other settings, or is none.
        """
        place = folder / _FILE
        if not place.exists():
            return
        kept = _kept(place, self.model.device)
        if kept["setup"] != self._setup():
            raise UsageError(
                f"{str(place)!r} holds a training with other settings, {kept['setup']}; "
                "give another folder"
            )
        self.model.load_state_dict(kept["model"])
        self._optimizer.load_state_dict(kept["optimizer"])
        self.history = [GrpoStep(**step) for step in json.loads(kept["history"])]

    def _setup(self) -> str:
        """What must be equal for a training to go on; it may be given more steps."""
        settings = {name: value for name, value in asdict(self.settings).items() if name != "steps"}
        return json.dumps([settings, asdict(self._credit), asdict(self._rhythm)])

    def _read(
        self, episodes: Sequence[Episode], advantages: Tensor, dice: torch.Generator
    ) -> _Rows:
        """All replies as the policy sees them before it learns, with what their tokens count."""
        device = self.model.device
        turns = [(turn, index) for index, one in enumerate(episodes) for turn in one.turns]
        texts = [(*turn.prompt, *turn.reply) for turn, _ in turns]
        longest = max(map(len, texts))
        ids = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts], device=device)
        places = torch.arange(longest, device=device)
        starts = torch.tensor([[len(turn.prompt)] for turn, _ in turns], device=device)
        ends = torch.tensor([[len(text)] for text in texts], device=device)
        reply = (places >= starts) & (places < ends)
        before, weights = torch.zeros(ids.shape, device=device), torch.ones(ids.shape)
        entropy = 0.0
        for part in self._parts(len(turns)):
            reader = RhythmReader(reply[part], layers=self._layers, settings=self._rhythm)
            with torch.no_grad(), observe_attention(self.model, reader):
                logits = self.model(input_ids=ids[part], use_cache=False).logits
            before[part], entropies = token_scores(logits, ids[part], self.settings.temperature)
            entropy += float(entropies[reply[part]].sum())
            rhythm = reader.rhythm()
            facts = [each.cpu() for each in (rhythm.waad, rhythm.fai, entropies, reply[part])]
            for offset, (waad, fai, entropies_of_row, said) in enumerate(zip(*facts, strict=True)):
                rolled = torch.rand(int(said.sum()), generator=dice)
                tokens = ReplyTokens(waad[said], fai[said], entropies_of_row[said], rolled)
                weights[part.start + offset, said] = self._credit.weights(tokens)
        of_turns = advantages[[index for _, index in turns]]
        return _Rows(
            ids, reply, of_turns.to(device), before, weights.to(device),
            entropy / int(reply.sum()),
        )  # fmt: skip

    def _update(self, rows: _Rows) -> None:
        """Gradient steps over all replies; those without an advantage have no gradient."""
        settings = self.settings
        size = -(-len(rows.ids) // settings.updates)
        for first in range(0, len(rows.ids), size):
            batch = rows.part(slice(first, first + size))
            kept = batch.advantages != 0
            if not bool(kept.any()):
                continue
            self._optimizer.zero_grad()
            for part in self._parts(len(kept)):
                self._add_gradients(batch.part(part), len(kept))
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.longest_gradient)
            self._optimizer.step()
        self._optimizer.zero_grad()

    def _add_gradients(self, rows: _Rows, texts: int) -> None:
        kept = rows.advantages != 0
        if not bool(kept.any()):
            return
        ids = rows.ids[kept]
        logits = self.model(input_ids=ids, use_cache=False).logits
        now, _ = token_scores(logits, ids, self.settings.temperature)
        loss = policy_loss(
            now,
            rows.before[kept],
            rows.advantages[kept],
            rows.reply[kept],
            clip=self.settings.clip,
            weights=rows.weights[kept],
        )
        (loss / texts).backward()  # type: ignore[no-untyped-call]

    def _parts(self, rows: int) -> Iterator[slice]:
        step = self.settings.rows_at_once
        for first in range(0, rows, step):
            yield slice(first, min(first + step, rows))


def _kept(place: Path, device: torch.device) -> dict[str, Any]:
    try:
        kept: Any = torch.load(place, map_location=device, weights_only=True)
    except (EOFError, OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise UsageError(f"{str(place)!r} cannot be read as a training; remove it") from error
    if not isinstance(kept, dict) or kept.get("format") != _FORMAT:
        raise UsageError(f"{str(place)!r} is no training of this version; give another folder")
    return kept
