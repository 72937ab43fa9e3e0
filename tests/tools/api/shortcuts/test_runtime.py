"""Magic variables, piping, control flow and limits."""

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapgraph.errors import (
    BudgetExhausted,
    NotExecutable,
    TapgraphError,
    ToolError,
    UsageError,
)
from tapgraph.tools.api.shortcuts.content import Content
from tapgraph.tools.api.shortcuts.runtime import ACTIONS, not_executable_in, run_workflow
from tapgraph.tools.api.shortcuts.session import Limits, Session
from tapgraph.tools.api.shortcuts.system import (
    PersonQuestion,
    ScriptedPerson,
    SimulatedSystem,
    WebResponse,
)
from tapgraph.tools.api.shortcuts.workflow import Workflow

Act = Callable[..., dict[str, object]]
Run = Callable[..., Content]


def output(uuid: str, *changes: Mapping[str, object]) -> dict[str, object]:
    value: dict[str, object] = {"Type": "ActionOutput", "OutputUUID": uuid, "OutputName": "x"}
    if changes:
        value["Aggrandizements"] = list(changes)
    return {"Value": value, "WFSerializationType": "WFTextTokenAttachment"}


def variable(name: str) -> dict[str, object]:
    return {"Value": {"Type": "Variable", "VariableName": name}}


def kind(name: str) -> dict[str, object]:
    return {"Value": {"Type": name}}


def text(words: str, **at: Mapping[str, object]) -> dict[str, object]:
    """`at` are variables by the place that the words give them: p3 is `{3, 1}`."""
    ranges = {f"{{{place[1:]}, 1}}": one["Value"] for place, one in at.items()}
    return {
        "Value": {"string": words, "attachmentsByRange": ranges},
        "WFSerializationType": "WFTextTokenString",
    }


def key(name: str) -> dict[str, object]:
    return {"Type": "WFDictionaryValueVariableAggrandizement", "DictionaryKey": name}


def as_a(item_class: str) -> dict[str, object]:
    return {"Type": "WFCoercionVariableAggrandizement", "CoercionItemClass": item_class}


def block(act: Act, name: str, *parts: list[dict[str, object]], **begin: object) -> list[object]:
    made: list[object] = []
    for mode, part in enumerate(parts):
        made += [
            act(
                name,
                GroupingIdentifier=name,
                WFControlFlowMode=min(mode, 1),
                **(begin if not mode else {}),
            ),
            *part,
        ]
    return [*made, act(name, GroupingIdentifier=name, WFControlFlowMode=2, UUID="END")]


def test_places_in_a_text_count_utf16_units(run: Run, act: Act) -> None:
    assert (
        run(
            act("gettext", WFTextActionText="you", UUID="A"),
            act(
                "gettext",
                WFTextActionText=text("😀é ￼, ￼!", p4=output("A"), p7=kind("ExtensionInput")),
            ),
            given="all",
        )
        == "😀é you, all!"
    )


def test_an_object_replacement_character_without_variable_stays(run: Run, act: Act) -> None:
    assert run(act("gettext", WFTextActionText=text("￼ and ￼", p6=kind("CurrentDate")))) == (
        "￼ and Mar 2, 2026 at 12:00 PM"
    )


def test_an_action_without_input_takes_the_output_before(run: Run, act: Act) -> None:
    assert run(act("gettext", WFTextActionText="a b c"), act("count", WFCountType="Words")) == 3


def test_properties_keys_and_kinds_are_read_in_their_order(run: Run, act: Act) -> None:
    given = '{"list": [{"n": "7.5 km"}]}'
    change = (as_a("WFDictionaryContentItem"), key("list.1.n"), as_a("WFNumberContentItem"))
    source = act("gettext", WFTextActionText=given, UUID="A")
    assert run(source, act("number", WFNumberActionNumber=output("A", *change))) == 7.5


def test_dictionaries_hold_every_kind_of_item(run: Run, act: Act) -> None:
    def field(name: str, item_kind: int, value: object) -> dict[str, object]:
        return {"WFKey": text(name), "WFItemType": item_kind, "WFValue": value}

    inner = {"Value": {"WFDictionaryFieldValueItems": [field("deep", 0, text("yes"))]}}
    items = [
        field("text", 0, text("￼!", p0=kind("Clipboard"))),
        field("dictionary", 1, {"Value": inner, "WFSerializationType": "WFDictionaryFieldValue"}),
        field("list", 2, {"Value": ["a", {"WFItemType": 3, "WFValue": text("2")}]}),
        field("number", 3, text("3.5")),
        field("boolean", 4, {"Value": True, "WFSerializationType": "WFNumberSubstitutableState"}),
    ]
    assert run(act("dictionary", WFItems={"Value": {"WFDictionaryFieldValueItems": items}})) == {
        "text": "!",
        "dictionary": {"deep": "yes"},
        "list": ["a", 2.0],
        "number": 3.5,
        "boolean": True,
    }


