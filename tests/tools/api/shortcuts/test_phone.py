"""The simulated system behind `ApiRunner`."""

import pytest

from tapgraph.errors import ToolError
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.shortcuts.phone import ShortcutsPhone
from tapgraph.tools.api.shortcuts.session import Limits
from tapgraph.tools.api.shortcuts.system import ScriptedPerson, SimulatedSystem

A = "is.workflow.actions."


def test_calls_share_outputs_and_act_on_the_system() -> None:
    phone: ApiRunner = ShortcutsPhone.with_names_only(system := SimulatedSystem())
    six = phone.call(f"{A}number", {"WFNumberActionNumber": 6, "UUID": "SIX"})
    assert (six.value, six.text) == (6.0, "6.0")
    phone.call(
        f"{A}setclipboard", {"WFInput": {"Value": {"Type": "ActionOutput", "OutputUUID": "SIX"}}}
    )
    assert system.clipboard == 6.0


def test_only_what_can_be_executed_is_offered() -> None:
    catalog = ApiCatalog([Api(f"{A}vibrate"), Api(f"{A}takephoto")])
    phone = ShortcutsPhone(catalog, SimulatedSystem())
    assert [api.identifier for api in phone.catalog] == [f"{A}vibrate"]
    with pytest.raises(ToolError, match="no API is called"):
        phone.call(f"{A}takephoto", {})


def test_cancelling_and_limits_are_told() -> None:
    system = SimulatedSystem(person=ScriptedPerson([None]))
    phone = ShortcutsPhone.with_names_only(system)
    with pytest.raises(ToolError, match="the person cancelled"):
        phone.call(f"{A}ask", {"WFAskActionPrompt": "Really?"})
    limited = ShortcutsPhone(
        ApiCatalog([Api(f"{A}vibrate")]), SimulatedSystem(), limits=Limits(steps=1)
    )
    limited.call(f"{A}vibrate", {})
    with pytest.raises(ToolError, match="more than 1 steps"):
        limited.call(f"{A}vibrate", {})
