"""Messages: conversations with people, and who they are with."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import people, phone_number

__all__ = ["MESSAGES"]

CHAT = kit.Entity(
    "chat",
    {"name": "text", "number": "text", "last": "text", "at": "when", "is_unread": "flag",
     "is_archived": "flag"},
)  # fmt: skip
MESSAGE = kit.Entity("message", {"chat": "chat", "text": "text", "is_mine": "flag", "sent": "when"})
TALKS = (
    ("Are we still on for {day}?", "Yes, {time} works.", "Great, see you at {place}."),
    ("Did you find the keys?", "They were in the blue jacket.", "I'll bring them on {day}."),
    ("The parcel came today.", "Can you keep it until {day}?", "Sure, no problem."),
    ("What should I bring?", "Bread and something to drink.", "I'll be there at {time}."),
    ("Running late, sorry.", "No worries, we start at {time}.", "On my way to {place}."),
    ("Your table is booked for {day} at {time}.", "Thank you!", "Reply C to cancel."),
)
NEW = (
    kit.FormField("name", "To|Recipient|Name"),
    kit.FormField("number", "Phone number|Number", is_needed=False),
)


def _fill(app: kit.KitApp, random: Random) -> None:
    now = app.phone.clock
    for place, name in enumerate(people(random, 11)):
        slots = {
            "day": random.choice(("Friday", "Saturday", "Monday", "Tuesday")),
            "time": random.choice(("5 pm", "18:30", "noon", "8:15")),
            "place": random.choice(("the station", "the lake", "my place", "Mill Street")),
        }
        at = now - timedelta(hours=place * random.randrange(3, 9), minutes=random.randrange(5, 50))
        chat = app.store.add("chat", name=name, number=phone_number(random),
                             is_unread=random.random() < 0.3,
                             is_archived=place > 8)  # fmt: skip
        for step, line in enumerate(random.choice(TALKS)):
            text, sent = line.format(**slots), (at + timedelta(minutes=step)).isoformat()
            app.store.add("message", chat=chat, text=text, is_mine=step % 2, sent=sent)
        app.store.change(app.store.get("chat", chat), last=text, at=sent)


def _reply(at: kit.At) -> Mapping[str, kit.Value]:
    sent = at.scene.now.isoformat(timespec="seconds")
    at.app.store.change(at.record, last=at.held("draft").strip(), at=sent, is_unread=0)
    return {"chat": at.record.id, "is_mine": 1, "sent": sent}


def _started(at: kit.At) -> Mapping[str, kit.Value]:
    return {"at": at.scene.now.isoformat(timespec="seconds"), "last": "Draft"}


def _chats(belongs: kit.Where) -> kit.Rows:
    return kit.Rows(
        entity="chat",
        face=kit.Face(
            title="{name}", lines=("{last}", "{at:near}"), picture="initial",
            is_loud=kit.has("is_unread"),
        ),
        opens="chat",
        where=belongs,
        find=kit.Find(
            search=("{name}", "{number}", "{last}"),
            hint="Search conversations|Search messages",
            filters=(kit.Filter("Unread", kit.has("is_unread")),),
            sorts=(kit.Sort("Newest", "at", is_descending=True),),
        ),
        empty="No conversations|Nothing here yet",
    )  # fmt: skip


PAGES = (
    kit.Page(
        "chats", "Messages|Chats|Conversations", (_chats(kit.lacks("is_archived")),),
        glyph="message-text",
        main=kit.Act("Start chat|New message|Compose", glyph="message-plus", opens="new",
                     creates=True),
    ),
    kit.Page("archive", "Archived|Archive", (_chats(kit.has("is_archived")),), glyph="archive"),
    kit.Page(
        "chat", "{name}", entity="chat", arrival=(kit.Change(lambda _: {"is_unread": 0}),),
        blocks=(
            kit.Bubbles("message", kit.refers("chat")),
            kit.Composer("message", _reply, "message_sent"),
        ),
        acts=(
            kit.Act("Mark as unread", glyph="email-outline", leaves=True,
                    effects=(kit.Change(lambda _: {"is_unread": 1}),)),
            kit.Flip("Archive", glyph="archive-outline", on_words="Unarchive",
                     on_glyph="archive-off-outline", column="is_archived"),
            kit.Act("Delete", glyph="trash-can-outline", effects=(kit.Remove(),), leaves=True,
                    confirm="Delete this conversation?|Delete chat with {name}?"),
        ),
    ),
    kit.Page(
        "new", "New conversation|New message", (kit.Form(NEW),),
        main=kit.Act("Start|Next|Create", glyph="check", leaves=True, event="chat_started",
                     effects=(kit.SaveForm("chat", NEW, _started),)),
    ),
)  # fmt: skip

MESSAGES = kit.AppSpec(
    package="com.google.android.apps.messaging", label="Messages", glyph="message-text",
    color="#1A73E8", entities=(CHAT, MESSAGE), fill=_fill, pages=PAGES, tabs=("chats", "archive"),
    looks=kit.Looks(accents=("#0B57D0", "#00796B", "#6750A4"), rows=("list", "list", "cards")),
    permissions=("notifications",), needs_network=False,
)  # fmt: skip
