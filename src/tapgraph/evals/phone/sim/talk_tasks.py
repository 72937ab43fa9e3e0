"""Conversations and mail, each by itself."""

import re
from typing import Final

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    Fact,
    all_of,
    did,
    kept,
    tells,
    there_are,
    there_is,
    value_is,
)
from tapgraph.evals.phone.sim.spelling import spelled_count
from tapgraph.evals.phone.sim.ways import (
    answer_mail,
    ask,
    do,
    look_at,
    send_message,
    tell,
)
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["TALK_TASKS"]

LINES: Final = (
    "I will be ten minutes late",
    "Thank you, that helps a lot",
    "Can we do it next week instead?",
    "Please bring the blue folder",
    "I left the key at the front desk",
)
MONTHS: Final = ("June", "July", "August", "September")


def _open_chats(draw: Draw) -> list[Record]:
    return [one for one in draw.all("Messages", "chat") if not one.flag("is_archived")]


def _said(draw: Draw, chat: Record) -> list[Record]:
    return [one for one in draw.all("Messages", "message") if one.number("chat") == chat.id]


def _inbox(draw: Draw) -> list[Record]:
    return [one for one in draw.all("Gmail", "mail") if one.text("folder") == "Inbox"]


def _by_sender(draw: Draw) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for mail in sorted(_inbox(draw), key=lambda one: one.text("sent"), reverse=True):
        found.setdefault(mail.text("sender"), []).append(mail)
    return found


def _sent(draw: Draw) -> int:
    return sum(one.text("folder") == "Sent" for one in draw.all("Gmail", "mail"))


def write_to_somebody(draw: Draw) -> Sketch:
    """A message to the one who is meant."""
    chats = _open_chats(draw)
    chat, other = draw.some(chats, 2)
    words = draw.one(LINES)
    count = len(draw.all("Messages", "message"))
    return Sketch(
        says=(
            f'Write to {chat.title} in Messages: "{words}"',
            f'Send {chat.title} a text message saying "{words}".',
        ),
        rubrics=(
            there_is("the message is in that conversation", "Messages", "message",
                     chat=chat.id, is_mine=1, text=words),
            all_of(
                "it went to nobody else",
                there_is("it", "Messages", "message", chat=chat.id, is_mine=1, text=words),
                there_are("one message more", "Messages", "message", count + 1),
            ),
        ),
        aims=(send_message(chat, words),),
        wrong={"to another": (send_message(other, words),),
               "something else before it": (send_message(chat, "Hello"),
                         send_message(chat, words))},
    )  # fmt: skip


def tell_the_latest_message_of_somebody(draw: Draw) -> Sketch:
    """The last words of somebody, not those of the user before."""
    chat = draw.one(_open_chats(draw))
    *before, last = _said(draw, chat)
    draw.demand(not last.flag("is_mine"))
    words, wrong = last.text("text").rstrip("."), before[-1].text("text").rstrip(".")
    return Sketch(
        says=(
            f"What did {chat.title} write to me last? Tell me word for word.",
            f"Read me the latest message from {chat.title}, exactly as it is.",
        ),
        rubrics=(
            did("the conversation was opened or listed", "Messages", "chats_opened"),
            tells("the message is told", words, but_not=(wrong,)),
        ),
        aims=(look_at("Messages", "chat", chat, facts=(words,)), tell(f'"{words}."')),
        wrong={"the user's own": (look_at("Messages", "chat", chat), tell(wrong))},
    )


def count_unread_conversations(draw: Draw) -> Sketch:
    """How many conversations are unread, without the archived ones."""
    unread = [one for one in draw.all("Messages", "chat") if one.flag("is_unread")]
    count = sum(not one.flag("is_archived") for one in unread)
    other = count + 1 if len(unread) == count else len(unread)
    return Sketch(
        says=(
            "How many conversations in Messages are unread? Do not count the archive. Just the "
            "number.",
            "Tell me how many unread conversations there are in Messages, archived ones aside.",
        ),
        rubrics=(
            did("the conversations were listed", "Messages", "chats_opened"),
            tells(f"the answer is {count}", _none_or(count)),
        ),
        aims=(look_at("Messages", "chats", settings={"Unread": "on"}),
              tell(f"There are {count} unread conversations.")),
        wrong={"the archive too": (look_at("Messages", "archive"), tell(f"{other} unread ones."))},
    )  # fmt: skip