@pytest.mark.parametrize(
    ("given", "condition", "other", "is_true"),
    [
        ("Berlin", 4, "berlin", True),
        ("Berlin", 5, "berlin", False),
        ("Berlin", 99, "ERL", True),
        ("Berlin", "Contains", "erl", True),
        ("Berlin", 999, "x", True),
        ("Berlin", 8, "ber", True),
        ("Berlin", 9, "ber", False),
        ("12 apples", 2, "11", True),
        ("12 apples", 0, "11", False),
        (3, 1, "3", True),
        (3, 3, "4", False),
        (1, "Is Less Than", "2", True),
        (None, 100, "", False),
        (None, 101, "", True),
        ("x", 100, "", True),
    ],
)
def test_conditions(
    run: Run, act: Act, given: Content, condition: object, other: str, is_true: bool
) -> None:
    actions = block(
        act,
        "conditional",
        [act("gettext", WFTextActionText="yes")],
        [act("gettext", WFTextActionText="no")],
        WFCondition=condition,
        WFConditionalActionString=other,
        WFInput={"Type": "Variable", "Variable": kind("ExtensionInput")},
    )
    assert run(*actions, given=given) == ("yes" if is_true else "no")


def test_an_if_without_otherwise_gives_nothing_when_it_fails(run: Run, act: Act) -> None:
    actions = block(act, "conditional", [act("vibrate")], WFCondition=100)
    assert run(*actions, given=None) is None


def test_loops_have_items_and_indices_and_collect_outputs(run: Run, act: Act) -> None:
    body = [
        act(
            "gettext",
            WFTextActionText=text("￼:￼", p0=variable("Repeat Index"), p2=variable("Repeat Item")),
        )
    ]
    actions = block(act, "repeat.each", body, WFInput=kind("ExtensionInput"))
    assert run(*actions, given=["a", "b"]) == ["1:a", "2:b"]
    counted = block(act, "repeat.count", [act("nothing")], WFRepeatCount=3)
    assert run(*counted) == []


def test_inner_loops_have_numbered_names(run: Run, act: Act) -> None:
    inner = block(
        act,
        "repeat.count",
        [
            act(
                "gettext",
                WFTextActionText=text(
                    "￼￼", p0=variable("Repeat Item"), p1=variable("Repeat Index 2")
                ),
            )
        ],
        WFRepeatCount=2,
    )
    actions = block(act, "repeat.each", inner, WFInput=kind("ExtensionInput"))  # type: ignore[arg-type]
    assert run(*actions, given=["a", "b"]) == ["a1", "a2", "b1", "b2"]


def test_the_person_chooses_from_a_menu(act: Act) -> None:
    system = SimulatedSystem(person=ScriptedPerson(["Tea"]))
    actions = [
        act("choosefrommenu", GroupingIdentifier="m", WFControlFlowMode=0, WFMenuPrompt="What?"),
        act(
            "choosefrommenu", GroupingIdentifier="m", WFControlFlowMode=1, WFMenuItemTitle="Coffee"
        ),
        act("gettext", WFTextActionText="brown"),
        act("choosefrommenu", GroupingIdentifier="m", WFControlFlowMode=1, WFMenuItemTitle="Tea"),
        act("gettext", WFTextActionText="green"),
        act("choosefrommenu", GroupingIdentifier="m", WFControlFlowMode=2),
    ]
    assert run_workflow(Workflow.from_actions(actions), system).output == "green"
    assert system.shown == [("menu", "What?")]


def test_cancelling_ends_the_shortcut(act: Act) -> None:
    system = SimulatedSystem(person=ScriptedPerson([None]))
    workflow = Workflow.from_actions([act("ask", WFAskActionPrompt="How many?"), act("vibrate")])
    assert run_workflow(workflow, system).ended == "cancelled"
    assert system.effects == []


def test_stop_and_output_ends_the_shortcut(run: Run, act: Act, system: SimulatedSystem) -> None:
    assert run(act("output", WFOutput="done"), act("vibrate")) == "done"
    assert system.effects == []


def test_what_is_not_known_is_said(act: Act) -> None:
    workflow = Workflow.from_actions([act("takephoto"), act("setclipboard")])
    assert not_executable_in(workflow) == ((0, "is.workflow.actions.takephoto"),)
    with pytest.raises(
        NotExecutable, match=r"not executable here: is\.workflow\.actions\.takephoto"
    ):
        run_workflow(workflow, SimulatedSystem())


def test_an_action_that_fails_says_where(run: Run, act: Act) -> None:
    with pytest.raises(ToolError, match=r"action 1 \(math\): 1 \S+ cannot be calculated"):
        run(
            act("number", WFNumberActionNumber=1),
            act("math", WFMathOperation="÷", WFMathOperand="0"),
        )


def test_runaway_loops_are_stopped(run: Run, act: Act) -> None:
    with pytest.raises(BudgetExhausted, match="more than 10,000 steps"):
        run(*block(act, "repeat.count", [act("nothing")], WFRepeatCount=50_000))
    with pytest.raises(BudgetExhausted, match="too long"):
        run(*block(act, "repeat.count", [act("nothing")], WFRepeatCount=1e12))


