"""ShortcutsBench's APIs and what is wrong with their texts."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tapgraph.errors import UsageError
from tapgraph.tools.api.shortcuts_catalog import Finding, check_catalog, load_shortcuts_catalog

ENUM = (
    "The value of this Enum must be one of the following values"
    " (The text in parentheses describes the value): "
)
INFOS = {
    "a.sound": 'a.sound(kind: Enum = "Media", level: Float = 0.5)\nParameters:\n'
    f'    kind:  Kind. What to change.. {ENUM}"Media", "Ring"(The (loud) one).\n'
    "    level:  Level.\n"
    'This goes on. This parameter is only valid when the value of "kind" is "Media".\n'
    "Description:\n    Set Sound: Sets it.\nParameterSummary: Set ${kind} to ${level}\n",
    "a.list": "a.list(items: Object) -> List: Object\nParameters:\n    items:  Items.\n"
    "Return Value:\n    List: \nDescription:\n    List: Makes one.\n"
    "ParameterSummary: (operation) ${operation} bluetooth\n",
    "a.voice": "a.voice(x: String, y: Enum)\nParameters:\n    x: CREATE_X_TITLE.\n"
    '    y:  Y. This parameter is only valid when the value of "gone" is True.\n'
    "Description:\n    CREATE_RECORDING_INTENT_TITLE\nParameterSummary: () \n",
    "a.long": f"a.long()\nDescription:\n    Long: {'word ' * 4000}\nParameterSummary: () \n",
    "a.none": "a.none()\nParameterSummary: () \n",
}
TYPES = {
    "a.sound": {"kind": 'Enum = "Media"', "level": "Float = 0.5"},
    "a.list": {"items": "WFDictionaryParameter(Object)", "ThisIsReturnValue:List": "Object"},
    "a.voice": {"x": "String", "y": "Enum"},
    "a.long": {},
    "a.none": {},
}
SENTENCES = {
    "a.sound": {"kind,level": "Set ${kind} to ${level}"},
    "a.list": {"": "List"},
    "a.voice": {"": "CREATE_X_SENTENCE"},
    "a.long": {},
    "a.none": {},
}
FILES = {
    "all_api2info.json": INFOS,
    "all_api2paraname2paratype.json": TYPES,
    "all_api2parasummary.json": SENTENCES,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_text(json.dumps(content), "utf-8")
    return tmp_path


def test_types_choices_defaults_and_sentences_are_read(folder: Path) -> None:
    api = load_shortcuts_catalog(folder)["a.sound"]
    kind, level = api.parameters
    assert api.summary == "Set Sound: Sets it. Set (kind) to (level)."
    assert (kind.type, kind.choices, kind.default) == ("enumeration", ("Media", "Ring"), "Media")
    assert kind.description == "Kind. What to change."
    assert (level.type, level.default) == ("number", 0.5)
    assert level.description == "Level. This goes on. Counts only when kind is 'Media'."


def test_outputs_are_named(folder: Path) -> None:
    api = load_shortcuts_catalog(folder)["a.list"]
    assert api.returns == "List (Object)"
    assert api.parameters[0].type == "dictionary"
    assert "bluetooth" not in api.summary


def test_long_texts_are_cut(folder: Path) -> None:
    assert len(load_shortcuts_catalog(folder)["a.long"].summary) <= 1000


def test_raw_keys_and_conditions_that_cannot_hold_are_left_out(folder: Path) -> None:
    api = load_shortcuts_catalog(folder)["a.voice"]
    assert api.summary == ""
    assert [one.description for one in api.parameters] == ["", "Y."]


def test_defects_are_named(folder: Path) -> None:
    found = check_catalog(folder)
    assert [(one.identifier, one.defect, one.parameter) for one in found] == [
        ("a.list", "wrong summary", ""),
        ("a.voice", "raw text key", ""),
        ("a.voice", "enumeration without values", "y"),
        ("a.voice", "impossible condition", "y"),
        ("a.long", "very long text", ""),
        ("a.none", "no description", ""),
    ]
    assert found[0] == Finding(
        "a.list", "wrong summary", "", "(operation) ${operation} bluetooth", repaired=True
    )


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UsageError, match=f"there is no .*{name}"):
        load_shortcuts_catalog(folder)


@pytest.mark.parametrize("name", FILES)
def test_cut_file_is_named(folder: Path, name: str) -> None:
    text = (folder / name).read_text("utf-8")
    (folder / name).write_text(text[: len(text) // 2], "utf-8")
    with pytest.raises(UsageError, match=f"{name} is not whole JSON"):
        check_catalog(folder)


def test_files_about_different_apis_are_refused(folder: Path) -> None:
    (folder / "all_api2parasummary.json").write_text("{}", "utf-8")
    with pytest.raises(UsageError, match=r"hold different APIs; the first is 'a\.list'"):
        load_shortcuts_catalog(folder)


@pytest.mark.parametrize("content", [{"a.none": 3}, {"a.none": ["x"]}, []])
def test_other_shapes_are_refused(folder: Path, content: object) -> None:
    types = {**TYPES, **content} if isinstance(content, dict) else content
    (folder / "all_api2paraname2paratype.json").write_text(json.dumps(types), "utf-8")
    with pytest.raises(UsageError, match="must hold"):
        load_shortcuts_catalog(folder)


def test_the_real_catalogue_is_read_whole(shared_data: Path) -> None:
    catalog = load_shortcuts_catalog(shared_data / "shortcutsbench/data")
    types = Counter(p.type for api in catalog for p in api.parameters)
    assert len(catalog) == 1414
    assert types.total() == 3851
    assert (types["boolean"], types["integer"], types["number"]) == (570, 222, 97)
    assert catalog["is.workflow.actions.dictionary"].summary.endswith("Dictionary.")
    assert "GET" not in str(catalog["is.workflow.actions.downloadurl"].parameter("WFJSONValues"))
    assert all(len(api.summary) <= 1000 for api in catalog)


def test_the_real_defects_are_those_of_the_research(shared_data: Path) -> None:
    found = Counter(one.defect for one in check_catalog(shared_data / "shortcutsbench/data"))
    assert found["wrong summary"] == 25
    assert found["very long text"] == 25
    assert found["inverted condition"] == 7
    assert found["no description"] == 11
