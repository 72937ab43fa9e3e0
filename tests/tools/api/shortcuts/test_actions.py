"""Each action of the common core does what its name says."""

from collections.abc import Callable

import pytest

from tapgraph.errors import NotExecutable, ToolError
from tapgraph.tools.api.shortcuts.content import Content, FileItem
from tapgraph.tools.api.shortcuts.runtime import run_workflow
from tapgraph.tools.api.shortcuts.system import Note, SimulatedSystem, WebRequest, WebResponse
from tapgraph.tools.api.shortcuts.workflow import Workflow

Act = Callable[..., dict[str, object]]
Run = Callable[..., Content]

CASES: list[tuple[str, dict[str, object], Content, Content]] = [
    ("text.split", {"WFTextSeparator": "Spaces"}, "a b", ["a", "b"]),
    ("text.split", {"WFTextSeparator": "Custom", "WFTextCustomSeparator": ";"}, "a;b", ["a", "b"]),
    ("text.split", {"WFTextSeparator": "Every Character"}, "ab", ["a", "b"]),
    ("text.combine", {"WFTextSeparator": "Custom", "WFTextCustomSeparator": "+"}, ["a", 1], "a+1"),
    ("text.replace", {"WFReplaceTextFind": "B", "WFReplaceTextReplace": "x"}, "aBb", "axb"),
    (
        "text.replace",
        {
            "WFReplaceTextFind": "b",
            "WFReplaceTextReplace": r"\n",
            "WFReplaceTextCaseSensitive": False,
        },
        "aBb",
        r"a\n\n",
    ),
    (
        "text.replace",
        {
            "WFReplaceTextFind": r"(\d)-(\d)",
            "WFReplaceTextReplace": "$2-$1",
            "WFReplaceTextRegularExpression": True,
        },
        "1-2",
        "2-1",
    ),
    ("text.changecase", {"WFCaseType": "Capitalize Every Word"}, "two wORDS", "Two Words"),
    ("text.changecase", {"WFCaseType": "Capitalize with sentence case"}, "oh! NO", "Oh! No"),
    ("urlencode", {}, "a b&ü", "a%20b%26%C3%BC"),
    ("urlencode", {"WFEncodeMode": "Decode"}, "a%20b", "a b"),
    ("base64encode", {}, "tapgraph", "dGFwZ3JhcGg="),
    ("base64encode", {"WFEncodeMode": "Decode"}, "dGFwZ3JhcGg=", "tapgraph"),
    ("hash", {"WFHashType": "MD5"}, "a", "0cc175b9c0f1b6a831c399e269772661"),
    (
        "detect.link",
        {},
        "see https://a.example/x and http://b.example",
        ["https://a.example/x", "http://b.example"],
    ),
    ("detect.number", {}, "1 of 2.5", [1.0, 2.5]),
    ("geturlcomponent", {"WFURLComponent": "Host"}, "https://a.example/x", "a.example"),
    ("math", {"WFMathOperation": "\u00d7", "WFMathOperand": "7"}, 6, 42.0),
    ("math", {"WFMathOperation": "…", "WFScientificMathOperation": "√x"}, 16, 4.0),
    ("round", {}, 2.5, 3.0),
    ("round", {"WFRoundMode": "Always Round Down", "WFRoundTo": "Hundreds Place"}, 199, 100.0),
    ("round", {"WFRoundTo": "Tenths"}, 3.14159, 3.1),
    ("statistics", {"WFStatisticsOperation": "Median"}, [1, 9, 2], 2.0),
    ("calculateexpression", {}, "2*(3+4)^2", 98.0),
    ("format.number", {"WFNumberFormatDecimalPlaces": 1}, 1234.56, "1,234.6"),
    ("count", {"WFCountType": "Lines"}, "a\nb", 2),
    ("count", {}, ["a", "b", "c"], 3),
    ("getitemfromlist", {"WFItemSpecifier": "Last Item"}, ["a", "b"], "b"),
    ("getitemfromlist", {"WFItemSpecifier": "Item At Index", "WFItemIndex": "2"}, ["a", "b"], "b"),
    (
        "getitemfromlist",
        {"WFItemSpecifier": "Items in Range", "WFItemRangeStart": 2, "WFItemRangeEnd": 3},
        ["a", "b", "c"],
        ["b", "c"],
    ),
    ("getvalueforkey", {"WFDictionaryKey": "a.b"}, {"a": {"b": 1}}, 1),
    ("getvalueforkey", {"WFGetDictionaryValueType": "All Keys"}, {"a": 1, "b": 2}, ["a", "b"]),
    (
        "setvalueforkey",
        {"WFDictionaryKey": "b", "WFDictionaryValue": "2"},
        {"a": 1},
        {"a": 1, "b": "2"},
    ),
    ("detect.dictionary", {}, "a=1&b=2", {"a": "1", "b": "2"}),
    ("getitemtype", {}, 3, "Number"),
    (
        "adjustdate",
        {"WFDuration": {"Value": {"Magnitude": "1", "Unit": "months"}}},
        "2026-01-31",
        "Feb 28, 2026 at 12:00 AM",
    ),
    (
        "adjustdate",
        {"WFAdjustOperation": "Get Start of Year"},
        "2026-05-06 07:08",
        "Jan 1, 2026 at 12:00 AM",
    ),
    (
        "gettimebetweendates",
        {"WFTimeUntilFromDate": "2026-01-01", "WFTimeUntilUnit": "Days"},
        "2026-01-31",
        30.0,
    ),
    ("format.date", {"WFDateFormatStyle": "ISO 8601"}, "2026-05-06", "2026-05-06"),
    (
        "format.date",
        {"WFDateFormatStyle": "Long", "WFTimeFormatStyle": "None"},
        "2026-05-06",
        "May 6, 2026",
    ),
]