def _none_or(count: int) -> Fact:
    return spelled_count(count) if count else (*spelled_count(0), "no", "none")


def archive_two_conversations(draw: Draw) -> Sketch:
    """Two conversations go to the archive, no other does."""
    chats = _open_chats(draw)
    first, second, third = draw.some(chats, 3)
    rest = [one for one in draw.all("Messages", "chat") if one not in (first, second)]
    both = [value_is(one.title, "Messages", one, "is_archived", 1) for one in (first, second)]
    archive = [do("Messages", "chat", "archive", one) for one in (first, second, third)]
    return Sketch(
        says=(
            f"Archive my conversations with {first.title} and {second.title}.",
            f"Put the chats with {first.title} and {second.title} into the archive, no others.",
        ),
        rubrics=(
            both[0],
            both[1],
            all_of("both, and no other", *both,
                   kept("the others", "Messages", rest, "is_archived")),
        ),
        aims=archive[:2],
        wrong={"one only": archive[:1], "one more": archive,
               "deleted": [do("Messages", "chat", "delete", one) for one in (first, second)]},
    )  # fmt: skip


def start_a_conversation(draw: Draw) -> Sketch:
    """A conversation with a new number, and its first message."""
    chats = draw.all("Messages", "chat")
    name = draw.one(("Dr. Weiss", "Plumber", "Nadia Roth", "Bike repair", "Theo Lang"))
    number, words = f"(217) 555-01{draw.random.randrange(10, 99)}", draw.one(LINES)
    new = Record(chats[0].entity, max(one.id for one in chats) + 1, {"name": name})
    start = do("Messages", "new", "start", settings={"name": name, "number": number})
    return Sketch(
        says=(
            f'Start a conversation with {name}, number {number}, in Messages and write: "{words}"',
            f'Text {name} at {number}: "{words}". It is a new number for me.',
        ),
        rubrics=(
            there_is("there is a conversation with the number", "Messages", "chat", name=name,
                     number=number),
            there_is("the message is the last one in it", "Messages", "chat", number=number,
                     last=words),
        ),
        aims=(start, send_message(new, words)),
        wrong={"nothing was written": (start,),
               "written to another": (start, send_message(draw.one(_open_chats(draw)), words))},
        parameters={"name": name, "number": number},
    )  # fmt: skip


def answer_the_latest_mail_of_somebody(draw: Draw) -> Sketch:
    """A reply to the newest of several mails of a sender."""
    mails = _by_sender(draw)
    name = draw.one([one for one, theirs in mails.items() if len(theirs) > 1])
    latest, older = mails[name][0], mails[name][1]
    draw.demand(latest.title != older.title and latest.text("sent") != older.text("sent"))
    words = draw.one(LINES)
    wanted = {"folder": "Sent", "recipient": latest.text("address")}
    title = f"Re: {latest.title}"
    return Sketch(
        says=(
            f'Reply to the newest mail from {name}: "{words}"',
            f'Answer the latest e-mail that {name} sent me with "{words}".',
        ),
        rubrics=(
            there_is("a mail with the words went to the sender", "Gmail", "mail", text=words,
                     **wanted),
            there_is("it answers the newest one", "Gmail", "mail", subject=title, text=words,
                     **wanted),
            there_are("one mail was sent", "Gmail", "mail", _sent(draw) + 1, folder="Sent"),
        ),
        aims=(answer_mail(latest, words),),
        wrong={"an older one": (answer_mail(older, words),)},
        parameters={"sender": name},
    )  # fmt: skip


