"""The contacts, the clock and the calculator, each by itself."""

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    kept,
    tells,
    there_are,
    there_is,
    there_is_no,
    value_is,
)
from tapgraph.evals.phone.sim.ways import ask, do, look_at, tell

__all__ = ["ORGANIZER_TASKS"]


def add_a_contact(draw: Draw) -> Sketch:
    """A new contact with name, number and company."""
    name = draw.one(("Ida Sommer", "Paul Beck", "Nadia Roth", "Theo Lang", "Olga Winter"))
    phone = f"(217) 555-01{draw.random.randrange(10, 99)}"
    company = draw.one(("Harbor Clinic", "Northwind Labs", "Lakeside Bakery"))
    filled = {"name": name, "phone": phone, "company": company}
    typo = {**filled, "phone": phone[:-1] + str((int(phone[-1]) + 1) % 10)}
    return Sketch(
        says=(
            f"Save {name} from {company} in my contacts, phone {phone}.",
            f"Add a contact: {name}, company {company}, number {phone}.",
        ),
        rubrics=(
            there_are("one contact has the name", "Contacts", "person", 1, name=name),
            there_is("with that number", "Contacts", "person", name=name, phone=phone),
            there_is("and that company", "Contacts", "person", name=name, company=company),
        ),
        aims=(do("Contacts", "form", "save", settings=filled),),
        wrong={"a wrong digit": (do("Contacts", "form", "save", settings=typo),)},
    )


def change_the_number_of_a_contact(draw: Draw) -> Sketch:
    """One of two contacts with nearly equal names gets another number."""
    people = draw.all("Contacts", "person")
    pair = [people[0], people[-1]]
    person, twin = draw.some(pair, 2)
    phone = f"(618) 555-01{draw.random.randrange(10, 99)}"
    draw.demand(all(one.text("phone") != phone for one in people))
    new = {"name": person.title, "phone": phone}
    others = [one for one in people if one.id != person.id]
    return Sketch(
        says=(
            f"{person.title} has a new phone number: {phone}. Update the contact.",
            f"Change the number of my contact {person.title} to {phone}.",
        ),
        rubrics=(
            value_is("the contact has the new number", "Contacts", person, "phone", phone),
            all_of(
                "only that contact was changed",
                value_is("the number", "Contacts", person, "phone", phone),
                kept("the others", "Contacts", others, "name", "phone"),
                there_are("as many contacts", "Contacts", "person", len(people)),
            ),
        ),
        aims=(do("Contacts", "form", "save", person, settings={"phone": phone}),),
        wrong={
            "who is called nearly so": (do("Contacts", "form", "save", twin,
                                           settings={"phone": phone}),),
            "a second contact": (do("Contacts", "form", "save", settings=new),
                                 do("Contacts", "form", "save", person,
                                    settings={"phone": phone})),
        },
    )  # fmt: skip


def star_all_people_of_a_company(draw: Draw) -> Sketch:
    """Those of a company become favorites, and nobody else."""
    people = draw.all("Contacts", "person")
    company = draw.one([one.text("company") for one in people if one.text("company")])
    theirs = [one for one in people if one.text("company") == company]
    todo = [one for one in theirs if not one.flag("is_favorite")]
    rest = [one for one in people if one not in theirs]
    draw.demand(2 <= len(todo) <= 5)
    star = [do("Contacts", "person", "add_to_favorites", one) for one in todo]
    starred = [value_is(one.title, "Contacts", one, "is_favorite", 1) for one in theirs]
    return Sketch(
        says=(
            f"Make everyone who works at {company} a favorite in my contacts.",
            f"All my contacts from {company} should be among the favorites; leave the other people "
            "as they are.",
        ),
        rubrics=(
            value_is("the last of them is a favorite", "Contacts", todo[-1], "is_favorite", 1),
            all_of("all of them are favorites", *starred),
            all_of(
                "and the others are as before",
                *starred,
                kept("the others", "Contacts", rest, "is_favorite"),
            ),
        ),
        aims=star,
        wrong={
            "all but one": star[1:],
            "one more": (*star, do("Contacts", "person", "add_to_favorites", rest[0])),
        },
    )


def call_a_contact(draw: Draw) -> Sketch:
    """A call to the one whose name is meant."""
    people = draw.all("Contacts", "person")
    person, twin = draw.some([people[0], people[-1]], 2)
    calls = len(draw.all("Contacts", "call"))
    return Sketch(
        says=(f"Call {person.title}.", f"Please ring {person.title} from my contacts."),
        rubrics=(
            did("the contact was called", "Contacts", "call", person),
            all_of(
                "one call, and to that number",
                did("the call", "Contacts", "call", person),
                there_are("all calls", "Contacts", "call", calls + 1),
            ),
        ),
        aims=(do("Contacts", "person", "call", person),),
        wrong={"who is called nearly so": (do("Contacts", "person", "call", twin),)},
    )


def call_one_of_two_namesakes(draw: Draw) -> Sketch:
    """A first name that two contacts have; only the user knows who is meant."""
    people = draw.all("Contacts", "person")
    first = people[0].title.split()[0]
    both = [one for one in people if one.title.split()[0] == first]
    draw.demand(len(both) == 2)
    what = draw.one(("Call", "Ring", "Give a ring to"))
    return Sketch(
        says=(f"{what} {first}.", f"{what} {first}, please; the number is in my contacts."),
        rubrics=(
            did("the contacts were opened", "Contacts", "people_opened"),
            there_are("nobody was called", "Contacts", "call", len(draw.all("Contacts", "call"))),
        ),
        aims=(look_at("Contacts", "people", settings={"query": first}),
              ask(f"There are {both[0].title} and {both[1].title}. Whom do you mean?")),
        right_end="ask",
        wrong={"the first one": (do("Contacts", "person", "call", both[0]),)},
    )  # fmt: skip


