"""`billctl profile`: the named sets of accounts."""

import os
from typing import Annotated

import typer

from billctl.cli.account_check import CheckedAccount, check_accounts, ending, status_cell
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import Command, new_app
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.profile_files import ListedRow, faults_result, list_rows
from billctl.errors import BillctlError, ConfigError
from billctl.profiles import ProfileError, load_profile, no_profile_error, use_profile
from billctl.profiles import chosen_profile as choose
from billctl.session import installed_gateways, open_session

app = new_app(
    help="""Named sets of accounts.

    \b
    Examples:
      billctl profile create shop
      billctl profile check shop
      billctl profile use shop

    A profile is a TOML file without secrets: `billctl help profiles`.
    """
)


def _profile_names(incomplete: str) -> list[str]:
    from billctl.cli.completion import profile_names

    return profile_names(incomplete)


OptionalName = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]",
        help="The chosen one if left out.",
        show_default=False,
        autocompletion=_profile_names,
    ),
]


@app.command("list", cls=Command)
def list_profiles(context: typer.Context) -> Result:
    """List your profiles and the shipped ones.

    \b
    Examples:
      billctl profile list
      billctl profile list -o json --jq '.data.profiles[].name'

    One with a fault says so and harms no other; `billctl profile check NAME` shows all its faults.
    """
    rows, warnings = list_rows(choices(context).profile, os.environ)
    return Result(
        data={"profiles": [row.data() for row in rows]},
        records=[row.data() for row in rows],
        columns=("name", "mode", "from", "default", "accounts", "problem"),
        view=_list_view(rows),
        warnings=warnings,
    )


def _list_view(rows: list[ListedRow]) -> View:
    columns = (
        Column("profile"),
        Column("mode"),
        Column("from"),
        Column(""),
        Column("accounts", whole=False),
    )
    cells = tuple(
        (
            row.name,
            Cell("LIVE", "red") if row.mode == "live" else row.mode or Cell("broken", "yellow"),
            "yours" if not row.shipped else "shipped",
            row.marks(),
            ", ".join(row.accounts),
        )
        for row in rows
    )
    return [Grid(columns, cells), *(Line((row.problem,)) for row in rows if row.problem)]


@app.command(cls=Command)
def show(context: typer.Context, name: OptionalName = None) -> Result:
    """Show every value of a profile and where it comes from.

    \b
    Examples:
      billctl profile show
      billctl profile show shop -o json

    Secrets appear as their source and mask only.
    """
    from billctl.cli.profile_show import show_result

    chosen = choices(context)
    wanted = name or _chosen(chosen.profile)
    try:
        return show_result(wanted, chosen, given=name is not None, env=os.environ)
    except ProfileError as error:
        return faults_result(wanted, error)


@app.command(cls=Command)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A new name: lower-case letters, digits, - _.")],
    mode: Annotated[
        str | None, typer.Option("--mode", metavar="test|live", help="What its accounts must answer to.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option("--gateway", metavar="KIND", help="The first account's gateway.")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="NAME", help="Its name here; the gateway's if left out."),
    ] = None,
    account_id: Annotated[
        str | None, typer.Option("--account-id", metavar="ID", help="What its key must answer to.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Another server; loopback, or test mode.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting that is no secret (repeatable)."),
    ] = None,
) -> Result:
    """Write a new profile with one account.

    \b
    Examples:
      billctl profile create shop
      billctl profile create shop --mode test --gateway stripe
      billctl profile create eu --mode live --gateway stripe --account stripe-eu --account-id acct_1Abc

    On a terminal it asks for what is left out. Secrets come afterwards, with `billctl auth add`; more
    accounts go into the file by hand.
    """
    del context
    from billctl.cli.profile_create import Wanted, create_result

    wanted = Wanted(
        mode=mode,
        gateway=gateway,
        account=account,
        account_id=account_id,
        base_url=base_url,
        settings=tuple(settings or ()),
    )
    return create_result(name, wanted, env=os.environ)


@app.command(cls=Command)
def use(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A profile.", autocompletion=_profile_names)],
) -> Result:
    """Make a profile the one that is used without --profile.

    \b
    Examples:
      billctl profile use shop
      billctl profile use sandbox
    """
    del context
    path = use_profile(name, os.environ)
    warnings = []
    mode: str | None = None
    accounts: list[str] = []
    try:
        profile = load_profile(name, env=os.environ, gateways=installed_gateways(os.environ))
        mode, accounts = str(profile.mode), list(profile.accounts)
    except ConfigError as error:
        warnings.append(f"it cannot be used as it is: {error.line()}")
    if os.environ.get("BILLCTL_PROFILE", name) != name:
        warnings.append("BILLCTL_PROFILE is set and comes before it")
    facts = f"{mode}, {', '.join(accounts)}" if mode else "broken"
    return Result(
        data={"profile": name, "mode": mode, "accounts": accounts, "path": str(path)},
        records=[{"type": "profile", "name": name, "mode": mode, "accounts": accounts, "path": str(path)}],
        columns=("name", "mode", "path"),
        view=[Line((f"{name} is used from now on where no profile is named ({facts}).",))],
        warnings=warnings,
        profile=name,
        mode=mode,
        success_is_silent=True,
    )


@app.command(cls=Command)
def check(context: typer.Context, name: OptionalName = None) -> Result:
    """Check a profile's file, then whom its keys open.

    \b
    Examples:
      billctl profile check
      billctl profile check shop -o json

    Every fault of the file has a line of its own (exit code 12). Then each account is ok, with the
    account that its credentials open and whether that is test or live, or failed. Exit code 7 when
    some failed; when all failed, the gravest failure's own.
    """
    wanted = name or _chosen(choices(context).profile)
    try:
        session = open_session(wanted)
    except ProfileError as error:
        return faults_result(wanted, error)
    with session:
        accounts = check_accounts(session, list(session.profile.accounts))
        errors: list[BillctlError] = [account.error for account in accounts if account.error]
        mode = str(session.profile.mode)
        return Result(
            data={
                "name": wanted,
                "path": str(session.profile.path),
                "faults": [],
                "accounts": [account.data() for account in accounts],
            },
            records=[account.data() for account in accounts],
            columns=("account", "gateway", "status", "mode", "account_id", "name", "note"),
            view=[
                Line((Cell(wanted, "bold"), Cell("LIVE", "red") if mode == "live" else mode)),
                *_accounts_view(accounts),
            ],
            error=ending(errors, len(accounts), "accounts"),
            errors=errors,
            profile=wanted,
            mode=mode,
        )


def _chosen(option: str | None) -> str:
    name = choose(option, os.environ)
    if name is None:
        raise no_profile_error(os.environ)
    return name


def _accounts_view(accounts: list[CheckedAccount]) -> View:
    cells = tuple(
        (
            row.account,
            status_cell(row.status),
            row.mode or "",
            (row.identity.id if row.identity else None) or "",
            row.error.code if row.error else (row.identity.name if row.identity else None) or "",
        )
        for row in accounts
    )
    columns = (Column(), Column(), Column(), Column(), Column(whole=False))
    notes = (Line((row.account, Cell(row.note, "dim")), indent=2) for row in accounts if row.note)
    return [Grid(columns, cells, indent=2), *notes]
