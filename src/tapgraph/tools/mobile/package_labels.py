"""A label for an app of which only the package is known."""

from collections.abc import Mapping

__all__ = ["label_from_package"]

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
_KNOWN: Mapping[str, str] = {
    "com.amazon.mShop.android.shopping": "Amazon Shopping",
    "com.android.chrome": "Chrome",
    "com.android.permissioncontroller": "Permissions",
    "com.android.systemui": "System",
    "com.android.vending": "Play Store",
    "com.bestbuy.android": "Best Buy",
    "com.google.android.apps.maps": "Maps",
    "com.google.android.apps.messaging": "Messages",
    "com.google.android.apps.nexuslauncher": "Home screen",
    "com.google.android.deskclock": "Clock",
    "com.google.android.dialer": "Phone",
    "com.google.android.gm": "Gmail",
    "com.google.android.keep": "Keep Notes",
    "com.google.android.youtube": "YouTube",
    "com.twitter.android": "X",
}
"""Popular apps, and parts of Android, whose package does not say what a person calls them."""


def label_from_package(package: str) -> str:
    """What the app is probably called.

    >>> label_from_package("com.walmart.android")
    'Walmart'
    >>> label_from_package("com.google.android.calendar")
    'Calendar'
    >>> label_from_package("")
    ''
    """
    if package in _KNOWN:
        return _KNOWN[package]
    telling = [part for part in package.split(".") if part.lower() not in _SAYS_NOTHING]
    if not telling:
        return package
    words = telling[-1].replace("_", " ").replace("-", " ").split()
    return " ".join(word[:1].upper() + word[1:] for word in words) or package
