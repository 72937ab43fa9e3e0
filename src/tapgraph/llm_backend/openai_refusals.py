"""What a server was found to refuse, so that it is not asked for it again.

Servers refuse what they do not know in a hundred wordings, and a schema that is given up for the
wrong reason costs every later reply its form. So there is one rule:

- A refusal that names what it refuses (`temperature`, `response_format` …) leads to the same
  request without that. It is remembered only when this request is answered.
- A refusal that names nothing we sent may still mean the schema: the same request is sent with the
  schema as text. Only when that helped twice in a row is the schema given up.

So a prompt that is too long, or a picture that a server cannot read, never costs a schema: the
request without it is refused as well.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import openai

from tapgraph.llm_backend.chat_model import JsonForm

__all__ = ["Refusals", "with_refusal"]

_STATUSES = frozenset({400, 422, 500, 501})
_ECHO = re.compile(r"""['"]input['"]\s*:""")
"""After this some servers repeat the whole request, which names everything."""
_FORM = re.compile(
    r"response[_ ]format|json[_ ](schema|object|mode)|schema|grammar|guided|structured[_ ]output"
)
_CALL = re.compile(r"tool|function")
_TOKENS = re.compile(r"max_(completion_|new_)?tokens|(completion|output) tokens|in the completion")
_TOO_LARGE = re.compile(r"large|at most|maximum|range|less than|exceed|greater|reduce|>")
_OPTIONS: Mapping[str, re.Pattern[str]] = {
    "temperature": re.compile("temperature"),
    "top_p": re.compile("top_p"),
    "reasoning_effort": re.compile("reasoning"),
}


@dataclass(frozen=True, slots=True)
class Refusals:
    """What is not sent any more.

    Attributes:
        options: names of the fields that are left out.
        schemas: names of the schemas that are not sent.
        objects: whether `json_object` is refused.
        calls: whether a forced call is refused.
        old_tokens_name: whether `max_tokens` is called `max_completion_tokens`.
        tokens: the smallest limit that was too large; None for no limit.
    """

    options: frozenset[str] = frozenset()
    schemas: frozenset[str] = frozenset()
    objects: bool = False
    calls: bool = False
    old_tokens_name: bool = False
    tokens: int | None = None

    def __or__(self, other: "Refusals") -> "Refusals":
        limits = [limit for limit in (self.tokens, other.tokens) if limit is not None]
        return Refusals(
            self.options | other.options,
            self.schemas | other.schemas,
            self.objects or other.objects,
            self.calls or other.calls,
            self.old_tokens_name or other.old_tokens_name,
            min(limits, default=None),
        )

    def form(self, wanted: JsonForm, schema_name: str) -> JsonForm:
        """The form that is left: a schema falls to `object`, the others to `none`."""
        if wanted == "tools":
            return "none" if self.calls else "tools"
        if wanted == "schema" and schema_name not in self.schemas:
            return "schema"
        return "none" if wanted == "none" or self.objects else "object"

    def takes_tokens(self, limit: int) -> bool:
        """Whether a limit of so many tokens may be sent."""
        return self.tokens is None or limit < self.tokens

    def without_form(self, form: JsonForm, schema_name: str) -> "Refusals":
        """The same, and this form refused."""
        if form == "schema":
            return replace(self, schemas=self.schemas | {schema_name})
        return replace(self, calls=True) if form == "tools" else replace(self, objects=True)


def with_refusal(
    known: Refusals,
    error: openai.APIStatusError,
    sent: Mapping[str, Any],
    *,
    form: JsonForm,
    schema_name: str,
) -> Refusals | None:
    """What is known with what this error names of the sent fields; None where it names nothing."""
    if error.status_code not in _STATUSES:
        return None
    said = _ECHO.split(f"{error.param} {error.message}".lower())[0]
    limit = sent.get("max_completion_tokens", sent.get("max_tokens"))
    if limit is not None and _is_too_large(limit, said):
        return replace(known, tokens=limit)
    if "max_tokens" in sent and "max_completion_tokens" in said:
        return replace(known, old_tokens_name=True)
    for option, name in _OPTIONS.items():
        if option in sent and name.search(said):
            return replace(known, options=known.options | {option})
    names_form = _FORM.search(said) or (form == "tools" and _CALL.search(said))
    if form != "none" and names_form:
        return known.without_form(form, schema_name)
    return None


def _is_too_large(limit: int, said: str) -> bool:
    if re.search(rf"\b{limit}\b", said):
        return "token" in said
    return bool(_TOKENS.search(said) and _TOO_LARGE.search(said))
