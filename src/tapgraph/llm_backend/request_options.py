"""What every request to a server holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RequestOptions"]


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What every request holds where the caller does not say otherwise.

    Attributes:
        temperature: 0 for the likeliest reply.
        top_p: choose among the likeliest tokens that hold this share; None for the server's own.
        reasoning_effort: how long to think, in the server's words; None for the server's own.
        extra_body: fields that only this server knows.
        api_version: Azure's `api-version`; with it the key is sent as `api-key` too.
    """

    temperature: float = 0.0
    top_p: float | None = None
    reasoning_effort: str | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    api_version: str | None = None
