"""The state of one run, and what parameters mean in it: magic variables, texts, dictionaries."""

import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tapgraph.errors import BudgetExhausted, NotExecutable, ToolError, UsageError
from tapgraph.tools.api.shortcuts.content import (
    Content,
    FileItem,
    dictionaries_in,
    items_of,
    size_of,
    to_boolean,
    to_date,
    to_dictionary,
    to_number,
    to_text,
    value_at,
)
from tapgraph.tools.api.shortcuts.date_format import formatted_date
from tapgraph.tools.api.shortcuts.system import PersonQuestion, SimulatedSystem

__all__ = ["Limits", "Session"]

_RANGE = re.compile(r"\{\s*(\d+)\s*,\s*\d+\s*\}")
_PLACE = "\ufffc"
_ITEM_TEXT, _ITEM_DICTIONARY, _ITEM_LIST, _ITEM_NUMBER, _ITEM_BOOLEAN = 0, 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use.

    Attributes:
        steps: actions, each turn of a loop counted.
        size: characters and values that one output or variable may hold.
        requests: requests to the web.
        seconds: of real time, looked at before each action; the clock of the system has no part.
    """

    steps: int = 10_000
    size: int = 5_000_000
    requests: int = 200
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if min(self.steps, self.size, self.requests) < 1 or not self.seconds > 0:
            raise UsageError(f"every limit of a run must be at least 1, got {self}")


@dataclass(slots=True)
class Session:
    """Outputs and variables of a run.

    Attributes:
        system: what actions act on.
        limits: what the run may use.
        given: the input of the shortcut.
        outputs: of actions, by their UUID.
        variables: by name.
        previous: the output of the action before, which an action without input takes.
        repeats: item and index of the loops that are running, the innermost last.
        steps: actions so far.
        dice: random numbers by the system's seed.
        started: when the run began, on the monotonic clock; the time that a person takes is added.
    """

    system: SimulatedSystem
    limits: Limits = field(default_factory=Limits)
    given: Content = None
    outputs: dict[str, Content] = field(default_factory=dict)
    variables: dict[str, Content] = field(default_factory=dict)
    previous: Content = None
    repeats: list[tuple[Content, int]] = field(default_factory=list)
    steps: int = 0
    dice: random.Random = field(init=False)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.system.seed)

    def count_step(self) -> None:
        """Count an action.

        Raises:
            BudgetExhausted: it is one too many.
        """
        self.steps += 1
        if self.steps > self.limits.steps:
            raise BudgetExhausted(f"the shortcut took more than {self.limits.steps:,} steps")
        if time.monotonic() - self.started > self.limits.seconds:
            raise BudgetExhausted(f"the shortcut took more than {self.limits.seconds:g} seconds")

    def kept(self, content: Content) -> Content:
        """The content, when it is not too large to keep.

        Raises:
            BudgetExhausted: it is too large.
        """
        if size_of(content) > self.limits.size:
            raise BudgetExhausted(f"a value of the shortcut is larger than {self.limits.size:,}")
        return content

    def ask(self, question: PersonQuestion) -> str | None:
        """What the person says; also written down in what was shown. The time limit waits."""
        self.system.shown.append((question.kind, question.prompt))
        began = time.monotonic()
        answer = self.system.person.answer(question)
        self.started += time.monotonic() - began
        return answer

    def content(self, parameter: object) -> Content:
        """What an input is worth: a text that is one variable and no more is the variable itself.

        So dates keep their seconds, and matches their groups.
        """
        alone = _single_variable(parameter)
        return self.value(parameter if alone is None else alone)

    def value(self, parameter: object) -> Content:
        """What a parameter of any shape is worth now."""
        if parameter is None or isinstance(parameter, bool | int | float | str | FileItem):
            return parameter
        if isinstance(parameter, Sequence) and not isinstance(parameter, bytes):
            return [self._list_item(one) for one in parameter]
        if not isinstance(parameter, Mapping):
            raise NotExecutable(f"a parameter of the kind {type(parameter).__name__}")
        return self._structured(parameter)

    def _structured(self, parameter: Mapping[str, object]) -> Content:
        if isinstance(parameter.get("Variable"), Mapping):
            return self.value(parameter["Variable"])
        if "WFDictionaryFieldValueItems" in parameter:
            return self._dictionary(parameter["WFDictionaryFieldValueItems"])
        if isinstance(parameter.get("string"), str):
            return self._filled(parameter)
        if "Value" in parameter:
            return self.value(parameter["Value"])
        if isinstance(parameter.get("Type"), str):
            return self._variable(parameter)
        return {str(key): self.value(one) for key, one in parameter.items()}

    def _filled(self, token_string: Mapping[str, object]) -> str:
        """The text with its variables; Apple counts their places in UTF-16 code units."""
        text = str(token_string["string"])
        attachments = token_string.get("attachmentsByRange")
        if not isinstance(attachments, Mapping) or not attachments:
            return text
        by_place: dict[int, object] = {}
        for key, attachment in attachments.items():
            found = _RANGE.fullmatch(str(key))
            if found is None:
                raise ToolError(f"{key!r} is no place in a text; expected one like '{{0, 1}}'")
            by_place[int(found.group(1))] = attachment
        built: list[str] = []
        place = size = 0
        for letter in text:
            if letter == _PLACE and place in by_place:
                built.append(to_text(self.value(by_place[place])))
                size += len(built[-1])
                if size > self.limits.size:
                    raise BudgetExhausted(f"a text is longer than {self.limits.size:,} characters")
            else:
                built.append(letter)
            place += 2 if ord(letter) > 0xFFFF else 1
        return "".join(built)

    def _dictionary(self, entries: object) -> dict[str, Content]:
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            raise ToolError("a dictionary's items must be a list")
        built: dict[str, Content] = {}
        for entry in entries:
            if not isinstance(entry, Mapping):
                raise ToolError("an item of a dictionary must have a WFKey and a WFValue")
            key = to_text(self.value(entry.get("WFKey")))
            built[key] = self._typed(entry.get("WFItemType"), entry.get("WFValue"))
        return built

    def _list_item(self, entry: object) -> Content:
        if isinstance(entry, Mapping) and "WFItemType" in entry:
            return self._typed(entry["WFItemType"], entry.get("WFValue"))
        return self.value(entry)

    def _typed(self, kind: object, value: object) -> Content:
        found = self.value(value)
        if kind == _ITEM_DICTIONARY:
            return to_dictionary(found if found is not None else {})
        if kind == _ITEM_LIST:
            return items_of(found)
        if kind == _ITEM_NUMBER:
            return to_number(found)
        if kind == _ITEM_BOOLEAN:
            return to_boolean(found)
        return found

    def _variable(self, attachment: Mapping[str, object]) -> Content:
        found = self._source(attachment)
        changes = attachment.get("Aggrandizements")
        for change in changes if isinstance(changes, Sequence) else ():
            if isinstance(change, Mapping):
                found = self._changed(found, change, attachment)
        return found

    def _source(self, attachment: Mapping[str, object]) -> Content:
        kind = attachment["Type"]
        if kind == "ActionOutput":
            return self.outputs.get(str(attachment.get("OutputUUID")))
        if kind == "Variable":
            return self._named(str(attachment.get("VariableName")))
        if kind == "ExtensionInput":
            return self.given
        if kind == "Input":
            return self.previous
        if kind == "CurrentDate":
            return self.system.clock()
        if kind == "Clipboard":
            return self.system.clipboard
        if kind == "DeviceDetails":
            return dict(self.system.device)
        if kind == "Ask":
            prompt = str(attachment.get("Prompt") or "Ask each time")
            return self.ask(PersonQuestion("ask", prompt))
        raise NotExecutable(f"a variable of the kind {kind!r}")

    def _named(self, name: str) -> Content:
        loop = re.fullmatch(r"Repeat (Item|Index)(?: (\d+))?", name)
        if loop and self.repeats:
            depth = int(loop.group(2) or 1)
            if not 1 <= depth <= len(self.repeats):
                return None
            item, index = self.repeats[depth - 1]
            return item if loop.group(1) == "Item" else index
        return self.variables.get(name)

    def _changed(
        self, found: Content, change: Mapping[str, object], attachment: Mapping[str, object]
    ) -> Content:
        kind = change.get("Type")
        if kind == "WFDictionaryValueVariableAggrandizement":
            return value_at(found, to_text(self.value(change.get("DictionaryKey"))))
        if kind == "WFCoercionVariableAggrandizement":
            return self.coerced(found, str(change.get("CoercionItemClass")))
        if kind == "WFDateFormatVariableAggrandizement":
            return formatted_date(to_date(found, self.system.clock()), change, self.system.clock())
        if kind == "WFPropertyVariableAggrandizement":
            name = str(change.get("PropertyName"))
            if attachment["Type"] == "DeviceDetails" and isinstance(found, dict):
                return found.get(name)
            return _property(found, name)
        raise NotExecutable(f"a change of a variable of the kind {kind!r}")

    def coerced(self, found: Content, item_class: str) -> Content:
        """The content as one of Shortcuts' kinds of items.

        Raises:
            NotExecutable: the kind is not known here.
            ToolError: the content cannot become it.
        """
        if found is None:
            return None
        if item_class in {"WFStringContentItem", "WFRichTextContentItem"}:
            return to_text(found)
        if item_class == "WFNumberContentItem":
            return to_number(found)
        if item_class == "WFBooleanContentItem":
            return to_boolean(found)
        if item_class == "WFDictionaryContentItem":
            dictionaries = dictionaries_in(found)
            return dictionaries[0] if len(dictionaries) == 1 else dictionaries
        if item_class == "WFDateContentItem":
            return to_date(found, self.system.clock())
        if item_class in {"WFURLContentItem", "WFGenericFileContentItem"}:
            return found if isinstance(found, FileItem) else to_text(found).strip()
        raise NotExecutable(f"turning a value into {item_class}")


def _single_variable(parameter: object) -> object:
    text = parameter.get("Value", parameter) if isinstance(parameter, Mapping) else None
    if not isinstance(text, Mapping) or text.get("string") != _PLACE:
        return None
    attachments = text.get("attachmentsByRange")
    if not isinstance(attachments, Mapping) or len(attachments) != 1:
        return None
    ((place, attachment),) = attachments.items()
    found = _RANGE.fullmatch(str(place))
    return attachment if found and int(found.group(1)) == 0 else None


def _property(found: Content, name: str) -> Content:
    if isinstance(found, dict) and name in {"Keys", "Values"}:
        return list(found) if name == "Keys" else list(found.values())
    if isinstance(found, FileItem):
        if name == "Name":
            return found.name.rpartition("/")[2].rpartition(".")[0] or found.name
        if name == "File Size":
            return len(found.data)
        if name == "File Extension":
            return found.name.rpartition(".")[2]
    if name == "Name":
        return to_text(found)
    raise NotExecutable(f"the property {name!r}")
