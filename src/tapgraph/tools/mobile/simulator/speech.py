"""How a phone says words, numbers and dates in its language."""

import importlib.resources
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal

__all__ = ["Language", "Speech"]

Language = Literal["en", "de"]

_GERMAN_MONTHS: Final = (
    "Januar", "Februar", "März", "April", "Mai", "Juni",
    "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_GERMAN_DAYS: Final = (
    "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag",
)  # fmt: skip
_LONGEST_WHOLE_MONTH: Final = 4
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Speech:
    """A language; programs are written in English, other languages look words up in a table.

    The table of German is `words_de.tsv`: an English text, a tab, the German one. What the table
    does not have is said in English.
    """

    language: Language = "en"

    def say(self, words: str, **slots: object) -> str:
        """Words in this language; `{name}` in them is filled where slots are given.

        >>> Speech("de").say("{app} keeps stopping", app="Maps")
        'Maps wird wiederholt beendet'
        """
        said = words if self.language == "en" else _german().get(words, words)
        return said.format(**slots) if slots else said

    def number(self, value: float, decimals: int = 0) -> str:
        """A number with its thousands apart.

        >>> Speech("en").number(1234.5, 1), Speech("de").number(1234.5, 1)
        ('1,234.5', '1.234,5')
        """
        return self._punctuated(f"{value:,.{decimals}f}")

    def written_number(self, text: str) -> str:
        """A number that a user typed, as English writes it.

        >>> Speech("de").written_number("1.250,50"), Speech("de").written_number("12.50")
        ('1,250.50', '12.50')
        """
        return self._punctuated(text) if "," in text else text

    def short_number(self, count: int) -> str:
        """A count as feeds have it.

        >>> Speech("en").short_number(27820), Speech("de").short_number(2_400_000)
        ('27.8K', '2,4 Mio.')
        """
        if count >= 1_000_000:
            return self._punctuated(f"{count / 1_000_000:.1f}") + self.say("M")
        if count < 10_000:
            return self.number(count)
        if self.language == "de":
            return self.number(count)
        return f"{count / 1000:.1f}K"

    def money(self, cents: int) -> str:
        """An amount of dollars.

        >>> Speech("en").money(-125000), Speech("de").money(-125000)
        ('-$1,250.00', '-1.250,00 $')
        """
        sign, amount = "-" if cents < 0 else "", self.number(abs(cents) / 100, 2)
        return f"{sign}{amount} $" if self.language == "de" else f"{sign}${amount}"

    def weekday(self, day: date) -> str:
        """The day of the week in full."""
        return _GERMAN_DAYS[day.weekday()] if self.language == "de" else f"{day:%A}"

    def short_weekday(self, day: date) -> str:
        """The day of the week in two or three letters."""
        return self.weekday(day)[: 2 if self.language == "de" else 3]

    def month(self, day: date) -> str:
        """The month in full."""
        return _GERMAN_MONTHS[day.month - 1] if self.language == "de" else f"{day:%B}"

    def short_date(self, day: date) -> str:
        """Day and month.

        >>> Speech("en").short_date(date(2026, 9, 1)), Speech("de").short_date(date(2026, 9, 1))
        ('Sep 1', '1. Sep.')
        """
        if self.language == "en":
            return f"{day:%b} {day.day}"
        month = self.month(day)
        return f"{day.day}. {month if len(month) <= _LONGEST_WHOLE_MONTH else month[:3] + '.'}"

    def day(self, day: date) -> str:
        """Day and month with the day of the week, both short.

        >>> Speech("en").day(date(2026, 5, 14)), Speech("de").day(date(2026, 5, 14))
        ('Thu, May 14', 'Do, 14. Mai')
        """
        return f"{self.short_weekday(day)}, {self.short_date(day)}"

    def long_day(self, day: date) -> str:
        """Day and month with the day of the week, in full.

        >>> Speech("en").long_day(date(2026, 5, 14)), Speech("de").long_day(date(2026, 5, 14))
        ('Thursday, May 14', 'Donnerstag, 14. Mai')
        """
        if self.language == "en":
            return f"{day:%A, %B} {day.day}"
        return f"{self.weekday(day)}, {day.day}. {self.month(day)}"

    def ago(self, seconds: int) -> str:
        """How long something is past.

        >>> Speech("en").ago(7300), Speech("de").ago(7300)
        ('2 h ago', 'vor 2 Std.')
        """
        hours = seconds // _HOUR_S
        days = hours // 24
        if hours < 1:
            return self.say("{count} min ago", count=max(1, seconds // 60))
        if hours < 24:
            return self.say("{count} h ago", count=hours)
        if days < 60:
            return self.say("{count} d ago", count=days)
        return self.say("{count} months ago", count=days // 30)

    def _punctuated(self, number: str) -> str:
        if self.language == "en":
            return number
        return number.translate(str.maketrans(",.", ".,"))


@cache
def _german() -> dict[str, str]:
    table = importlib.resources.files("tapgraph.tools.mobile.simulator") / "words_de.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)
