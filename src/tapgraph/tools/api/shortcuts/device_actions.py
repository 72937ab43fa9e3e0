"""Actions on what a phone holds and shows: clipboard, notes, files, alerts, switches."""

import posixpath
from collections.abc import Mapping

from tapgraph.errors import ToolError
from tapgraph.tools.api.shortcuts.call import ActionCall, Cancelled, Handler, Stopped
from tapgraph.tools.api.shortcuts.content import Content, FileItem, to_number, to_text
from tapgraph.tools.api.shortcuts.system import Note, PersonQuestion

__all__ = ["DEVICE_ACTIONS"]

_OK, _CANCEL = "OK", "Cancel"


def _comment(call: ActionCall) -> Content:
    return call.session.previous


def _alert(call: ActionCall) -> Content:
    title = call.text("WFAlertActionTitle")
    message = call.text("WFAlertActionMessage", "Do you want to continue?")
    choices = (
        (_OK, _CANCEL) if call.flag("WFAlertActionCancelButtonShown", default=True) else (_OK,)
    )
    prompt = f"{title}\n{message}" if title else message
    answer = call.session.ask(PersonQuestion("alert", prompt, choices))
    if answer in {None, _CANCEL}:
        raise Cancelled
    return call.session.previous


def _notification(call: ActionCall) -> Content:
    title = call.text("WFNotificationActionTitle")
    body = call.text("WFNotificationActionBody", "Hello World")
    call.system.shown.append(("notification", f"{title}\n{body}" if title else body))
    return call.session.previous


def _show_result(call: ActionCall) -> Content:
    found = call.value("Text") if call.has("Text") else call.session.previous
    call.system.shown.append(("result", to_text(found)))
    return found


def _quick_look(call: ActionCall) -> Content:
    found = call.input()
    call.system.shown.append(("quick look", to_text(found)))
    return found


def _speak(call: ActionCall) -> Content:
    call.system.shown.append(("spoken", to_text(call.input("WFText"))))
    return call.session.previous


def _get_clipboard(call: ActionCall) -> Content:
    return call.system.clipboard


def _set_clipboard(call: ActionCall) -> Content:
    call.system.clipboard = call.input()
    return call.system.clipboard


def _create_note(call: ActionCall) -> Content:
    note = Note(to_text(call.input("WFCreateNoteInput")), call.text("WFNoteGroup", "Notes"))
    call.system.notes.append(note)
    return note.text


def _append_note(call: ActionCall) -> Content:
    wanted = call.text("WFNote")
    for place, note in enumerate(call.system.notes):
        if wanted in {note.text, note.text.partition("\n")[0]}:
            longer = Note(f"{note.text}\n{to_text(call.input())}", note.folder)
            call.system.notes[place] = longer
            return longer.text
    raise ToolError(f"there is no note {wanted[:60]!r}")


def _find_notes(call: ActionCall) -> Content:
    if call.has("WFContentItemFilter"):
        raise call.refused("filters")
    found: list[Content] = [note.text for note in call.system.notes]
    if call.flag("WFContentItemLimitEnabled"):
        return found[: int(call.number("WFContentItemLimitNumber", 1))]
    return found


def _add_reminder(call: ActionCall) -> Content:
    call.system.reminders.append(call.text("WFCalendarItemTitle") or to_text(call.session.previous))
    return call.system.reminders[-1]


def _add_event(call: ActionCall) -> Content:
    title, start = call.text("WFCalendarItemTitle"), call.text("WFCalendarItemStartDate")
    call.system.events.append(f"{title} ({start})" if start else title)
    return title


def _path(call: ActionCall, name: str) -> str:
    path = posixpath.normpath("/" + call.text(name).strip()).lstrip("/")
    if not path:
        raise ToolError(f"{call.identifier} needs a path in {name}")
    return path


def _save_file(call: ActionCall) -> Content:
    found = call.input()
    if call.flag("WFAskWhereToSave", default=True):
        raise call.refused("asking where to save")
    data = found.data if isinstance(found, FileItem) else to_text(found).encode()
    own = found.name if isinstance(found, FileItem) else "Text.txt"
    path = _path(call, "WFFileDestinationPath") if call.text("WFFileDestinationPath") else own
    if path in call.system.files and not call.flag("WFSaveFileOverwrite"):
        raise ToolError(f"the file {path!r} is there already")
    call.system.files[path] = FileItem(path, data)
    return call.system.files[path]


def _open_file(call: ActionCall) -> Content:
    path = _path(call, "WFGetFilePath")
    found = call.system.files.get(path)
    if found is None and call.flag("WFFileErrorIfNotFound", default=True):
        raise ToolError(f"there is no file {path!r}")
    return found


def _create_folder(call: ActionCall) -> Content:
    path = _path(call, "WFFilePath")
    call.system.effects.append(f"folder {path}")
    return path


