"""The bank: accounts, movements, payees, cards, and transfers with the authenticator's code."""

from typing import Final

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
from tapgraph.evals.phone.sim.spelling import (
    spelled_count,
    spelled_day,
    spelled_money,
    told_day,
    told_money,
)
from tapgraph.evals.phone.sim.ways import ask, do, look_at, tell
from tapgraph.evals.suite import Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["BANK", "MONEY_TASKS", "paid", "transfer"]

BANK: Final = "Harbor Bank"


def transfer(account: Record, payee: Record, cents: int, note: str = "") -> list[Aim]:
    """The form is filled in, the code is looked up, and the money is sent with it."""
    filled = {
        "account": str(account.id), "payee": str(payee.id), "amount": f"{cents / 100:.2f}",
        "note": note,
    }  # fmt: skip
    return [
        look_at(BANK, "transfer", settings=filled),
        look_at("Authenticator", "codes"),
        do(BANK, "transfer", "continue", settings=filled),
    ]


def paid(name: str, account: Record, payee: Record, cents: int, note: str = "") -> Rubric:
    """This was sent, and nothing else was."""
    noted = {"note": note} if note else {}
    return all_of(
        name,
        there_is("the transfer", BANK, "movement", name=payee.title, account=account.id,
                 amount=-cents, kind="Transfer", **noted),
        there_are("all transfers", BANK, "movement", 1, kind="Transfer"),
    )  # fmt: skip


def _accounts(draw: Draw) -> tuple[Record, ...]:
    return draw.all(BANK, "account")


def _spent(draw: Draw) -> list[Record]:
    return [one for one in draw.all(BANK, "movement") if one.text("kind") == "Spending"]


def _amount(draw: Draw) -> int:
    return draw.random.randrange(1200, 29000, 25)


def send_money_with_a_code(draw: Draw) -> Sketch:
    """A transfer from one account to one of two payees with nearly equal names."""
    payees = draw.all(BANK, "payee")
    payee, twin = draw.some([payees[0], payees[-1]], 2)
    account, other = draw.some(_accounts(draw), 2)
    cents = _amount(draw)
    note = draw.one(("Tickets", "Rent May", "Groceries", "Thank you"))
    amount = told_money(cents)
    return Sketch(
        says=(
            f'Send {amount} from my {account.title} account to {payee.title}, with the note '
            f'"{note}". The bank\'s codes are in the Authenticator.',
            f'Transfer {amount} to {payee.title} from {account.title}; purpose: "{note}". You find '
            "the security code in the Authenticator app.",
        ),
        rubrics=(
            there_is("the payee got the amount", BANK, "movement", name=payee.title, amount=-cents,
                     kind="Transfer"),
            paid("one transfer, from that account and with the note", account, payee, cents, note),
        ),
        aims=transfer(account, payee, cents, note),
        wrong={"who is called nearly so": transfer(account, twin, cents, note),
               "from another account": transfer(other, payee, cents, note),
               "a wrong amount": transfer(account, payee, cents + 1, note)},
        parameters={"payee": payee.title, "amount": amount, "account": account.title},
    )  # fmt: skip


def send_money_from_the_fullest_account(draw: Draw) -> Sketch:
    """The account is the one with most money."""
    by_money = sorted(_accounts(draw), key=lambda one: one.number("balance"))
    payee, cents = draw.one(draw.all(BANK, "payee")[1:-1]), _amount(draw)
    draw.demand(by_money[-1].number("balance") > by_money[-2].number("balance") + cents)
    amount = told_money(cents)
    return Sketch(
        says=(
            f"Pay {payee.title} {amount} from the account that has the most money on it.",
            f"{payee.title} should get {amount} by bank transfer. Take it from whichever of my "
            "accounts holds most. The code is in the Authenticator.",
        ),
        rubrics=(
            there_is("the payee got the amount", BANK, "movement", name=payee.title, amount=-cents),
            paid("once, and from the right account", by_money[-1], payee, cents),
        ),
        aims=(look_at(BANK, "accounts"), *transfer(by_money[-1], payee, cents)),
        wrong={"the second": transfer(by_money[-2], payee, cents),
               "twice": (*transfer(by_money[-1], payee, cents),
                         *transfer(by_money[-2], payee, cents))},
    )  # fmt: skip


