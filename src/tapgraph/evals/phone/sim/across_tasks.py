"""What is seen in one of the phone's own apps is needed in another one."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.money_tasks import BANK, transfer
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    kept,
    note_says,
    there_are,
    there_is,
    there_is_no,
    thing_says,
)
from tapgraph.evals.phone.sim.spelling import spelled_money, told_day, told_money
from tapgraph.evals.phone.sim.ways import (
    answer_mail,
    ask,
    do,
    look_at,
    plan_event,
    send_mail,
    send_message,
    write_note,
)
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["ACROSS_TASKS"]

TIMES: Final = {"5 pm": "17:00", "18:30": "18:30", "noon": "12:00"}
"""What people write, but for a time that no full or half hour is near to."""


class Talk(NamedTuple):
    """A conversation in which a time was agreed on, and the weekday where one was."""

    chat: Record
    time: str
    weekday: str


def _talks(draw: Draw) -> Iterator[Talk]:
    said = draw.all("Messages", "message")
    for chat in draw.all("Messages", "chat"):
        text = " ".join(one.text("text") for one in said if one.number("chat") == chat.id)
        times = [time for words, time in TIMES.items() if words in text]
        day = re.search(r"(Friday|Saturday|Monday|Tuesday)", text)
        if times and "table" not in text:
            yield Talk(chat, times[0], day[1] if day else "")


def _mails(draw: Draw) -> int:
    return len(draw.all("Gmail", "mail"))


def _visible_chats(draw: Draw) -> list[Record]:
    return [one for one in draw.all("Messages", "chat") if not one.flag("is_archived")]


def plan_what_was_agreed_on(draw: Draw) -> Sketch:
    """The time stands in a conversation, the day in the instruction."""
    talk = draw.one(list(_talks(draw)))
    days = [(draw.now + timedelta(days=ahead)).date() for ahead in range(2, 12)]
    day = draw.one([one for one in days if not talk.weekday or f"{one:%A}" == talk.weekday])
    name = talk.chat.title
    title, starts = f"Meet {name}", f"{day.isoformat()}T{talk.time}"
    late = f"{day.isoformat()}T{int(talk.time[:2]) + 1}{talk.time[2:]}"
    shown = look_at("Messages", "chat", talk.chat, facts=(f"at {talk.time}",))
    return Sketch(
        says=(
            f'I meet {name} on {told_day(day)}; we wrote about the time. Put "{title}" into my '
            "calendar.",
            f'Look up in Messages at what time I meet {name}, and make a calendar event "{title}" '
            f"for {told_day(day)} at that time.",
        ),
        rubrics=(
            there_are("one event has the title", "Calendar", "event", 1, title=title),
            there_is("it starts as was agreed", "Calendar", "event", title=title, starts=starts),
        ),
        aims=(shown, plan_event(title, starts)),
        wrong={"an hour late": (shown, plan_event(title, late))},
        parameters={"name": name, "starts": starts},
    )  # fmt: skip


def plan_a_meeting_without_a_time(draw: Draw) -> Sketch:
    """The conversation says the day but no time, and the user wants both."""
    said = draw.all("Messages", "message")
    timeless = []
    for chat in draw.all("Messages", "chat"):
        text = " ".join(one.text("text") for one in said if one.number("chat") == chat.id)
        if "keys" in text or "parcel" in text:
            timeless.append((chat, "the keys" if "keys" in text else "the parcel"))
    chat, what = draw.one(timeless)
    title = f"{what.removeprefix('the ').capitalize()} and {chat.title}"
    events = draw.all("Calendar", "event")
    some_day = (draw.now + timedelta(days=2)).date()
    return Sketch(
        says=(
            f"{chat.title} and I wrote about {what}. Put the exact day and time that we agreed on "
            f'into my calendar as "{title}".',
            f"Make a calendar event {title!r} on the day and at the hour that {chat.title} and I "
            f"set for {what}; it is in our messages.",
        ),
        rubrics=(
            did("the messages were looked at", "Messages", "chats_opened"),
            there_are("no event was made up", "Calendar", "event", len(events)),
        ),
        aims=(look_at("Messages", "chat", chat),
              ask(f"{chat.title} and you agreed on no time. When shall it be?")),
        right_end="ask",
        wrong={"at a guessed time": (plan_event(title, f"{some_day.isoformat()}T12:00"),)},
    )  # fmt: skip


def pay_an_invoice_without_an_amount(draw: Draw) -> Sketch:
    """The mail about the invoice says no amount."""
    inbox = [one for one in draw.all("Gmail", "mail") if one.text("folder") == "Inbox"]
    mail = draw.one([one for one in inbox if one.title.startswith("Invoice")])
    account = draw.one(draw.all(BANK, "account"))
    payee = draw.one(draw.all(BANK, "payee")[1:-1])
    number = int(mail.title.split()[1])
    sender = mail.text("sender")
    return Sketch(
        says=(
            f"Pay what {sender} wants in the mail {mail.title!r}: transfer it from {account.title} "
            f"to {payee.title}.",
            f"{sender} mailed me {mail.title!r}. Send the amount from {account.title} to "
            f"{payee.title}, who collects it.",
        ),
        rubrics=(
            did("the mail was looked for", "Gmail", "inbox_opened"),
            there_is_no("nothing was paid", BANK, "movement", kind="Transfer"),
        ),
        aims=(look_at("Gmail", "mail", mail), ask("The mail names no amount. How much is it?")),
        right_end="ask",
        wrong={"the number of the invoice": transfer(account, payee, number * 100)},
    )


def save_the_address_of_a_sender(draw: Draw) -> Sketch:
    """A contact whose e-mail address stands in a mail."""
    inbox = [one for one in draw.all("Gmail", "mail") if one.text("folder") == "Inbox"]
    mail = draw.one(inbox)
    name, address = mail.text("sender"), mail.text("address")
    other = draw.one([one for one in inbox if one.text("address") != address])
    draw.demand(all(one.title != name for one in draw.all("Contacts", "person")))
    phone = f"(312) 555-01{draw.random.randrange(10, 99)}"
    filled = {"name": name, "phone": phone, "email": address}
    read = look_at("Gmail", "mail", mail, facts=(address,))
    wrong = {**filled, "email": other.text("address")}
    return Sketch(
        says=(
            f"Save {name} as a contact: phone {phone}, and the e-mail address from the mail "
            f"{mail.title!r}.",
            f"{name} wrote me {mail.title!r}. Make a contact with that e-mail address and the "
            f"number {phone}.",
        ),
        rubrics=(
            there_are("one contact has the name", "Contacts", "person", 1, name=name),
            there_is("with the number", "Contacts", "person", name=name, phone=phone),
            there_is("with the address", "Contacts", "person", name=name, email=address),
        ),
        aims=(read, do("Contacts", "form", "save", settings=filled)),
        wrong={"another address": (read, do("Contacts", "form", "save", settings=wrong))},
    )


def mail_a_contact(draw: Draw) -> Sketch:
    """A mail to one of two contacts with nearly equal names."""
    people = draw.all("Contacts", "person")
    person, twin = draw.some([people[0], people[-1]], 2)
    subject = draw.one(("Saturday", "Your key", "The report", "Dinner"))
    text = draw.one(("Can you call me tonight?", "All is ready.", "I will bring it tomorrow."))
    sent = {"recipient": person.text("email"), "folder": "Sent", "subject": subject}
    return Sketch(
        says=(
            f'E-mail {person.title} with the subject "{subject}" and the text "{text}". The '
            "address is in my contacts.",
            f'Send a mail to {person.title} from my contacts. Subject: "{subject}". Text: "{text}"',
        ),
        rubrics=(
            there_is("a mail went to the contact", "Gmail", "mail", **sent),
            all_of(
                "with the text, and to nobody else",
                there_is("the mail", "Gmail", "mail", text=text, **sent),
                there_are("one mail", "Gmail", "mail", _mails(draw) + 1),
            ),
        ),
        aims=(look_at("Contacts", "person", person, facts=(person.text("email"),)),
              send_mail(person.text("email"), subject, text)),
        wrong={"who is called nearly so": (send_mail(twin.text("email"), subject, text),),
               "both": (send_mail(person.text("email"), subject, text),
                        send_mail(twin.text("email"), subject, text))},
    )  # fmt: skip


def mail_my_day_to_a_contact(draw: Draw) -> Sketch:
    """The events of a day go to somebody whose address is in the contacts."""
    day: date = (draw.now + timedelta(days=draw.random.randrange(1, 19))).date()
    events = draw.all("Calendar", "event")
    titles = [one.title for one in events if one.when("starts").date() == day]
    next_day = day + timedelta(days=1)
    after = [one.title for one in events if one.when("starts").date() == next_day]
    others = [one for one in after if not any(one in title for title in titles)]
    draw.demand(len(titles) > 1 and bool(others))
    person = draw.one(draw.all("Contacts", "person")[1:-1])
    address = person.text("email")
    words = f"On {told_day(day)} I have: {', '.join(titles)}"
    read = look_at("Calendar", "day", settings={"day": day.isoformat()}, facts=(words,))
    sent = {"recipient": address, "folder": "Sent", "subject": "My day"}
    return Sketch(
        says=(
            f'Mail {person.title} what I have on {told_day(day)}: subject "My day", and in the '
            "text the titles of all my events of that day.",
            f'{person.title} wants to know my plans for {told_day(day)}. Send a mail "My day" with '
            "the title of every event in my calendar on that day, and of no other day.",
        ),
        rubrics=(
            there_is("the mail went to the contact", "Gmail", "mail", **sent),
            thing_says("it names all events", "Gmail", "mail", "text", *titles, **sent),
            thing_says("and none of another day", "Gmail", "mail", "text", *titles,
                       but_not=others, **sent),
        ),
        aims=(read, look_at("Contacts", "person", person, facts=(address,)),
              send_mail(address, "My day", words)),
        wrong={"the first only": (send_mail(address, "My day", titles[0]),),
               "two days": (send_mail(address, "My day", f"{words}, {', '.join(others)}"),)},
    )  # fmt: skip


def tell_somebody_a_balance(draw: Draw) -> Sketch:
    """A balance at the bank goes into a conversation."""
    account, other = draw.some(draw.all(BANK, "account"), 2)
    chat, wrong_chat = draw.some(_visible_chats(draw), 2)
    cents, wrong = account.number("balance"), other.number("balance")
    draw.demand(cents != wrong)
    words = f"{told_money(cents)} are in {account.title}"
    read = look_at(BANK, "accounts", facts=(words,))
    return Sketch(
        says=(
            f"Write to {chat.title} in Messages how much money is in my {account.title} account.",
            f"{chat.title} asks how much we have in {account.title} at Harbor Bank. Look it up and "
            "answer in Messages.",
        ),
        rubrics=(
            thing_says("the balance is in the conversation", "Messages", "message", "text",
                       spelled_money(cents), chat=chat.id, is_mine=1),
            thing_says("and no other one", "Messages", "message", "text", spelled_money(cents),
                       but_not=(spelled_money(wrong),), chat=chat.id, is_mine=1),
        ),
        aims=(read, send_message(chat, words)),
        wrong={"another account": (read, send_message(chat, f"It is {told_money(wrong)}")),
               "two accounts": (send_message(chat, f"{words}, {told_money(wrong)} elsewhere"),),
               "somebody else": (read, send_message(wrong_chat, words))},
    )  # fmt: skip


def write_an_account_number(draw: Draw) -> Sketch:
    """The number of an account, digit by digit, goes into a mail."""
    account, other = draw.some(draw.all(BANK, "account"), 2)
    inbox = [one for one in draw.all("Gmail", "mail") if one.text("folder") == "Inbox"]
    mail = draw.one(inbox)
    draw.demand(sum((one.title, one.text("sender")) == (mail.title, mail.text("sender"))
                    for one in inbox) == 1)  # fmt: skip
    number = account.text("number")
    read = look_at(BANK, "account", account, facts=(number,))
    sent = {"recipient": mail.text("address"), "folder": "Sent"}
    spelled = (number, number.replace(" ", ""))
    return Sketch(
        says=(
            f"Answer the mail {mail.title!r} from {mail.text('sender')} with the number of my "
            f"{account.title} account at Harbor Bank.",
            f"{mail.text('sender')} needs the account number of my {account.title}. Reply to the "
            f"mail {mail.title!r} with it.",
        ),
        rubrics=(
            thing_says("the number was sent", "Gmail", "mail", "text", spelled, **sent),
            thing_says("in a reply to that mail", "Gmail", "mail", "text", spelled,
                       subject=f"Re: {mail.title}", **sent),
        ),
        aims=(read, answer_mail(mail, f"The number is {number}")),
        wrong={"of another account": (answer_mail(mail, f"The number is {other.text('number')}"),)},
    )  # fmt: skip


def add_two_balances_into_a_note(draw: Draw) -> Sketch:
    """Two balances are added on the calculator, and the sum is written down."""
    first, second, third = draw.some(draw.all(BANK, "account"), 3)
    total = first.number("balance") + second.number("balance")
    wrong = first.number("balance") + third.number("balance")
    draw.demand(total != wrong)
    formula = f"{first.number('balance') / 100:.2f}+{second.number('balance') / 100:.2f}"
    value = spelled_money(total)[-1]
    title = draw.one(("Money", "For the tax", "Budget"))
    read = look_at(BANK, "accounts", facts=(formula,))
    return Sketch(
        says=(
            f"Add the balances of {first.title} and {second.title} on the calculator and write the "
            f'sum into a note called "{title}".',
            f'Make a note "{title}" that says how much {first.title} and {second.title} hold '
            "together. Use the calculator.",
        ),
        rubrics=(
            did("the sum was calculated", "Calculator", "calculated", detail=value),
            note_says("the note has the sum", spelled_money(total), title=title),
        ),
        aims=(read, look_at("Calculator", "keys", settings={"calculated": formula}, facts=(value,)),
              write_note(title, told_money(total))),
        wrong={"another account": (read, write_note(title, told_money(wrong)))},
    )  # fmt: skip


def note_the_size_of_a_file(draw: Draw) -> Sketch:
    """A size from the files goes into a note."""
    files = [one for one in draw.all("Files", "file") if not one.flag("is_trashed")]
    file, other = draw.some(files, 2)
    size = file.text("size")
    draw.demand(other.text("size") != size)
    read = look_at("Files", "file", file, facts=(size,))
    spelled = (size, size.replace(" ", ""))
    return Sketch(
        says=(
            f'Write a note "File size" that says how large the file "{file.title}" is.',
            f'How big is "{file.title}"? Put its size into a note with the title "File size".',
        ),
        rubrics=(
            there_are("there is one such note", "Notes", "notes", 1, title="File size"),
            all_of(
                "it has the size, and no file was changed",
                note_says("the size", spelled, title="File size"),
                kept("the files", "Files", draw.all("Files", "file"), "name", "is_trashed"),
            ),
        ),
        aims=(read, write_note("File size", f"{file.title}: {size}")),
        wrong={"of another file": (read, write_note("File size", other.text("size")))},
    )


ACROSS_TASKS = (
    Kind(plan_what_was_agreed_on, "hard"),
    Kind(plan_a_meeting_without_a_time, "hard"),
    Kind(pay_an_invoice_without_an_amount, "hard"),
    Kind(save_the_address_of_a_sender, "hard"),
    Kind(mail_a_contact, "hard"),
    Kind(mail_my_day_to_a_contact, "expert"),
    Kind(tell_somebody_a_balance, "hard"),
    Kind(write_an_account_number, "hard"),
    Kind(add_two_balances_into_a_note, "expert"),
    Kind(note_the_size_of_a_file, "medium"),
)
