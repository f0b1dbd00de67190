"""Whatever becomes of the answer to a refund, the money moves once: twelve kinds of loss at each gateway.

Every trial has a charge, an amount, and a number of tries that the fault meets, drawn from its number. All
3,000 (fifty of each): `pytest -m full tests/safety/test_lost_answers.py`; two of each, others every day,
with `-m slow`. What
exactly is said and recorded after each kind, for every change there is, is in test_faults.py and
test_faults_gateways.py.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from billctl.money import Money
from billctl.sandbox import faults
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    PAYPAL_CHARGE,
    RECURLY_CHARGE,
    WOO_ORDER,
    open_gateway_shop,
)
from tests.safety import asked
from tests.safety.aftermath import later, records, unsettled
from tests.safety.sampling import SAMPLE
from tests.shop import PAID, WHY, Ran, Shop, open_shop

KINDS = (
    "connection-dropped",
    "answer-lost",
    "500-before",
    "500-after",
    "cut-body",
    "hang-before",
    "hang-after",
    "409",
    "429",
    "html",
    "html-502",
    "html-502-after",
)
CHARGES = {
    "stripe": {
        PAID: Money(4900, "USD"),
        "ch_SbxSalma0000001": Money(9108, "EUR"),
        "ch_SbxAiko00000002": Money(2850, "JPY"),
        "ch_SbxFahad0000002": Money(30690, "KWD"),
    },
    "paypal": {
        PAYPAL_CHARGE: Money(2900, "USD"),
        "SBXTRAP0000000001": Money(12000, "USD"),
        "SBXVICTOR00000001": Money(2300, "EUR"),
    },
    "braintree": {
        BRAINTREE_CHARGE: Money(4900, "USD"),
        "mia00001": Money(2610, "EUR"),
        "yuki0001": Money(7350, "JPY"),
        "noura001": Money(15000, "KWD"),
    },
    "woocommerce": {
        WOO_ORDER: Money(4900, "USD"),
        "1309": Money(45_000, "SAR"),
        "1274": Money(7350, "JPY"),
        "1119": Money(15_190, "KWD"),
    },
    "recurly": {
        RECURLY_CHARGE: Money(4900, "USD"),
        "lucastx00001": Money(8900, "EUR"),
        "aminatx00002": Money(19_600, "SAR"),
    },
}
"""Charges of each gateway, and what is left to refund of them."""
STEP = 10
"""What an amount here is a multiple of, in minor units: Stripe takes the dinar's third decimal as 0 only, and
the store has two decimals for every currency."""
MOST_TRIES = 10
"""More than any adapter makes of one change."""
MOST_RUNS = 4
SILENT = {"woocommerce"}
"""Where the lack of a trace does not mean that nothing was done: a store deletes its record of a refund with
which its payment gateway failed."""
EVERYWHERE = [(gateway, kind) for gateway in CHARGES for kind in KINDS]


@dataclass(frozen=True)
class Trial:
    """A refund of `amount` of `charge`, whose first `tries` requests meet a fault of `kind`.

    `patience` is the seconds for which a silent gateway is waited for; with `hasty` the gateway is asked at
    once what became of it, too.
    """

    gateway: str
    kind: str
    charge: str
    amount: Money
    tries: int
    patience: float
    hasty: bool

    def run(self, shop: Shop, ordinal: int = 1) -> Ran:
        """Ask for the refund; with an ordinal above 1, deliberately once more."""
        again = ("--again", str(ordinal)) if ordinal > 1 else ()
        amount = ("--amount", self.amount.decimal())
        return shop.run(self.gateway, "refund", self.charge, *amount, *WHY, *again, "-o", "json")

    def effects(self, shop: Shop) -> int:
        """How often the gateway shows it done."""
        made = asked.refunds(shop, self.charge)
        assert set(made) <= {self.amount.minor}, f"refunds of another amount: {made}"
        return len(made)


def drawn(gateway: str, kind: str, number: int) -> Trial:
    """The trial of this number: always the same."""
    random = Random(f"{gateway} {kind} {number}")
    charge, left = random.choice(list(CHARGES[gateway].items()))
    return Trial(
        gateway=gateway,
        kind=kind,
        charge=charge,
        amount=Money(STEP * random.randint(1, left.minor // STEP), left.currency),
        tries=random.choice((1, 2, MOST_TRIES)),
        patience=random.choice((0.2, 0.3, 0.5)),
        hasty=random.random() < 0.5,
    )


def check(trial: Trial, folder: Path) -> None:
    """Run it under its fault, and then as its lines say, until it is done: once."""
    folder.mkdir(mode=0o700)
    opening = open_shop(folder) if trial.gateway == "stripe" else open_gateway_shop(folder, trial.gateway)
    with opening as shop:
        shop.env |= {
            "BILLCTL_STATE_DIR": str(shop.state_dir),
            "BILLCTL_CONFIG_DIR": str(shop.config_dir),
        }
        if trial.kind.startswith("hang"):
            shop.use(more=f"[network]\nread_timeout = {trial.patience}\n")
        shop.arm(trial.kind, "P* */refund*", times=trial.tries)
        ran = trial.run(shop)
        left = faults.armed(shop.state_dir, trial.gateway)
        assert not left or left[0]["remaining"] < trial.tries, "the fault struck nothing"
        check_answer(trial, shop, ran)
        faults.clear(shop.state_dir, trial.gateway)
        shop.use()
        check_end(trial, shop, ran)


def check_answer(trial: Trial, shop: Shop, ran: Ran) -> None:
    """Success is said of what is done, "nothing" of what is not; where it cannot be known, neither."""
    effects = trial.effects(shop)
    assert effects <= 1
    assert len(records(shop, "intent")) >= effects
    if ran.code == 0:
        assert (effects, ran.data["outcome"] in {"succeeded", "pending"}) == (1, True)
    elif ran.code == 11:
        assert (effects, "Nothing" in ran.line) == (0, True)
    else:
        assert (ran.code, ran.data["outcome"], "Nothing" in ran.line) == (6, "unknown", False)
        assert "billctl audit reconcile" in ran.line


def check_end(trial: Trial, shop: Shop, ran: Ran) -> None:
    """Following each line's advice it ends up done once, whatever was known at first."""
    ordinal, unanswered = 1, 0
    for _ in range(MOST_RUNS):
        if ran.code == 6:
            find_out(trial, shop)
            unanswered += 1
            ordinal += unanswered > 1  # Stripe keeps its first answer: the note says how to ask for a new one
        if ran.code == 0:
            break
        ran = trial.run(shop, ordinal)
    assert ran.code == 0, ran
    assert trial.effects(shop) == 1
    assert unsettled(shop) == []
    assert [entry.state for entry in records(shop, "outcome")].count("done") == 1
    assert trial.run(shop, ordinal).data["outcome"] == "already_done"
    assert trial.effects(shop) == 1
    assert shop.run("audit", "verify").code == 0


