"""One login at one gateway: what it needs, whom it opens, and how fast and how long it may be asked."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, Self

from billctl.frozen import field, frozen
from billctl.text import never_show

if TYPE_CHECKING:
    from pathlib import Path


@frozen
class Setting:
    """One value a gateway needs: a profile key, or a secret (`secret=True`) that is never in a profile."""

    name: str
    help: str
    secret: bool = False
    required: bool = True


class Secret(str):
    """A secret's text. It is a `str` for the SDK that needs it, and shows itself to nobody else.

    Whatever is masked from its making on has it masked too, in an SDK's error for instance.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        never_show(text)
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return "Secret(…)"


@frozen
class Timeouts:
    """Limits of one account's calls, in seconds. `deadline` bounds one command's reads in all."""

    connect: float = 5.0
    read: float = 30.0
    deadline: float = 60.0


@frozen
class RateLimit:
    """Requests a second that a gateway takes of one account, in all and at one endpoint; None: it publishes
    none."""

    in_all: float | None = None
    endpoint: float | None = None


class Pace(Protocol):
    """Spreads an account's requests over time, together with every other run that paces them."""

    def wait(self, endpoint: str) -> None:
        """Return when a request to `endpoint` may leave; any text that is the same for the same limit."""

    def turned_away(self, endpoint: str, seconds: float | None) -> None:
        """The gateway turned a request away as one too many (429), and asked to wait `seconds` if it did."""


@frozen
class Account:
    """One login at one gateway, as a profile names it.

    `account_id` is what the credentials must answer to, if the profile says. `base_url` replaces the
    gateway's own address (no trailing slash). `live` is the profile's claim. `address` names where the
    gateway is for what is kept between runs, where `base_url` is another one in each (None: `base_url` does).
    `state_dir` is the gateway's own directory for what it keeps between runs (tokens, copies); it is made
    private (0700) by whoever first writes there, shared by all accounts of the gateway in every profile, and
    None where nothing may be kept. `pace` is to be asked before each request, a repeat included, and told of
    a 429; None: nobody paces this run.
    """

    name: str
    gateway: str
    live: bool
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    account_id: str | None = None
    base_url: str | None = None
    address: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    state_dir: "Path | None" = None
    pace: Pace | None = field(default_factory=lambda: None, repr=False)


@frozen
class Identity:
    """Whom the credentials open: the gateway's id and name of it, live or test; None where it cannot tell.

    `lacking` are permissions that are missing for something billctl can do here, and what that costs, in
    short sentences without a final period. `about` is what else of the account is worth knowing where
    something does not work (a version, a permission, a setting of the gateway's), by a short label.
    """

    id: str | None
    name: str | None
    live: bool | None
    lacking: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