def star_the_mails_of_a_sender(draw: Draw) -> Sketch:
    """All mails of a sender in the inbox get a star, and no others."""
    mails = _by_sender(draw)
    name = draw.one([one for one, theirs in mails.items() if len(theirs) > 1])
    theirs = mails[name]
    todo = [one for one in theirs if not one.flag("is_starred")]
    draw.demand(bool(todo))
    rest = [one for one in draw.all("Gmail", "mail") if one not in theirs]
    starred = [value_is(one.title, "Gmail", one, "is_starred", 1) for one in theirs]
    star = [do("Gmail", "mail", "star", one) for one in todo]
    other = draw.one([one for one in rest if one.text("folder") == "Inbox"])
    return Sketch(
        says=(
            f"Star every mail from {name} in my inbox, but no other mail.",
            f"Mark all mails of {name} in the inbox with a star. Leave the rest alone.",
        ),
        rubrics=(
            all_of("the mails have a star", *starred),
            all_of("and no others were touched", *starred,
                   kept("the rest", "Gmail", rest, "is_starred", "folder")),
        ),
        aims=star,
        wrong={"all but one": star[1:],
               "one of another sender": (*star, do("Gmail", "mail", "star", other))},
    )  # fmt: skip


def clear_the_inbox_of_a_subject(draw: Draw) -> Sketch:
    """All mails of a kind leave the inbox, those that only look alike stay."""
    inbox = _inbox(draw)
    kind, pattern, near = draw.one((
        (
            'all invoices in my inbox that are not "corrected" ones',
            r"Invoice \d+",
            r"Invoice \d+ corrected",
        ),
        ("the corrected invoices in my inbox", r"Invoice \d+ corrected", r"Invoice \d+"),
        ('all mails called "Weekly news" in my inbox', "Weekly news", "Minutes of the meeting"),
        ('all mails about the "Trip to the lake" in my inbox', "Trip to the lake", "Weekly news"),
    ))
    meant = [one for one in inbox if re.fullmatch(pattern, one.title)]
    alike = [one for one in inbox if re.fullmatch(near, one.title)]
    others = [one for one in inbox if one not in meant]
    draw.demand(0 < len(meant) < 8)
    folder, act = draw.one((("Trash", "delete"), ("Archive", "archive")))
    rest = [one for one in draw.all("Gmail", "mail") if one not in meant]
    moved = [value_is(f"{one.title} of {one.text('sender')}", "Gmail", one, "folder", folder)
             for one in meant]  # fmt: skip
    aims = [do("Gmail", "mail", act, one) for one in meant]
    verb = "Move" if folder == "Trash" else "Archive"
    to = " to the trash" if folder == "Trash" else ""
    return Sketch(
        says=(
            f"{verb} {kind}{to}. Everything else stays where it is.",
            f"Please {verb.lower()} {kind}{to}, and nothing else.",
        ),
        rubrics=(
            moved[0],
            all_of("all of them were moved", *moved),
            all_of("and nothing else", *moved, kept("the rest", "Gmail", rest, "folder")),
        ),
        aims=aims,
        wrong={"all but one": aims[1:],
               "one more": (*aims, do("Gmail", "mail", act, (alike or others)[0]))},
    )  # fmt: skip


def tell_a_month_from_a_mail(draw: Draw) -> Sketch:
    """A month that stands in one mail, while other mails name others."""
    mail = draw.one(_inbox(draw))
    number, name = mail.title.partition(" ")[2], mail.text("sender")
    questions = {
        r"Your order \d+": f"In which month should {number.removesuffix(' is on its way')} arrive?",
        r"Invoice \d+$": f"For which month is invoice {number}?",
        "Minutes of the meeting": f"To which month do the minutes from {name} move the launch?",
    }
    question = draw.one([text for kind, text in questions.items() if re.match(kind, mail.title)])
    alike = [one for one in draw.all("Gmail", "mail") if one.title == mail.title]
    is_named = "minutes" not in question
    draw.demand(sum(is_named or name[:-1] in one.text("text") for one in alike) == 1)
    (month,) = [one for one in MONTHS if one in mail.text("text")]
    others = [one for one in MONTHS if one != month]
    return Sketch(
        says=(f"{question} There is a mail about it.", f"Look into my mail. {question}"),
        rubrics=(
            did("the mail was looked for", "Gmail", "inbox_opened"),
            tells("the month is told", month, but_not=others),
        ),
        aims=(look_at("Gmail", "mail", mail, facts=(f"It is {month}",)), tell(f"In {month}.")),
        wrong={"another mail": (look_at("Gmail", "inbox"), tell(f"In {others[0]}."))},
    )


