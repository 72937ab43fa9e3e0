"""A net that reads what changed after an action, and says whether the action did what it should.

The question-answering model of Kitada and Iyatomi, "Attention Meets Perturbations" (arXiv
2009.12064, section 3): two encoders, additive attention over the passage given the question, and a
classifier over the weighted sum. The passage is the changes of the screen, the question the action
with what was expected of it. Deviations: convolutions in the place of recurrent encoders, as a step
must be judged in a few milliseconds; words by checksum in the place of fastText; and each word says
whether the other text has it too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from tapgraph.tools.mobile.perception.outcome_text import LINE_MARKS, WORD_BUCKETS, EncodedStep

__all__ = ["VERDICTS", "OutcomeNet", "StepBatch", "batch_of"]

VERDICTS: tuple[Literal["A"], Literal["B"], Literal["C"]] = ("A", "B", "C")
_WORD_SIZE = 24
_MARK_SIZE = 8
_HIDDEN = 32
_WINDOW = 3


@dataclass(frozen=True)
class StepBatch:
    """Steps of one batch, padded at their ends.

    Attributes:
        question: `[batch, question words, 3]`, integers as in `EncodedStep`.
        changes: `[batch, words, 6]`, the same.
        is_asked: `[batch, question words]`: which of the question's places hold a word.
        is_word: `[batch, words]`: which of the changes' places do.
    """

    question: Tensor
    changes: Tensor
    is_asked: Tensor
    is_word: Tensor


def batch_of(steps: Sequence[EncodedStep]) -> StepBatch:
    """The steps as tensors."""
    question, is_asked = _padded([one.question for one in steps])
    changes, is_word = _padded([one.changes for one in steps])
    return StepBatch(question, changes, is_asked, is_word)


class OutcomeNet(nn.Module):
    """From a step to logits of `VERDICTS`."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORD_BUCKETS, _WORD_SIZE, padding_idx=0)
        self.marks = nn.Embedding(len(LINE_MARKS), _MARK_SIZE)
        self.question = _Windows(_WORD_SIZE + 2)
        self.changes = _Windows(_WORD_SIZE + _MARK_SIZE + 4)
        self.from_changes = nn.Linear(_HIDDEN, _HIDDEN)
        self.from_question = nn.Linear(_HIDDEN, _HIDDEN, bias=False)
        self.attention = nn.Linear(_HIDDEN, 1, bias=False)
        self.joined_changes = nn.Linear(_HIDDEN, _HIDDEN)
        self.joined_question = nn.Linear(_HIDDEN, _HIDDEN, bias=False)
        self.verdict = nn.Linear(_HIDDEN, len(VERDICTS))
        self.dropout = nn.Dropout(0.2)

    def encode(self, batch: StepBatch) -> tuple[Tensor, Tensor]:
        """`[batch, words, 32]` of the changes and `[batch, 32]` of the question."""
        asked = torch.cat(
            [self.words(batch.question[..., 0]), batch.question[..., 1:].float()], dim=-1
        )
        changed = torch.cat(
            [
                self.words(batch.changes[..., 0]),
                self.marks(batch.changes[..., 1]),
                batch.changes[..., 2:4].float(),
                batch.changes[..., 4:].float() / 4,
            ],
            dim=-1,
        )
        read = self.question(self.dropout(asked), batch.is_asked)
        question = read.masked_fill(~batch.is_asked[..., None], -torch.inf).amax(dim=1)
        return self.changes(self.dropout(changed), batch.is_word), question

    def attention_logits(self, hidden: Tensor, question: Tensor) -> Tensor:
        """`[batch, words]`, before the softmax (equation 3 there)."""
        joined = torch.tanh(self.from_changes(hidden) + self.from_question(question)[:, None])
        logits: Tensor = self.attention(joined).squeeze(-1)
        return logits

    def classify(
        self, hidden: Tensor, question: Tensor, attention_logits: Tensor, is_word: Tensor
    ) -> Tensor:
        """Logits `[batch, 3]` of the sum of the words, weighted by the softmax of the attention."""
        weights = torch.softmax(attention_logits.masked_fill(~is_word, -torch.inf), dim=-1)
        summed = (weights[..., None] * hidden).sum(dim=1)
        joined = torch.tanh(self.joined_changes(summed) + self.joined_question(question))
        logits: Tensor = self.verdict(self.dropout(joined))
        return logits

    def forward(self, batch: StepBatch) -> Tensor:
        """Logits `[batch, 3]`."""
        hidden, question = self.encode(batch)
        logits = self.attention_logits(hidden, question)
        return self.classify(hidden, question, logits, batch.is_word)


class _Windows(nn.Module):
    """Two layers of windows over words: each place sees two words to both sides.

    From `[batch, words, features]` to `[batch, words, 32]`; what is no word is zero.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(features, _HIDDEN, _WINDOW, padding=_WINDOW // 2)
        self.second = nn.Conv1d(_HIDDEN, _HIDDEN, _WINDOW, padding=_WINDOW // 2)

    def forward(self, words: Tensor, is_word: Tensor) -> Tensor:
        kept = is_word[:, None].to(words.dtype)
        near = torch.relu(self.first(words.transpose(1, 2) * kept)) * kept
        far: Tensor = (near + torch.relu(self.second(near))) * kept
        return far.transpose(1, 2)


def _padded(rows: Sequence[Sequence[tuple[int, ...]]]) -> tuple[Tensor, Tensor]:
    longest = max(len(row) for row in rows)
    empty = (0,) * len(rows[0][0])
    padded = torch.tensor([[*row, *[empty] * (longest - len(row))] for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return padded, torch.arange(longest)[None, :] < lengths[:, None]
