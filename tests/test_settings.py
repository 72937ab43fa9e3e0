"""What the environment says."""

from pathlib import Path

import pytest

from tapgraph.errors import EnvironmentMissing
from tapgraph.settings import Settings, secret_from_environment


def test_nothing_set_gives_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings.from_environment({})
    assert settings.home == tmp_path / ".local/share/tapgraph"
    assert settings.memory_file == settings.home / "memory.db"
    assert settings.openai_base_url == "https://api.openai.com/v1"
    assert settings.openai_api_key is settings.model_api_key is None


def test_variables_are_read() -> None:
    settings = Settings.from_environment({
        "TAPGRAPH_HOME": "/data/tapgraph",
        "OPENAI_BASE_URL": "http://localhost:8000/v1",
        "OPENAI_API_KEY": " sk-1\n",
        "TAPGRAPH_API_KEY": "sk-2",
    })
    assert settings.home == Path("/data/tapgraph")
    assert settings.openai_base_url == "http://localhost:8000/v1"
    assert (settings.openai_api_key, settings.model_api_key) == ("sk-1", "sk-2")


def test_blank_variables_count_as_absent() -> None:
    assert Settings.from_environment({"OPENAI_API_KEY": " "}).openai_api_key is None


def test_this_process_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-3")
    assert Settings.from_environment().openai_api_key == "sk-3"


def test_keys_are_not_shown() -> None:
    shown = repr(Settings.from_environment({"OPENAI_API_KEY": "sk-1", "TAPGRAPH_API_KEY": "sk-2"}))
    assert "sk-" not in shown


def test_relative_home_becomes_absolute() -> None:
    assert Settings.from_environment({"TAPGRAPH_HOME": "here"}).home.is_absolute()


def test_secret_that_the_caller_names_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", " k-1\n")
    assert secret_from_environment("SOME_KEY") == "k-1"


def test_secret_that_is_absent_or_blank_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", " ")
    with pytest.raises(EnvironmentMissing, match="'SOME_KEY' is not set"):
        secret_from_environment("SOME_KEY")
