"""Times in the format language of moment.js, which Appium takes."""

import re
from datetime import datetime

__all__ = ["DEFAULT_TIME_FORMAT", "format_time"]

DEFAULT_TIME_FORMAT = "YYYY-MM-DDTHH:mm:ssZ"
_TOKEN = re.compile(
    r"\[([^\]]*)\]|YYYY|YY|MMMM|MMM|MM|M|DD|D|dddd|ddd|HH|H|hh|h|mm|m|ss|s|SSS|A|a|ZZ|Z|X|x"
)


def format_time(moment: datetime, layout: str = DEFAULT_TIME_FORMAT) -> str:
    """The moment as `layout` asks; text in `[brackets]` and unknown letters stay as they are.

    >>> format_time(datetime(2025, 3, 7, 15, 4, 5), "D MMM YYYY, h:mm A")
    '7 Mar 2025, 3:04 PM'
    """
    offset = moment.strftime("%z") or "+0000"
    twelve = moment.hour % 12 or 12
    words = {
        "YYYY": f"{moment.year:04}",
        "YY": f"{moment.year % 100:02}",
        "MMMM": _MONTHS[moment.month - 1],
        "MMM": _MONTHS[moment.month - 1][:3],
        "MM": f"{moment.month:02}",
        "M": str(moment.month),
        "DD": f"{moment.day:02}",
        "D": str(moment.day),
        "dddd": _WEEKDAYS[moment.weekday()],
        "ddd": _WEEKDAYS[moment.weekday()][:3],
        "HH": f"{moment.hour:02}",
        "H": str(moment.hour),
        "hh": f"{twelve:02}",
        "h": str(twelve),
        "mm": f"{moment.minute:02}",
        "m": str(moment.minute),
        "ss": f"{moment.second:02}",
        "s": str(moment.second),
        "SSS": f"{moment.microsecond // 1000:03}",
        "A": "AM" if moment.hour < 12 else "PM",
        "a": "am" if moment.hour < 12 else "pm",
        "ZZ": offset,
        "Z": f"{offset[:3]}:{offset[3:5]}",
        "X": str(int(moment.timestamp())),
        "x": str(int(moment.timestamp() * 1000)),
    }
    return _TOKEN.sub(lambda match: words.get(match.group(), match[1] or ""), layout)


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
