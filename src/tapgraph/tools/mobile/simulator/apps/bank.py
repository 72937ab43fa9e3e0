"""A bank: accounts, their movements, payees, and transfers that want a code."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import people

__all__ = ["BANK", "BANK_ACCOUNT"]

BANK_ACCOUNT = "Harbor Bank"
"""Under which name an authenticator holds the bank's codes."""

ACCOUNT = kit.Entity("account", {"name": "text", "number": "text", "balance": "money"})
PAYEE = kit.Entity("payee", {"name": "text", "number": "text"})
MOVE = kit.Entity(
    "movement",
    {"name": "text", "account": "account", "amount": "money", "at": "when", "note": "text",
     "kind": "text"},
)  # fmt: skip
CARD = kit.Entity("card", {"name": "text", "number": "text", "is_frozen": "flag",
                           "is_abroad_allowed": "flag"})  # fmt: skip
SHOPS = ("Corner Market", "Corner Market 24", "City Transit", "Lakeside Cafe", "Green Pharmacy",
         "Mill Street Books", "Power & Light Co.", "Rent Oak House")  # fmt: skip
TRANSFER = (
    kit.FormField("account", "From|From account", kind="thing", of="account"),
    kit.FormField("payee", "To|Recipient|Payee", kind="thing", of="payee"),
    kit.FormField("amount", "Amount|How much", kind="money"),
    kit.FormField("note", "Note|Reference|Purpose", is_needed=False),
)
NEW_PAYEE = (
    kit.FormField("name", "Name|Account holder"),
    kit.FormField("number", "Account number|IBAN"),
)


def _number(random: Random) -> str:
    return " ".join(f"{random.randrange(10_000):04}" for _ in range(3))


def _fill(app: kit.KitApp, random: Random) -> None:
    for name in ("Checking", "Savings", "Travel savings"):
        app.store.add("account", name=name, number=_number(random),
                      balance=random.randrange(40_000, 900_000))  # fmt: skip
    for name in people(random, 9):
        app.store.add("payee", name=name, number=_number(random))
    for name in ("Debit card", "Credit card"):
        app.store.add("card", name=name, number=f"**** {random.randrange(1000, 9999)}",
                      is_abroad_allowed=1)  # fmt: skip
    for place in range(40):
        at = app.phone.clock - timedelta(hours=7 * place + random.randrange(1, 6))
        is_income = random.random() < 0.12
        earned, spent = random.randrange(180_000, 260_000), random.randrange(300, 16_000)
        app.store.add(
            "movement", name="Salary" if is_income else random.choice(SHOPS),
            account=random.choice((1, 1, 1, 2, 3)), at=at.isoformat(timespec="minutes"),
            amount=earned if is_income else -spent,
            kind="Income" if is_income else "Spending",
        )  # fmt: skip


class Transfer(kit.SaveForm):
    """Takes the amount from the account and records the movement."""

    def apply(self, at: kit.At) -> None:
        """Check the fields and the balance, then pay."""
        values = self.values(at)
        account = at.app.store.get("account", int(values["account"]))
        payee = at.app.store.get("payee", int(values["payee"]))
        amount = int(values["amount"])
        if amount > account.number("balance"):
            raise kit.Refused("There is not enough money in this account")
        at.app.store.change(account, balance=account.number("balance") - amount)
        at.app.store.add(
            "movement", name=payee.title, account=account.id, amount=-amount, kind="Transfer",
            note=values["note"], at=at.scene.now.isoformat(timespec="seconds"),
        )  # fmt: skip


def _not_frozen(at: kit.At) -> Mapping[str, kit.Value]:
    return {"is_frozen": 1 - at.record.number("is_frozen")}


MOVES = kit.Face(title="{name}", lines=("{account}, {at:day}", "{note}"), value="{amount}",
                 glyph="cash")  # fmt: skip
