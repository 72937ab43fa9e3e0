"""Settings: switches and options of the phone, networks, devices, what is installed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final, Literal

from tapgraph.tools.mobile.simulator import kit

__all__ = ["SETTINGS_PACKAGE", "SWITCHES", "SwitchEntry", "settings_of"]

SETTINGS_PACKAGE = "com.android.settings"
PhoneSwitch = Literal["wifi", "bluetooth", "location", "airplane", "do_not_disturb"]


@dataclass(frozen=True, slots=True)
class SwitchEntry:
    """A switch: the page it stands on, its label, its glyph, and which of the phone's it is."""

    page: str
    label: str
    glyph: str
    phone: PhoneSwitch | None = None
    starts_on: bool = False


NETWORK, DEVICES, APPS, BATTERY, SOUND, DISPLAY, PLACE, STORAGE, TIME, ABOUT = (
    "Network & internet", "Connected devices", "Apps", "Battery", "Sound & vibration", "Display",
    "Location", "Storage", "Date & time", "About phone",
)  # fmt: skip
SECTIONS: Final = (
    ("wifi", NETWORK, "Wi-Fi, airplane mode, data saver"),
    ("devices", DEVICES, "Bluetooth, NFC"),
    ("apps", APPS, "Installed apps and what they may do"),
    ("battery", BATTERY, "Battery Saver"),
    ("volume-high", SOUND, "Do Not Disturb, touch sounds"),
    ("brightness-6", DISPLAY, "Dark theme, font size, rotation"),
    ("map-marker", PLACE, "Which apps know where you are"),
    ("sd", STORAGE, "What fills the phone"),
    ("clock-outline", TIME, "Time zone, language"),
    ("information-outline", ABOUT, "Model, version"),
)
SWITCHES: Final = (
    SwitchEntry(NETWORK, "Wi-Fi", "wifi", "wifi"),
    SwitchEntry(NETWORK, "Airplane mode", "airplane", "airplane"),
    SwitchEntry(NETWORK, "Data saver", "circle-outline"),
    SwitchEntry(DEVICES, "Bluetooth", "bluetooth", "bluetooth"),
    SwitchEntry(DEVICES, "NFC", "nfc", starts_on=True),
    SwitchEntry(DISPLAY, "Dark theme", "theme-light-dark"),
    SwitchEntry(DISPLAY, "Adaptive brightness", "brightness-auto", starts_on=True),
    SwitchEntry(DISPLAY, "Auto-rotate screen", "screen-rotation"),
    SwitchEntry(SOUND, "Do Not Disturb", "minus-circle", "do_not_disturb"),
    SwitchEntry(SOUND, "Touch sounds", "volume-high", starts_on=True),
    SwitchEntry(SOUND, "Vibrate for calls", "vibrate"),
    SwitchEntry(PLACE, "Use location", "map-marker", "location"),
    SwitchEntry(BATTERY, "Battery Saver", "battery-plus"),
    SwitchEntry(TIME, "24-hour format", "clock-digital", starts_on=True),
    SwitchEntry(TIME, "Set time automatically", "clock-check", starts_on=True),
)
OPTIONS: Final = (
    (DISPLAY, "Font size", "format-size", ("Small", "Default", "Large", "Largest")),
    (DISPLAY, "Brightness", "brightness-6", ("25%", "50%", "75%", "100%")),
    (DISPLAY, "Screen timeout", "timer-outline",
     ("30 seconds", "1 minute", "5 minutes", "10 minutes")),
    (SOUND, "Ringtone", "music-note", ("Brook", "Lagoon", "Marimba", "Signal")),
    (SOUND, "Media volume", "volume-medium", ("0%", "30%", "60%", "100%")),
    (TIME, "Time zone", "earth", ("New York", "Chicago", "Berlin", "Tokyo")),
    (TIME, "Language", "translate", ("Deutsch", "English", "Español", "Français")),
)  # fmt: skip
"""Where it stands, its label, its glyph and its choices, of which the second one holds first."""
FACTS: Final = (
    (ABOUT, "Device name", "Tapgraph Phone"), (ABOUT, "Model", "TG-1 (simulated)"),
    (ABOUT, "Android version", "15"), (ABOUT, "IP address", "192.0.2.17"),
)  # fmt: skip
WIFI_NAMES: Final = (
    "Maple House",
    "Maple House 5G",
    "CornerCafe_Guest",
    "Library Free",
    "Linden 12",
)
OPEN_WIFI: Final = ("CornerCafe_Guest", "Library Free")
DEVICE_NAMES: Final = (
    "Alex's Earbuds",
    "Alex's Earbud",
    "Car Audio",
    "Desk Speaker",
    "Smart Scale",
)
PERMISSIONS: Final = ("Location", "Camera", "Contacts", "Notifications")