def test_a_text_that_doubles_itself_is_stopped(run: Run, act: Act) -> None:
    doubled = act("gettext", WFTextActionText=text("￼￼", p0=variable("V"), p1=variable("V")))
    grow = [doubled, act("setvariable", WFVariableName="V")]
    with pytest.raises(BudgetExhausted):
        run(
            act("gettext", WFTextActionText="x"),
            act("setvariable", WFVariableName="V"),
            *block(act, "repeat.count", grow, WFRepeatCount=1000),
        )


def test_replacing_cannot_fill_the_memory(run: Run, act: Act) -> None:
    with pytest.raises(BudgetExhausted, match="would grow"):
        run(
            act("gettext", WFTextActionText="a" * 100_000),
            act("text.replace", WFReplaceTextFind="a", WFReplaceTextReplace="b" * 100_000),
        )


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b", "a*a*a*a*a*b", "((a)*)*"])
def test_patterns_that_never_end_are_refused(run: Run, act: Act, pattern: str) -> None:
    with pytest.raises(NotExecutable, match="very long"):
        run(
            act("gettext", WFTextActionText="a" * 3000),
            act("text.match", WFMatchTextPattern=pattern),
        )


@pytest.mark.parametrize("pattern", ["[[:alpha:]]", "[a&&b]", "[["])
def test_sets_that_python_reads_otherwise_are_refused(run: Run, act: Act, pattern: str) -> None:
    with pytest.raises(NotExecutable, match="a set inside a set"):
        run(act("gettext", WFTextActionText="a"), act("text.match", WFMatchTextPattern=pattern))


def test_megabytes_of_base64_are_carried_or_refused(act: Act) -> None:
    workflow = Workflow.from_actions([act("gettext", WFTextActionText="QUJD" * 1_000_000)])
    assert run_workflow(workflow, SimulatedSystem()).steps == 1
    with pytest.raises(BudgetExhausted, match="larger than 1,000"):
        run_workflow(workflow, SimulatedSystem(), limits=Limits(size=1000))


def test_a_run_that_takes_too_long_is_stopped(act: Act) -> None:
    workflow = Workflow.from_actions([act("vibrate"), act("vibrate")])
    with pytest.raises(BudgetExhausted, match="more than 1e-09 seconds"):
        run_workflow(workflow, SimulatedSystem(), limits=Limits(seconds=1e-9))


def test_limits_must_be_positive() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Limits(steps=0)


def test_the_same_system_gives_the_same_random_numbers(act: Act) -> None:
    workflow = Workflow.from_actions([act("number.random", WFRandomNumberMaximum=10**9)])
    numbers = {run_workflow(workflow, SimulatedSystem(seed=5)).output for _ in range(3)}
    assert len(numbers) == 1


def test_the_clock_is_the_systems(act: Act) -> None:
    system = SimulatedSystem(clock=lambda: datetime(2031, 5, 6, 7, 8, tzinfo=UTC))
    workflow = Workflow.from_actions([
        act("date"),
        act("format.date", WFDateFormatStyle="Custom", WFDateFormat="yyyy-MM-dd HH:mm"),
    ])
    assert run_workflow(workflow, system).output == "2031-05-06 07:08"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([
                "Value",
                "Type",
                "string",
                "attachmentsByRange",
                "Aggrandizements",
                "x",
            ]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
NAMES = [
    "WFInput",
    "Input",
    "text",
    "WFNumberActionNumber",
    "WFMathOperation",
    "WFMathOperand",
    "WFItems",
    "WFDictionaryKey",
    "WFDate",
    "WFDuration",
    "WFCountType",
    "WFItemIndex",
    "WFItemSpecifier",
    "WFTextSeparator",
    "WFRoundTo",
    "WFURL",
    "WFHTTPMethod",
    "WFMatchTextPattern",
    "UUID",
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(ACTIONS)), st.dictionaries(st.sampled_from(NAMES), JSON)),
        max_size=4,
    )
)
def test_no_parameters_whatever_raise_anything_but_our_own_errors(
    actions: list[tuple[str, dict[str, object]]],
) -> None:
    workflow = Workflow.from_actions([
        {"WFWorkflowActionIdentifier": name, "WFWorkflowActionParameters": parameters}
        for name, parameters in actions
    ])
    system = SimulatedSystem(transport=lambda _: WebResponse(b"{}"))
    with contextlib.suppress(TapgraphError):
        run_workflow(workflow, system, given="given")


def test_the_time_limit_waits_for_a_person() -> None:
    class Slow:
        def answer(self, question: PersonQuestion) -> str:
            end = time.monotonic() + 0.02
            while time.monotonic() < end:
                pass
            return "Ann"

    session = Session(SimulatedSystem(person=Slow()))
    began = session.started
    assert session.ask(PersonQuestion("ask", "Your name?")) == "Ann"
    assert session.started - began >= 0.02
