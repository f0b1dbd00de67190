"""`billctl auth`: the credentials of a profile's accounts. No value is ever an argument, or shown."""

from pathlib import Path
from typing import Annotated

import typer

from billctl.cli.account_check import ending
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import Command, new_app
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.secret_input import SecretInput, check_form, kept_secret
from billctl.cli.secret_status import SecretRow, chosen_secrets, secret_rows
from billctl.credentials import mask_secret, remove_secret, store_secret
from billctl.errors import AuthFailed, BillctlError, Busy, NotFound, StoreError, UsageError
from billctl.gateway import Secret
from billctl.session import Session

app = new_app(
    help="""Credentials of accounts: add, remove, status.

    \b
    Examples:
      billctl auth add stripe
      billctl auth status

    Where secrets are looked for, and in which order: `billctl help secrets`.
    """
)

KEPT_IN = "keyring"


class ChangeUnrecorded(StoreError):
    """The keyring was changed, and the audit log could not take the record of it."""

    sent = ""


def _account_names(incomplete: str) -> list[str]:
    from billctl.cli.completion import account_names

    return account_names(incomplete)


AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Its name in the profile.", autocompletion=_account_names)
]
SecretOption = Annotated[
    str | None, typer.Option("--secret", metavar="NAME", help="Only the secret of this name, like api_key.")
]


@app.command(cls=Command)
def add(
    context: typer.Context,
    account: AccountArgument,
    secret: SecretOption = None,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read it from standard input.")] = False,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="Read it from a file of mode 0600.")
    ] = None,
) -> Result:
    """Keep an account's secrets in the system's keyring.

    \b
    Examples:
      billctl auth add stripe
      pass show stripe/test | billctl auth add stripe --stdin
      billctl auth add shop --secret consumer_key --from-file key.txt

    On a terminal each secret is asked for and not shown. A key whose form shows that it cannot open
    the account, or is of the other mode, is refused and replaces none. It is read back after writing;
    only its mask is shown and recorded.
    """
    given = SecretInput(stdin=stdin, file=from_file)
    with session_of(choices(context)) as session:
        _refuse_sandbox(session)
        settings = chosen_secrets(session.profile, account, secret, session.env)
        given.check(settings, account=account)
        _ = session.log  # an audit log that cannot be opened is to stop this before the keyring changes
        read = ((s.name, given.read(s, account=account, profile=session.profile)) for s in settings)
        values = {name: value for name, value in read if value is not None}
        check_form(session, account, values)
        rows, warnings = [], []
        for name, value in values.items():
            rows.append(_keep(session, account, name, value))
            warnings += _shadows(session, account, name)
        check = f"billctl --profile {session.profile.name} profile check"
        next_step = Line((f"Next: `{check}` asks {session.gateway_of(account)} whom the key opens.",))
        return _result(session, rows, [*_secrets_view(rows), next_step], warnings=warnings)


@app.command(cls=Command)
def remove(context: typer.Context, account: AccountArgument, secret: SecretOption = None) -> Result:
    """Remove an account's secrets from the keyring.

    \b
    Examples:
      billctl auth remove stripe
      billctl auth remove shop --secret consumer_secret

    The key itself stays valid at the gateway: revoke it there. Exit code 3 when the keyring held none.
    """
    with session_of(choices(context)) as session:
        _refuse_sandbox(session)
        settings = chosen_secrets(session.profile, account, secret, session.env)
        _ = session.log
        removed = [setting.name for setting in settings if _forget(session, account, setting.name)]
        if not removed:
            names = " or ".join(setting.name for setting in settings)
            raise NotFound(f"the keyring holds no {names} of {account}", hint="See `billctl auth status`.")
        gateway = session.gateway_of(account)
        text = f"Removed {' and '.join(removed)} of {account} from the keyring."
        return Result(
            data={"account": account, "gateway": gateway, "removed": removed},
            records=[
                {
                    "type": "secret",
                    "account": account,
                    "gateway": gateway,
                    "secret": name,
                    "status": "removed",
                }
                for name in removed
            ],
            columns=("account", "secret", "status"),
            view=[Line((text, f"{gateway} still accepts what was there: revoke it at the gateway."))],
            warnings=_left(session, account, removed),
            profile=session.profile.name,
            mode=str(session.profile.mode),
            success_is_silent=True,
        )


