"""Bad input and faults get one line: what was wrong, whether anything was sent, what now. Nothing is lost."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from billctl.sandbox import STRIPE_KEY, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY
from billctl.testing import servers
from tests.matrix import crossed
from tests.safety.lines import CARD, KEY, one_line
from tests.shop import (
    CUSTOMER,
    DISPUTED,
    PAID,
    PAST_DUE,
    SECONDS,
    SUBSCRIPTION,
    WHY,
    Shop,
    changes,
    open_shop,
    recorded,
)

REFUND = ("stripe", "refund", PAID, "--amount", "5")


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for what is refused before it could change anything there."""
    with open_shop(tmp_path_factory.mktemp("steady")) as opened:
        opened.env |= {
            "BILLCTL_CONFIG_DIR": str(opened.config_dir),
            "BILLCTL_STATE_DIR": str(opened.state_dir),
        }
        yield opened


def refused(shop: Shop, arguments: tuple[str, ...], code: int) -> str:
    """Run it: exit code `code`, one line, no change at the gateway, one JSON document; returns the line."""
    before = shop.fingerprint()
    with recorded(shop) as proxy:
        ran = shop.run(*arguments)
        as_json = shop.run(*arguments, "-o", "json")
    assert ran.code == as_json.code == code, ran
    assert ran.out == ""
    assert as_json.document["exit"]["code"] == code
    assert len(as_json.document["errors"]) == 1
    assert changes(proxy) == []
    assert shop.fingerprint() == before
    return one_line(ran)


REASONS: list[tuple[str, tuple[str, ...], str]] = [
    ("none", (), "--reason is missing"),
    ("empty", ("--reason", ""), "--reason needs 3 to 2000 characters"),
    ("blank", ("--reason", "   \t "), "--reason needs 3 to 2000 characters"),
    ("short", ("--reason", "ab"), "--reason needs 3 to 2000 characters"),
    ("invisible", ("--reason", "\u200b\u200c\u200d\u2060\ufeff"), "--reason needs 3 to 2000 characters"),
    ("bidi only", ("--reason", "\u202e\u202c\u2066\u2069"), "--reason needs 3 to 2000 characters"),
    ("controls", ("--reason", "\x1b\x07\x00\x9b"), "--reason needs 3 to 2000 characters"),
    ("too long", ("--reason", "x" * 2001), "--reason needs 3 to 2000 characters"),
    ("card", ("--reason", f"card {CARD} charged twice"), "--reason seems to hold a card number"),
    ("key", ("--reason", f"key {KEY} leaked"), "--reason seems to hold an API key"),
    ("card in ticket", ("--reason", "why not", "--ticket", CARD), "--ticket seems to hold a card number"),
    ("key in code", ("--reason", "why not", "--reason-code", KEY), "--reason-code seems to hold an API key"),
    ("long ticket", ("--reason", "why not", "--ticket", "t" * 201), "is not of the form zendesk:35436"),
    ("blank ticket", ("--reason", "why not", "--ticket", "a\tb"), "is not of the form zendesk:35436"),
    (
        "wordy code",
        ("--reason", "why not", "--reason-code", "nonsense code"),
        "is not of the form billing_error",
    ),
]


@pytest.mark.parametrize(("reason", "said"), [row[1:] for row in REASONS], ids=[row[0] for row in REASONS])
def test_a_reason_that_nobody_could_use_is_refused(steady: Shop, reason: tuple[str, ...], said: str) -> None:
    line = refused(steady, (*REFUND, *reason, "--yes"), 2)
    assert said in line
    assert "Nothing was sent." in line


def test_a_card_number_in_a_refused_reason_is_in_no_file(shop: Shop) -> None:
    shop.run(*REFUND, "--reason", f"card {CARD}", "--yes")
    kept = b"".join(p.read_bytes() for p in shop.state_dir.rglob("*") if p.is_file())
    assert CARD.encode() not in kept


AMOUNTS: list[tuple[str, str]] = [
    ("0", "it is zero"),
    ("-5", "an amount has no sign"),
    ("10.001", "USD has 2 decimals"),
    ("1e3", "exponents are not read"),
    ("1,234.50", "separators are ambiguous"),
    ("NaN", "write digits and at most one point"),
    ("", "it is empty"),
    ("5 USD", "write the number alone"),
    ("49.01", "is more than the 49.00 USD still refundable"),
    ("9" * 5000, "it has more than 18 digits"),
    ("\x1b[31m5", "write digits and at most one point"),
]


@pytest.mark.parametrize(("amount", "said"), AMOUNTS, ids=[repr(a)[:12] for a, _ in AMOUNTS])
def test_an_amount_that_is_none_is_refused(steady: Shop, amount: str, said: str) -> None:
    line = refused(steady, ("stripe", "refund", PAID, f"--amount={amount}", *WHY), 2)
    assert said in line
    assert "Nothing was sent." in line


