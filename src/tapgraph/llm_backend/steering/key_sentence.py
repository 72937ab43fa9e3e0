"""Which sentence of a text answers a question: a model's choice, held to a sentence that is there.

AutoPASTA (2409.10790), steps 1 and 2: the model is asked for the sentence word for word; what it
wrote is then mapped to the most similar real one, for models quote what nobody has said. Deviation:
any embedder will do, and without one the sentences are compared by their words.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.prompt import fill, load_prompt

__all__ = ["Embed", "key_sentence", "key_sentence_question", "most_similar", "sentences_of"]

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Vectors of texts, as `OpenAIEmbedder` gives them."""

_MOST_TOKENS = 128
"""Of a quoted sentence."""
_END = re.compile(
    r"[.!?]+[\"'\u201d\u2019)\]]*(?=\s+[\"'\u201c\u2018(\[]*[A-Z0-9\u00c0-\u00de])"
    r"|\n+|[\u3002\uff01\uff1f]"
)
_NO_END = re.compile(r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Jr|Sr|No|vs|etc|e\.g|i\.e|Inc|Ltd|Co|U\.S)\.$")
_WORD = re.compile(r"\w+")


def sentences_of(text: str) -> tuple[tuple[int, int], ...]:
    """Where the sentences of a text begin and end, without blanks around them.

    >>> text = "Dr. Who came. He left!"
    >>> [text[begin:end] for begin, end in sentences_of(text)]
    ['Dr. Who came.', 'He left!']
    """
    ends = [
        found.end()
        for found in _END.finditer(text)
        if not _NO_END.search(text[max(0, found.end() - 8) : found.end()])
    ]
    places, begin = [], 0
    for end in (*ends, len(text)):
        words = text[begin:end]
        if words.strip():
            first = begin + len(words) - len(words.lstrip())
            places.append((first, begin + len(words.rstrip())))
        begin = end
    return tuple(places)


def key_sentence_question(passage: str, question: str) -> str:
    """What a model is asked for the sentence."""
    template = load_prompt("tapgraph.llm_backend.steering", "key_sentence")
    return fill(template, passage=passage, question=question)


def key_sentence(
    model: ChatModel, passage: str, question: str, *, embed: Embed | None = None
) -> tuple[int, int]:
    """Where in the passage the sentence stands that the model finds most useful.

    Args:
        model: is asked once.
        passage: at least one sentence.
        question: what is to be answered.
        embed: for vectors of sentences; without one, or where it gives none, words are compared.

    Raises:
        UsageError: the passage has no sentence.
        ModelUnavailable: the model gives no reply.
    """
    places = sentences_of(passage)
    if not places:
        raise UsageError("a passage without words has no key sentence")
    asked = user(key_sentence_question(passage, question))
    quoted = model.reply([asked], max_tokens=_MOST_TOKENS, temperature=0).text
    sentences = [passage[begin:end] for begin, end in places]
    return places[most_similar(quoted, sentences, embed=embed)]


def most_similar(text: str, sentences: Sequence[str], *, embed: Embed | None = None) -> int:
    """Which sentence is most like a text; of equal ones the first.

    By the cosine of their vectors, or else by the words that they share, the rarer the more.
    """
    if embed is not None:
        try:
            wanted, *vectors = embed([text or " ", *sentences])
        except ModelUnavailable:
            pass
        else:
            likeness = [_cosine(wanted, vector) for vector in vectors]
            return likeness.index(max(likeness))
    words = [Counter(_WORD.findall(sentence.lower())) for sentence in (text, *sentences)]
    # A word of every sentence tells nothing.
    known = Counter(word for counted in words[1:] for word in counted)
    weight = {word: math.log(1 + len(sentences) / count) for word, count in known.items()}
    weighed = [{word: n * weight.get(word, 0) for word, n in one.items()} for one in words]
    likeness = [_word_cosine(weighed[0], one) for one in weighed[1:]]
    return likeness.index(max(likeness))


def _cosine(first: Sequence[float], second: Sequence[float]) -> float:
    lengths = math.hypot(*first) * math.hypot(*second)
    return sum(a * b for a, b in zip(first, second, strict=True)) / lengths if lengths else 0.0


def _word_cosine(first: dict[str, float], second: dict[str, float]) -> float:
    words = sorted(first.keys() | second.keys())
    vectors = [[vector.get(word, 0.0) for word in words] for vector in (first, second)]
    return _cosine(*vectors)