FIND = kit.Find(
    search=("{name}", "{note}"), hint="Search transactions|Search",
    filters=(kit.Filter("Income|Money in", kit.equals("kind", "Income")),
             kit.Filter("Transfers|Sent", kit.equals("kind", "Transfer"))),
    sorts=(kit.Sort("Newest", "at", is_descending=True), kit.Sort("Largest spending", "amount")),
)  # fmt: skip
SEND = kit.Act("Transfer money|Send money|Pay", glyph="bank-transfer-out", opens="transfer",
               creates=True)  # fmt: skip
PAGES = (
    kit.Page(
        "accounts", "Accounts|Overview|My money", glyph="wallet", main=SEND,
        blocks=(kit.Rows(
            entity="account", opens="account", looks=("list", "cards"),
            face=kit.Face(title="{name}", lines=("{number}",), value="{balance}", glyph="bank"),
        ),),
    ),
    kit.Page("activity", "Activity|Transactions|History", glyph="history",
             blocks=(kit.Rows(entity="movement", opens="movement", face=MOVES, find=FIND,
                              looks=("list", "cards")),)),
    kit.Page("payees", "Payees|Recipients", glyph="account-multiple",
             blocks=(kit.Rows(
                 entity="payee", opens="payee", find=kit.Find(search=("{name}",)),
                 face=kit.Face(title="{name}", lines=("{number}",), picture="initial"),
             ),),
             main=kit.Act("Add payee|New recipient", glyph="plus", opens="new", creates=True)),
    kit.Page(
        "cards", "Cards|My cards", glyph="credit-card-outline",
        blocks=(kit.Rows(
            entity="card", looks=("list", "cards"),
            face=kit.Face(title="{name}", lines=("{number}", "Switch on to freeze the card"),
                          glyph="credit-card-outline", is_on="is_frozen"),
            switch=kit.Act("Freeze", event="card_frozen", effects=(kit.Change(_not_frozen),)),
        ),),
    ),
    kit.Page(
        "account", "{name}", entity="account", main=SEND,
        blocks=(kit.Headline("{balance}", ("Account {number}",)),
                kit.Rows(entity="movement", face=MOVES, opens="movement", heading="Transactions",
                         where=kit.refers("account"),
                         looks=("list",))),
    ),
    kit.Page("movement", "Transaction|Details", entity="movement",
             blocks=(kit.Headline("{amount}", ("{name}",)),
                     kit.Facts((("calendar", "Date|Booked", "{at}"),
                                ("bank", "Account", "{account}"),
                                ("tag-outline", "Kind|Category", "{kind}"),
                                ("text", "Note|Reference", "{note}"))))),
    kit.Page("payee", "{name}", entity="payee",
             blocks=(kit.Headline("{name}", ("{number}",)),
                     kit.Buttons((kit.Act("Remove payee|Delete", glyph="trash-can-outline",
                                          effects=(kit.Remove(),), leaves=True,
                                          confirm="Remove {name}?"),)))),
    kit.Page(
        "transfer", "Transfer|Send money", (kit.Form(TRANSFER),),
        main=kit.Act("Continue|Send|Review", glyph="check", event="transferred", leaves=True,
                     confirm="Send this money now?|Is everything right?", code_of=BANK_ACCOUNT,
                     toast="Money sent", effects=(Transfer("movement", TRANSFER),)),
    ),
    kit.Page("new", "New payee|Add recipient", (kit.Form(NEW_PAYEE),),
             main=kit.Act("Save|Add", event="payee_added", glyph="check", leaves=True,
                          effects=(kit.SaveForm("payee", NEW_PAYEE),))),
)  # fmt: skip

BANK = kit.AppSpec(
    package="com.harborbank.mobile", label=BANK_ACCOUNT, glyph="bank", color="#0B3D5C",
    entities=(ACCOUNT, PAYEE, MOVE, CARD), fill=_fill, pages=PAGES,
    tabs=("accounts", "activity", "payees", "cards"), interruptions=(kit.COOKIES, kit.RATING),
    looks=kit.Looks(accents=("#0B3D5C", "#00695C", "#7A1F3D"), rows=("list", "cards")),
)  # fmt: skip
