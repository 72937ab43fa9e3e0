"""Actions on variables, lists and dictionaries."""

from collections.abc import Mapping

from tapgraph.errors import ToolError
from tapgraph.tools.api.shortcuts.call import ActionCall, Cancelled, Handler
from tapgraph.tools.api.shortcuts.content import (
    Content,
    FileItem,
    dictionaries_in,
    items_of,
    to_dictionary,
    to_text,
    value_at,
)
from tapgraph.tools.api.shortcuts.system import PersonQuestion

__all__ = ["DATA_ACTIONS"]


def _set_variable(call: ActionCall) -> Content:
    found = call.input()
    call.session.variables[call.text("WFVariableName")] = found
    return found


def _append_variable(call: ActionCall) -> Content:
    name = call.text("WFVariableName")
    joined = [*items_of(call.session.variables.get(name)), *call.items()]
    call.session.variables[name] = call.session.kept(joined)
    return joined


def _get_variable(call: ActionCall) -> Content:
    return call.value("WFVariable")


def _nothing(call: ActionCall) -> Content:
    call.session.previous = None
    return None


def _list(call: ActionCall) -> Content:
    return items_of(call.value("WFItems"))


def _dictionary(call: ActionCall) -> Content:
    return call.dictionary("WFItems")


def _detect_dictionary(call: ActionCall) -> Content:
    found = dictionaries_in(call.input())
    return found[0] if len(found) == 1 else found


def _value_for_key(call: ActionCall) -> Content:
    found = call.input()
    chosen = call.text("WFGetDictionaryValueType", "Value")
    if chosen == "Value":
        return value_at(found, call.text("WFDictionaryKey"))
    dictionary = to_dictionary(found)
    if chosen not in {"All Keys", "All Values"}:
        raise call.refused(f"getting {chosen!r}")
    return [*dictionary] if chosen == "All Keys" else [*dictionary.values()]


def _set_value_for_key(call: ActionCall) -> Content:
    dictionary = dict(to_dictionary(call.input("WFDictionary")))
    dictionary[call.text("WFDictionaryKey")] = call.value("WFDictionaryValue")
    return dictionary


def _item_from_list(call: ActionCall) -> Content:
    items = call.items()
    chosen = call.text("WFItemSpecifier", "First Item")
    if not items:
        return None
    if chosen == "Items in Range":
        start = int(call.number("WFItemRangeStart", 1))
        end = int(call.number("WFItemRangeEnd", len(items)))
        if not 1 <= start <= end <= len(items):
            raise ToolError(
                f"the list has {len(items)} items, and items {start} to {end} were asked for"
            )
        return items[start - 1 : end]
    if chosen == "Item At Index":
        index = int(call.number("WFItemIndex", 1))
        if not 1 <= index <= len(items):
            raise ToolError(f"the list has {len(items)} items, and item {index} was asked for")
        return items[index - 1]
    if chosen == "Random Item":
        return call.session.dice.choice(items)
    if chosen not in {"First Item", "Last Item"}:
        raise call.refused(f"getting {chosen!r}")
    return items[0 if chosen == "First Item" else -1]


def _choose_from_list(call: ActionCall) -> Content:
    found = call.input()
    named = dict(found) if isinstance(found, dict) else None
    items = list(named.values()) if named is not None else items_of(found)
    titles = list(named) if named is not None else [to_text(one) for one in items]
    if not titles:
        raise ToolError("there is nothing to choose from")
    prompt = call.text("WFChooseFromListActionPrompt")
    answer = call.session.ask(PersonQuestion("list", prompt, tuple(titles)))
    if answer is None:
        raise Cancelled
    if answer not in titles:
        raise ToolError(f"the answer {answer[:60]!r} is not one of the list")
    chosen = items[titles.index(answer)]
    return [chosen] if call.flag("WFChooseFromListActionSelectMultiple") else chosen


def _type_of(call: ActionCall) -> Content:
    found = call.input()
    kinds = ((bool, "Boolean"), (int | float, "Number"), (dict, "Dictionary"), (FileItem, "File"))
    return next((name for kind, name in kinds if isinstance(found, kind)), "Text")


def _name_of(call: ActionCall) -> Content:
    found = call.input()
    return found.name if isinstance(found, FileItem) else to_text(found)


def _rename(call: ActionCall) -> Content:
    found = call.input()
    data = found.data if isinstance(found, FileItem) else to_text(found).encode()
    kind = found.content_type if isinstance(found, FileItem) else "text/plain"
    return FileItem(call.text("WFName"), data, kind)


def _ask(call: ActionCall) -> Content:
    kind = call.text("WFInputType", "Text")
    names = {"Number": "WFAskActionDefaultAnswerNumber", "URL": "WFAskActionDefaultAnswerURL"}
    default = call.text(names.get(kind, "WFAskActionDefaultAnswer"))
    prompt = call.text("WFAskActionPrompt")
    answer = call.session.ask(PersonQuestion("ask", prompt, default=default))
    if answer is None:
        raise Cancelled
    coerced = {
        "Number": "WFNumberContentItem",
        "Date": "WFDateContentItem",
        "Date and Time": "WFDateContentItem",
        "Time": "WFDateContentItem",
    }.get(kind)
    return call.session.coerced(answer, coerced) if coerced else answer


_APPLE = "is.workflow.actions."

DATA_ACTIONS: Mapping[str, Handler] = {
    f"{_APPLE}{name}": handler
    for name, handler in {
        "setvariable": _set_variable,
        "appendvariable": _append_variable,
        "getvariable": _get_variable,
        "nothing": _nothing,
        "list": _list,
        "dictionary": _dictionary,
        "detect.dictionary": _detect_dictionary,
        "getvalueforkey": _value_for_key,
        "setvalueforkey": _set_value_for_key,
        "getitemfromlist": _item_from_list,
        "choosefromlist": _choose_from_list,
        "getitemtype": _type_of,
        "getitemname": _name_of,
        "setitemname": _rename,
        "ask": _ask,
    }.items()
}
