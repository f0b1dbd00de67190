"""Several operators at once on one charge: one refund where one was meant, never more than was captured."""

import json
import subprocess
from collections import Counter
from typing import Any

from tests.shop import PAID, SECONDS, WHY, Shop

OPERATORS = 8


def together(shop: Shop, amounts: list[str]) -> list[tuple[int, dict[str, Any]]]:
    """A process for each amount, all at once; exit code and document of each."""
    running = [
        subprocess.Popen(
            shop.command("stripe", "refund", PAID, "--amount", amount, *WHY, "-o", "json"),
            env=shop.environment({"BILLCTL_OPERATOR": f"operator-{number}"}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, amount in enumerate(amounts)
    ]
    ended = [(process, *process.communicate(timeout=SECONDS)) for process in running]
    for _, _, err in ended:
        assert "Traceback" not in err
    return [(process.returncode, json.loads(out)) for process, out, _ in ended]


def test_eight_operators_with_the_same_refund_make_one(shop: Shop) -> None:
    ended = together(shop, ["12.50"] * OPERATORS)
    assert shop.refunds() == [1250]
    outcomes = Counter((code, document["data"].get("outcome")) for code, document in ended)
    assert outcomes[0, "succeeded"] == 1
    assert set(outcomes) <= {(0, "succeeded"), (0, "already_done"), (10, None)}
    assert shop.run("audit", "verify").code == 0
    assert shop.run("stripe", "refund", PAID, "--amount", "12.50", *WHY, "-o", "json").data["outcome"] == (
        "already_done"
    )


def test_different_amounts_never_exceed_what_was_captured(shop: Shop) -> None:
    amounts = [f"{10 + n}.00" for n in range(OPERATORS)]
    ended = together(shop, amounts)
    made = shop.refunds()
    assert sum(made) <= 4900
    succeeded = [d["data"]["amount"]["minor"] for _, d in ended if d["data"].get("outcome") == "succeeded"]
    assert sorted(succeeded) == sorted(made)
    assert succeeded
    assert {code for code, _ in ended} <= {0, 2, 5, 10}
    assert shop.run("audit", "verify").code == 0
    assert shop.run("audit", "reconcile", "-o", "json").data == []


def test_operators_without_a_shared_log_meet_at_the_gateway(shop: Shop) -> None:
    """Two hosts: each has a state directory of its own, both send; the key makes it one refund."""
    running = []
    for host in range(4):
        state = shop.state_dir.parent / f"host-{host}"
        running.append(
            subprocess.Popen(
                shop.command("stripe", "refund", PAID, "--amount", "12.50", *WHY),
                env=shop.environment({"BILLCTL_STATE_DIR": str(state)}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    lines = [process.communicate(timeout=SECONDS)[1] for process in running]
    assert shop.refunds() == [1250]
    codes = {process.returncode for process in running}
    assert 0 in codes
    assert 1 not in codes
    assert not [line for line in lines if "Traceback" in line]