def send_more_than_there_is(draw: Draw) -> Sketch:
    """More money than all accounts hold together."""
    accounts = _accounts(draw)
    total = sum(one.number("balance") for one in accounts)
    payee = draw.one(draw.all(BANK, "payee")[1:-1])
    cents = total + draw.random.randrange(100_000, 900_000, 5000)
    account = draw.one(accounts)
    part = account.number("balance") // 2
    return Sketch(
        says=(
            f"Transfer {told_money(cents)} from {account.title} to {payee.title}.",
            f"Send {payee.title} {told_money(cents)}, from my {account.title} account.",
        ),
        rubrics=(
            did("the bank was opened", BANK, "accounts_opened"),
            all_of(
                "nothing was sent",
                there_is_no("no transfer", BANK, "movement", kind="Transfer"),
                kept("the accounts", BANK, accounts, "balance"),
            ),
        ),
        aims=(look_at(BANK, "accounts"),),
        right_end="cannot",
        wrong={"half of what there is": transfer(account, payee, part)},
    )


def pay_one_of_two_namesakes(draw: Draw) -> Sketch:
    """Two payees have the first name; only the user knows who is meant."""
    payees = draw.all(BANK, "payee")
    first = payees[0].title.split()[0]
    both = [one for one in payees if one.title.split()[0] == first]
    draw.demand(len(both) == 2)
    account, cents = draw.one(_accounts(draw)), _amount(draw)
    return Sketch(
        says=(
            f"Send {first} {told_money(cents)} from {account.title}.",
            f"Pay {first} {told_money(cents)} out of my {account.title} account at the bank.",
        ),
        rubrics=(
            did("the bank was opened", BANK, "accounts_opened"),
            there_is_no("nothing was sent", BANK, "movement", kind="Transfer"),
        ),
        aims=(look_at(BANK, "payees", settings={"query": first}),
              ask(f"Do you mean {both[0].title} or {both[1].title}?")),
        right_end="ask",
        wrong={"the first": transfer(account, both[0], cents)},
    )  # fmt: skip


def tell_what_would_be_left(draw: Draw) -> Sketch:
    """The balance after a payment that is not to be made."""
    account, other = draw.some(_accounts(draw), 2)
    payee, cents = draw.one(draw.all(BANK, "payee")[1:-1]), _amount(draw)
    draw.demand(cents < account.number("balance"))
    left, wrong = account.number("balance") - cents, other.number("balance") - cents
    draw.demand(left != wrong)
    untouched = all_of(
        "the balance is told, and nothing was sent",
        tells("the balance", spelled_money(left)),
        there_is_no("no transfer", BANK, "movement", kind="Transfer"),
    )
    return Sketch(
        says=(
            f"If I sent {payee.title} {told_money(cents)} from {account.title}, how much would be "
            "left there? Do not send anything yet.",
            f"How much money would {account.title} still have after a payment of "
            f"{told_money(cents)}? I only want to know.",
        ),
        rubrics=(
            tells("what would be left is told", spelled_money(left),
                  but_not=(spelled_money(wrong),)),
            untouched,
        ),
        aims=(look_at(BANK, "accounts"), tell(f"{told_money(left)} would be left.")),
        wrong={"of another account": (tell(f"{told_money(wrong)} would be left."),),
               "sent at once": (*transfer(account, payee, cents), tell(told_money(left)))},
    )  # fmt: skip