SECTION = kit.Entity("section", {"name": "text", "about": "text", "glyph": "text"})
SWITCH = kit.Entity(
    "switches", {"label": "text", "section": "section", "glyph": "text", "is_on": "flag"}
)
PHONE_SWITCH = kit.Entity(
    "status",
    {"label": "text", "section": "section", "glyph": "text", "name": "text", "turned": "text"},
)
"""Switches of the phone itself, which the shade turns too; the phone knows how they stand, and
`turned` is when one was last turned here."""
OPTION = kit.Entity(
    "option", {"label": "text", "section": "section", "glyph": "text", "value": "text"}
)
CHOICE = kit.Entity("choice", {"name": "text", "option": "option"})
WIFI = kit.Entity(
    "network",
    {"name": "text", "section": "section", "state": "text", "is_locked": "flag",
     "is_saved": "flag", "is_connected": "flag", "password": "text"},
)  # fmt: skip
DEVICE = kit.Entity(
    "device", {"name": "text", "section": "section", "is_paired": "flag", "is_connected": "flag"}
)
INSTALLED = kit.Entity(
    "installed",
    {"name": "text", "section": "section", "package": "text", "glyph": "text", "version": "text",
     "megabytes": "number", "cache": "number"},
)  # fmt: skip
PERMISSION = kit.Entity("permission", {"name": "text", "app": "installed", "is_allowed": "flag"})
FACT = kit.Entity("fact", {"name": "text", "section": "section", "value": "text"})


def _fill(apps: Sequence[kit.AppSpec], app: kit.KitApp, random: Random) -> None:
    add = app.store.add
    numbers = {name: add("section", name=name, about=about, glyph=glyph)
               for glyph, name, about in SECTIONS}  # fmt: skip
    for one in SWITCHES:
        place: dict[str, kit.Value] = {
            "label": one.label, "section": numbers[one.page], "glyph": one.glyph,
        }  # fmt: skip
        if one.phone is None:
            add("switches", is_on=one.starts_on, **place)
        else:
            add("status", name=one.phone, **place)
    for page, label, glyph, options in OPTIONS:
        option = add("option", label=label, section=numbers[page], glyph=glyph, value=options[1])
        for name in options:
            add("choice", name=name, option=option)
    for number, name in enumerate(random.sample(WIFI_NAMES, len(WIFI_NAMES))):
        add("network", name=name, section=numbers[NETWORK], is_locked=name not in OPEN_WIFI,
            is_saved=number < 2, is_connected=number == 0)  # fmt: skip
    for number, name in enumerate(random.sample(DEVICE_NAMES, len(DEVICE_NAMES))):
        add("device", name=name, section=numbers[DEVICES], is_paired=number < 3,
            is_connected=number == 0)  # fmt: skip
    used = 0
    for spec in apps:
        size, cache = random.randrange(20, 900), random.randrange(1, 400)
        used += size + cache
        installed = add("installed", name=spec.label, section=numbers[APPS], package=spec.package,
                        glyph=spec.glyph, megabytes=size, cache=cache,
                        version=f"{random.randrange(1, 30)}.{random.randrange(20)}")  # fmt: skip
        for name in PERMISSIONS:
            add("permission", name=name, app=installed, is_allowed=random.random() < 0.5)
    facts = (*FACTS, (STORAGE, "Apps", f"{used / 1000:.1f} GB"), (STORAGE, "In all", "128 GB"),
             (STORAGE, "Photos", f"{random.randrange(3, 40)} GB"),
             (BATTERY, "Battery health", f"{random.randrange(78, 100)}%"))  # fmt: skip
    for page, name, value in facts:
        add("fact", name=name, section=numbers[page], value=value)
    add("fact", name="Battery level", section=numbers[BATTERY])


