"""What every line on stderr is held to."""

from billctl.sandbox import STRIPE_KEY, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY
from tests.shop import Ran

LONGEST_LINE = 400
CARD = "4242 4242 4242 4242"
KEY = "sk_test_CANARYcanaryCANARY4f2a"


def one_line(ran: Ran, *, longest: int = LONGEST_LINE) -> str:
    """The one line on stderr, held to what every line must be."""
    line = ran.line
    assert line.startswith("billctl: ")
    assert len(line) <= longest, line
    assert "Traceback" not in line
    for secret in (KEY, STRIPE_KEY, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY, CARD):
        assert secret not in line
    return line
