"""Forms that real shortcuts have: old parameters, variables in texts, dates in words.

The clock says 2 March 2026, 12:00 in UTC.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tapgraph.errors import NotExecutable, ToolError
from tapgraph.tools.api.shortcuts.content import Content
from tapgraph.tools.api.shortcuts.date_text import read_date
from tapgraph.tools.api.shortcuts.pattern_flags import with_scoped_flags
from tapgraph.tools.api.shortcuts.runtime import run_workflow
from tapgraph.tools.api.shortcuts.system import SimulatedSystem
from tapgraph.tools.api.shortcuts.workflow import Workflow

Act = Callable[..., dict[str, object]]
Run = Callable[..., Content]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def alone(**variable: object) -> dict[str, object]:
    """A text that is one variable and no more."""
    return {
        "Value": {"string": "￼", "attachmentsByRange": {"{0, 1}": variable}},
        "WFSerializationType": "WFTextTokenString",
    }


CURRENT = {"Type": "CurrentDate"}


def offset(operation: str, unit: str, value: object = 1) -> dict[str, object]:
    return {
        "Value": {"Operation": operation, "Unit": unit, "Value": value},
        "WFSerializationType": "WFTimeOffsetValue",
    }


def test_a_date_in_a_text_keeps_its_seconds(act: Act) -> None:
    noon_and_a_bit = datetime(2026, 3, 2, 12, 0, 59, tzinfo=UTC)
    system = SimulatedSystem(clock=lambda: noon_and_a_bit)
    actions = [act("adjustdate", WFDate=alone(**CURRENT), WFAdjustOperation="Get Start of Minute")]
    assert run_workflow(Workflow.from_actions(actions), system).output == NOW


def test_a_date_in_a_text_with_a_change_is_changed_first(run: Run, act: Act) -> None:
    style = {"Type": "WFDateFormatVariableAggrandizement", "WFDateFormatStyle": "Long"}
    date = alone(Type="CurrentDate", Aggrandizements=[style])
    iso = act("format.date", WFDate=date, WFDateFormatStyle="Custom", WFDateFormat="yyyyMMdd")
    assert run(iso) == "20260302"


def test_a_date_amid_words_is_text(run: Run, act: Act) -> None:
    words = {"Value": {"string": "￼!", "attachmentsByRange": {"{0, 1}": CURRENT}}}
    with pytest.raises(ToolError, match="no date is known in 'Mar 2, 2026 at 12:00 PM!'"):
        run(act("format.date", WFDate=words))


@pytest.mark.parametrize(
    ("operation", "unit", "value", "expected"),
    [
        ("Add", "Second", 90, datetime(2026, 3, 2, 12, 1, 30, tzinfo=UTC)),
        ("Subtract", "Minute", "30", datetime(2026, 3, 2, 11, 30, tzinfo=UTC)),
        ("Add", "Hour", 13, datetime(2026, 3, 3, 1, tzinfo=UTC)),
        ("Subtract", "Day", 2, datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("Add", "Week", {"Type": "ExtensionInput"}, datetime(2026, 3, 16, 12, tzinfo=UTC)),
        ("Add", "Month", 11, datetime(2027, 2, 2, 12, tzinfo=UTC)),
        ("Subtract", "Year", 2, datetime(2024, 3, 2, 12, tzinfo=UTC)),
        ("Get Start Of Month", "Second", 0, datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_the_offset_picker_of_older_shortcuts(
    run: Run, act: Act, operation: str, unit: str, value: object, expected: datetime
) -> None:
    adjusted = act("adjustdate", WFAdjustOffsetPicker=offset(operation, unit, value))
    assert run(act("date"), adjusted, given="2") == expected


def test_the_newer_form_goes_before_the_picker_that_is_kept_beside_it(run: Run, act: Act) -> None:
    adjusted = act(
        "adjustdate",
        WFAdjustOperation="Add",
        WFDuration={"Value": {"Magnitude": 1, "Unit": "hr"}},
        WFAdjustOffsetPicker=offset("Subtract", "Year"),
    )
    assert run(act("date"), adjusted) == datetime(2026, 3, 2, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "unit", "expected"),
    [
        ({"WFTimeUntilReferenceDate": "Right Now"}, "Hours", -12),
        ({}, "Minutes", -720),
        ({"WFTimeUntilReferenceDate": alone(**CURRENT)}, "Hours", -12),
        ({"WFTimeUntilReferenceDate": "Other", "WFTimeUntilCustomDate": "2/1/2026"}, "Weeks", 4),
        ({"WFTimeUntilFromDate": "2026-03-01 23:59:57"}, "Seconds", 3),
        ({"WFTimeUntilFromDate": "2026-03-01 12:00"}, "Days", 0),
        ({"WFTimeUntilFromDate": "2025-01-31"}, "Months", 13),
        ({"WFTimeUntilFromDate": "March 3, 2024"}, "Years", 1),
        ({"WFTimeUntilFromDate": "2028-03-02"}, "Years", -2),
    ],
)
def test_time_between_counts_whole_units_from_the_first_date(
    run: Run, act: Act, first: dict[str, object], unit: str, expected: int
) -> None:
    assert run(act("gettimebetweendates", WFTimeUntilUnit=unit, **first), given="2026-3-2") == (
        expected
    )


def test_total_time_reads_in_words_and_counts_in_seconds(run: Run, act: Act) -> None:
    total = act(
        "gettimebetweendates", WFTimeUntilFromDate="2026-03-01 10:30", WFTimeUntilUnit="Total Time"
    )
    assert run(total, act("detect.text"), given="2026-03-02 11:31") == "1 day, 1 hour, 1 minute"
    assert run(total, act("math", WFMathOperand="1"), given="2026-03-01 10:31") == 61.0


@pytest.mark.parametrize("date_style", ["None", "Short", "Medium", "Long", "Full"])
@pytest.mark.parametrize("time_style", ["None", "Short", "Medium", "Long"])
def test_every_style_that_is_written_is_read(
    run: Run, act: Act, date_style: str, time_style: str
) -> None:
    if date_style == time_style == "None":
        return
    written = act("format.date", WFDateFormatStyle=date_style, WFTimeFormatStyle=time_style)
    day = act("adjustdate", WFAdjustOperation="Get Start of Day")
    read = act("date", WFDateActionMode="Specified Date", WFDateActionDate=alone(Type="Input"))
    expected = NOW if time_style != "None" else datetime(2026, 3, 2, tzinfo=UTC)
    assert run(act("date"), written, read) == expected
    assert run(act("date"), written, day) == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("style", "days", "expected"),
    [
        ("RFC 2822", 0, NOW),
        ("ISO 8601", 0, datetime(2026, 3, 2, tzinfo=UTC)),
        ("Relative", 0, NOW),
        ("Relative", 1, NOW + timedelta(days=1)),
        ("Relative", -1, NOW - timedelta(days=1)),
        ("Relative", 9, NOW + timedelta(days=9)),
        ("Relative", -9, NOW - timedelta(days=9)),
    ],
)
def test_every_named_form_that_is_written_is_read(
    run: Run, act: Act, style: str, days: int, expected: datetime
) -> None:
    moved = act("adjustdate", WFDuration={"Value": {"Magnitude": days, "Unit": "days"}})
    written = act("format.date", WFDateFormatStyle=style)
    assert run(act("date"), moved, written, act("detect.date")) == [expected]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Mon 2 Mar 2026 at 9:05", datetime(2026, 3, 2, 9, 5, tzinfo=UTC)),
        ("3/5/2011 5:42PM", datetime(2011, 3, 5, 17, 42, tzinfo=UTC)),
        ("01/01/1970, 12:00:00 a.m.", datetime(1970, 1, 1, tzinfo=UTC)),
        ("March 5", datetime(2026, 3, 5, tzinfo=UTC)),
        ("5 PM", datetime(2026, 3, 2, 17, tzinfo=UTC)),
        ("Mar 2, 2026\u202fat 1:00\u202fPM", datetime(2026, 3, 2, 13, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 12:00:00 +0200", datetime(2026, 3, 2, 10, tzinfo=UTC)),
    ],
)
def test_dates_as_people_write_them_are_read(words: str, expected: datetime) -> None:
    assert read_date(words, NOW) == expected


@pytest.mark.parametrize(
    "words", ["", "13 PM", "25:00", "0:30 am", "March", "in 9999999 days", "x"]
)
def test_what_is_no_date_is_refused(words: str) -> None:
    with pytest.raises(ToolError, match="no date is known"):
        read_date(words, NOW)


def test_matches_are_texts_that_remember_their_groups(run: Run, act: Act) -> None:
    matches = act("text.match", WFMatchTextPattern="(.)(\\d)", UUID="M")
    groups = act(
        "text.match.getgroup",
        matches=alone(Type="ActionOutput", OutputUUID="M"),
        WFGetGroupType="All Groups",
    )
    assert run(matches, groups, given="a1 b2") == ["a", "1", "b", "2"]
    first = act("getitemfromlist")
    changed = act("text.changecase", WFCaseType="UPPERCASE")
    assert run(matches, first, changed, given="a1 b2") == "A1"


def test_a_changed_match_has_no_groups(run: Run, act: Act) -> None:
    with pytest.raises(ToolError, match="must be the output of Match Text"):
        run(act("text.match"), act("text.combine"), act("text.match.getgroup"), given="a")


@pytest.mark.parametrize("found", ['[{"n": 1}, {"n": 2}]', [{"n": 1}, {"n": 2}]])
def test_an_array_is_its_dictionaries(run: Run, act: Act, found: Content) -> None:
    dictionaries = act("detect.dictionary")
    assert run(dictionaries, given=found) == [{"n": 1}, {"n": 2}]
    assert run(dictionaries, act("getitemfromlist"), given=found) == {"n": 1}
    assert run(act("getvalueforkey", WFDictionaryKey="n"), given=found) == 1


def test_a_variable_as_a_dictionary_is_the_whole_array(run: Run, act: Act) -> None:
    change = {
        "Type": "WFCoercionVariableAggrandizement",
        "CoercionItemClass": "WFDictionaryContentItem",
    }
    variable = {"Value": {"Type": "ExtensionInput", "Aggrandizements": [change]}}
    counted = act("count", WFCountType="Items", Input=variable)
    assert run(counted, given='[{"a": 1}, {"a": 2}, {"a": 3}]') == 3


@pytest.mark.parametrize("text", ["[1, 2", "no dictionary"])
def test_what_holds_no_dictionary_is_refused(run: Run, act: Act, text: str) -> None:
    with pytest.raises(ToolError, match="expected a dictionary"):
        run(act("detect.dictionary"), given=text)


def test_the_first_action_takes_the_input(run: Run, act: Act) -> None:
    assert run(act("text.split", WFTextSeparator="Spaces"), given="a b") == ["a", "b"]


UNSET = {"Value": {"Type": "Variable", "VariableName": "N"}}


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({"WFItemRangeStart": UNSET, "WFItemRangeEnd": 1}, ["a"]),
        ({"WFItemRangeStart": 2, "WFItemRangeEnd": alone(**UNSET["Value"])}, ["b", "c"]),
        ({}, ["a", "b", "c"]),
    ],
)
def test_an_unset_end_of_a_range_is_the_end_of_the_list(
    run: Run, act: Act, ends: dict[str, object], expected: Content
) -> None:
    ranged = act("getitemfromlist", WFItemSpecifier="Items in Range", **ends)
    assert run(ranged, given=["a", "b", "c"]) == expected


@pytest.mark.parametrize(("start", "end"), [(0, 1), (2, 1), (1, 3)])
def test_a_range_outside_the_list_is_refused(run: Run, act: Act, start: int, end: int) -> None:
    ranged = act(
        "getitemfromlist",
        WFItemSpecifier="Items in Range",
        WFItemRangeStart=start,
        WFItemRangeEnd=end,
    )
    with pytest.raises(ToolError, match=f"2 items, and items {start} to {end} were asked for"):
        run(ranged, given=["a", "b"])


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("(?i)ab", "AB ab", ["AB", "ab"]),
        ("a(?i)b", "aB AB", ["aB"]),
        ("x(?i)b|c", "xB C B", ["xB", "C"]),
        ("(a(?i)b)c", "aBc aBC", ["aBc"]),
        ("(?i)a(?-i)b", "Ab AB", ["Ab"]),
        ("(?s)a.b", "a\nb", ["a\nb"]),
        ("(?-m)^a", "a\na", ["a"]),
        ("(?ix) a b # and a comment)", "AB", ["AB"]),
        (r"(?i)[(|]\(", "|(", ["|("]),
        ("a(?#one)b", "ab", ["ab"]),
        (r"\p{L}+", "h\u00e9llo_12", ["h\u00e9llo"]),
        (r"\P{Letter}\pN", "a1 2", [" 2"]),
        (r"(?<k>\w)=(?i:\k<k>)", "a=A b=c", ["a=A"]),
        (r"a\hb\Rc", "a\tb\r\nc", ["a\tb\r\nc"]),
        (r"(?x) (?<k> a b ) \p{Nd}", "ab1", ["ab1"]),
    ],
)
def test_flags_hold_from_their_place_to_the_end_of_the_group(
    run: Run, act: Act, pattern: str, text: str, expected: list[str]
) -> None:
    assert run(act("text.match", WFMatchTextPattern=pattern), given=text) == expected


def test_flags_hold_in_a_replacement_and_zero_is_the_whole_match(run: Run, act: Act) -> None:
    replaced = act(
        "text.replace",
        WFReplaceTextFind="(?i)b(.)",
        WFReplaceTextReplace="<$0 $1>",
        WFReplaceTextRegularExpression=True,
    )
    assert run(replaced, given="aBc") == "a<Bc c>"


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("(?w)a", "the flag 'w'"),
        (r"\p{Lu}", r"the property \\p{Lu}"),
        (r"[\p{L}-]+", r"\\p{L} in a set"),
    ],
)
def test_what_python_has_not_is_named(pattern: str, named: str) -> None:
    with pytest.raises(NotExecutable, match=named):
        with_scoped_flags(pattern)


@pytest.mark.parametrize("pattern", ["(?x)(a+ # )\n)+$", r"(a+(?#\))+$"])
def test_comments_do_not_hide_a_pattern_that_never_ends(run: Run, act: Act, pattern: str) -> None:
    with pytest.raises(NotExecutable, match="very long"):
        run(act("text.match", WFMatchTextPattern=pattern), given="a" * 40 + "b")