def _append_file(call: ActionCall) -> Content:
    path = _path(call, "WFFilePath")
    before = call.system.files.get(path, FileItem(path, b""))
    joined = before.data + (b"\n" if before.data else b"") + to_text(call.input()).encode()
    call.session.kept(FileItem(path, joined))
    call.system.files[path] = FileItem(path, joined)
    return call.system.files[path]


def _save_photo(call: ActionCall) -> Content:
    found = call.items()
    call.system.photos.extend(one for one in found if isinstance(one, FileItem))
    if not all(isinstance(one, FileItem) for one in found):
        raise ToolError("only a file can be saved to the photos")
    return call.input()


def _last_photo(call: ActionCall) -> Content:
    count = int(call.number("WFGetLatestPhotoCount", 1))
    return [*call.system.photos[-count:]] if count > 0 else []


def _open_app(call: ActionCall) -> Content:
    chosen = call.value("WFSelectedApp")
    name = chosen.get("Name") if isinstance(chosen, dict) else None
    app = to_text(name) or call.text("WFAppIdentifier") or call.text("WFAppName")
    if not app:
        raise ToolError("no app is named")
    call.system.opened.append(f"app:{app}")
    return app


def _device_details(call: ActionCall) -> Content:
    wanted = call.text("WFDeviceDetail", "Device Name")
    found = call.system.device.get(wanted, call.system.settings.get(wanted))
    if found is None:
        raise call.refused(f"the detail {wanted!r}")
    return found


def _network_details(call: ActionCall) -> Content:
    is_cellular = call.text("WFNetworkDetailsNetwork", "Wi-Fi") == "Cellular"
    return call.system.device.get("Cellular" if is_cellular else "Network Name")


def _detail(name: str) -> Handler:
    def handler(call: ActionCall) -> Content:
        return call.system.device.get(name)

    return handler


def _level(setting: str, parameter: str) -> Handler:
    def handler(call: ActionCall) -> Content:
        call.system.settings[setting] = to_number(call.number(parameter, 0.5))
        return call.session.previous

    return handler


def _switch(setting: str) -> Handler:
    def handler(call: ActionCall) -> Content:
        if call.text("operation", "turn").casefold() == "toggle":
            call.system.settings[setting] = not call.system.settings.get(setting, False)
        else:
            names = ("OnValue", "Enabled", "on", "state")
            given = next((name for name in names if call.has(name)), names[0])
            call.system.settings[setting] = call.flag(given, default=True)
        return call.session.previous

    return handler


def _felt(effect: str) -> Handler:
    def handler(call: ActionCall) -> Content:
        call.system.effects.append(effect)
        return call.session.previous

    return handler


def _exit(call: ActionCall) -> Content:
    raise Stopped(call.value("WFResult"))


def _output(call: ActionCall) -> Content:
    raise Stopped(call.value("WFOutput"))


_APPLE = "is.workflow.actions."

DEVICE_ACTIONS: Mapping[str, Handler] = {
    "com.apple.mobilenotes.SharingExtension": _create_note,
    **{
        f"{_APPLE}{name}": handler
        for name, handler in {
            "comment": _comment,
            "alert": _alert,
            "notification": _notification,
            "showresult": _show_result,
            "previewdocument": _quick_look,
            "viewresult": _quick_look,
            "speaktext": _speak,
            "getclipboard": _get_clipboard,
            "setclipboard": _set_clipboard,
            "createnote": _create_note,
            "appendnote": _append_note,
            "filter.notes": _find_notes,
            "addnewreminder": _add_reminder,
            "addnewevent": _add_event,
            "documentpicker.save": _save_file,
            "documentpicker.open": _open_file,
            "file.createfolder": _create_folder,
            "file.append": _append_file,
            "savetocameraroll": _save_photo,
            "getlastphoto": _last_photo,
            "openapp": _open_app,
            "getdevicedetails": _device_details,
            "getwifi": _network_details,
            "getipaddress": _detail("IP Address"),
            "getbatterylevel": _detail("Battery Level"),
            "setvolume": _level("Current Volume", "WFVolume"),
            "setbrightness": _level("Current Brightness", "WFBrightness"),
            "wifi.set": _switch("Wi-Fi"),
            "bluetooth.set": _switch("Bluetooth"),
            "cellulardata.set": _switch("Cellular Data"),
            "airplanemode.set": _switch("Airplane Mode"),
            "lowpowermode.set": _switch("Low Power Mode"),
            "orientationlock.set": _switch("Orientation Lock"),
            "nightshift.set": _switch("Night Shift"),
            "dnd.set": _switch("Focus"),
            "flashlight": _switch("Flashlight"),
            "vibrate": _felt("vibrate"),
            "playsound": _felt("sound"),
            "delay": _felt("wait"),
            "waittoreturn": _felt("wait to return"),
            "returntohomescreen": _felt("home screen"),
            "lockscreen": _felt("lock screen"),
            "dismisssiri": _felt("dismiss Siri"),
            "exit": _exit,
            "output": _output,
        }.items()
    },
}
