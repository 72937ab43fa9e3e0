"""The outcome of an action by a small net, where it is sure; loads torch."""

import torch

from tapgraph.tools.mobile.outcome import Outcome, StepWords
from tapgraph.tools.mobile.perception.outcome_net import VERDICTS, OutcomeNet, batch_of
from tapgraph.tools.mobile.perception.outcome_text import encode_step
from tapgraph.tools.mobile.perception.weights import NetWeights, open_weights, save_weights

__all__ = ["NET_NAME", "NetJudge", "save_judge"]

NET_NAME = "outcomes"
_PURPOSE = "judging actions without the Reflector"
_WHY = {"B": "it led somewhere else", "C": "it changed nothing that matters"}


class NetJudge:
    """An `OutcomeJudge`: a net, a temperature for its logits, and how sure it must be."""

    def __init__(self, net: OutcomeNet, *, temperature: float, threshold: float) -> None:
        self._net = net.eval()
        self._temperature = temperature
        self.threshold = threshold

    @classmethod
    def open(cls) -> "NetJudge":
        """The shipped one.

        Raises:
            ExtraMissing: torch is not installed.
            EnvironmentMissing: its weights are not here.
        """
        return cls.from_weights(open_weights(NET_NAME, purpose=_PURPOSE))

    @classmethod
    def from_weights(cls, weights: NetWeights) -> "NetJudge":
        """The judge of these weights, with the settings that `save_judge` wrote."""
        net = OutcomeNet()
        net.load_state_dict(dict(weights.tensors))
        settings = weights.settings
        return cls(net, temperature=settings["temperature"], threshold=settings["threshold"])

    def guess(self, step: StepWords) -> Outcome:
        """The likeliest outcome, however unsure."""
        encoded = encode_step(step)
        batch = batch_of([encoded])
        with torch.inference_mode():
            hidden, question = self._net.encode(batch)
            attention = self._net.attention_logits(hidden, question)
            logits = self._net.classify(hidden, question, attention, batch.is_word)
            shares = torch.softmax(logits[0] / self._temperature, dim=-1)
        best = int(shares.argmax())
        verdict = VERDICTS[best]
        error = ""
        if verdict in _WHY:
            line = step.changes.split("\n")[encoded.lines[int(attention[0].argmax())]]
            error = f"{_WHY[verdict]}, by a small net that looked at: {line}"
        return Outcome(verdict, float(shares[best]), error)

    def judge(self, step: StepWords) -> Outcome | None:
        """The outcome where its confidence reaches the threshold.

        Where the Operator said nothing of what it expects, there is nothing to compare.
        """
        if not step.expected:
            return None
        found = self.guess(step)
        return found if found.confidence >= self.threshold else None


def save_judge(net: OutcomeNet, *, temperature: float, threshold: float) -> None:
    """Write the shipped weights anew."""
    settings = {"temperature": temperature, "threshold": threshold}
    save_weights(NET_NAME, net.state_dict(), settings)
