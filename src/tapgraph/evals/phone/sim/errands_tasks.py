"""Stays, places, meals and purchases, with what the phone's own apps have to do with them."""

from datetime import timedelta
from typing import Final

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.money_tasks import BANK, paid, transfer
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    kept,
    tells,
    there_are,
    there_is,
    there_is_no,
    thing_says,
)
from tapgraph.evals.phone.sim.spelling import spelled_day, spelled_money, told_day, told_money
from tapgraph.evals.phone.sim.ways import (
    do,
    look_at,
    plan_event,
    send_mail,
    send_message,
    tell,
)
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["ERRANDS_TASKS"]

STAYS: Final = "Booking.com"
BURGERS: Final = "McDonald's"
SHOPS: Final = ("Amazon Shopping", "Walmart", "Best Buy")


def _trips(draw: Draw) -> tuple[Record, Record]:
    """One of the two stays to come, and the other."""
    first, second = draw.some([one for one in draw.all(STAYS, "trip")
                               if one.when("arrives") > draw.now], 2)  # fmt: skip
    return first, second


def _read(trip: Record) -> Aim:
    return look_at(STAYS, "trip", trip, facts=(f"{trip.title}: {trip.text('arrives')}",))


def plan_the_check_in(draw: Draw) -> Sketch:
    """The day of arrival, as it was booked, goes into the calendar."""
    trip, other = _trips(draw)
    time = draw.one(("14:00", "15:30", "16:00", "18:00"))
    starts, wrong = (f"{one.text('arrives')}T{time}" for one in (trip, other))
    filled = {"title": f"Check-in {trip.title}", "starts": starts}
    return Sketch(
        says=(
            f'Add "{filled["title"]}" at {time} to my calendar, on the day of my arrival. The '
            f"booking is on {STAYS}.",
            f"I check in at {trip.title} at {time}; look up the day in my bookings on {STAYS}. "
            f'Make a calendar event "{filled["title"]}" for it.',
        ),
        rubrics=(
            there_are("one event has the title", "Calendar", "event", 1, title=filled["title"]),
            there_is("on the day of arrival, at the time", "Calendar", "event", **filled),
        ),
        aims=(_read(trip), plan_event(filled["title"], starts)),
        wrong={"the other stay": (plan_event(filled["title"], wrong),)},
    )  # fmt: skip


def clear_the_days_of_a_stay(draw: Draw) -> Sketch:
    """What the calendar has on the first days of a stay is deleted, and nothing else."""
    trip, _ = _trips(draw)
    events = draw.all("Calendar", "event")
    first = trip.when("arrives").date()
    after = draw.one((1, 2, 3))
    days = [first + timedelta(days=ahead) for ahead in range(after + 1)]
    meant = [one for one in events if one.when("starts").date() in days]
    draw.demand(0 < len(meant) < 9)
    rest = [one for one in events if one not in meant]
    near = [one for one in rest if one.when("starts").date() in {
        first - timedelta(days=1), days[-1] + timedelta(days=1)}]  # fmt: skip
    gone = [there_is_no(one.title, "Calendar", "event", id=one.id) for one in meant]
    delete = [do("Calendar", "event", "delete", one) for one in meant]
    more = do("Calendar", "event", "delete", draw.one(near or rest))
    return Sketch(
        says=(
            f"I am away for my stay at {trip.title}. Delete all calendar events from the day of "
            f"arrival to {told_day(days[-1])}. {STAYS} knows when I arrive.",
            f"Clear {after + 1} days of my calendar, beginning with the check-in at {trip.title} "
            f"that I booked on {STAYS}. Keep all other events.",
        ),
        rubrics=(
            gone[0],
            all_of("all of them are gone", *gone),
            all_of("and no others", *gone, kept("the rest", "Calendar", rest, "title", "starts")),
        ),
        aims=(_read(trip), *delete),
        wrong={"all but one": delete[1:], "a day too many": (*delete, more)},
    )