def call_a_stranger(draw: Draw) -> Sketch:
    """Someone who is not among the contacts."""
    people = draw.all("Contacts", "person")
    near = draw.one(people)
    last = draw.one([one.title.split()[1] for one in people])
    name = f"{near.title.split()[0]} {last}"
    draw.demand(all(one.title[:-1] not in name for one in people))
    return Sketch(
        says=(f"Call my contact {name}.", f"Phone {name} with the number from my contacts."),
        rubrics=(
            did("the contacts were opened", "Contacts", "people_opened"),
            there_are("nobody was called", "Contacts", "call", len(draw.all("Contacts", "call"))),
        ),
        aims=(look_at("Contacts", "people", settings={"query": name}),),
        right_end="cannot",
        wrong={"who has the first name": (do("Contacts", "person", "call", near),)},
    )


def leave_one_alarm_on(draw: Draw) -> Sketch:
    """One alarm is to be on, and all others off."""
    alarms = draw.all("Clock", "alarms")
    kept_on = draw.one(alarms)
    wanted = {one.id: int(one.id == kept_on.id) for one in alarms}
    todo = [one for one in alarms if int(one.flag("is_on")) != wanted[one.id]]
    right = [value_is(one.text("at"), "Clock", one, "is_on", wanted[one.id]) for one in alarms]
    switch = [do("Clock", "alarms", "switch", row=one) for one in todo]
    fine = [one for one in alarms if one not in todo]
    more = [do("Clock", "alarms", "switch", row=one) for one in fine]
    changed = value_is("the first that had to be switched", "Clock", todo[0], "is_on",
                       wanted[todo[0].id])  # fmt: skip
    return Sketch(
        says=(
            f"Only my alarm at {kept_on.text('at')} should ring; no other alarm may be on.",
            f"Make sure that the {kept_on.text('at')} alarm is on and every other one is off.",
        ),
        rubrics=(changed, all_of("all alarms are as wanted", *right)),
        aims=switch,
        wrong={"all are switched": (*switch, *more)} if more else {"one only": switch[:1]},
    )


def switch_a_missing_alarm(draw: Draw) -> Sketch:
    """An alarm that is not there."""
    alarms = draw.all("Clock", "alarms")
    time = draw.one(("05:50", "07:15", "09:45", "10:30", "22:15"))
    near = draw.one(alarms)
    return Sketch(
        says=(f"Turn on my {time} alarm.", f"The alarm for {time} that I have: switch it on."),
        rubrics=(
            did("the clock was opened", "Clock", "alarms_opened"),
            kept("no alarm was switched", "Clock", alarms, "is_on"),
        ),
        aims=(look_at("Clock", "alarms"),),
        right_end="cannot",
        wrong={"another alarm": (do("Clock", "alarms", "switch", row=near),)},
    )


def tell_the_largest_result(draw: Draw) -> Sketch:
    """The largest value in the calculator's history."""
    results = draw.all("Calculator", "result")
    values = sorted({int(one.text("value")) for one in results})
    draw.demand(len(values) > 1)
    *others, most = values
    return Sketch(
        says=(
            "Which is the largest result in the history of my calculator?",
            "Look through the calculator's history and tell me the highest result there.",
        ),
        rubrics=(
            did("the history was opened", "Calculator", "history_opened"),
            tells("the result is told", str(most), but_not=[str(one) for one in others]),
        ),
        aims=(look_at("Calculator", "history"), tell(f"The largest result is {most}.")),
        wrong={"a smaller one": (look_at("Calculator", "history"), tell(f"It is {others[-1]}."))},
    )


def clear_the_history_after_a_sum(draw: Draw) -> Sketch:
    """A product is calculated for the user, and no trace of it is left."""
    price, count = draw.random.randrange(1050, 9950, 10), draw.random.randrange(3, 9)
    formula = f"{price / 100:.1f}\N{MULTIPLICATION SIGN}{count}"
    value = f"{price * count / 100:.2f}".rstrip("0").rstrip(".")
    way = look_at("Calculator", "keys", settings={"calculated": formula}, facts=(value,))
    clear = do("Calculator", "history", "clear_history")
    return Sketch(
        says=(
            f"How much are {count} tickets at ${price / 100:.2f} each? Use the calculator, then "
            "clear its history.",
            f"Work out {count} times {price / 100:.2f} on the calculator and tell me the result. "
            "Leave no history behind.",
        ),
        rubrics=(
            did("the calculator had the result", "Calculator", "calculated", detail=value),
            tells("the result is told", (value, f"{price * count / 100:.2f}")),
            there_is_no("the history is empty", "Calculator", "result"),
        ),
        aims=(way, clear, tell(f"It is {value}.")),
        wrong={"not cleared": (way, tell(f"It is {value}."))},
    )


ORGANIZER_TASKS = (
    Kind(add_a_contact, "easy"),
    Kind(change_the_number_of_a_contact, "medium"),
    Kind(star_all_people_of_a_company, "hard"),
    Kind(call_a_contact, "easy"),
    Kind(call_one_of_two_namesakes, "medium"),
    Kind(call_a_stranger, "medium"),
    Kind(leave_one_alarm_on, "easy"),
    Kind(switch_a_missing_alarm, "easy"),
    Kind(tell_the_largest_result, "easy"),
    Kind(clear_the_history_after_a_sum, "medium"),
)
