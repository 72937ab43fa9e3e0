"""Which calls want a person's yes."""

import pytest

from tapgraph.tools.api.catalog import Api, Effect
from tapgraph.tools.api.json_value import Json
from tapgraph.tools.api.openapi_operations import Operation, read_operations
from tapgraph.tools.api.policy import amounts_of, assess_call

ANSWERS = {"responses": {"200": {"description": "Done"}}}


@pytest.mark.parametrize(
    ("identifier", "summary", "effect", "risk"),
    [
        ("list_notes", "Lists notes.", "reads", None),
        ("deleteEverything", "Deletes everything.", "reads", "delete"),
        ("notes", "Deletes everything.", "reads", "delete"),
        ("add_note", "Adds a note.", "changes", "change"),
        ("list_notes", "Lists notes.", "changes", "change"),
        ("notes_7", "", "destroys", "delete"),
        ("note.delete", "", "unknown", "delete"),
        ("note.tidy", "Removes old notes.", "changes", "delete"),
        ("sendMail", "", "changes", "send"),
        ("create_message", "Creates a message.", "changes", "send"),
        ("message_count", "Counts messages.", "unknown", None),
        ("create_payment", "", "changes", "pay"),
        ("cart.checkout", "", "unknown", "pay"),
        ("shared_notes", "Lists what was sent and deleted.", "unknown", None),
        ("install_app", "", "unknown", "install"),
        ("grant_access", "", "changes", "grant"),
        ("closeAccount", "", "unknown", "change"),
        ("weather", "The weather of a city.", "unknown", None),
        ("multiply", "Multiplies two numbers.", "unknown", None),
    ],
)
def test_effect_and_words_decide(
    identifier: str, summary: str, effect: Effect, risk: str | None
) -> None:
    found = assess_call(Api(identifier, summary, effect=effect), {})
    assert (found.risk if found else None) == risk


def test_the_label_shows_the_whole_call_on_one_line() -> None:
    found = assess_call(Api("delete_note", effect="destroys"), {"title": "a\nb \u202e", "id": 7})
    assert found is not None
    assert found.label == 'delete_note {"title": "a\\nb \\u202e", "id": 7}'


def test_a_long_text_hides_neither_recipient_nor_amount() -> None:
    arguments: dict[str, Json] = {
        "text": "x" * 5000,
        "to": ["ann@example.org", "bob@example.org"],
        "amount": 12.5,
    }
    found = assess_call(Api("transfer", effect="changes"), arguments)
    assert found is not None
    assert '"to": ["ann@example.org", "bob@example.org"], "amount": 12.5' in found.label
    assert "(4,700 more characters)" in found.label


def test_amounts_are_found_wherever_they_stand() -> None:
    assert list(amounts_of({"a": [1, {"b": "2.5"}], "c": True, "d": "ten"})) == [1.0, 2.5]


def test_methods_of_http_tell_the_effect() -> None:
    methods = ("get", "head", "options", "post", "put", "patch", "delete")
    document = {"openapi": "3.1.0", "paths": {"/notes": dict.fromkeys(methods, ANSWERS)}}
    read = [one for one in read_operations(document, origin="x") if isinstance(one, Operation)]
    assert {one.method: one.api.effect for one in read} == {
        "GET": "reads", "HEAD": "reads", "OPTIONS": "reads", "POST": "changes", "PUT": "changes",
        "PATCH": "changes", "DELETE": "destroys",
    }  # fmt: skip