def pay_half_of_a_stay(draw: Draw) -> Sketch:
    """Half of what a stay costs goes to a payee, with the code."""
    trip, other = _trips(draw)
    account = draw.one(draw.all(BANK, "account"))
    payee = draw.one(draw.all(BANK, "payee")[1:-1])
    half, wrong = trip.number("total") // 2, other.number("total") // 2
    draw.demand(half != wrong and trip.number("total") <= account.number("balance"))
    return Sketch(
        says=(
            f"{payee.title} paid for our stay at {trip.title}. Send half of its price from my "
            f"{account.title} account. The booking is on {STAYS}, the bank's code in the "
            "Authenticator.",
            f"Look up what {trip.title} costs in my bookings on {STAYS} and transfer one half of "
            f"that to {payee.title}, from {account.title} at {BANK}.",
        ),
        rubrics=(
            there_is("the payee got a half", BANK, "movement", name=payee.title, amount=-half),
            paid("once, and from the right account", account, payee, half),
        ),
        aims=(_read(trip), *transfer(account, payee, half)),
        wrong={"all of it": transfer(account, payee, trip.number("total")),
               "half of the other": transfer(account, payee, min(
                   wrong, account.number("balance"))),
               "both halves": (*transfer(account, payee, half), *transfer(account, payee, half))},
    )  # fmt: skip


def mail_a_booking_to_a_contact(draw: Draw) -> Sketch:
    """Where and when the user stays, to somebody whose address is in the contacts."""
    trip, other = _trips(draw)
    people = draw.all("Contacts", "person")
    person, twin = draw.some([people[0], people[-1]], 2)
    arrives, wrong = (one.when("arrives").date() for one in (trip, other))
    words = f"We arrive on {told_day(arrives)}"
    sent = {"recipient": person.text("email"), "folder": "Sent", "subject": trip.title}

    def mail(recipient: Record, text: str) -> Aim:
        return send_mail(recipient.text("email"), trip.title, text)

    return Sketch(
        says=(
            f"Mail {person.title} on which date I arrive at {trip.title}. Take the hotel's name as "
            f"subject. The booking is on {STAYS}, the address in my contacts.",
            f'Send {person.title} from my contacts an e-mail with the subject "{trip.title}" that '
            f"tells the date of my check-in there; see my bookings on {STAYS}.",
        ),
        rubrics=(
            there_is("a mail went to the contact", "Gmail", "mail", **sent),
            thing_says("it tells the date", "Gmail", "mail", "text", spelled_day(arrives),
                       but_not=(spelled_day(wrong),), **sent),
            all_of(
                "and to nobody else",
                there_is("the mail", "Gmail", "mail", **sent),
                there_are("one mail", "Gmail", "mail", len(draw.all("Gmail", "mail")) + 1),
            ),
        ),
        aims=(_read(trip), look_at("Contacts", "person", person, facts=(person.text("email"),)),
              mail(person, words)),
        wrong={"who is called nearly so": (mail(twin, words),),
               "the other stay": (mail(person, f"We arrive on {told_day(wrong)}"),),
               "both people": (mail(person, words), mail(twin, words))},
    )  # fmt: skip


def save_the_number_of_a_place(draw: Draw) -> Sketch:
    """A phone number from the map becomes a contact."""
    places = draw.all("Maps", "place")
    place, other = draw.some(places, 2)
    draw.demand(sum(place.title in one.title for one in places) == 1)
    phone, wrong = place.text("phone"), other.text("phone")
    draw.demand(bool(phone) and phone != wrong)
    filled = {"name": place.title, "phone": phone}
    read = look_at("Maps", "place", place, facts=(phone,))
    save = do("Contacts", "form", "save", settings=filled)
    guessed = do("Contacts", "form", "save", settings={**filled, "phone": wrong})
    return Sketch(
        says=(
            f'Find "{place.title}" on Maps and save it in my contacts with its phone number.',
            f'I want to be able to call "{place.title}". Look up its number on Maps and add a '
            "contact of that name.",
        ),
        rubrics=(
            there_are("one contact has the name", "Contacts", "person", 1, name=place.title),
            there_is("with the number", "Contacts", "person", **filled),
        ),
        aims=(read, save),
        wrong={"the number of another place": (read, guessed)},
    )


