"""Promises about what goes wrong on the way: what is proved, what is unknown, and how long it takes."""

import time
from collections.abc import Callable
from functools import partial

from billctl.errors import AuthFailed, BillctlError, NetworkError, NoAnswer, NotSent, OutcomeUnknown
from billctl.gateway import TURNED_AWAY, Capability, When
from billctl.parallel import Job
from billctl.testing import servers
from billctl.testing.harness import failure, failures, of_another_kind
from billctl.testing.sending import Change, Sending

HTML = {"Content-Type": "text/html"}
REDIRECT = {"Location": "http://127.0.0.1:9/elsewhere"}

UNUSABLE: dict[str, servers.Behaviour] = {
    "a dropped connection": servers.dropping,
    "an answer that is not HTTP": servers.garbage,
    "an answer cut in its middle": servers.cutting,
    "HTML with status 200": servers.answer(200, "<html><p>Sign in to the network</p></html>", headers=HTML),
    "an empty object": servers.answer(200, "{}"),
    "an empty list": servers.answer(200, "[]"),
    "null": servers.answer(200, "null"),
    "nothing, with status 200": servers.answer(200, ""),
    "an empty element": servers.answer(200, "<x/>", headers={"Content-Type": "application/xml"}),
    "status 500": servers.answer(500, "{}"),
    "HTML with status 502": servers.answer(502, "<html>Bad gateway</html>", headers=HTML),
    "a redirect": servers.answer(302, "", headers=REDIRECT),
}
"""Answers after which nobody knows what was done."""


