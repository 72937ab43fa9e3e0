"""From a reply to its one call: what is thought, what is a call, and which call counts."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply
from tapgraph.llm_backend.dialects.found_call import FoundCall, encodable, known_name
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.llm_backend.dialects.punctuation import plain

__all__ = ["CallForm", "read_one"]

_THINKING = r"(?P<open><think(?:ing)?>)|(?P<close></think(?:ing)?>)"
_THINKING_END = re.compile(r"</think(?:ing)?>|\Z")
_MARKS = re.compile(
    r"</?(?:think|thinking|answer|conclusion|tool_call)>|<\|\w+\|>|```\w*|^[ \t]*Thought[:\uff1a]",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class CallForm:
    """How a family of models writes a call into its reply.

    Attributes:
        start: matches up to where a call begins, in text with plain punctuation. Its group `mark`,
            if it has matched, is what should stand before a call: unmarked calls before the first
            marked one are thoughts.
        read: the call at a position, and where it ends; raises `InvalidReply`.
        end: what should stand after a marked call; "" for nothing.
        missing_mark: the repair of a call without its mark; "" where it may go without.
        names: the actions.
        example: a call as it should be, for a model that wrote none.
    """

    start: str
    read: Callable[[str, int], tuple[FoundCall, int]]
    names: tuple[str, ...]
    example: str
    end: str = ""
    missing_mark: str = ""


def read_one(
    reply: Reply,
    form: CallForm,
    meaning: Callable[[FoundCall, str], GuiCall],
    native: tuple[FoundCall, ...] = (),
) -> GuiCall:
    """The one action of a reply, of its text and of its native calls.

    Calls inside a thinking block are thoughts, also in one that is left open or whose opening tag
    stood in the prompt. The same action written twice counts once.

    Args:
        reply: what the model said.
        form: how it writes calls.
        meaning: the action of one call, given the thought around it.
        native: the calls that came as tool calls.

    Raises:
        InvalidReply: the reply is cut, or holds no readable action or different ones.
    """
    if reply.finish_reason == "length":
        raise InvalidReply(f"it was cut after {reply.usage.completion_tokens} tokens; be shorter")
    if reply.finish_reason == "content_filter":
        raise InvalidReply("it was withheld by a content filter")
    thought, written = _calls_in(reply.text, form)
    meant = [_meant(call, thought, form, meaning) for call in (*native, *written)]
    if not meant:
        raise InvalidReply(f"it holds no action; write one like {form.example}")
    first = meant[0]
    for other in meant[1:]:
        if (other.action, other.arguments) != (first.action, first.arguments):
            raise InvalidReply("it holds different actions; give one action at a time")
    return first


def _meant(
    call: FoundCall, thought: str, form: CallForm, meaning: Callable[[FoundCall, str], GuiCall]
) -> GuiCall:
    name, repairs = known_name(call.name, form.names)
    meant = meaning(dataclasses.replace(call, name=name), thought)
    return dataclasses.replace(meant, repairs=(*call.repairs, *repairs, *meant.repairs))


def _calls_in(text: str, form: CallForm) -> tuple[str, list[FoundCall]]:
    """The words around the calls, and the calls."""
    token = re.compile(f"{_THINKING}|{form.start}", re.MULTILINE)
    words: list[str] = []
    calls: list[FoundCall] = []
    # What is no readable call may still prove to be a thought.
    problem: InvalidReply | None = None
    position, is_marked = 0, False
    structure = plain(text)
    while match := token.search(structure, position):
        words.append(text[position : match.start()])
        position = match.end()
        if match["open"]:
            end = _THINKING_END.search(text, position) or match
            words.append(text[position : end.start()])
            position = end.end()
            continue
        if match["close"] or (match["mark"] and not is_marked):
            words, calls, problem = [text[: match.start()]], [], None
        if match["close"]:
            continue
        if problem is not None:
            position += 1
            continue
        is_marked = is_marked or bool(match["mark"])
        try:
            call, position = form.read(text, position)
        except InvalidReply as error:
            problem = error
            position += 1
        else:
            calls.append(_noted(call, text[position:], form, is_marked=bool(match["mark"])))
    words.append(text[position:])
    if problem is not None:
        raise problem
    return _thought(words), calls


def _noted(call: FoundCall, following: str, form: CallForm, *, is_marked: bool) -> FoundCall:
    repairs = list(call.repairs)
    if not is_marked and form.missing_mark:
        repairs.append(form.missing_mark)
    if is_marked and not following.lstrip("` \n").startswith(form.end):
        repairs.append(f"{form.end} was missing")
    return dataclasses.replace(call, repairs=tuple(repairs))


def _thought(words: list[str]) -> str:
    parts = [_MARKS.sub("", part).strip() for part in words]
    return encodable("\n".join(part for part in parts if re.search(r"\w", part)))