def tell_what_all_accounts_hold(draw: Draw) -> Sketch:
    """A sum over all accounts."""
    balances = [one.number("balance") for one in _accounts(draw)]
    total = sum(balances)
    return Sketch(
        says=(
            "How much money do I have at Harbor Bank, all accounts together?",
            "Add up the balances of all my bank accounts and tell me the sum.",
        ),
        rubrics=(
            did("the accounts were looked at", BANK, "accounts_opened"),
            tells("the sum is told", spelled_money(total)),
        ),
        aims=(look_at(BANK, "accounts"), tell(f"All together {told_money(total)}.")),
        wrong={"without the last": (look_at(BANK, "accounts"),
                                    tell(f"It is {told_money(total - balances[-1])}."))},
    )  # fmt: skip


def tell_what_a_shop_cost(draw: Draw) -> Sketch:
    """A sum over the payments at a shop; another one has nearly the same name."""
    spent = _spent(draw)
    name = draw.one(("Corner Market", "Corner Market 24", "Green Pharmacy", "City Transit"))
    theirs = [one for one in spent if one.title == name]
    draw.demand(2 <= len(theirs) <= 7)
    total = -sum(one.number("amount") for one in theirs)
    found = -sum(one.number("amount") for one in spent if name in one.title)
    wrong = found if found != total else total + theirs[-1].number("amount")
    return Sketch(
        says=(
            f'How much did I spend at "{name}" in all? The payments are in the bank app.',
            f'Sum up all payments to "{name}" that my bank shows, over all accounts.',
        ),
        rubrics=(
            did("the bank was opened", BANK, "accounts_opened"),
            tells("the sum is told", spelled_money(total), but_not=(spelled_money(wrong),)),
        ),
        aims=(look_at(BANK, "activity", settings={"query": name}),
              tell(f"You spent {told_money(total)}.")),
        wrong={"another sum": (look_at(BANK, "activity"), tell(told_money(wrong)))},
    )  # fmt: skip


def count_payments_of_an_account(draw: Draw) -> Sketch:
    """How often a shop was paid from one account."""
    account = draw.one(_accounts(draw))
    name = draw.one([one.title for one in _spent(draw)])
    theirs = [one for one in _spent(draw) if one.title == name]
    count = sum(one.number("account") == account.id for one in theirs)
    draw.demand(0 < count < len(theirs))
    return Sketch(
        says=(
            f'How many payments to "{name}" were made from my {account.title} account?',
            f'Look at {account.title} at the bank: how often did I pay "{name}" from there? Just '
            "the number.",
        ),
        rubrics=(
            did("the bank was opened", BANK, "accounts_opened"),
            tells(f"the answer is {count}", spelled_count(count)),
        ),
        aims=(look_at(BANK, "account", account), tell(f"From there it was {count} times.")),
        wrong={"all accounts": (look_at(BANK, "activity"), tell(f"{len(theirs)} times"))},
    )


def tell_the_largest_payment(draw: Draw) -> Sketch:
    """To whom most was paid at once, how much and on which day."""
    spent = sorted(_spent(draw), key=lambda one: one.number("amount"))
    most, second = spent[0], spent[1]
    draw.demand(most.number("amount") < second.number("amount"))
    amount, day = -most.number("amount"), most.when("at")
    told = f"{told_money(amount)} to {most.title} on {told_day(day)}"
    return Sketch(
        says=(
            "What was my largest single payment that the bank app shows? Tell me to whom it went, "
            "the amount and the date.",
            "To whom went the biggest amount that I spent at once, how much was it, and on which "
            "date? See the transactions of my bank.",
        ),
        rubrics=(
            tells("the receiver is told", most.title),
            tells("the amount is told", spelled_money(amount)),
            tells("the date is told", spelled_day(day)),
        ),
        aims=(look_at(BANK, "activity", settings={"sort": "Largest spending"}),
              look_at(BANK, "movement", most, facts=(told,)), tell(told)),
        wrong={"the newest": (tell(told_money(-spent[-1].number("amount"))),)},
    )  # fmt: skip


