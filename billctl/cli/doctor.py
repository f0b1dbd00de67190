"""`billctl doctor`: what billctl stands on, checked part by part; one part's fault hides no other."""

import os
from collections.abc import Callable, Iterable

import typer

from billctl.cli import doctor_anchors, doctor_approvals
from billctl.cli import doctor_checks as checks
from billctl.cli.account_check import WARNING, status_cell
from billctl.cli.doctor_checks import Finding
from billctl.cli.layout import Cell, Column, Grid, View
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result, internal
from billctl.errors import BillctlError, gravest
from billctl.session import Session


def doctor(context: typer.Context) -> Result:
    """Check configuration, store and credentials.

    \b
    Examples:
      billctl doctor
      billctl --profile shop doctor -o json

    The installation, configuration, audit log and every account: each part is ok, warning or failed,
    with what to do. Nothing is changed. Exit code 0 when nothing failed, else that of the gravest failure.
    """
    option = choices(context).profile
    env = os.environ
    findings: list[Finding] = []

    def add(name: str, check: Callable[[], Iterable[Finding]]) -> None:
        findings.extend(_guarded(name, check))

    add("billctl", checks.versions)
    add("plugins", lambda: checks.plugins(env))
    add("config", lambda: checks.config_directory(env))
    add("state", lambda: checks.state_directory(env))
    add("disk", lambda: checks.disk_space(env))
    add("audit log", lambda: checks.audit_log(env))
    add("profiles", lambda: checks.other_profiles(option, env))
    session: Session | None = None
    try:
        session = checks.chosen_session(option, env)
        add("profile", lambda: checks.chosen(session, env))
    except BillctlError as error:
        findings.append(Finding.of_error("profile", error))
    try:
        add("keyring", lambda: checks.keyring(session, env))
        if session is not None:
            opened = session
            add("anchors", lambda: doctor_anchors.anchors(opened))
            add("approvals", lambda: doctor_approvals.approvals(opened))
            add("accounts", lambda: checks.accounts(opened))
    finally:
        if session is not None:
            session.close()
    add("completion", lambda: checks.completion(env))
    return _result(findings, session)


def _guarded(name: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    found: list[Finding] = []
    try:
        for finding in check():
            found.append(finding)
    except BillctlError as error:
        found.append(Finding.of_error(name, error))
    except Exception as fault:  # noqa: BLE001  # whatever one check meets, the others are still made
        found.append(Finding.of_error(name, internal(fault)))
    return found


def _result(findings: list[Finding], session: Session | None) -> Result:
    errors = [finding.error for finding in findings if finding.error]
    return Result(
        data={"checks": [finding.data() for finding in findings]},
        records=[finding.data() for finding in findings],
        columns=("check", "status", "detail", "todo"),
        view=_view(findings),
        error=gravest(errors) if errors else None,
        errors=errors,
        profile=session.profile.name if session else None,
        mode=str(session.profile.mode) if session else None,
    )


def _view(findings: list[Finding]) -> View:
    # All cells but the last are filled up, so that what is wrapped begins where the others do.
    rows: list[tuple[Cell | str, ...]] = []
    for finding in findings:
        detail = _brief(finding.error) if finding.error else finding.detail
        rows.append((status_cell(finding.status, width=7), f"{finding.check:11}", detail))
        if finding.todo and finding.status == WARNING:
            rows.append((" " * 7, " " * 11, finding.todo))
    return [Grid((Column(), Column(), Column()), tuple(rows))]


def _brief(error: BillctlError) -> str:
    """A failure's account and code; its whole line stands on stderr."""
    return f"{error.account}: {error.code}" if error.account else error.code


app = single(doctor)
