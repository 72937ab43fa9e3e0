"""Models from words.

One model::

    openai:NAME[?OPTIONS]              the server of OPENAI_BASE_URL, with OPENAI_API_KEY
    http://HOST:PORT/v1#NAME[?OPTIONS] any other server, with TAPGRAPH_API_KEY if it is set
    local:PATH[?OPTIONS]               a checkpoint on this machine, in this process: its folder or
                                       GGUF file, or the name that `tapgraph model get` gave it

Options are joined by `&`; for servers:

================ ================================== ==========================================
pictures         none, operator, all                which roles show it pictures (none)
coordinates      pixels, 0-1, 0-999, 0-1000         how it writes points (pixels)
max_image_px     at least 1                         the longer side of a picture (no limit)
dialect          ui-tars, autoglm, gui-owl,         the native format of a GUI model, and how it
                 qwen-vl, computer-use              writes points (JSON)
calls            reply, native                      how the API agent's model calls APIs: in its
                                                    reply, or as tools (reply)
json             schema, object, tools, none        how replies are bound to JSON (schema)
keeps_schemas    true, false                        whether replies keep to any schema, as those of
                                                    vLLM, SGLang and llama.cpp do: each step then
                                                    has its own (false)
max_tokens       at least 1                         a reply, thinking included (16384)
temperature      0 to 2                             0 for the likeliest reply (0)
top_p            above 0, at most 1                 see `RequestOptions` (the server's own)
reasoning_effort the server's words                 how long to think (the server's own)
extra_body       a JSON object                      fields that only this server knows (none)
api-version      Azure's                            for the URL of an Azure deployment (none)
price_in         US dollars for a million tokens    what prompts cost (0)
price_cached     US dollars for a million tokens    what cached prompts cost (price_in)
price_out        US dollars for a million tokens    what replies cost (0)
timeout_s        above 0                            how long the server may be silent (120)
max_retries      at least 0                         how often a request is sent again (2)
================ ================================== ==========================================

In `extra_body`, as in `extra_body={"provider":{"order":["x"]}}`, the signs `%`, `&`, `+` and `#`
are written as in URLs (`%25`, `%26`, `%2B`, `%23`).

For `local:` these, of the ones above `pictures`, `coordinates`, `max_image_px`, `dialect`, `calls`,
`max_tokens` and `temperature`, and the options of the attention system, as in
`local:models/small?attention=duo&sink=64`:

================ ================================== ==========================================
attention        as `tapgraph kernels list` says    how it attends (dense)
device           auto, cpu, cuda, cuda:N            where it runs (auto)
dtype            auto, float32, bfloat16, float16,  how it computes (auto: bfloat16 where the
                 int8                               processor multiplies it, else float32)
context_tokens   at least 2                         prompt and reply at most (the model's own)
prefix_mib       at least 0                         memory for recent texts (1024)
cache_mib        at least 1                         memory for those and for replies at work
                                                    (half of what is free)
timeout_s        above 0                            how long a reply may take (no limit)
seed             an integer                         for equal replies above temperature 0 (none)
top_p, top_k, min_p, repetition_penalty,            see `local.generation.Sampling` (those of the
frequency_penalty, presence_penalty, logit_bias     checkpoint's generation_config.json)
longest_text     at least 1                         how long a text in a reply to a schema may be,
                                                    and strict limits for all else that could grow,
                                                    see `local.short_schema` (2000, lists of 32)
steer            a file                             the heads that follow highlighted words, as
                                                    `tapgraph kernels calibrate steering` wrote
                                                    them (no highlights)
tasks            a file or a folder                 task embeddings of `tapgraph model task` (none)
task             the name of one of them            for requests that name none (none)
================ ================================== ==========================================

Several models are joined by commas: the first one plays every role that has none of its own,
`ROLE=SPEC` gives a role its own, and `fallback=SPEC` steps in when another is unavailable::

    openai:small,manager=openai:large,fallback=http://localhost:8000/v1#local

Commas inside braces do not part models.
"""