# How things stand.


def _stands(at: kit.At, switch: kit.Record) -> bool:
    return bool(getattr(at.app.phone.status, switch.text("name")))


class TurnStatus(kit.Effect):
    """Turns a switch of the phone."""

    entity = "status"

    def apply(self, at: kit.At) -> None:
        """The phone itself changes, as by the shade."""
        at.app.store.change(at.record, turned=at.scene.now.isoformat(timespec="seconds"))
        setattr(at.app.phone.status, at.record.text("name"), not _stands(at, at.record))


def _said(column: str, app: kit.StoredApp, record: kit.Record) -> str:
    """A column in the phone's language; names that people gave stay as they are."""
    return app.style.say(record.text(column))


def _told(app: kit.StoredApp, fact: kit.Record) -> str:
    return _said("value", app, fact) or f"{app.phone.status.battery_percent}%"


def _mark(app: kit.StoredApp, choice: kit.Record) -> str:
    is_chosen = app.follow(choice, "option").text("value") == choice.title
    return "radiobox-marked" if is_chosen else "radiobox-blank"


def _state(app: kit.StoredApp, record: kit.Record) -> str:
    if record.flag("is_connected"):
        return app.style.say("Connected")
    flag, words = ("is_saved", "Saved") if record.entity is WIFI else ("is_paired", "Paired")
    return app.style.say(words if record.flag(flag) else "In range")


class Choose(kit.Effect):
    """Makes a choice the value of its option."""

    entity = "option"

    def apply(self, at: kit.At) -> None:
        """The option has the value."""
        at.app.store.change(at.app.follow(at.record, "option"), value=at.record.title)


def _connected(at: kit.At) -> Mapping[str, kit.Value]:
    """For a network or a device: nothing else of its kind is connected any more."""
    record = at.record
    values: dict[str, kit.Value] = {"is_connected": 1}
    if record.entity is WIFI:
        password = kit.filled_in(at, PASSWORD)
        if record.flag("is_locked") and not record.flag("is_saved") and len(password) < 8:
            raise kit.Refused("A password has at least 8 characters")
        values |= {"is_saved": 1, "password": password}
    else:
        values["is_paired"] = 1
    for other in at.all(record.entity.name):
        at.app.store.change(other, is_connected=0)
    return values


def _rows(entity: str, face: kit.Face, *, opens: str = "", switch: kit.Act | None = None,
          heading: str = "") -> kit.Rows:  # fmt: skip
    return kit.Rows(entity=entity, face=face, opens=opens, switch=switch, heading=heading,
                    looks=("list",), where=kit.refers("section"), empty="")  # fmt: skip


def _is_searched(at: kit.At, record: kit.Record) -> bool:
    query, label = at.held("query").casefold(), at.app.tell("{label}", record).casefold()
    return bool(query) and all(word in label for word in query.split())


def _has(flag: str, at: kit.At) -> bool:
    return at.record.flag(flag)


def _is_apart(at: kit.At) -> bool:
    return not at.record.flag("is_connected")


