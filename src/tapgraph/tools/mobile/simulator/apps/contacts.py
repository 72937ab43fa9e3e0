"""Contacts: people with numbers and addresses, favourites, and a form for them."""

from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import people, phone_number, street

__all__ = ["CONTACTS"]

PERSON = kit.Entity(
    "person",
    {"name": "text", "phone": "text", "email": "text", "company": "text", "address": "text",
     "note": "text", "is_favorite": "flag"},
)  # fmt: skip
CALL = kit.Entity("call", {"name": "text", "phone": "text", "at": "when"})
COMPANIES = ("Northwind Labs", "Harbor Clinic", "Mill Street School", "Lakeside Bakery", "")
NOTES = ("", "", "Met at the conference", "Prefers mornings", "Neighbor, has our spare key")
FORM = (
    kit.FormField("name", "Name|Full name"),
    kit.FormField("phone", "Phone|Mobile"),
    kit.FormField("email", "Email|E-mail", is_needed=False),
    kit.FormField("company", "Company|Organization", is_needed=False),
    kit.FormField("note", "Notes|Remarks", kind="long", is_needed=False),
)


def _fill(app: kit.KitApp, random: Random) -> None:
    now = app.phone.clock
    for name in people(random, 24):
        first, _, last = name.lower().partition(" ")
        app.store.add(
            "person", name=name, phone=phone_number(random), email=f"{first}.{last}@example.com",
            company=random.choice(COMPANIES), address=street(random), note=random.choice(NOTES),
            is_favorite=random.random() < 0.2,
        )  # fmt: skip
    for person in random.sample(app.store.all("person"), 6):
        at = now - timedelta(hours=random.randrange(2, 90))
        app.store.add("call", name=person.title, phone=person.text("phone"), at=at.isoformat())


def _call(at: kit.At) -> dict[str, kit.Value]:
    return {"name": at.record.title, "phone": at.record.text("phone"),
            "at": at.scene.now.isoformat(timespec="seconds")}  # fmt: skip


FACE = kit.Face(title="{name}", lines=("{company}",), picture="initial")
BY_NAME = (kit.Sort("Name|First name", "name"), kit.Sort("Company|Organization", "company"))
SAVE = kit.Act("Save|Done", glyph="check", event="saved", leaves=True, toast="Contact saved",
               effects=(kit.SaveForm("person", FORM),))  # fmt: skip
PAGES = (
    kit.Page(
        "people", "Contacts|People", glyph="account",
        blocks=(kit.Rows(
            entity="person", opens="person", face=FACE, looks=("list", "list", "cards"),
            find=kit.Find(search=("{name}", "{company}", "{phone}"), sorts=BY_NAME),
        ),),
        main=kit.Act("New contact|Create contact|Add", glyph="plus", opens="form", creates=True),
    ),
    kit.Page(
        "favorites", "Favorites|Starred", glyph="star",
        blocks=(kit.Rows(entity="person", opens="person", face=FACE, looks=("list", "cards"),
                         where=kit.has("is_favorite")),),
    ),
    kit.Page(
        "calls", "Recents|Call history", glyph="history",
        blocks=(kit.Rows(
            entity="call", looks=("list",), group="{at:day}",
            face=kit.Face(title="{name}", lines=("{phone}", "{at:time}"), glyph="phone-outgoing"),
            find=kit.Find(sorts=(kit.Sort("Newest", "at", is_descending=True),)),
        ),),
        acts=(kit.Act("Clear history", glyph="trash-can-outline", effects=(kit.RemoveAll("call"),),
                      confirm="Clear the whole history?"),),
    ),
    kit.Page(
        "person", "Contact|Details", entity="person",
        blocks=(
            kit.Hero("initial"), kit.Headline("{name}", ("{company}",)),
            kit.Buttons((
                kit.Act("Call", glyph="phone", effects=(kit.Insert("call", _call),),
                        confirm="Call {name}?", toast="Calling {phone}"),
                kit.Act("Edit", glyph="pencil", opens="form"),
                kit.Act("Delete", glyph="trash-can-outline", effects=(kit.Remove(),), leaves=True,
                        confirm="Delete {name}?|Delete this contact?"),
            )),
            kit.Facts((("phone", "Mobile|Phone", "{phone}"),
                       ("email-outline", "Email|E-mail", "{email}"),
                       ("map-marker-outline", "Address|Home", "{address}"))),
            kit.Prose("Notes|About", "{note}"),
        ),
        acts=(kit.Flip("Add to favorites|Star", glyph="star-outline", column="is_favorite",
                       on_words="Remove from favorites|Unstar", on_glyph="star"),),
    ),
    kit.Page("form", "Contact|Edit contact", (kit.Form(FORM),), entity="person", main=SAVE),
)  # fmt: skip

CONTACTS = kit.AppSpec(
    package="com.google.android.contacts", label="Contacts", glyph="account-circle",
    color="#1A73E8", entities=(PERSON, CALL), fill=_fill, pages=PAGES, needs_network=False,
    tabs=("people", "favorites", "calls"),
    looks=kit.Looks(accents=("#1A73E8", "#188038", "#8430CE")),
)  # fmt: skip
