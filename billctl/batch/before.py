"""What must hold before the first row of a plan is sent; where it does not, none is."""

from collections.abc import Iterable, Mapping

from billctl import profiles
from billctl.approvals import Approval, settle, standing
from billctl.batch.matter import subject_of, whole
from billctl.batch.model import Header, PlannedAccount
from billctl.batch.plan_file import PlanFile
from billctl.batch.running import DEFAULT_CANARY, ApplyOptions
from billctl.batch.scan import Scan
from billctl.batch.terms import Licence
from billctl.errors import ApprovalRequired, BillctlError, ConfigError, PolicyDenied, gravest
from billctl.fanout import Deadline, ask_each
from billctl.policy.live import check_unattended
from billctl.policy.verdict import Judge, Verdict, Word
from billctl.profiles.central import policies_of
from billctl.profiles.policy import Policy
from billctl.session import Opened, Session, installed_gateways

NEW_PLAN = "Make a new plan: `billctl batch plan`."


def check_profile(session: Session, header: Header) -> None:
    """Raise `ConfigError` unless the session's profile and mode are those that the plan was made under."""
    profile = session.profile
    if header.profile != profile.name:
        raise ConfigError(
            f"the plan was made under profile {header.profile}, this is {profile.name}",
            code="wrong_profile",
            hint=f"Use -p {header.profile}.",
        )
    if header.mode != str(profile.mode):
        raise ConfigError(
            f"the plan was made in {header.mode} mode, profile {profile.name} is {profile.mode} now",
            code="wrong_mode",
            hint=NEW_PLAN,
        )


def check_same_rules(session: Session) -> None:
    """Raise `PolicyDenied` unless profile and central policy still say what they said when the run began;
    `ConfigError` where they cannot be used any more."""
    known = installed_gateways(session.env)
    profile = profiles.load_profile(session.profile.name, env=session.env, gateways=known)
    if (profile, policies_of(profile)) != (session.profile, session.policies):
        raise PolicyDenied(
            f"profile {profile.name} or the central policy was changed while the plan waited",
            code="policy_changed",
            hint="Apply it again: it goes by what they say now.",
        )


def open_accounts(
    session: Session, header: Header, wanted: Mapping[str, int]
) -> tuple[dict[str, Opened], dict[str, BillctlError]]:
    """The accounts that have rows to do, each one that the plan was made with; beside it what failed.

    Raises `ConfigError` where one opens another account than then, and the gravest error where none opens.
    """
    opened: dict[str, Opened] = {}
    failed: dict[str, BillctlError] = {}
    planned = {account.name: account for account in header.accounts}
    session.prepare()
    for name, answer in ask_each(session, list(wanted), session.open, deadline=Deadline(session)):
        if isinstance(answer, BillctlError):
            failed[name] = answer
        else:
            _check_same(planned.get(name), answer)
            opened[name] = answer
    if failed and not opened:
        raise gravest(list(failed.values()))
    return opened, failed


def _check_same(planned: PlannedAccount | None, opened: Opened) -> None:
    now = (opened.account.gateway, opened.identity.id, opened.live, opened.place)
    name = opened.account.name
    then = (planned.gateway, planned.account_id, planned.live, planned.place) if planned else None
    if then == now:
        return
    was = (planned.account_id or planned.place) if planned else "not part of it"
    raise ConfigError(
        f"{name} is not the account that the plan was made with: it was {was}, "
        f"the credentials open {opened.identity.id or opened.place}",
        code="wrong_account",
        hint=NEW_PLAN,
        account=name,
    )


def check_live(session: Session, header: Header, opened: Mapping[str, Opened], options: ApplyOptions) -> None:
    """Raise `PolicyDenied` unless what was said in options is enough, and true, for these accounts.

    Those of the plan with nothing left to do may be named too.
    """
    ids = {account.account_id for account in header.accounts if account.account_id}
    if wrong := next((asserted for asserted in options.live if asserted not in ids), None):
        answer = ", ".join(sorted(ids)) or "nobody"
        raise PolicyDenied(
            f"--live names {wrong[:60]!r}, but the credentials answer to {answer}",
            code="wrong_live_account",
            hint="Check which account this is: `billctl profile check`.",
        )
    if options.attended or (options.dry_run and not options.yes):
        return
    for account in opened.values():
        asserted = account.identity.id if account.identity.id in options.live else None
        check_unattended(
            yes=options.yes,
            live=account.live,
            asserted=asserted,
            allowed=session.profile.allow_unattended,
            profile=session.profile.name,
        )


def check_expected(found: Scan, options: ApplyOptions) -> None:
    """Raise `PolicyDenied` unless the plan comes to what was expected, with what is done of it already."""
    wanted = options.expect_totals
    if wanted is not None and sorted(map(str, wanted)) != sorted(map(str, found.totals)):
        said = ", ".join(map(str, found.totals)) or "no money"
        raise PolicyDenied(
            f"the plan moves {said}, and {', '.join(map(str, wanted)) or 'no money'} was expected",
            code="total_differs",
            hint="Look at it: `billctl batch show`.",
        )
    if options.expect_rows is not None and options.expect_rows != found.rows:
        raise PolicyDenied(
            f"the plan has {found.rows:,} rows, and {options.expect_rows:,} were expected",
            code="rows_differ",
            hint="Look at it: `billctl batch show`.",
        )


def licence_for(
    session: Session, plan: PlanFile, found: Scan, judge: Judge, options: ApplyOptions
) -> Licence:
    """What lets the rows be done: the policies, and a second person where they demand one of the plan.

    Raises `PolicyDenied`, and `ApprovalRequired` while that waits.
    """
    verdict = Verdict(objections=found.objections, asked=options.request_approval)
    if denial := verdict.denial():
        raise denial
    approval = None
    if verdict.word is Word.NEEDS_APPROVAL:
        approval = _approval(session, plan, verdict, dry_run=options.dry_run)
    return Licence(judge=judge, running=judge.running_day(), approval=approval)


def _approval(session: Session, plan: PlanFile, verdict: Verdict, *, dry_run: bool) -> Approval:
    matter, subject = whole(plan), subject_of(plan.header)
    if not dry_run:
        return settle(session, matter, subject, rules=verdict.rules, why=verdict.why)
    found = standing(session, matter, subject, rules=verdict.rules)
    if found is None:
        raise ApprovalRequired(
            f"a second person would have to approve this plan: {'; '.join(verdict.why)}",
            hint="Without --dry-run this asks for approval, if nobody was asked yet.",
        )
    return found


def canary_of(policies: Iterable[Policy], header: Header, found: Scan, options: ApplyOptions) -> int | None:
    """After how many rows somebody looks; None where nobody does.

    What was asked for counts in any case. Else it is, in live mode, the fewest that a policy says (0 only
    where none says more), or three, unless `--yes` was given or rows of this plan were done before.
    """
    if options.canary is not None:
        return options.canary or None
    begun = found.left < header.ready
    if not header.live or options.yes or begun or options.dry_run:
        return None
    said = [policy.canary for policy in policies if policy.canary is not None]
    return min((rows for rows in said if rows), default=None if said else DEFAULT_CANARY)
