"""E-mail: an inbox, folders by state, reading, answering and writing."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import people

__all__ = ["EMAIL"]

MAIL = kit.Entity(
    "mail",
    {"subject": "text", "sender": "text", "address": "text", "recipient": "text", "text": "text",
     "folder": "text", "sent": "when", "is_unread": "flag", "is_starred": "flag"},
)  # fmt: skip
LETTERS = (
    ("Invoice {number}", "Please find the invoice {number} for {month}. It is due in 14 days."),
    (
        "Invoice {number} corrected",
        "This replaces the invoice of last week. Sorry for the trouble.",
    ),
    ("Minutes of the meeting", "We agreed to move the launch to {month}. Please check your part."),
    ("Trip to the lake", "The bus leaves at 8:{number} in front of the school. Bring a jacket."),
    ("Your order {number} is on its way", "It should arrive on the 2nd of {month}."),
    ("Draft for {month}", "Here is my draft. Could you read it before Friday?"),
    ("Question about the contract", "Clause {number} is not clear to me. Can we talk on Monday?"),
    ("Weekly news", "Ten things to read this weekend, and one recipe for {month}."),
)
FOLDERS = {6: "Sent", 7: "Trash", 8: "Spam"}
MONTHS = ("June", "July", "August", "September")
FORM = (
    kit.FormField("recipient", "To|Recipient", kind="email",
                  starts_as=lambda at: at.subject.text("address") if at.subject else ""),
    kit.FormField("subject", "Subject",
                  starts_as=lambda at: f"Re: {at.subject.title}" if at.subject else ""),
    kit.FormField("text", "Compose email|Write here|Message", kind="long",
                  starts_as=lambda _: ""),
)  # fmt: skip


def _fill(app: kit.KitApp, random: Random) -> None:
    names = people(random, 12)
    for place in range(26):
        subject, text = random.choice(LETTERS)
        name, folder = random.choice(names), FOLDERS.get(place % 9, "Inbox")
        slots = {"number": str(random.randrange(10, 60)), "month": random.choice(MONTHS)}
        sent = app.phone.clock - timedelta(minutes=place * random.randrange(200, 500) + 17)
        app.store.add(
            "mail", subject=subject.format(**slots), text=f"Hello,\n{text.format(**slots)}\n{name}",
            sender="me" if folder == "Sent" else name, folder=folder, recipient="me",
            address=f"{name.lower().replace(' ', '.')}@example.com",
            sent=sent.isoformat(timespec="minutes"),
            is_unread=folder == "Inbox" and random.random() < 0.4,
            is_starred=random.random() < 0.15,
        )  # fmt: skip


def _outgoing(at: kit.At) -> Mapping[str, kit.Value]:
    return {"folder": "Sent", "sender": "me", "sent": at.scene.now.isoformat(timespec="seconds")}


def _mails(belongs: kit.Where) -> kit.Rows:
    return kit.Rows(
        entity="mail", opens="mail", looks=("list", "list", "cards"),
        where=belongs,
        face=kit.Face(title="{sender}", lines=("{subject}", "{text}", "{sent:near}"),
                      picture="initial", is_loud=kit.has("is_unread")),
        row_acts=(STAR,),
        find=kit.Find(search=("{sender}", "{subject}", "{text}"), hint="Search in mail|Search",
                      filters=(kit.Filter("Unread", kit.has("is_unread")),),
                      sorts=(kit.Sort("Newest", "sent", is_descending=True),
                             kit.Sort("Sender|From", "sender"))),
        empty="Nothing in this folder|No mail",
    )  # fmt: skip


def _move(words: str, glyph: str, folder: str) -> kit.Act:
    return kit.Act(words, glyph=glyph, leaves=True, toast=f"Moved to {folder}",
                   effects=(kit.Change(lambda _: {"folder": folder}),),
                   is_there=lambda at: at.record.text("folder") != folder)  # fmt: skip


def _folder(name: str) -> kit.Rows:
    return _mails(kit.equals("folder", name))


STAR = kit.Flip(
    "Star", glyph="star-outline", column="is_starred", on_words="Unstar", on_glyph="star"
)
WRITE = kit.Act("Compose|Write|New email", glyph="pencil", opens="form", creates=True,
                about=lambda _: None)  # fmt: skip
PAGES = (
    kit.Page("inbox", "Inbox|Primary", (_folder("Inbox"),), glyph="inbox", main=WRITE),
    kit.Page("starred", "Starred|Flagged", (_mails(kit.has("is_starred")),), glyph="star"),
    kit.Page("sent", "Sent|Outbox", (_folder("Sent"),), glyph="send"),
    kit.Page("trash", "Trash|Bin", (_folder("Trash"),), glyph="trash-can-outline"),
    kit.Page(
        "mail", "Message|Mail", entity="mail", arrival=(kit.Change(lambda _: {"is_unread": 0}),),
        blocks=(
            kit.Headline("{subject}", ("{sender}", "{address}", "{sent}")),
            kit.Prose("", "{text}"),
            kit.Buttons((kit.Act("Reply|Answer", glyph="reply", opens="form"),
                         kit.Act("Mark as unread", glyph="email-outline", leaves=True,
                                 effects=(kit.Change(lambda _: {"is_unread": 1}),)))),
        ),
        acts=(STAR, _move("Archive", "archive-arrow-down-outline", "Archive"),
              _move("Delete|Move to trash", "trash-can-outline", "Trash")),
    ),
    kit.Page("form", "Compose|New email|Write", (kit.Form(FORM),), entity="mail",
             main=kit.Act("Send", glyph="send", event="sent", leaves=True, toast="Sent",
                          effects=(kit.SaveNew("mail", FORM, _outgoing),))),
)  # fmt: skip

EMAIL = kit.AppSpec(
    package="com.google.android.gm", label="Gmail", glyph="gmail", color="#FFFFFF",
    glyph_color="#EA4335", entities=(MAIL,), fill=_fill, pages=PAGES,
    tabs=("inbox", "starred", "sent", "trash"), interruptions=(kit.RATING,),
    looks=kit.Looks(accents=("#C5221F", "#0B57D0", "#00796B"), rows=("list", "list", "cards")),
)  # fmt: skip