import importlib.util
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tapgraph.errors import ExtraMissing, ModelUnavailable, UsageError
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.llm_backend.model_options import LocalOptions, ServerOptions, read_options
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.settings import Settings

if TYPE_CHECKING:
    from tapgraph.llm_backend.local.opening import LocalSettings

__all__ = ["open_model", "open_models", "served_settings", "split_roles"]

_KINDS = (
    "openai:NAME, http://HOST:PORT/v1#NAME, local:PATH or, on the simulated phone, demonstrator"
)
_LOCAL = "local:"
_ROLE = re.compile(r"([a-z][a-z_]*)=(.*)", re.DOTALL)
_STRING_OR_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"|[{},]', re.DOTALL)
_CLIENTS_OWN = frozenset({
    "pictures", "coordinates", "max_image_px", "dialect", "calls", "max_tokens", "longest_text",
    "timeout_s",
})  # fmt: skip
_HOST_OF_OPENAI = "api.openai.com"


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    name: str
    api_key: str | None


def open_model(spec: str, settings: Settings) -> ChatModel:
    """The model that a spec of one model names; a server is not asked yet, a checkpoint is loaded.

    Raises:
        UsageError: the spec is not one, or its checkpoint cannot be loaded.
        ModelUnavailable: OpenAI's own server is meant and no key is set.
        ExtraMissing: a checkpoint is named, and what runs it is not installed.
    """
    address, has_options, query = spec.strip().partition("?")
    if has_options and "#" in query:
        raise UsageError(
            "options stand after the model's name, as in "
            f"http://localhost:8000/v1#NAME?pictures=all; got {spec!r}"
        )
    if address.startswith(_LOCAL):
        options = read_options(LocalOptions, query if has_options else None)
        return _open_local(address, options, settings)
    server = _server(address, settings)
    server_options = read_options(ServerOptions, query if has_options else None)
    # The client takes a second to import, and the demonstration needs none.
    from tapgraph.llm_backend.openai_model import OpenAIModel  # noqa: PLC0415

    return OpenAIModel(
        server.url,
        server.name,
        api_key=server.api_key,
        traits=server_options.traits(server.name),
        price=server_options.price,
        timeout_s=server_options.timeout_s,
        max_retries=server_options.max_retries,
        options=server_options.request_options,
    )


def served_settings(spec: str, settings: Settings) -> "LocalSettings":
    """How the checkpoint of a spec `local:PATH[?OPTIONS]` is to be served; nothing is loaded yet.

    Raises:
        UsageError: the spec is not one of that kind, or has an option for who asks the model.
        ExtraMissing: what runs checkpoints is not installed.
    """
    address, has_options, query = spec.strip().partition("?")
    if not address.startswith(_LOCAL):
        raise UsageError(f"a checkpoint on this machine is local:PATH, got {spec!r}")
    options = read_options(LocalOptions, query if has_options else None)
    for name in options.model_fields_set & _CLIENTS_OWN:
        raise UsageError(
            f"the option {name} is for who asks a model, and a server's clients say that themselves"
        )
    return _local_settings(address, options, settings)


def open_models(spec: str, settings: Settings, *, roles: Collection[str]) -> RoleModels:
    """The models that a spec of one or several models names.

    Args:
        spec: see the text at the top of this module.
        settings: servers and keys.
        roles: the roles that may be given a model of their own.

    Specs that are equal name one model, so a checkpoint is loaded once.

    Raises:
        UsageError: a spec is not one, or a role is not among `roles`; and as `open_model`.
        ModelUnavailable: as `open_model`.
        ExtraMissing: as `open_model`.
    """
    default, by_role = split_roles(spec, roles=roles)
    models = {part: open_model(part, settings) for part in sorted({default, *by_role.values()})}
    opened = {role: models[part] for role, part in by_role.items()}
    fallback = opened.pop("fallback", None)
    return RoleModels(models[default], opened, fallback)


