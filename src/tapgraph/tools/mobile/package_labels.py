"""What apps are called of which only the package is known, and which packages are no apps."""

import functools
import importlib.resources
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["NameRow", "is_openable", "label_from_package", "name_rows", "names_of_package"]

_SAYS_NOTHING = frozenset({
    "air",
    "android",
    "androidapp",
    "app",
    "application",
    "apps",
    "client",
    "co",
    "com",
    "de",
    "edu",
    "example",
    "fr",
    "free",
    "global",
    "google",
    "in",
    "inc",
    "io",
    "jp",
    "kr",
    "lite",
    "main",
    "me",
    "mobile",
    "net",
    "org",
    "phone",
    "prod",
    "release",
    "ru",
    "to",
    "tv",
    "uk",
    "us",
    "www",
})
_PARTS_OF_ANDROID: Mapping[str, str] = {
    "android": "Android",
    "com.android.launcher3": "Home screen",
    "com.android.permissioncontroller": "Permissions",
    "com.android.systemui": "System",
    "com.google.android.apps.nexuslauncher": "Home screen",
    "com.google.android.gms": "Google Play services",
    "com.google.android.gsf": "Google Services Framework",
    "com.google.android.permissioncontroller": "Permissions",
    "com.sec.android.app.launcher": "Home screen",
}
"""What a person sees of Android without opening it."""

_SERVES_OTHERS = re.compile(
    r"""
    ^com\.android\. | ^com\.qualcomm\. | ^com\.qti\. | ^com\.mediatek\. | ^android\.
    | \b(?: providers? | services? | server | overlays? | rro | syncadapters?
          | inputmethod | ime | ext | cts | ctsshim | stub | shim | backuptransport | configupdater
          | partnersetup | onetimeinitializer | setupwizard | packageinstaller | printservice
          | printspooler | feedback | webview | tts | networkstack | modulemetadata
          | trichromelibrary | livepicker | lwp | wallpapers? | carrierconfig | captiveportallogin
          | mainline | resources | provision | keychain | telecom )\b
    | auto_generated | (?: provider | overlay | service | wallpapers )$
    """,
    re.VERBOSE,
)
"""How packages are named that show no icon. Apps of Android itself are in the table of names."""


@dataclass(frozen=True, slots=True)
class NameRow:
    """What apps of one kind are called.

    Attributes:
        names: what a person reads under the icon, in several languages and in short; the first is
            the English label.
        packages: the apps that are called so; makers of phones have their own of each kind.
    """

    names: tuple[str, ...]
    packages: tuple[str, ...]


@functools.cache
def name_rows() -> Sequence[NameRow]:
    """The commonest apps: `app_names.tsv`, one kind a line."""
    table = importlib.resources.files("tapgraph.tools.mobile") / "app_names.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    columns = [line.split("\t") for line in lines]
    return tuple(
        NameRow(tuple(names.split(" | ")), tuple(packages.split())) for names, packages in columns
    )


def names_of_package(package: str) -> Sequence[str]:
    """What the app is called, its label first; nothing for an app that the table does not hold.

    A package may be in several rows: Samsung's browser is called "Samsung Internet" and "Browser".
    """
    return _names_by_package().get(package, ())


def label_from_package(package: str) -> str:
    """What the app is probably called.

    >>> label_from_package("com.walmart.android")
    'Walmart'
    >>> label_from_package("com.sec.android.app.sbrowser")
    'Samsung Internet'
    >>> label_from_package("org.example.shopping_list")
    'Shopping List'
    >>> label_from_package("")
    ''
    """
    if package in _PARTS_OF_ANDROID:
        return _PARTS_OF_ANDROID[package]
    if names := names_of_package(package):
        return names[0]
    telling = [part for part in package.split(".") if part.lower() not in _SAYS_NOTHING]
    if not telling:
        return package
    words = telling[-1].replace("_", " ").replace("-", " ").split()
    return " ".join(word[:1].upper() + word[1:] for word in words) or package


def is_openable(package: str) -> bool:
    """Whether a package is probably an app with an icon, where the phone does not tell.

    >>> is_openable("com.android.settings"), is_openable("com.android.providers.settings")
    (True, False)
    >>> is_openable("com.example.notes"), is_openable("com.vendor.theme.overlay")
    (True, False)
    """
    if names_of_package(package):
        return True
    return package not in _PARTS_OF_ANDROID and not _SERVES_OTHERS.search(package)


@functools.cache
def _names_by_package() -> Mapping[str, Sequence[str]]:
    names: dict[str, tuple[str, ...]] = {}
    for row in name_rows():
        for package in row.packages:
            names[package] = names.get(package, ()) + row.names
    return names