@pytest.mark.parametrize(("name", "parameters", "given", "expected"), CASES)
def test_an_action_gives(
    run: Run, act: Act, name: str, parameters: dict[str, object], given: Content, expected: Content
) -> None:
    start = act("getvariable", WFVariable={"Value": {"Type": "ExtensionInput"}})
    actions = [start, act(name, **parameters)]
    if name == "adjustdate":
        actions.append(act("detect.text"))
    assert run(*actions, given=given) == expected


@pytest.mark.parametrize(
    ("name", "parameters", "given", "message"),
    [
        ("math", {"WFMathOperation": "+"}, "no number", "expected a number"),
        ("math", {"WFMathOperation": "?"}, 1, "the operation '\\?'"),
        (
            "getitemfromlist",
            {"WFItemSpecifier": "Item At Index", "WFItemIndex": 9},
            ["a"],
            "1 items",
        ),
        ("detect.dictionary", {}, "words", "expected a dictionary"),
        ("calculateexpression", {}, "__import__('os')", "no part of an expression"),
        ("calculateexpression", {}, "9^9^9^9", "has no value"),
        ("calculateexpression", {}, "(" * 400, "nested too deeply"),
        ("format.date", {}, "the day after", "no date is known"),
        ("text.match", {"WFMatchTextPattern": "("}, "a", "no regular expression"),
        ("downloadurl", {}, "file:///etc/passwd", "is no web address"),
        ("documentpicker.open", {"WFGetFilePath": "none.txt"}, None, "no file 'none.txt'"),
    ],
)
def test_an_action_that_cannot_be_done_says_why(
    run: Run, act: Act, name: str, parameters: dict[str, object], given: Content, message: str
) -> None:
    start = act("getvariable", WFVariable={"Value": {"Type": "ExtensionInput"}})
    with pytest.raises(ToolError, match=message):
        run(start, act(name, **parameters), given=given)


def test_matches_have_groups(run: Run, act: Act) -> None:
    found = run(
        act("gettext", WFTextActionText="k1=v1,k2=v2"),
        act("text.match", WFMatchTextPattern=r"(\w\d)=(\w\d)"),
        act("text.match.getgroup", WFGroupIndex="2"),
    )
    assert found == ["v1", "v2"]


def test_effects_can_be_read_from_the_system(run: Run, act: Act, system: SimulatedSystem) -> None:
    run(
        act("gettext", WFTextActionText="Milk\nbread"),
        act("com.apple.mobilenotes.SharingExtension"),
        act("appendnote", WFNote="Milk", WFInput="eggs"),
        act("setclipboard", WFInput="copied"),
        act("alert", WFAlertActionTitle="Oh", WFAlertActionMessage="no"),
        act("notification", WFNotificationActionTitle="Ping", WFNotificationActionBody="pong"),
        act("showresult", Text="shown"),
        act("setvolume", WFVolume=0.25),
        act("flashlight", operation="Toggle"),
        act("vibrate"),
        act("openurl", WFInput="https://a.example"),
        act("openapp", WFSelectedApp={"Name": "Maps", "BundleIdentifier": "com.apple.Maps"}),
        act("addnewreminder", WFCalendarItemTitle="Buy milk"),
        act(
            "documentpicker.save",
            WFInput="x",
            WFAskWhereToSave=False,
            WFFileDestinationPath="/../a/b.txt",
        ),
    )
    assert system.notes == [Note("Milk\nbread\neggs")]
    assert system.clipboard == "copied"
    assert system.shown == [
        ("alert", "Oh\nno"),
        ("notification", "Ping\npong"),
        ("result", "shown"),
    ]
    assert system.settings == {"Current Volume": 0.25, "Flashlight": True}
    assert system.effects == ["vibrate"]
    assert system.opened == ["https://a.example", "app:Maps"]
    assert system.reminders == ["Buy milk"]
    assert system.files == {"a/b.txt": FileItem("a/b.txt", b"x")}


def test_requests_go_through_the_transport_alone(act: Act) -> None:
    def answer(request: WebRequest) -> WebResponse:
        return WebResponse(b'{"temperature": 21}', "application/json")

    def field(name: str, value: str) -> dict[str, object]:
        return {"WFItemType": 0, "WFKey": name, "WFValue": value}

    system = SimulatedSystem(transport=answer)
    workflow = Workflow.from_actions([
        act(
            "downloadurl",
            WFURL="https://weather.example/now",
            WFHTTPMethod="POST",
            WFHTTPHeaders={"Value": {"WFDictionaryFieldValueItems": [field("X-Key", "k")]}},
            WFHTTPBodyType="JSON",
            WFJSONValues={"Value": {"WFDictionaryFieldValueItems": [field("city", "Bern")]}},
        ),
        act("getvalueforkey", WFDictionaryKey="temperature"),
    ])
    assert run_workflow(workflow, system).output == 21
    headers = {"X-Key": "k", "Content-Type": "application/json"}
    wanted = WebRequest("POST", "https://weather.example/now", headers, b'{"city": "Bern"}')
    assert system.requests == [wanted]


def test_without_a_transport_nothing_is_sent(run: Run, act: Act) -> None:
    with pytest.raises(NotExecutable, match="no transport to the web is given"):
        run(act("downloadurl", WFURL="https://weather.example/now"))


def test_a_data_url_needs_no_web(run: Run, act: Act) -> None:
    url = act("url", WFURLActionURL="data:text/html,<p>a%20b</p>")
    assert run(url, act("getwebpagecontents")) == "a b"