def freeze_one_card(draw: Draw) -> Sketch:
    """One card is frozen, the other is not."""
    card, other = draw.some(draw.all(BANK, "card"), 2)
    last = card.text("number")[-4:]
    freeze = do(BANK, "cards", "freeze", row=card)
    return Sketch(
        says=(
            f"I lost my {card.title.lower()}. Freeze it, but not the other one.",
            f"Freeze the card that ends in {last} at Harbor Bank.",
        ),
        rubrics=(
            value_is("the card is frozen", BANK, card, "is_frozen", 1),
            all_of(
                "that card is frozen, and only that",
                value_is("the card", BANK, card, "is_frozen", 1),
                kept("the other", BANK, [other], "is_frozen"),
            ),
        ),
        aims=(freeze,),
        wrong={"the other one": (do(BANK, "cards", "freeze", row=other),),
               "both": (freeze, do(BANK, "cards", "freeze", row=other))},
    )  # fmt: skip


def remove_one_payee(draw: Draw) -> Sketch:
    """One of two payees with nearly equal names goes."""
    payees = draw.all(BANK, "payee")
    payee, twin = draw.some([payees[0], payees[-1]], 2)
    rest = [one for one in payees if one.id != payee.id]
    return Sketch(
        says=(
            f"Remove {payee.title} from the payees at my bank.",
            f"I won't send money to {payee.title} any more: delete that payee, nobody else.",
        ),
        rubrics=(
            there_is_no("the payee is gone", BANK, "payee", id=payee.id),
            all_of(
                "it is gone and all others are there",
                there_is_no("the payee", BANK, "payee", id=payee.id),
                kept("the others", BANK, rest, "name", "number"),
            ),
        ),
        aims=(do(BANK, "payee", "remove_payee", payee),),
        wrong={"who is called nearly so": (do(BANK, "payee", "remove_payee", twin),),
               "both": [do(BANK, "payee", "remove_payee", one) for one in (payee, twin)]},
    )  # fmt: skip


def pay_somebody_new(draw: Draw) -> Sketch:
    """A payee is added, then gets money."""
    payees = draw.all(BANK, "payee")
    name = draw.one(("Oak Plumbing", "Nadia Roth", "Theo Lang", "City Choir"))
    number = " ".join(f"{draw.random.randrange(1000, 9999)}" for _ in range(3))
    account, cents = draw.one(_accounts(draw)), _amount(draw)
    filled = {"name": name, "number": number}
    new = Record(payees[0].entity, max(one.id for one in payees) + 1, filled)
    add = do(BANK, "new", "save", settings=filled)
    return Sketch(
        says=(
            f"Pay {name} {told_money(cents)} from {account.title}. It is a new payee with the "
            f"account number {number}. The bank wants a code from the Authenticator.",
            f"New payee at Harbor Bank: {name}, account number {number}. Send {told_money(cents)} "
            f"there from {account.title}.",
        ),
        rubrics=(
            there_is("there is such a payee", BANK, "payee", **filled),
            paid("the money was sent once", account, new, cents),
        ),
        aims=(add, *transfer(account, new, cents)),
        wrong={
            "nothing was sent": (add,),
            "to somebody else": (add, *transfer(account, payees[0], cents)),
        },
    )


MONEY_TASKS = (
    Kind(send_money_with_a_code, "hard"),
    Kind(send_money_from_the_fullest_account, "hard"),
    Kind(send_more_than_there_is, "medium"),
    Kind(pay_one_of_two_namesakes, "hard"),
    Kind(tell_what_would_be_left, "medium"),
    Kind(tell_what_all_accounts_hold, "easy"),
    Kind(tell_what_a_shop_cost, "hard"),
    Kind(count_payments_of_an_account, "medium"),
    Kind(tell_the_largest_payment, "medium"),
    Kind(freeze_one_card, "easy"),
    Kind(remove_one_payee, "medium"),
    Kind(pay_somebody_new, "expert"),
)