PASSWORD = kit.FormField("password", "Password", is_needed=False)
TURN = kit.Flip("Turn", column="is_on", event="turned")
TURN_STATUS = kit.Act("Turn phone switch", event="status_turned", effects=(TurnStatus(),))
LABEL = kit.Face(title="{label}", glyph="{glyph}", is_on="is_on")
STATUS = kit.Face(title="{label}", glyph="{glyph}", is_on=_stands)
VALUE = kit.Face(title="{label}", glyph="{glyph}", lines=("{value}",))
NEARBY = kit.Face(title="{name}", glyph="wifi", lines=("{near}",))
PAGES = (
    kit.Page(
        "home", "Settings",
        blocks=(
            kit.Rows(entity="section", opens="section", looks=("list",), empty="",
                     face=kit.Face(title="{name}", lines=("{about}",), glyph="{glyph}"),
                     find=kit.Find(search=("{name}", "{about}"), hint="Search settings")),
            *(kit.Rows(entity=entity, face=face, opens=opens, switch=switch, where=_is_searched,
                       looks=("list",), empty="")
              for entity, face, opens, switch in (
                  ("status", STATUS, "", TURN_STATUS), ("switches", LABEL, "", TURN),
                  ("option", VALUE, "option", None))),
        ),
    ),
    kit.Page(
        "section", "{name}", entity="section",
        blocks=(
            _rows("status", STATUS, switch=TURN_STATUS), _rows("switches", LABEL, switch=TURN),
            _rows("option", VALUE, opens="option"),
            _rows("fact", kit.Face(title="{name}", lines=("{told}",))),
            _rows("network", NEARBY, opens="network"),
            _rows("device", kit.Face(title="{name}", glyph="bluetooth", lines=("{near}",)),
                  opens="device"),
            _rows("installed", kit.Face(title="{name}", glyph="{glyph}", lines=("{package}",)),
                  opens="installed"),
        ),
    ),
    kit.Page(
        "option", "{label}", entity="option",
        blocks=(kit.Rows(entity="choice", where=kit.refers("option"), looks=("list",),
                         face=kit.Face(title="{name}", glyph="{mark}"),
                         switch=kit.Act("Choose", event="chosen", effects=(Choose(),))),),
    ),
    kit.Page(
        "network", "{name}", entity="network",
        blocks=(
            kit.Headline("{name}", ("{near}",)), kit.Form((PASSWORD,)),
            kit.Buttons((
                kit.Act("Connect", event="connected", effects=(kit.Change(_connected),),
                        is_there=_is_apart),
                kit.Act("Forget", event="forgotten", confirm="Forget {name}?",
                        is_there=partial(_has, "is_saved"),
                        effects=(kit.Change(lambda _: {"is_saved": 0, "is_connected": 0,
                                                       "password": ""}),)),
            )),
        ),
    ),
    kit.Page(
        "device", "{name}", entity="device",
        blocks=(
            kit.Headline("{name}", ("{near}",)),
            kit.Buttons((
                kit.Act("Connect", event="connected", effects=(kit.Change(_connected),),
                        is_there=_is_apart),
                kit.Act("Disconnect", event="disconnected",
                        is_there=partial(_has, "is_connected"),
                        effects=(kit.Change(lambda _: {"is_connected": 0}),)),
                kit.Act("Unpair", event="unpaired", confirm="Unpair {name}?",
                        is_there=partial(_has, "is_paired"),
                        effects=(kit.Change(lambda _: {"is_paired": 0, "is_connected": 0}),)),
            )),
        ),
    ),
    kit.Page(
        "installed", "App info", entity="installed",
        blocks=(
            kit.Headline("{name}", ("Version {version}",)),
            kit.Facts((("package-variant", "Package", "{package}"),
                       ("sd", "App", "{megabytes} MB"), ("cached", "Cache", "{cache} MB"))),
            kit.Rows(entity="permission", where=kit.refers("app"), heading="Permissions",
                     looks=("list",), face=kit.Face(title="{name}", is_on="is_allowed"),
                     switch=kit.Flip("Allow", column="is_allowed", event="permission_turned")),
            kit.Buttons((kit.Act("Clear cache", event="cache_cleared",
                                 effects=(kit.Change(lambda _: {"cache": 0}),)),)),
        ),
    ),
)  # fmt: skip


def settings_of(apps: Sequence[kit.AppSpec]) -> kit.AppSpec:
    """The settings of a phone with these apps."""
    return kit.AppSpec(
        package=SETTINGS_PACKAGE, label="Settings", glyph="cog", color="#5F6368",
        entities=(SECTION, SWITCH, PHONE_SWITCH, OPTION, CHOICE, WIFI, DEVICE, INSTALLED,
                  PERMISSION, FACT),
        fill=partial(_fill, apps), pages=PAGES, tabs=("home",), needs_network=False,
        computed={"told": _told, "mark": _mark, "near": _state,
                  **{column: partial(_said, column)
                     for column in ("name", "about", "label", "value")}},
        looks=kit.Looks(accents=("#0B57D0", "#188038", "#5F6368"), bars=("large", "plain"),
                        rows=("list",)),
    )  # fmt: skip