def test_arabic_digits_are_an_amount(shop: Shop) -> None:
    assert shop.run("stripe", "refund", PAID, "--amount", "١٢٫٥٠", *WHY).code == 0
    assert shop.refunds() == [1250]


def test_an_amount_in_another_currencys_form_is_refused(shop: Shop) -> None:
    line = refused(shop, ("stripe", "refund", PAID, "--amount", "12.500", *WHY), 2)
    assert "USD has 2 decimals" in line
    line = refused(shop, ("stripe", "refund", DISPUTED, "--amount", "1.2345", *WHY), 2)
    assert "KWD has 3 decimals" in line


HOSTILE_IDS = [
    "",
    " ",
    ".",
    "..",
    "../../v1/customers",
    "ch_1/../../v1/x",
    "ch_1?x=1",
    "ch_1#x",
    "ch_1%2f..",
    "ch_1\n",
    "ch_1\x00",
    "ch_١",
    "ch_1\u202e",
    "ch 1",
    "ch_" + "1" * 10_000,
    "paypal:ch_1",
    "stripe:../ch_1",
    "stripe:",
]


COMMANDS = {
    "refund": ("refund", "--full"),
    "cancel": ("cancel",),
    "resend": ("resend",),
    "show": ("show", "--type", "charge"),
}