@app.command(cls=Command)
def status(
    context: typer.Context,
    account: Annotated[
        str | None,
        typer.Argument(
            metavar="[ACCOUNT]", help="Only this account.", show_default=False, autocompletion=_account_names
        ),
    ] = None,
) -> Result:
    """Show where each account's secrets are found, masked.

    \b
    Examples:
      billctl auth status
      billctl auth status stripe -o json

    No gateway is asked: `billctl profile check` does that. Exit code 4 when all are missing, 7 when some are.
    """
    with session_of(choices(context)) as session:
        if account is not None:
            session.gateway_of(account)
        accounts = [account] if account is not None else list(session.profile.accounts)
        rows = secret_rows(session.credentials, accounts)
        errors: list[BillctlError] = [row.error for row in rows if row.error]
        note: View = ()
        if session.profile.sandbox:
            note = [Line(("The sandbox brings its own keys: there is nothing to add.",))]
        return _result(
            session,
            rows,
            [*_secrets_view(rows), *note],
            error=ending(errors, len(rows), "secrets"),
            errors=errors,
        )


def _refuse_sandbox(session: Session) -> None:
    if session.profile.sandbox:
        raise UsageError(
            f"profile {session.profile.name} needs no credentials: the sandbox brings its own keys",
            code="sandbox_has_keys",
            hint="For an account of yours: `billctl profile create NAME`.",
        )


def _keep(session: Session, account: str, secret: str, value: Secret) -> SecretRow:
    """Keep one secret in the keyring and record that, or that it failed."""
    gateway, mask = session.gateway_of(account), mask_secret(value)
    keyring, profile = session.credentials.keyring, session.profile.name
    result, note = {"source": KEPT_IN, "mask": mask}, None
    try:
        if before := kept_secret(keyring, profile, account, secret):
            result |= {"replaced": mask_secret(before)}
            note = "the same was there" if before == value else f"replaced {mask_secret(before)}"
        store_secret(keyring, profile, account, secret, value)
    except AuthFailed as failure:
        _note(session, "auth add", account, secret, result, failure)
        raise
    try:
        _note(session, "auth add", account, secret, result)
    except (StoreError, Busy) as failure:
        raise _unrecorded(f"{secret} of {account} is kept in the keyring", failure) from failure
    return SecretRow(
        account=account, gateway=gateway, secret=secret, source=KEPT_IN, mask=mask, note=note, error=None
    )


def _forget(session: Session, account: str, secret: str) -> bool:
    """Remove one secret from the keyring and record it; False where it held none."""
    try:
        removed = remove_secret(session.credentials.keyring, session.profile.name, account, secret)
    except AuthFailed as failure:
        _note(session, "auth remove", account, secret, {"source": KEPT_IN}, failure)
        raise
    if removed:
        try:
            _note(session, "auth remove", account, secret, {"source": KEPT_IN})
        except (StoreError, Busy) as failure:
            raise _unrecorded(f"{secret} of {account} is removed from the keyring", failure) from failure
    return removed


def _note(
    session: Session,
    action: str,
    account: str,
    secret: str,
    result: dict[str, str],
    error: BillctlError | None = None,
) -> None:
    session.log.note(
        action,
        outcome="failed" if error else "succeeded",
        account=account,
        gateway=session.gateway_of(account),
        object_type="secret",
        object_id=secret,
        result=result,
        error=error,
    )


def _unrecorded(done: str, failure: StoreError | Busy) -> ChangeUnrecorded:
    return ChangeUnrecorded(
        f"{done}, but the audit log has no record of it: {failure.message}", hint=failure.hint
    )


def _shadows(session: Session, account: str, secret: str) -> list[str]:
    """What to say where another place is asked before the keyring, and answers."""
    try:
        found = session.credentials.find(account, secret)
    except AuthFailed as failure:
        return [f"the keyring's {secret} is not used: {failure.message}"]
    if found.source == KEPT_IN:
        return []
    return [f"the keyring's {secret} of {account} is not used: {found.source} is asked first and has one"]


def _left(session: Session, account: str, removed: list[str]) -> list[str]:
    """Other places that still have a removed secret."""
    rows = secret_rows(session.credentials, [account])
    return [
        f"{row.source} still has {row.secret} of {account}"
        for row in rows
        if row.source and row.secret in removed
    ]


def _secrets_view(rows: list[SecretRow]) -> View:
    columns = (
        Column("account"),
        Column("secret"),
        Column("found in"),
        Column("", whole=False),
        Column("", whole=False),
    )
    cells = tuple(
        (
            row.account,
            row.secret,
            row.source or Cell("missing", "yellow"),
            row.mask or "",
            "" if row.error else row.note or "",
        )
        for row in rows
    )
    return [Grid(columns, cells)]


def _result(
    session: Session,
    rows: list[SecretRow],
    view: View,
    *,
    warnings: list[str] | None = None,
    error: BillctlError | None = None,
    errors: list[BillctlError] | None = None,
) -> Result:
    return Result(
        data={"secrets": [row.data() for row in rows]},
        records=[row.data() for row in rows],
        columns=("account", "secret", "status", "source", "mask", "note"),
        view=view,
        warnings=warnings or [],
        error=error,
        errors=errors or [],
        profile=session.profile.name,
        mode=str(session.profile.mode),
        success_is_silent=True,
    )
