"""From a `[policy]` table to a `Policy`, noting every fault with its key."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from billctl.errors import UsageError
from billctl.iso4217 import EXPONENTS
from billctl.money import parse
from billctl.profiles.faults import Faults, suggestion
from billctl.profiles.pattern import pattern_problem
from billctl.profiles.policy import ACTIONS, Policy
from billctl.profiles.values import note_type, note_unknown_keys, word
from billctl.profiles.words import KeyPath, shown
from billctl.reasons import REASON_CODE

MOST_A_DAY = 1_000_000
MOST_DAYS = 36_500
MOST_HOURS = 720
MOST_ROWS = 1_000_000

_APPROVER = re.compile(r"(group:)?[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}\$?")

EXAMPLES = {
    "max_refund": 'max_refund = { USD = "200.00" }',
    "max_void": 'max_void = { USD = "200.00" }',
    "daily_refund_total": 'daily_refund_total = { USD = "2000.00" }',
    "daily_actions": "daily_actions = { refund = 20, cancel = 50 }",
    "approve_above": 'approve_above = { USD = "500.00" }',
    "currencies": 'currencies = ["USD", "EUR"]',
    "max_charge_age_days": "max_charge_age_days = 180",
    "require_ticket": "require_ticket = '(zendesk|freshdesk):.+'",
    "reason_codes": 'reason_codes = ["duplicate", "goodwill", "other"]',
    "deny_when_disputed": "deny_when_disputed = true",
    "unattended": 'unattended = ["resend"]',
    "approvers": 'approvers = ["omar", "group:finance"]',
    "approvals_dir": 'approvals_dir = "/var/lib/billctl/approvals"',
    "approval_hours": "approval_hours = 24",
    "canary": "canary = 3",
}
"""How each key is written; the keys are the ones a policy may have."""


def policy_of(table: object, source: str, faults: Faults, path: KeyPath = ("policy",)) -> Policy | None:
    """The policy that the table at `path` describes, or None where it is no table.

    `source` is how a refusal names it. To be used only if nothing was added to `faults`.
    """
    if not isinstance(table, dict):
        note_type(path, table, "a table", "Write it as [policy].", faults)
        return None
    note_unknown_keys(table, path, EXAMPLES, faults)
    reader = _Reader(path, faults)
    values: dict[str, Any] = {
        key: read(reader, table[key], key) for key, read in READERS.items() if key in table
    }
    return Policy(source=source, **values)


Fits = Callable[[str], object]
"""Whether a word is fit: something true, or not."""


class _Reader:
    """Reads values of the table at `path`; what a method returns counts only without faults."""

    def __init__(self, path: KeyPath, faults: Faults) -> None:
        self.path = path
        self.faults = faults

    def note(self, what: str, key: str, *inner: str | int, todo: str | None = None) -> None:
        here = (*self.path, key, *inner)
        if not self.faults.at(here):
            self.faults.add(here, what, todo or f"Write {EXAMPLES[key]}.")

    def wrong_type(self, value: object, wanted: str, key: str, *inner: str | int) -> None:
        here = (*self.path, key, *inner)
        if not self.faults.at(here):
            note_type(here, value, wanted, f"Write {EXAMPLES[key]}.", self.faults)

    def limits(self, value: object, key: str) -> dict[str, int]:
        """Currency → minor units."""
        found = {}
        for currency, amount in self._filled(value, key, "a table of currencies", "names no currency"):
            if currency not in EXPONENTS:
                self.note("is no ISO 4217 currency", key, currency)
            elif not isinstance(amount, str):
                self.wrong_type(amount, "an amount in quotes", key, currency)
            else:
                try:
                    found[currency] = parse(amount, currency, zero=True).minor
                except UsageError as wrong:
                    self.note(wrong.message, key, currency)
        return found

    def counts(self, value: object, key: str) -> dict[str, int]:
        """Action → how many."""
        found = {}
        for action, number in self._filled(value, key, "a table of actions", "names no action"):
            if action not in ACTIONS:
                todo = suggestion(action, ACTIONS, f"Actions: {', '.join(ACTIONS)}.")
                self.note("is no action", key, action, todo=todo)
            else:
                found[action] = self._number(number, 0, MOST_A_DAY, key, action)
        return found

    def _filled(self, value: object, key: str, wanted: str, empty: str) -> list[tuple[str, object]]:
        """The rows of a table that must have some."""
        if not isinstance(value, dict):
            self.wrong_type(value, wanted, key)
            return []
        if not value:
            self.note(empty, key)
        return list(value.items())

    def _number(self, value: object, least: int, most: int, key: str, *inner: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong_type(value, "a whole number", key, *inner)
        elif not least <= value <= most:
            self.note(f"must be from {least} to {most}", key, *inner)
        else:
            return value
        return least

    def days(self, value: object, key: str) -> int:
        return self._number(value, 1, MOST_DAYS, key)

    def hours(self, value: object, key: str) -> int:
        return self._number(value, 1, MOST_HOURS, key)

    def rows(self, value: object, key: str) -> int:
        return self._number(value, 0, MOST_ROWS, key)

    def flag(self, value: object, key: str) -> bool:
        if not isinstance(value, bool):
            self.wrong_type(value, "true or false", key)
        return value is True

    def _words(self, value: object, key: str, fit: Fits, unfit: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            self.wrong_type(value, "a list of strings", key)
            return ()
        for number, entry in enumerate(value):
            if not isinstance(entry, str):
                self.wrong_type(entry, "a string", key, number)
            elif not fit(entry):
                self.note(f'"{shown(entry)}" {unfit}', key, number)
        return tuple(entry for entry in value if isinstance(entry, str))

    def _some_words(self, value: object, key: str, fit: Fits, unfit: str) -> tuple[str, ...]:
        found = self._words(value, key, fit, unfit)
        if value == []:
            self.note("is empty, and would allow nothing at all", key)
        return found

    def currencies(self, value: object, key: str) -> tuple[str, ...]:
        return self._some_words(value, key, EXPONENTS.__contains__, "is no ISO 4217 currency")

    def reason_codes(self, value: object, key: str) -> tuple[str, ...]:
        unfit = "is no reason code: lower-case letters, digits, _ . and -"
        return self._some_words(value, key, REASON_CODE.fullmatch, unfit)

    def approvers(self, value: object, key: str) -> tuple[str, ...]:
        return self._some_words(value, key, _APPROVER.fullmatch, "is neither a login nor group:NAME")

    def actions(self, value: object, key: str) -> tuple[str, ...]:
        return self._words(value, key, ACTIONS.__contains__, f"is no action: {', '.join(ACTIONS)}")

    def pattern(self, value: object, key: str) -> str | None:
        text = self._word(value, key)
        if text is not None and (problem := pattern_problem(text)):
            self.note(problem, key)
        return text

    def folder(self, value: object, key: str) -> str | None:
        text = self._word(value, key)
        if text is not None and not PurePath(text).is_absolute():
            self.note("is no absolute path", key)
        return text

    def _word(self, value: object, key: str) -> str | None:
        return word({key: value}, self.path, key, self.faults)


Read = Callable[[_Reader, object, str], object]

READERS: Mapping[str, Read] = {
    "max_refund": _Reader.limits,
    "max_void": _Reader.limits,
    "daily_refund_total": _Reader.limits,
    "daily_actions": _Reader.counts,
    "approve_above": _Reader.limits,
    "currencies": _Reader.currencies,
    "max_charge_age_days": _Reader.days,
    "require_ticket": _Reader.pattern,
    "reason_codes": _Reader.reason_codes,
    "deny_when_disputed": _Reader.flag,
    "unattended": _Reader.actions,
    "approvers": _Reader.approvers,
    "approvals_dir": _Reader.folder,
    "approval_hours": _Reader.hours,
    "canary": _Reader.rows,
}
"""Key of the table, which is the field of `Policy` → what reads it."""