def count_mails_of_a_sender(draw: Draw) -> Sketch:
    """How many mails of somebody are in the inbox; another sender has nearly the same name."""
    mails = _by_sender(draw)
    everywhere = draw.all("Gmail", "mail")
    name = draw.one(list(mails))
    count = len(mails[name])
    total = sum(one.text("sender") == name for one in everywhere)
    wrong = total if total != count else count + 1
    return Sketch(
        says=(
            f"How many mails from {name} are in my inbox? Answer with the number only.",
            f"Count the mails in the inbox that {name} sent me and tell me how many there are.",
        ),
        rubrics=(
            did("the inbox was opened", "Gmail", "inbox_opened"),
            tells(f"the answer is {count}", spelled_count(count)),
        ),
        aims=(look_at("Gmail", "inbox", settings={"query": name}), tell(f"There are {count}.")),
        wrong={"all folders": (look_at("Gmail", "trash"), tell(f"There are {wrong}."))},
    )


def answer_a_mail_that_never_came(draw: Draw) -> Sketch:
    """A mail of that sender with that subject does not exist."""
    mails = _by_sender(draw)
    name = draw.one([one for one, theirs in mails.items() if len(theirs) > 1])
    subject = draw.one(("Question about the contract", "Minutes of the meeting", "Weekly news"))
    theirs = [one for one in draw.all("Gmail", "mail") if name[:-1] in one.text("text")]
    draw.demand(all(one.title != subject for one in theirs))
    words = draw.one(LINES)
    return Sketch(
        says=(
            f'Reply to the mail "{subject}" from {name} with "{words}".',
            f'{name} sent me a mail called "{subject}". Answer it: "{words}"',
        ),
        rubrics=(
            did("the inbox was opened", "Gmail", "inbox_opened"),
            there_are("nothing was sent", "Gmail", "mail", _sent(draw), folder="Sent"),
        ),
        aims=(look_at("Gmail", "inbox", settings={"query": name}),),
        right_end="cannot",
        wrong={"another mail of the sender": (answer_mail(mails[name][0], words),)},
    )  # fmt: skip


def answer_one_of_two_mails(draw: Draw) -> Sketch:
    """Two mails in the inbox have the subject; only the user knows which one is meant."""
    inbox = _inbox(draw)
    first = draw.one(inbox)
    both = [one for one in inbox if one.title == first.title]
    draw.demand(len({one.text("sender") for one in both}) > 1)
    words = draw.one(LINES)
    names = " or ".join(sorted({one.text("sender") for one in both}))
    return Sketch(
        says=(
            f'There is a mail "{first.title}" in my inbox. Answer it: "{words}"',
            f'Reply "{words}" to the person who mailed me about "{first.title}".',
        ),
        rubrics=(
            did("the inbox was opened", "Gmail", "inbox_opened"),
            there_are("nothing was sent", "Gmail", "mail", _sent(draw), folder="Sent"),
        ),
        aims=(look_at("Gmail", "inbox", settings={"query": first.title}),
              ask(f"Several people wrote that: {names}. Whom do you mean?")),
        right_end="ask",
        wrong={"the first": (answer_mail(first, words),)},
    )  # fmt: skip


TALK_TASKS = (
    Kind(write_to_somebody, "easy"),
    Kind(tell_the_latest_message_of_somebody, "easy"),
    Kind(count_unread_conversations, "easy"),
    Kind(archive_two_conversations, "medium"),
    Kind(start_a_conversation, "medium"),
    Kind(answer_the_latest_mail_of_somebody, "medium"),
    Kind(star_the_mails_of_a_sender, "medium"),
    Kind(clear_the_inbox_of_a_subject, "hard"),
    Kind(tell_a_month_from_a_mail, "medium"),
    Kind(count_mails_of_a_sender, "easy"),
    Kind(answer_a_mail_that_never_came, "medium"),
    Kind(answer_one_of_two_mails, "hard"),
)