@pytest.mark.parametrize(
    ("command", "object_id"), crossed(COMMANDS, {repr(each)[:20]: each for each in HOSTILE_IDS})
)
def test_an_id_that_could_mean_something_else_is_never_sent(
    steady: Shop, command: tuple[str, ...], object_id: str
) -> None:
    why = () if command[0] == "show" else WHY
    with recorded(steady) as proxy:
        ran = steady.run("stripe", *command, *why, "--", object_id)
    assert ran.code == 2
    assert "Nothing was sent." in one_line(ran)
    assert [said.path for said in proxy.exchanges if said.path != "/v1/account"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stripe", "refund", SUBSCRIPTION, "--full", *WHY), "is a subscription, not a charge"),
        (("stripe", "cancel", PAID, *WHY), "is a charge, not a subscription"),
        (("stripe", "resend", CUSTOMER, *WHY), "is a customer, not an invoice"),
    ],
)
def test_an_id_of_another_kind_is_refused(steady: Shop, arguments: tuple[str, ...], said: str) -> None:
    assert said.replace("an invoice", "a") in refused(steady, arguments, 2).replace("an invoice", "a")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("stripe", "refund", "ch_SbxNobody", "--full", *WHY), 3, "No such charge"),
        (("stripe", "cancel", "sub_SbxNobody", *WHY), 3, "No such subscription"),
        (("stripe", "resend", "in_SbxNobody", *WHY), 3, "No such invoice"),
        (("stripe", "show", "cus_SbxNobody"), 3, "No such customer"),
        (("stripe", "show", "xx_1"), 3, "there is nothing of the id xx_1"),
        (("lookup", "nobody@example.com"), 3, "no customer by email 'nobody@example.com'"),
        (("audit", "show", "op_00000000000000000000000000"), 3, "the audit log has no record"),
        (("audit", "show", "999"), 3, "the audit log has no record '999'"),
        (("audit", "show", "nonsense"), 2, "neither a record's number nor an operation's id"),
    ],
)
def test_what_is_not_there_is_said_to_be_not_there(
    shop: Shop, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in refused(shop, arguments, code)


def test_a_charge_refunded_behind_our_back_is_refused(shop: Shop) -> None:
    shop.run("stripe", "refund", PAID, "--full", *WHY)
    line = refused(shop, ("stripe", "refund", PAID, "--amount", "49", *WHY, "--again", "2"), 5)
    assert "has already been refunded in full" in line


def test_a_subscription_that_has_ended_is_refused(shop: Shop) -> None:
    shop.run("stripe", "cancel", SUBSCRIPTION, "--now", *WHY)
    line = refused(shop, ("stripe", "cancel", SUBSCRIPTION, *WHY), 5)
    assert f"subscription {SUBSCRIPTION} is canceled already (canceled at " in line


OPTIONS: list[tuple[tuple[str, ...], str]] = [
    ((*REFUND, *WHY, "--again", "1"), "--again takes a number from 2 to 999"),
    ((*REFUND, *WHY, "--again", "0"), "--again takes a number from 2 to 999"),
    ((*REFUND, *WHY, "--again", "-2"), "--again takes a number from 2 to 999"),
    ((*REFUND, *WHY, "--again", "٢"), "--again takes a number from 2 to 999"),
    ((*REFUND, *WHY, "--again", "9" * 5000), "--again takes a number from 2 to 999"),
    ((*REFUND, *WHY, "--account", "paypal"), "has no stripe account called 'paypal'"),
    (("stripe", "resend", PAST_DUE, "--to", "nobody", *WHY), "'nobody' is not an e-mail address"),
    (("stripe", "resend", PAST_DUE, "--to", "a b@example.com", *WHY), "is not an e-mail address"),
    (("stripe", "resend", PAST_DUE, "--to", "a@example.com\nBcc: x@y.z", *WHY), "is not an e-mail address"),
    (("stripe", "cancel", SUBSCRIPTION, "--now", "--at-period-end", *WHY), "exclude each other"),
    (("lookup", ""), "a lookup needs 1 to 500 characters"),
    (("lookup", "   "), "a lookup needs 1 to 500 characters"),
    (("lookup", "x" * 501), "a lookup needs 1 to 500 characters"),
    (("lookup", "layla@example.com", "--by", "magic"), "is no way to search"),
    (("lookup", "layla@example.com", "--limit", "0"), "--limit takes 1 to 1000"),
    (("lookup", "layla@example.com", "--since", "yesterday"), "--since 'yesterday' is no date"),
    (("lookup", "layla@example.com", "--account", "paypal"), "no account called 'paypal'"),
    (("stripe", "charges", "--status", "gone"), "charges have no status 'gone'"),
    (("stripe", "charges", "--limit", "-1"), "--limit takes 1 to 100000"),
    (("stripe", "charges", "--since", "9999999d"), "is no date"),
    (("audit", "list", "--limit", "0"), "--limit takes 1 to 1000000"),
    (("stripe", "show", PAID, "--type", "thing"), "is none of customer, charge"),
    (("stripe", "charges", "--fields", "amount,,x"), "write field names with commas between them"),
    (("stripe", "invoices", "--fields", "nope"), "there is no field 'nope'"),
    (("stripe", "charges", "--nope"), "--nope"),
    (("stripe", "refnd", PAID), "Did you mean refund"),
    (("strpe", "charges"), "Did you mean stripe"),
]


@pytest.mark.parametrize(("arguments", "said"), OPTIONS, ids=[" ".join(a)[:60] for a, _ in OPTIONS])
def test_a_wrong_option_is_a_usage_error(steady: Shop, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(steady, arguments, 2)


# Credentials


def test_a_wrong_key_is_an_auth_error_that_does_not_show_it(shop: Shop) -> None:
    shop.use(key=KEY)
    ran = shop.run(*REFUND, *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["class"]) == (4, "auth")
    assert "Nothing changed." in one_line(ran)
    assert KEY not in ran.out


@pytest.mark.parametrize("key", [None, "", "   "])
def test_a_missing_key_is_an_auth_error_that_names_the_ways(shop: Shop, key: str | None) -> None:
    if key is None:
        del shop.env["BILLCTL_STRIPE_API_KEY"]
    else:
        shop.env["BILLCTL_STRIPE_API_KEY"] = key
    ran = shop.run(*REFUND, *WHY)
    assert ran.code == 4
    assert "Add it: `billctl --profile shop auth add stripe`, or set BILLCTL_STRIPE_API_KEY." in one_line(ran)


def test_a_restricted_key_reads_and_is_refused_a_change(shop: Shop) -> None:
    shop.use(key=STRIPE_RESTRICTED_KEY)
    assert shop.run("stripe", "show", PAID).code == 0
    ran = shop.run(*REFUND, *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["class"]) == (4, "auth")
    assert "rak_charge_write" in one_line(ran) or "permission" in one_line(ran)
    assert shop.refunds() == []
    assert shop.operations() == [("refund", "refused")]


def test_a_test_key_in_a_live_profile_is_a_config_error(shop: Shop) -> None:
    shop.live(unattended=True)
    shop.env["BILLCTL_STRIPE_API_KEY"] = STRIPE_KEY
    for arguments in ((*REFUND, *WHY), ("stripe", "show", PAID), ("stripe", "charges")):
        ran = shop.run(*arguments)
        assert ran.code == 12
        assert "Nothing was sent." in one_line(ran)
        assert ran.out == ""


def test_a_live_key_in_a_test_profile_is_a_config_error(shop: Shop) -> None:
    shop.use(key=STRIPE_LIVE_KEY)
    with recorded(shop, key=STRIPE_LIVE_KEY) as proxy:
        ran = shop.run(*REFUND, *WHY)
    assert ran.code == 12
    assert "Nothing was sent." in one_line(ran)
    assert changes(proxy) == []


# Servers


def test_an_unreachable_gateway_is_a_network_error_and_nothing_was_sent(shop: Shop) -> None:
    shop.use(url="http://127.0.0.1:1")
    for arguments in ((*REFUND, *WHY), ("stripe", "show", PAID), ("lookup", "layla@example.com")):
        ran = shop.run(*arguments)
        assert ran.code == 11
        assert "127.0.0.1" in one_line(ran)
    assert shop.operations() == [("refund", "not_sent")]


LYING: dict[str, Any] = {
    "silent": servers.silent,
    "dropping": servers.dropping,
    "garbage": servers.garbage,
    "cut": servers.cutting,
    "html": servers.answer(200, "<html>Sign in</html>", headers={"Content-Type": "text/html"}),
    "empty": servers.answer(200, ""),
    "not an object": servers.answer(200, "[1, 2]"),
    "no fields": servers.answer(200, "{}"),
    "html 500": servers.answer(500, "<html>oops</html>"),
    "huge number": servers.answer(200, '{"object": "charge", "id": "ch_1", "amount": 1e400}'),
}


@pytest.mark.parametrize("kind", LYING)
def test_a_server_that_lies_or_is_silent_is_a_network_error_of_a_read(shop: Shop, kind: str) -> None:
    with servers.LoopbackServer(LYING[kind]) as server:
        shop.use(url=server.url, more="[network]\nread_timeout = 0.5\ndeadline = 3\n")
        for arguments in ((*REFUND, *WHY), ("lookup", "layla@example.com"), ("stripe", "charges")):
            ran = shop.run(*arguments)
            assert ran.code == 11, (arguments, ran)
            one_line(ran)


# What gateways say


def hostile_customer(shop: Shop, name: str) -> str:
    import stripe

    client = stripe.StripeClient(STRIPE_KEY, base_addresses={"api": shop.url})
    return client.v1.customers.create({"name": name, "email": "hostile@example.com"}).id


HOSTILE = {
    "escape": "Mal\x1b[31mice\x1b]0;title\x07",
    "c1": "Mal\x9b31mice",
    "markup": "[bold red]x[/bold red] [link=http://e.vil]y[/link] [/]",
    "bidi": "abc\u202egnp.exe\u202c \u2066x\u2069",
    "newlines": "line one\nline two\rline three\tcolumn",
    "formula": "=cmd|'/c calc'!A1",
    "long": "x" * 250 + "y" * 6,
}


FORMS = ("table", "tsv", "csv", "json", "ndjson")


@pytest.mark.parametrize(("name", "form"), crossed(HOSTILE, {form: form for form in FORMS}))
def test_a_name_from_outside_drives_nothing(shop: Shop, name: str, form: str) -> None:
    customer = hostile_customer(shop, name)
    for arguments in (("stripe", "show", customer), ("lookup", "hostile@example.com")):
        ran = shop.run(*arguments, "-o", form)
        assert ran.code == 0, ran
        for character in ran.out + ran.err:
            assert character == "\n" or (character >= " " and character not in "\x7f") or character == "\t"
            assert not "\x80" <= character <= "\x9f"
            assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        if form == "table":
            assert "\t" not in ran.out
        if form == "tsv":
            assert len(ran.out.splitlines()) == 1
        if form == "csv" and name.startswith("="):
            assert "'=cmd" in ran.out
        if form == "json":
            assert (
                name in str(ran.document)
                or name == ran.data.get("name")
                or ran.data["customers"][0]["name"] == name
            )


@pytest.mark.parametrize("form", FORMS)
def test_a_name_of_ten_thousand_characters_is_shown_and_breaks_nothing(shop: Shop, form: str) -> None:
    known = plain_get(shop, f"/v1/customers/{CUSTOMER}")
    name = "x" * 9_990 + "\x1b[31m[/]\u202e"
    with servers.LoopbackServer(servers.answer(200, json.dumps(known | {"name": name}))) as server:
        shop.use(url=server.url)
        ran = shop.run("stripe", "show", CUSTOMER, "-o", form)
    assert ran.code == 0, ran.err
    assert ran.err == ""
    assert "x" * 9_990 in ran.out
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out


def plain_get(shop: Shop, path: str) -> dict[str, Any]:
    """What the gateway itself answers."""
    request = urllib.request.Request(shop.url + path, headers={"Authorization": f"Bearer {STRIPE_KEY}"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


@pytest.mark.parametrize("expression", [".[", "nope", "{", "error(1)", ".data.ref.x"])
def test_a_wrong_jq_expression_is_one_line_and_one_document(shop: Shop, expression: str) -> None:
    ran = shop.run("stripe", "show", PAID, "--jq", expression)
    assert ran.code == 2
    assert "--jq: " in one_line(ran)
    assert ran.document["errors"][0]["code"] == "bad_jq"
