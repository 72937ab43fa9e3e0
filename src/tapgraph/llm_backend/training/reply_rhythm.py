"""The rhythm of one reply, token by token, as people look at it."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from tapgraph.errors import ContextExceeded, UsageError
from tapgraph.kernels.in_models.attention import layer_shapes, observe_attention
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, chat_prompt, text_prompt
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.prompt_length import check_text_length
from tapgraph.llm_backend.messages import TextPart
from tapgraph.llm_backend.training.rhythm import RhythmReader, RhythmSettings, peaks

__all__ = ["Passage", "ReplyRhythm", "RhythmToken", "read_reply"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a text, and whether it is what a model said."""

    text: str
    is_reply: bool = True


@dataclass(frozen=True, slots=True)
class RhythmToken:
    """One token of a text.

    Attributes:
        text: what it adds to the text; empty where a letter is not complete yet.
        is_reply: whether it is the model's own.
        waad: see `Rhythm`.
        fai: see `Rhythm`.
        is_preplan: whether WAAD has a peak there: the model looks back before a new chunk.
        is_anchor: whether FAI has a peak there: what follows keeps reading it.
    """

    text: str
    is_reply: bool
    waad: float
    fai: float
    is_preplan: bool
    is_anchor: bool


@dataclass(frozen=True, slots=True)
class ReplyRhythm:
    """A text with its rhythm.

    Attributes:
        tokens: prompt and reply.
        settings: that it was measured with.
        group_heads: how many heads are local, and as many are global.
        local_span: mean distance that local heads look back, in tokens.
        global_span: the same of global heads.
    """

    tokens: tuple[RhythmToken, ...]
    settings: RhythmSettings
    group_heads: int
    local_span: float
    global_span: float

    @property
    def reply(self) -> tuple[RhythmToken, ...]:
        """The model's own tokens."""
        return tuple(token for token in self.tokens if token.is_reply)


def read_reply(
    checkpoint: Checkpoint,
    passages: Sequence[Passage],
    *,
    prompt: str = "",
    settings: RhythmSettings | None = None,
) -> ReplyRhythm:
    """Let a model read a reply and tell its rhythm, over the heads of all layers.

    What the texts spell like a control token is read as letters.

    Args:
        checkpoint: any model; the one that replied shows how its thought was built, another one
            how it would read it.
        passages: what follows the prompt; at least one with words is a reply.
        prompt: a user's turn before it, in the checkpoint's chat template; empty for none.
        settings: None means the paper's numbers.

    Raises:
        UsageError: there is no reply, a layer has a sliding window, or attention systems cannot
            work in the model.
        ContextExceeded: the text is longer than the model's context.
    """
    settings = RhythmSettings() if settings is None else settings
    check_text_length(checkpoint, [prompt, *(passage.text for passage in passages)])
    shapes = layer_shapes(checkpoint.model)
    asked = (
        chat_prompt(checkpoint, [ChatTurn("user", (TextPart(prompt),))])
        if prompt
        else (text_prompt(checkpoint, ""))
    )
    ids, said = list(asked.tokens), [False] * len(asked.tokens)
    for passage in passages:
        tokens = _letters(checkpoint, passage.text)
        ids += tokens
        said += [passage.is_reply] * len(tokens)
    if not any(said):
        raise UsageError("there is no reply to look at: no words of a model were given")
    if len(ids) > checkpoint.context_tokens:
        raise ContextExceeded(
            f"the context of {checkpoint.name} is {checkpoint.context_tokens} tokens, and the "
            f"text has {len(ids)}"
        )
    device = checkpoint.model.device
    reply = torch.tensor([said], device=device)
    reader = RhythmReader(reply, layers=range(len(shapes)), settings=settings)
    with torch.no_grad(), observe_attention(checkpoint.model, reader):
        checkpoint.model(
            input_ids=torch.tensor([ids], device=device), use_cache=False, logits_to_keep=1
        )
    rhythm = reader.rhythm()
    waad, fai = rhythm.waad[0].cpu(), rhythm.fai[0].cpu()
    places = reply[0].cpu().nonzero().flatten()
    preplan = {int(places[peak]) for peak in peaks(waad[places])}
    anchors = {int(places[peak]) for peak in peaks(fai[places]) if fai[places[peak]] > 0}
    texts = _texts(checkpoint, ids)
    return ReplyRhythm(
        tokens=tuple(
            RhythmToken(
                text, said[place], waad[place].item(), fai[place].item(), place in preplan,
                place in anchors,
            )
            for place, text in enumerate(texts)
        ),
        settings=settings,
        group_heads=int(rhythm.local_heads.sum()),
        local_span=rhythm.spans[rhythm.local_heads].mean().item(),
        global_span=rhythm.spans[rhythm.global_heads].mean().item(),
    )  # fmt: skip


def _letters(checkpoint: Checkpoint, text: str) -> tuple[int, ...]:
    """Tokens of words, none of which steers the model."""
    sendable = text.encode("utf-8", "replace").decode("utf-8")
    harmless = checkpoint.harmless
    return harmless.encode(harmless.marked(sendable), add_special_tokens=False).tokens


def _texts(checkpoint: Checkpoint, ids: Sequence[int]) -> Iterator[str]:
    """What each token adds to the text; tokens that steer the model by their names."""
    letters = codecs.getincrementaldecoder("utf-8")("replace")
    for token in ids:
        written = checkpoint.token_bytes[token]
        if written:
            yield letters.decode(written)
        else:
            yield str(checkpoint.tokenizer.convert_ids_to_tokens(token))
