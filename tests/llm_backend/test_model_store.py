"""Models are kept by name, whole or not at all."""

from pathlib import Path

import pytest

from tapgraph.errors import UsageError
from tapgraph.llm_backend.model_store import ModelOrigin, ModelStore, place_calibrations

ORIGIN = ModelOrigin("a hub", "abc", "MIT")


def write_weights(folder: Path) -> ModelOrigin:
    (folder / "weights").write_bytes(b"12345")
    return ORIGIN


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.mark.parametrize("name", ["small", "owner/small", "a.b_c-1/d.e"])
def test_what_was_added_is_found_by_its_name(store: ModelStore, name: str) -> None:
    kept = store.add(name, write_weights)
    assert store.find(name) == kept
    assert (store.path_of(name) / "weights").read_bytes() == b"12345"
    assert kept.origin == ORIGIN
    assert kept.bytes_on_disk > 5


def test_all_are_listed_by_name(store: ModelStore) -> None:
    for name in ("owner/b", "a", "owner/a"):
        store.add(name, write_weights)
    assert [kept.name for kept in store.kept()] == ["a", "owner/a", "owner/b"]


def test_nothing_is_kept_where_no_folder_is(store: ModelStore) -> None:
    assert store.kept() == ()
    assert store.find("small") is None


@pytest.mark.parametrize(
    "name", ["..", "../small", "a/../b", "/etc", "a/b/c", "", "-x", "a b", "ä"]
)
def test_no_name_leaves_the_folder(store: ModelStore, name: str) -> None:
    with pytest.raises(UsageError, match="a model's name looks like"):
        store.add(name, write_weights)
    assert store.find(name) is None


def test_a_broken_try_is_not_found_and_is_taken_up_again(store: ModelStore) -> None:
    def breaks(folder: Path) -> ModelOrigin:
        (folder / "first half").write_bytes(b"1")
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="the line is dead"):
        store.add("small", breaks)
    assert store.find("small") is None
    assert store.kept() == ()
    kept = store.add("small", write_weights)
    assert (kept.path / "first half").is_file()


def test_a_path_that_exists_comes_before_a_name(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("small", write_weights)
    monkeypatch.chdir(tmp_path)
    assert store.path_of("small") != Path("small")
    (tmp_path / "small").mkdir()
    assert store.path_of("small") == Path("small")


def test_what_is_removed_is_gone(store: ModelStore) -> None:
    kept = store.add("owner/small", write_weights)
    store.remove("owner/small")
    assert not kept.path.exists()
    with pytest.raises(UsageError, match="no model is kept as 'owner/small'; there are: none"):
        store.remove("owner/small")


def test_calibrations_that_are_shipped_come_with_the_model(store: ModelStore) -> None:
    kept = store.add("smollm2", write_weights)
    assert {file.name for file in kept.path.glob("tapgraph-*.safetensors")} == {
        f"tapgraph-{name}.safetensors" for name in ("duo", "razor", "sale", "dhsa")
    }
    assert not list(store.add("other", write_weights).path.glob("*.safetensors"))


def test_a_calibration_of_ones_own_stays(store: ModelStore) -> None:
    kept = store.add("smollm2", write_weights)
    own, gone = kept.path / "tapgraph-duo.safetensors", kept.path / "tapgraph-razor.safetensors"
    own.write_bytes(b"mine")
    gone.unlink()
    place_calibrations("smollm2", kept.path)
    assert own.read_bytes() == b"mine"
    assert gone.is_file()
