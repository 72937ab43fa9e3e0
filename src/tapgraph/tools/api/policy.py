"""Which calls a person must allow, decided below the model and without one.

A call is judged by what its catalogue says of its effect and by the words that the API is called
by: whatever a model was talked into by an answer of a service, nothing is paid, sent, deleted,
granted or installed without a yes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tapgraph.tools.api.catalog import Api
from tapgraph.tools.api.json_value import Json, excerpt, json_line
from tapgraph.tools.api.retrieval import words_of

__all__ = ["CallRisk", "RiskyCall", "assess_call"]

CallRisk: TypeAlias = Literal["pay", "send", "delete", "grant", "install"]

_VERBS: Mapping[CallRisk, str] = {
    "pay": "pay|buy|purchase|checkout|subscribe|donate|transfer|charge|refund",
    "send": "send|publish|tweet|reply|forward|invite|share",
    "delete": "delete|remove|erase|wipe|purge|destroy|clear|reset|cancel|drop",
    "grant": "grant|revoke|authorize|authorise|allow",
    "install": "install|uninstall|upgrade",
}
_THINGS: Mapping[CallRisk, str] = {
    "pay": "payment|order|invoice",
    "send": "email|mail|sms|message|tweet",
}
"""What is paid or sent when it is made; judged where the catalogue says that a call changes."""
_LONGEST_LABEL = 600


@dataclass(frozen=True, slots=True)
class RiskyCall:
    """What kind of harm a call could do, and the call as a person should read it."""

    risk: CallRisk
    label: str


def assess_call(api: Api, arguments: Mapping[str, Json]) -> RiskyCall | None:
    """The risk of a call, None when the policy has nothing against it.

    What only reads is free. Of the rest, what destroys is a `delete`; else the words of the
    identifier and the first word of the summary decide, as they name what is done.

    >>> assess_call(Api("mail.send", "Sends a message."), {"to": "Ann"})
    RiskyCall(risk='send', label='mail.send {"to": "Ann"}')
    >>> assess_call(Api("mail.list_sent", "Lists what was sent."), {}) is None
    True
    """
    if api.effect == "reads":
        return None
    label = excerpt(f"{api.identifier} {json_line(dict(arguments))}", _LONGEST_LABEL)
    if api.effect == "destroys":
        return RiskyCall("delete", label)
    words = {*words_of(api.identifier), *words_of(api.summary[:80])[:1]}
    for risk, verbs in _VERBS.items():
        telling = verbs.split("|")
        if api.effect == "changes":
            telling += _THINGS.get(risk, "").split("|")
        if not words.isdisjoint(telling):
            return RiskyCall(risk, label)
    return None
