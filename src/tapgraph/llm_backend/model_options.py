"""The options of a model spec, `NAME=VALUE` joined by `&`; `model_spec` says what each means."""

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, Json, JsonValue, ValidationError

from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import (
    CallForm,
    CoordinateSpace,
    JsonForm,
    ModelTraits,
    Pictures,
)
from tapgraph.llm_backend.dialects.known import dialect_named
from tapgraph.llm_backend.prices import Price
from tapgraph.llm_backend.request_options import RequestOptions

__all__ = ["LocalOptions", "ServerOptions", "read_options"]


class _TraitOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: Pictures = "none"
    coordinates: CoordinateSpace | None = None
    max_image_px: int | None = Field(default=None, ge=1)
    dialect: str | None = None
    calls: CallForm = "reply"
    max_tokens: int = Field(default=ModelTraits("").max_tokens, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)

    def traits(self, name: str) -> ModelTraits:
        """What is known about the model of this name."""
        points = dialect_named(self.dialect).coordinate_space if self.dialect else "pixels"
        return ModelTraits(
            name,
            pictures=self.pictures,
            coordinate_space=self.coordinates or points,
            image_max_px=self.max_image_px,
            max_tokens=self.max_tokens,
            dialect=self.dialect or "",
            calls=self.calls,
        )


class ServerOptions(_TraitOptions):
    """The options of a model behind a URL."""

    json_form: JsonForm = Field(default="schema", alias="json")
    keeps_schemas: bool = False
    top_p: float | None = Field(default=None, gt=0, le=1)
    reasoning_effort: str | None = Field(default=None, min_length=1)
    extra_body: Json[dict[str, JsonValue]] = Field(default_factory=dict)
    api_version: str | None = Field(default=None, alias="api-version", min_length=1)
    price_in: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    price_cached: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_out: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    timeout_s: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    max_retries: int = Field(default=2, ge=0)

    def traits(self, name: str) -> ModelTraits:
        """What is known about the model of this name."""
        return replace(
            super().traits(name),
            json=self.json_form,
            enforces_schemas=self.keeps_schemas,
            has_known_price=bool({"price_in", "price_out"} & self.model_fields_set),
        )

    @property
    def price(self) -> Price:
        """What its tokens cost."""
        return Price(self.price_in, self.price_out, self.price_cached)

    @property
    def request_options(self) -> RequestOptions:
        """What every request to it holds."""
        return RequestOptions(
            temperature=self.temperature,
            top_p=self.top_p,
            reasoning_effort=self.reasoning_effort,
            extra_body=self.extra_body,
            api_version=self.api_version,
        )


class LocalOptions(_TraitOptions):
    """The options of a checkpoint on this machine; others are those of its attention system."""

    model_config = ConfigDict(extra="allow")

    attention: str = "dense"
    device: str = "auto"
    dtype: str = "auto"
    context_tokens: int | None = Field(default=None, ge=2)
    prefix_mib: int = Field(default=1024, ge=0)
    cache_mib: int | None = Field(default=None, ge=1)
    timeout_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    seed: int | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Json[dict[int, float]] | None = None
    longest_text: int | None = Field(default=None, ge=1)
    steer: str | None = Field(default=None, min_length=1)
    tasks: Path | None = None
    task: str | None = Field(default=None, min_length=1)

    @property
    def sampling(self) -> dict[str, Any]:
        """What was said of sampling, by name."""
        names = _SAMPLING & self.model_fields_set
        return {name: getattr(self, name) for name in names}


_SAMPLING = frozenset({
    "temperature", "seed", "top_p", "top_k", "min_p", "repetition_penalty", "frequency_penalty",
    "presence_penalty", "logit_bias",
})  # fmt: skip
_SomeOptions = TypeVar("_SomeOptions", bound=_TraitOptions)


def read_options(kind: type[_SomeOptions], query: str | None) -> _SomeOptions:
    """The options in the text behind a spec's question mark; None where there is none.

    Raises:
        UsageError: an option is unknown, stands twice or cannot have its value.
    """
    try:
        pairs = (
            [] if query is None else parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        )
    except ValueError as error:
        raise UsageError(f"options look like pictures=all&price_in=2.5, got {query!r}") from error
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise UsageError(f"an option of a model stands twice in {query!r}")
    try:
        return kind.model_validate(dict(pairs))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        option = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            known = ", ".join(field.alias or name for name, field in kind.model_fields.items())
            raise UsageError(f"no option is called {option!r}; there are {known}") from error
        raise UsageError(
            f"the option {option} cannot be {problem['input']!r}: {problem['msg']}"
        ) from error
