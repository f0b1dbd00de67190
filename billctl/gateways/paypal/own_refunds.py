"""Ids of the refunds that this machine made, kept for the hours in which PayPal may not list them.

A payment without an order (a subscription's) has its refunds in Transaction Search only, up to three hours
late. The next command must see them at once, so their ids lie in a file of the account's private folder,
readable by its owner only: nothing but ids and times, and what a refund is worth is read from PayPal.
That one cannot be kept is no failure: it is seen when PayPal shows it.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from billctl.gateways.paypal.tokens import make_private

KEPT = 2 * 24 * 3600
"""Seconds for which an id is kept; Transaction Search has a refund after three hours."""
LARGE = 65_536
"""Bytes from which on old ids are taken out."""


class OwnRefunds:
    """The refunds that were made from this machine with one client's credentials at one address."""

    def __init__(
        self,
        folder: Path | None,
        *,
        endpoint: str,
        client_id: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        name = hashlib.sha256(f"{endpoint}\n{client_id}".encode()).hexdigest()[:32]
        self._path = folder / f"refunds-{name}.ndjson" if folder else None
        self._now = now

    def add(self, charge_id: str, refund_id: str) -> None:
        """Keep that `refund_id` gives something of `charge_id` back. Never raises."""
        if self._path is None:
            return
        entry = {"at": int(self._now()), "charge": charge_id, "refund": refund_id}
        with suppress(OSError):
            make_private(self._path.parent)
            self._shorten(self._path)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, f"{json.dumps(entry)}\n".encode())  # one write: lines never mix
            finally:
                os.close(descriptor)

    def of(self, charge_id: str) -> list[str]:
        """The ids of the refunds of `charge_id`, oldest first."""
        return [entry["refund"] for entry in self._entries() if entry["charge"] == charge_id]

    def _entries(self) -> list[dict[str, str]]:
        """What is kept and young enough; a line that cannot be read is none."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines() if self._path else []
        except (OSError, ValueError):
            return []
        found = []
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                if self._now() - entry["at"] < KEPT and entry["charge"] and entry["refund"]:
                    found.append(entry)
        return found

    def _shorten(self, path: Path) -> None:
        if not path.exists() or path.stat().st_size < LARGE:
            return
        part = path.with_suffix(f".{os.getpid()}")
        text = "".join(f"{json.dumps(entry)}\n" for entry in self._entries())
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
