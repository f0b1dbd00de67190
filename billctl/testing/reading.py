"""Promises about what is read: the right object of the right account, or an error that says why not."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from billctl.errors import AuthFailed, BillctlError, NotFound, UsageError
from billctl.frozen import fields
from billctl.gateway import By, Found, Gateway, Identity, Query, Selection
from billctl.models import Charge, Customer, Match, Record, given_back
from billctl.money import Money
from billctl.parallel import gather
from billctl.testing import servers
from billctl.testing.harness import Harness, failure, failures, of_another_kind

BAD_IDS = ("", " ", "..", "a/b", "../v1/x", "a?x=1", "a#b", "a b", "a\nb", "%2e%2e", "x" * 300)
MANY = 12
"""How much of a list is compared."""
THREADS = 8
WHOLE = frozenset({By.EMAIL, By.ID, By.NAME})
"""Ways of searching that lead to a customer himself; the others add the object that led to him."""


def parts(value: object) -> Iterator[object]:
    """`value` and everything in it: fields of records, items of tuples."""
    yield value
    inner: list[object] = []
    if isinstance(value, tuple | list):
        inner = list(value)
    elif isinstance(value, Record | Found):
        inner = list(fields(value).values())
    for each in inner:
        yield from parts(each)


def is_aware_utc(moment: datetime) -> bool:
    """Whether an instant says that it is UTC."""
    return moment.tzinfo is not None and moment.utcoffset() == UTC.utcoffset(None)


def faults_of(result: object, name: str) -> list[str]:
    """What is wrong with records that the account called `name` answered."""
    found = list(parts(result))
    moments = [each for each in found if isinstance(each, datetime)]
    records = [each for each in found if isinstance(each, Record)]
    wrong = [f"{moment!r} is not aware UTC" for moment in moments if not is_aware_utc(moment)]
    wrong += [f"{each.id} is not of account {name}" for each in records if each.account != name]
    wrong += [f"{each!r} has no id" for each in records if not each.id]
    return wrong


class ReadPromises(Harness):
    """Objects, searches and lists."""

    def _get(self, gateway: Gateway, kind: str, object_id: str) -> Record:
        record: Record = getattr(gateway, f"get_{kind}")(object_id)
        return record

    def test_check_says_whom_the_credentials_open(self) -> None:
        gateway = self._gateway()
        identity = gateway.check()
        assert isinstance(identity, Identity)
        assert identity.live in {gateway.account.live, None}
        assert identity.id or not gateway.tells_account

    def test_an_object_is_read_by_its_id_and_carries_its_account(self) -> None:
        gateway = self._gateway(name="some-account")
        for kind in self._getters():
            record = self._get(gateway, kind, self._example(kind))
            assert kind == record.TYPE
            assert record.id == self._example(kind)
            assert record.ref == f"some-account:{record.id}"
            assert record.gateway == gateway.account.gateway

    def test_every_instant_read_is_aware_utc_and_every_record_is_of_its_account(self) -> None:
        gateway = self._gateway(name="some-account")
        read: list[object] = [self._get(gateway, kind, self._example(kind)) for kind in self._getters()]
        read += [gateway.find_customers(self._query(by)) for by in self._searches()]
        read += [self._complete(gateway, kind, Selection(limit=MANY)) for kind in self._lists()]
        assert faults_of(read, "some-account") == []

    def test_a_charge_adds_up(self) -> None:
        charge = self._charge()
        amounts = (charge.amount, charge.captured, charge.refunded, charge.refundable)
        assert len({amount.currency for amount in amounts}) == 1
        assert Money.zero(charge.amount.currency) <= charge.refundable <= charge.captured - charge.refunded
        assert charge.refunded >= given_back(charge.refunds, charge.amount.currency)
        assert {refund.charge_id for refund in charge.refunds} <= {charge.id}

    def test_an_absent_object_is_not_found(self) -> None:
        gateway, unknown = self._gateway(), {"charge": self.unknown_charge_id, **self.unknown_ids}
        errors = failures(
            {
                kind: partial(self._get, gateway, kind, unknown[kind])
                for kind in self._getters()
                if kind in unknown
            }
        )
        assert of_another_kind(errors, NotFound) == {}

    def test_a_malformed_id_is_a_usage_error_and_sends_nothing(self) -> None:
        with servers.LoopbackServer(servers.dropping) as server:
            gateway = self._gateway(self._at(server), read_timeout=self.short)
            for kind in self._getters():
                for bad in BAD_IDS:
                    error = failure(partial(self._get, gateway, kind, bad))
                    assert isinstance(error, UsageError), (kind, bad, error)
            assert server.requests == []

    def test_wrong_credentials_are_an_auth_error_to_every_read(self) -> None:
        gateway = self._gateway(key=2)
        calls: dict[str, Callable[[], object]] = {
            name: partial(read, gateway) for name, read in self._reads().items()
        }
        assert of_another_kind(failures(calls | {"check": gateway.check}), AuthFailed) == {}

    # Searches

    def _query(self, by: By, *, limit: int = 20) -> Query:
        return Query(by=by, text=self.searches[by][0], limit=limit)

    def test_every_declared_way_of_searching_finds_its_customer(self) -> None:
        gateway = self._gateway()
        for by in self._searches():
            found = gateway.find_customers(self._query(by))
            matches = {customer.id: customer.match for customer in found.customers}
            assert matches.get(self.searches[by][1]) is Match.EXACT, (by, matches)

    def test_a_search_for_nobody_finds_nobody(self) -> None:
        if By.EMAIL in self._searches():
            found = self._gateway().find_customers(Query(by=By.EMAIL, text="nobody@nowhere.invalid"))
            assert (found.customers, found.failures) == ((), ())

    def test_a_searchs_limit_bounds_each_kind_of_history(self) -> None:
        gateway = self._gateway()
        for by in (by for by in self._searches() if by in WHOLE):
            for customer in gateway.find_customers(self._query(by, limit=1)).customers:
                kinds = (customer.charges, customer.subscriptions, customer.invoices, customer.disputes)
                assert all(len(kind) <= 1 for kind in kinds), by

    # Lists

    def test_a_list_is_newest_first_and_names_nothing_twice(self) -> None:
        gateway = self._gateway()
        for kind in self._lists():
            listed = self._complete(gateway, kind, Selection(limit=MANY))
            moments = [moment for moment in map(created, listed) if moment is not None]
            assert moments == sorted(moments, reverse=True), kind
            assert len({record.id for record in listed}) == len(listed), kind
            assert listed, f"the sandbox has no {kind} to list"

    def test_a_list_honours_its_limit(self) -> None:
        gateway = self._gateway()
        for kind in self._lists():
            first = self._complete(gateway, kind, Selection(limit=2))
            assert len(first) <= 2, kind
            assert ids(first) <= ids(self._complete(gateway, kind, Selection(limit=MANY))), kind

    def test_a_list_honours_since_and_until(self) -> None:
        gateway = self._gateway()
        for kind in self._lists():
            listed = self._complete(gateway, kind, Selection(limit=MANY))
            edge = created(listed[len(listed) // 2])
            if edge is None:
                continue
            older, newer = split(listed, edge)
            assert ids(self._complete(gateway, kind, Selection(limit=MANY, since=edge))) == newer, kind
            before = self._complete(gateway, kind, Selection(limit=MANY, until=edge))
            assert all((moment := created(record)) and moment < edge for record in before), kind
            assert older <= ids(before), kind

    def test_a_list_honours_a_status(self) -> None:
        gateway = self._gateway()
        for kind in (kind for kind in self._lists() if kind != "customers"):
            listed = self._complete(gateway, kind, Selection(limit=MANY))
            wanted = getattr(listed[0], "status")  # noqa: B009 - only customers have none
            with_it = self._complete(gateway, kind, Selection(limit=MANY, status=str(wanted)))
            assert {str(getattr(record, "status")) for record in with_it} == {str(wanted)}, kind  # noqa: B009
            assert ids(listed, str(wanted)) <= ids(with_it), kind

    def test_a_list_of_one_customer_is_his_alone(self) -> None:
        gateway = self._gateway()
        for kind in (kind for kind in self._lists() if kind != "customers"):
            listed = self._complete(gateway, kind, Selection(limit=MANY))
            person = next((found for record in listed if (found := customer_of(record))), None)
            if person is None:
                continue
            his = self._complete(gateway, kind, Selection(limit=MANY, customer_id=person))
            assert {customer_of(record) for record in his} == {person}, kind
            assert {record.id for record in listed if customer_of(record) == person} <= ids(his), kind

    def _complete(self, gateway: Gateway, kind: str, selection: Selection) -> list[Record]:
        """A list; what a gateway names at its end as left out of it is no part of these promises."""
        found: list[Record] = []
        try:
            found.extend(getattr(gateway, f"list_{kind}")(selection))
        except UsageError:
            assert found, f"{kind} {selection}"
        return found

    # Many threads

    def test_one_account_used_by_many_threads_answers_each_as_it_would_answer_one(self) -> None:
        gateway = self._gateway()
        alone = [self._answer(gateway, number) for number in range(THREADS)]
        together = gather([partial(self._answer, gateway, number) for number in range(THREADS)])
        assert together == alone

    def _answer(self, gateway: Gateway, number: int) -> object:
        kinds = self._getters()
        kind = kinds[number % len(kinds)]
        return self._get(gateway, kind, self._example(kind))

    def test_two_accounts_in_the_same_threads_each_name_their_own_records(self) -> None:
        names = ("one", "two") * 4
        gateways = {name: self._gateway(name=name) for name in names}
        charges: list[Charge] = gather([partial(gateways[name].get_charge, self.charge_id) for name in names])
        assert tuple(charge.account for charge in charges) == names

    def test_an_error_names_its_account(self) -> None:
        gateway = self._gateway(name="some-account", key=2)
        error: BillctlError = failure(lambda: gateway.get_charge(self.charge_id))
        assert error.account == "some-account"


def created(record: Record) -> datetime | None:
    """When it was made; None for a customer whose gateway does not tell."""
    moment: datetime | None = getattr(record, "created")  # noqa: B009 - every record but the base has it
    return moment


def customer_of(record: Record) -> str | None:
    """Whose it is, where the record says so itself."""
    return None if isinstance(record, Customer) else getattr(record, "customer_id", None)


def ids(records: list[Record], status: str | None = None) -> set[str]:
    """The ids of records, or of those of a status."""
    return {record.id for record in records if status is None or str(getattr(record, "status")) == status}  # noqa: B009


def split(records: list[Record], edge: datetime) -> tuple[set[str], set[str]]:
    """The ids of what was made before `edge`, and of the rest."""
    newer = {record.id for record in records if (moment := created(record)) and moment >= edge}
    return ids(records) - newer, newer