def split_roles(spec: str, *, roles: Collection[str]) -> tuple[str, Mapping[str, str]]:
    """The default spec, and the spec of each role (`fallback` among them) that has its own.

    Raises:
        UsageError: there is not one default, or a role is unknown or named twice.

    >>> split_roles("openai:a,manager=openai:b", roles=["manager"])
    ('openai:a', {'manager': 'openai:b'})
    """
    defaults: list[str] = []
    by_role: dict[str, str] = {}
    for part in _parts(spec):
        named = _ROLE.fullmatch(part.strip())
        if named is None:
            defaults.append(part.strip())
            continue
        role = named[1]
        if role != "fallback" and role not in roles:
            known = ", ".join([*roles, "fallback"])
            raise UsageError(f"no role is called {role!r}; there are {known}")
        if role in by_role:
            raise UsageError(f"the role {role!r} has two models in {spec!r}")
        by_role[role] = named[2]
    if len(defaults) != 1:
        raise UsageError(
            f"a model spec holds exactly one model without a role, got {len(defaults)} in {spec!r}"
        )
    return defaults[0], by_role


def _parts(spec: str) -> list[str]:
    """The text between the commas that stand outside of braces."""
    parts, depth, start = [], 0, 0
    for match in _STRING_OR_SIGN.finditer(spec):
        if match[0] == "," and depth == 0:
            parts.append(spec[start : match.start()])
            start = match.end()
        depth += {"{": 1, "}": -1}.get(match[0], 0)
    return [*parts, spec[start:]]


def _server(address: str, settings: Settings) -> _Server:
    if address.startswith(("http://", "https://")):
        url, _, name = address.partition("#")
        if not name:
            raise UsageError(f"the URL of a model ends in #NAME, got {address!r}")
        is_openai = _host(url) == _HOST_OF_OPENAI
        key = settings.openai_api_key if is_openai else settings.model_api_key
    elif address.startswith("openai:") and address != "openai:":
        url, name = settings.openai_base_url, address.removeprefix("openai:")
        key = settings.openai_api_key
    else:
        raise UsageError(f"a model is {_KINDS}; got {address!r}")
    if key is None and _host(url) == _HOST_OF_OPENAI:
        raise ModelUnavailable(
            f"{_HOST_OF_OPENAI} needs a key: set OPENAI_API_KEY, or OPENAI_BASE_URL for another "
            "server"
        )
    return _Server(url, name, key)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL: {error}") from error


def _open_local(address: str, options: LocalOptions, settings: Settings) -> ChatModel:
    local = _local_settings(address, options, settings)
    # This loads torch, which takes seconds and is not there in a plain installation.
    from tapgraph.llm_backend.local.opening import open_local  # noqa: PLC0415

    return open_local(local, options.traits)


def _local_settings(address: str, options: LocalOptions, settings: Settings) -> "LocalSettings":
    path = address.removeprefix(_LOCAL)
    if not path:
        raise UsageError(f"a model is {_KINDS}; got {address!r}")
    needed = ("torch", "transformers", "safetensors", "llguidance")
    if any(importlib.util.find_spec(module) is None for module in needed):
        raise ExtraMissing("local", "a model on this machine")
    # As above.
    from tapgraph.llm_backend.local.opening import LocalSettings  # noqa: PLC0415

    return LocalSettings(
        path=ModelStore(settings.models_folder).path_of(path),
        attention=options.attention,
        attention_options={name: str(value) for name, value in (options.model_extra or {}).items()},
        device=options.device,
        dtype=options.dtype,
        context_tokens=options.context_tokens,
        prefix_bytes=options.prefix_mib * 2**20,
        cache_bytes=None if options.cache_mib is None else options.cache_mib * 2**20,
        sampling=options.sampling,
        timeout_s=options.timeout_s,
        longest_text=options.longest_text,
        steering=None if options.steer is None else Path(options.steer),
        tasks=options.tasks,
        task=options.task,
    )