def find_out(trial: Trial, shop: Shop) -> None:
    """Nothing is sent on top of what is unknown; the gateway is asked, which sends nothing, and knows."""
    effects = trial.effects(shop)
    blocked = trial.run(shop)
    assert (blocked.code, blocked.document["errors"][0]["code"]) == (6, "operation_unknown")
    if trial.hasty:
        early = shop.run("audit", "reconcile", "-o", "json").data[0]["finding"]
        assert early in {"unknown", "done" if effects else "not_done"}
    with later():
        found = shop.run("audit", "reconcile", "-o", "json")
    if trial.gateway in SILENT and not effects and unsettled(shop):
        assert found.code == 6, found.out
        tell(shop)
        return
    assert found.code == 0, found.out
    assert [row["finding"] for row in found.data] in ([], ["done" if effects else "not_done"])
    assert trial.effects(shop) == effects, "a question moved money"
    assert unsettled(shop) == []


def tell(shop: Shop) -> None:
    """Say, as a person who looked at the payment gateway, that it was not done."""
    for operation in unsettled(shop):
        told = shop.run(
            "audit", "resolve", operation, "--as", "not-done", "--reason", "looked it up", "--yes"
        )
        assert told.code == 0, told


@pytest.mark.parametrize(
    ("gateway", "kind"),
    [
        ("stripe", "hang-after"),
        ("paypal", "cut-body"),
        ("braintree", "html-502-after"),
        ("woocommerce", "html"),
    ],
)
def test_a_lost_answer_refunds_once(gateway: str, kind: str, tmp_path: Path) -> None:
    check(drawn(gateway, kind, 0), tmp_path / "shop")


@pytest.mark.slow
@pytest.mark.parametrize(("gateway", "kind"), EVERYWHERE)
def test_two_lost_answers_of_each_kind_refund_once_each(gateway: str, kind: str, tmp_path: Path) -> None:
    for number in (SAMPLE % 25, 25 + SAMPLE % 25):
        check(drawn(gateway, kind, number), tmp_path / str(number))


@pytest.mark.full
@pytest.mark.parametrize(("gateway", "kind"), EVERYWHERE)
def test_fifty_lost_answers_of_each_kind_refund_once_each(gateway: str, kind: str, tmp_path: Path) -> None:
    for number in range(50):
        check(drawn(gateway, kind, number), tmp_path / str(number))