def tell_somebody_what_a_meal_costs(draw: Draw) -> Sketch:
    """Two prices of a menu are added for somebody in a conversation."""
    dishes = draw.all(BURGERS, "dish")
    first, second, third = draw.some(dishes, 3)
    friend = draw.one([one for one in draw.all("Messages", "chat") if not one.flag("is_archived")])
    total = first.number("price") + second.number("price")
    usual = first.number("old_price") + second.number("old_price")
    wrong = usual if usual != total else first.number("price") + third.number("price")
    draw.demand(wrong != total)
    read = [look_at(BURGERS, "dish", one, facts=(f"{one.title}: {told_money(one.number('price'))}",)
                    ) for one in (first, second)]  # fmt: skip
    return Sketch(
        says=(
            f"Write to {friend.title} in Messages what one {first.title} and one {second.title} "
            f"cost together at {BURGERS} today. Do not order anything.",
            f"{friend.title} wants to know how much a {first.title} plus a {second.title} is at "
            f"{BURGERS}. Add the present prices and answer in Messages.",
        ),
        rubrics=(
            thing_says("the sum is in the conversation", "Messages", "message", "text",
                       spelled_money(total), chat=friend.id, is_mine=1),
            all_of(
                "it is, and nothing was ordered",
                thing_says("the sum", "Messages", "message", "text", spelled_money(total),
                           but_not=(spelled_money(wrong),), chat=friend.id, is_mine=1),
                there_is_no("no order", BURGERS, "purchase"),
            ),
        ),
        aims=(*read, send_message(friend, told_money(total))),
        wrong={"a wrong sum": (send_message(friend, told_money(wrong)),),
               "one dish": (send_message(friend, told_money(first.number("price"))),)},
    )  # fmt: skip


def tell_what_a_purchase_would_leave(draw: Draw) -> Sketch:
    """A price in a shop is taken from a balance at the bank; nothing is bought."""
    shop = draw.one(SHOPS)
    products = draw.all(shop, "product")
    product = draw.one(products)
    account, other = draw.some(draw.all(BANK, "account"), 2)
    price = product.number("price")
    left, wrong = account.number("balance") - price, other.number("balance") - price
    draw.demand(left > 0 and left != wrong)
    draw.demand(sum(product.title in one.title for one in products) == 1)
    add = do(shop, "product", "add_to_cart", product)
    read = (look_at(shop, "product", product, facts=(told_money(price),)),
            look_at(BANK, "accounts", facts=(account.title,)))  # fmt: skip
    untouched = there_is_no("nothing lies in the cart", shop, "cart")
    return Sketch(
        says=(
            f'If I bought one "{product.title}" at {shop} and paid from my {account.title} account '
            f"at {BANK}, how much would be left there? Buy nothing.",
            f"What would be the balance of {account.title} ({BANK}) after I bought one "
            f'"{product.title}" at {shop}? I have not decided yet.',
        ),
        rubrics=(
            tells("what would be left is told", spelled_money(left)),
            did("the price was looked up", shop, "home_opened"),
            all_of("it is told, and nothing was bought", untouched,
                   tells("what would be left", spelled_money(left)),
                   there_is_no("no order", shop, "purchase")),
        ),
        aims=(*read, tell(f"{told_money(left)} would be left in {account.title}.")),
        wrong={"another account": (*read, tell(f"{told_money(wrong)} would be left.")),
               "in the cart": (add, tell(f"{told_money(left)} would be left."))},
    )  # fmt: skip


ERRANDS_TASKS = (
    Kind(plan_the_check_in, "hard"),
    Kind(clear_the_days_of_a_stay, "expert"),
    Kind(pay_half_of_a_stay, "expert"),
    Kind(mail_a_booking_to_a_contact, "expert"),
    Kind(save_the_number_of_a_place, "hard"),
    Kind(tell_somebody_what_a_meal_costs, "hard"),
    Kind(tell_what_a_purchase_would_leave, "hard"),
)