class FailurePromises(Sending):
    """Refused connections, broken answers, silence."""

    def _calls(
        self, url: str, *, read_timeout: float = 30.0, key: int = 1
    ) -> dict[str, Callable[[], object]]:
        """Every read and every change, each at a gateway of its own at `url`."""
        sends = self._reads() | {name: change.send for name, change in self._changes().items()}
        return {
            name: partial(send, self._gateway(url, read_timeout=read_timeout, key=key))
            for name, send in sends.items()
        }

    def _sends(
        self, url: str, *, read_timeout: float = 30.0, key: int = 1
    ) -> dict[str, Callable[[], object]]:
        """Every change, each at a gateway of its own at `url`."""
        return {
            name: partial(change.send, self._gateway(url, read_timeout=read_timeout, key=key))
            for name, change in self._changes().items()
        }

    # Proved

    def test_a_gateway_where_nobody_listens_got_nothing(self) -> None:
        with servers.refusing_url() as url:
            assert of_another_kind(failures(self._calls(url)), NotSent) == {}

    def test_a_gateway_whose_name_is_not_known_got_nothing(self) -> None:
        assert of_another_kind(failures(self._calls("https://nowhere.invalid")), NotSent) == {}

    def test_a_gateway_that_cannot_prove_who_it_is_got_nothing(self) -> None:
        with servers.plain_url() as url:
            assert of_another_kind(failures(self._calls(url)), NotSent) == {}

    def test_a_request_turned_away_unread_was_not_sent(self) -> None:
        assert of_another_kind(self._turned_away(), NotSent) == {}

    def test_a_request_turned_away_unread_says_so_by_its_code(self) -> None:
        # A batch waits and tries again by this code; with another it gives the account up.
        codes = {name: error.code for name, error in self._turned_away().items()}
        assert codes == dict.fromkeys(codes, TURNED_AWAY)

    def _turned_away(self) -> dict[str, BillctlError]:
        """What reads and changes end with at a gateway that takes no more requests for now."""
        limited = self.rate_limited()
        with servers.LoopbackServer(limited) as server:
            url = self._at(server)
            reads = {name: partial(read, self._gateway(url)) for name, read in self._reads().items()}
            errors = failures(reads)
        with self._spoiling(limited) as between:
            return errors | failures(self._sends(between.url))

    def test_wrong_credentials_are_an_auth_error_to_every_change(self) -> None:
        assert of_another_kind(failures(self._sends(self.base_url(), key=2)), AuthFailed) == {}

    # Not known

    def test_a_change_without_a_usable_answer_is_of_unknown_outcome(self) -> None:
        found = {what: Job(partial(self._spoilt_changes, spoiling)) for what, spoiling in UNUSABLE.items()}
        wrong = {what: kinds for what, job in found.items() if (kinds := job.result())}
        assert wrong == {}

    def _spoilt_changes(self, behaviour: servers.Behaviour) -> dict[str, str]:
        with self._spoiling(behaviour) as between:
            return of_another_kind(failures(self._sends(between.url)), OutcomeUnknown)

    def test_a_read_without_a_usable_answer_is_no_answer(self) -> None:
        found = {what: Job(partial(self._spoilt_reads, spoiling)) for what, spoiling in UNUSABLE.items()}
        wrong = {what: kinds for what, job in found.items() if (kinds := job.result())}
        assert wrong == {}

    def _spoilt_reads(self, behaviour: servers.Behaviour) -> dict[str, str]:
        with servers.LoopbackServer(behaviour) as server:
            url = self._at(server)
            reads = {name: partial(read, self._gateway(url)) for name, read in self._reads().items()}
            errors = failures(reads)
        wrong = of_another_kind(errors, NetworkError)
        return wrong | {name: repr(error) for name, error in errors.items() if isinstance(error, NotSent)}

    # In time

    def test_silence_ends_every_call_within_its_timeouts(self) -> None:
        self._ends_in_time(servers.silent)

    def test_a_trickling_answer_ends_every_call_within_its_timeouts(self) -> None:
        self._ends_in_time(servers.trickling)

    def _ends_in_time(self, behaviour: servers.Behaviour) -> None:
        limit = self.make_account(self.base_url()).timeouts.connect + 10 * self.short
        with servers.LoopbackServer(behaviour) as server, self._spoiling(behaviour) as between:
            changes = self._sends(between.url, read_timeout=self.short)
            gateway = self._gateway(self._at(server), read_timeout=self.short)
            reads = {name: partial(read, gateway) for name, read in self._reads().items()}
            started = time.monotonic()
            errors = failures(reads | changes)
            took = time.monotonic() - started
        assert of_another_kind({name: errors[name] for name in reads}, NoAnswer) == {}
        # On a busy machine what a change reads before it is sent may take too long: then nothing was sent.
        unsent = max(0, len(changes) - len(self._changes_seen(between)))
        sent = {name: errors[name] for name in changes}
        wrong = of_another_kind(sent, OutcomeUnknown)
        assert len(wrong) <= unsent, wrong
        assert of_another_kind(sent, OutcomeUnknown, NetworkError) == {}
        assert took < limit

    def test_closing_it_twice_is_harmless(self) -> None:
        gateway = self._gateway()
        gateway.get_charge(self.charge_id)
        gateway.close()
        gateway.close()

    def test_closing_it_ends_a_call_that_waits(self) -> None:
        if not self._overrides("close"):
            return
        with servers.LoopbackServer(servers.silent) as server:
            gateway = self._gateway(self._at(server))
            waiting = Job(partial(failure, lambda: gateway.get_charge(self.charge_id)))
            until(lambda: bool(server.requests))
            gateway.close()
            try:
                waiting.result(self.closing)
            except TimeoutError as error:
                raise AssertionError("a call still waits after its account was closed") from error

    # Not twice

    def test_no_change_is_repeated_but_under_its_own_key(self) -> None:
        tries = {name: Job(partial(self._tries, change)) for name, change in self._changes().items()}
        for name, seen in ((name, job.result()) for name, job in tries.items()):
            # Where no key protects it, an adapter may remember its first try and send nothing again.
            must = seen if self._can(Capability.IDEMPOTENCY) else seen[:1]
            assert all(must), f"{name} sent nothing that changes anything"
            for requests in filter(None, seen):
                keys = {self.key_of(request) for request in requests}
                once = len(requests) == 1
                assert once or (len(keys) == 1 and None not in keys), f"{name} was sent again: {keys}"
                if name in {"refund", "refund_lines"} and not self._can(Capability.IDEMPOTENCY):
                    assert once, "a refund was sent again to a gateway that honours no key"

    def _tries(self, change: Change) -> list[list[servers.Request]]:
        """The requests that a change sent to gateways which never answer it."""
        seen = []
        for behaviour in (servers.dropping, servers.answer(500, "{}")):
            with self._spoiling(behaviour) as between:
                failure(partial(change.send, self._gateway(between.url)))
                seen.append(self._changes_seen(between))
        return seen

    # Answers that are lost after the change was made: `look` finds it, and it was made once.

    def _lost(self, change: Change) -> object:
        """What `look` finds after the sandbox acted and its answers were lost.

        The gateway may say that it does not know, or look by itself and answer.
        """
        with self._between(lambda upstream: upstream.acting(servers.dropping)) as between:
            try:
                change.send(self._gateway(between.url))
            except BillctlError as error:
                assert isinstance(error, OutcomeUnknown), error  # noqa: PT017 - another one is the fault
        return change.look(self._gateway())

    def test_a_refund_whose_answer_was_lost_is_found_and_was_made_once(self) -> None:
        if not self._can(Capability.REFUND):
            return
        before = self._charge()
        assert self._lost(self._refunding(self._gateway())) is not None
        assert self._charge().refunded == before.refunded + self._step(before)

    def test_a_void_whose_answer_was_lost_is_found(self) -> None:
        if self._can(Capability.VOID):
            assert self._lost(self._voiding(self._gateway())) is not None

    def test_an_end_at_once_whose_answer_was_lost_is_found(self) -> None:
        if self._can(Capability.CANCEL_NOW):
            assert self._lost(self._ending(self._gateway(), When.NOW)) is not None

    def test_an_end_of_the_period_whose_answer_was_lost_is_found(self) -> None:
        if self._can(Capability.CANCEL_AT_PERIOD_END):
            assert self._lost(self._ending(self._gateway(), When.PERIOD_END)) is not None

    def test_a_resend_whose_answer_was_lost_is_found_or_said_to_be_unknown(self) -> None:
        if not self._can(Capability.RESEND_INVOICE):
            return
        try:
            found = self._lost(self._resending(self._gateway()))
        except OutcomeUnknown:
            return  # the gateway keeps no trace of what it sent, and says so
        assert found is not None


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + 30.0
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)