ASK = """
POST /payouts createPayout | POST /accounts/{id}/close closeAccount | GET /deleteAll op1
GET /deleteAll deleteAll | GET /cache/purge op2 | POST /orders createOrder | PUT /profile setProfile
PATCH /users/{id} updateUser | DELETE /users/{id} removeUser | POST /messages sendMessage
POST /emails queueEmail | POST /transfers newTransfer | POST /refunds refund | POST /invites invite
POST /keys rotateKeys | POST /deploys deploy | POST /search search | POST /graphql graphql
GET /users/{id}/delete getDelete | GET /logout-all/reset op3 | POST /bookings book
POST /subscriptions subscribe | POST /withdrawals withdraw | POST /roles grantRole
POST /posts publish | PUT /settings saveSettings | POST /files upload | DELETE /sessions logout
POST /jobs runJob | POST /webhooks addWebhook | PATCH /orders/{id} changeOrder
POST /devices/{id}/wipe wipeDevice | GET /subscriptions/{id}/cancel op4 | GET /sendSms op5
GET /v1/unsubscribe unsubscribeLink | GET /devices/{id}/reboot rebootDevice
GET /toggleLight toggle_light
GET /token/revoke op11 | GET /transfer/confirm confirm_transfer | GET /cart/checkout op12
POST /rpc accounts.deposit
POST /users:batchDelete users.batchDelete | POST /charges:capture captureCharge
POST /v2/messages:send op13
POST /twirp/bank.Bank/Transfer op14 | POST /Orders.PlaceOrder Orders_PlaceOrder
GET /door/open openDoor
GET /lock/unlock unlockFrontDoor | POST /votes castVote | PUT /thermostat/temperature op15
POST /share shareDocument
GET /play/purchase buyTrack | POST /consents giveConsent | POST /members/{id}:ban op16
GET /email/resend resend_mail
POST /emergency/call op17 | PATCH /quota bumpQuota | POST /issue issueCard
GET /archive/purge op18 | POST /import op19
GET /sendNow send_now | GET /subscribe op20 | POST /mint mintToken | GET /logout op21
"""
FREE = """
GET /orders listOrders | GET /orders/{id} getOrder | GET /payments getPayments
GET /payment-methods listPaymentMethods | GET /messages readMessages | GET /transfers transfers_list
GET /search search | GET /users/{id} getUser | GET /weather weather | GET /invoices invoices.list
GET /bookings getBookings | GET /posts listPosts | GET /posts/{id}/comments getComments
GET /stock stockCount | HEAD /files headFile | OPTIONS /files fileOptions | GET /deleted getDeleted
GET /sent listSent | GET /charges list-charges | GET /mails getMails | GET /books listBooks
GET /shares getShares | GET /forwards listForwards | GET /permissions getPermissions
GET /calls listCalls | GET /me whoami | GET /rates getRates | GET /status status
GET /invites getInvites | GET /roles listRoles
GET /deleted-items deletedItems | GET /order-history orderHistory
GET /payments/{id}/status paymentStatus
GET /messages/unread/count unreadCount | GET /cancellations listCancellations
GET /settings getSettings
GET /blocked listBlocked | GET /installations getInstallations | GET /sharing getSharing
GET /subscriptions/{id} getSubscription | GET /transactions searchTransactions
GET /bookings/{id}/receipt getReceipt
GET /updates listUpdates | GET /removed getRemovedItems | GET /posts/search searchPosts
GET /callers getCallers
GET /delivery trackDelivery | GET /exchange-rates exchangeRates
GET /orders/export-formats getExportFormats
"""


def judged(operations: str) -> dict[str, bool]:
    """Whether each operation asks, by how it is written in the list."""
    found = {}
    for written in operations.strip().replace("\n", " | ").split(" | "):
        method, path, name = written.split()
        operation = ANSWERS | {"operationId": name}
        document = {"openapi": "3.1.0", "paths": {path: {method.lower(): operation}}}
        (read,) = read_operations(document, origin="x")
        assert isinstance(read, Operation)
        found[written] = assess_call(read.api, {}) is not None
    return found


def test_every_operation_that_may_change_something_asks_and_no_other() -> None:
    ask, free = judged(ASK), judged(FREE)
    assert len(ask) + len(free) >= 110
    assert [name for name, asks in ask.items() if not asks] == []
    assert [name for name, asks in free.items() if asks] == []
