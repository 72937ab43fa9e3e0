"""What apps put before their users unasked: sign-in sheets, cookie questions, newsletters."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from tapgraph.tools.mobile.simulator.app import Dialog, DialogButton
from tapgraph.tools.mobile.simulator.kit.scene import StoredApp

__all__ = ["COOKIES", "NEWSLETTER", "RATING", "SIGN_IN", "Interruption", "interrupt"]


@dataclass(frozen=True)
class Interruption:
    """A window at the first start, with wordings parted by `|`; the last answer is the loud one."""

    name: str
    title: str
    message: str
    answers: tuple[str, ...]
    is_cancelable: bool = True


SIGN_IN: Final = Interruption(
    "sign_in",
    "Sign in for more|Join {app}|You are not signed in",
    "Keep your lists on all your devices.|Members see more.|It takes less than a minute.",
    ("Not now|Skip|Continue as guest", "Sign in|Log in|Create account"),
)
COOKIES: Final = Interruption(
    "cookies",
    "Your privacy|We use cookies|Before you continue",
    "We and our partners store data on your device to show fitting ads.|Choose what we may store.",
    ("Reject all|Only necessary", "Manage options|Settings", "Accept all|I agree"),
    is_cancelable=False,
)
NEWSLETTER: Final = Interruption(
    "newsletter",
    "Never miss an offer|Get 10% off|News from {app}",
    "Subscribe to our newsletter for news and deals.|Two messages a week, no more.",
    ("No thanks|Maybe later", "Subscribe|Yes, please"),
)
RATING: Final = Interruption(
    "rating",
    "Enjoying {app}?|Do you like {app}?",
    "Your rating helps other people find this app.",
    ("Not now|Later", "Rate it|Give 5 stars"),
)


def interrupt(app: StoredApp, interruption: Interruption) -> None:
    """Lay it over the app's page; the answer is recorded, and nothing else comes of it."""
    say = app.style.say
    style = app.style.choose("interruption window", ("sheet", "alert"))
    app.show_dialog(
        Dialog(
            title=app.tell(interruption.title, None),
            message=say(interruption.message),
            buttons=[
                DialogButton(say(answer), partial(_answer, app, interruption, answer))
                for answer in interruption.answers
            ],
            style="sheet" if style == "sheet" else "alert",
            cancelable=interruption.is_cancelable,
        )
    )


def _answer(app: StoredApp, interruption: Interruption, answer: str) -> None:
    app.note("interruption", interruption.name, answer.split("|")[0])
