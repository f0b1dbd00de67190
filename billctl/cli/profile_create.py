"""`billctl profile create`: from options, and on a terminal from answers, to a new profile's file."""

from collections.abc import Callable, Mapping, Sequence

from billctl import registry
from billctl.cli.layout import Line
from billctl.cli.output import Result, talk
from billctl.cli.prompts import ask, somebody_is_there
from billctl.errors import BillctlError, ConfigError, UsageError
from billctl.frozen import frozen, replace
from billctl.gateway import Setting
from billctl.paths import state_dir
from billctl.profiles import Mode, ProfileError, create_profile, default_profile, list_profiles
from billctl.profiles.files import check_name
from billctl.session import installed_gateways


@frozen
class Wanted:
    """What the options say of the new profile; None was left out. `settings` are `key=value`."""

    mode: str | None
    gateway: str | None
    account: str | None
    account_id: str | None
    base_url: str | None
    settings: tuple[str, ...]


def create_result(name: str, wanted: Wanted, *, env: Mapping[str, str]) -> Result:
    """Write the profile and say what comes next. What is missing is asked for, where somebody is there.

    Raises `UsageError` where nobody is, `ConfigError` for a name that cannot be one or is taken.
    """
    check_name(name)
    _refuse_taken(name, env)
    own = _own_settings(wanted.settings)
    asking = somebody_is_there()
    wanted = _with_answers(wanted, env) if asking else wanted
    _refuse_gaps(wanted)
    gateway = str(wanted.gateway)
    account = wanted.account or gateway
    gateways = installed_gateways(env)
    needed = _needed(gateways.settings_of(gateway) or (), own, account, asking=asking)
    table = {"gateway": gateway, "account_id": wanted.account_id, "base_url": wanted.base_url} | needed
    data = {
        "mode": wanted.mode,
        "accounts": {account: {key: value for key, value in table.items() if value is not None}},
    }
    try:
        path = create_profile(name, data, env=env, gateways=gateways)
    except ProfileError as error:
        return _refused(name, error)
    steps, warnings = _next_steps(name, account, gateways.settings_of(gateway) or (), env)
    record = {
        "type": "profile",
        "name": name,
        "mode": wanted.mode,
        "accounts": [account],
        "path": str(path),
        "next": steps,
    }
    return Result(
        data={key: value for key, value in record.items() if key != "type"},
        records=[record],
        columns=("name", "mode", "accounts", "path"),
        view=[
            Line((f"Created profile {name}", str(path))),
            *(Line((f"{'' if number else 'next:':6}{step}",)) for number, step in enumerate(steps)),
        ],
        warnings=warnings,
        profile=name,
        mode=wanted.mode,
        success_is_silent=True,
    )


def _refuse_taken(name: str, env: Mapping[str, str]) -> None:
    for listed in list_profiles(env):
        if listed.name == name:
            todo = (
                "Choose another name." if listed.shipped else f"Edit {listed.path}, or choose another name."
            )
            raise ConfigError(f"there already is a profile called {name}", code="profile_exists", hint=todo)


def _own_settings(pairs: Sequence[str]) -> dict[str, str]:
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals and value):
            # The text is not repeated: it might be a key that was put in the wrong place.
            raise UsageError("--set takes KEY=VALUE", code="bad_set", hint="Like --set merchant_id=abc123.")
        settings[key] = value
    return settings


def _with_answers(wanted: Wanted, env: Mapping[str, str]) -> Wanted:
    """`wanted` with what was left out asked for; an empty answer takes what stands in brackets."""
    mode = wanted.mode or _ask_one_of("Mode, test or live", tuple(Mode), Mode.TEST)
    usable = [entry.name for entry in registry.installed(state_dir(env)).values() if not entry.fault]
    gateway = wanted.gateway or _ask_one_of(f"Gateway ({', '.join(usable)})", usable, usable[0])
    account = wanted.account or ask(f"Account name [{gateway}]:") or gateway
    account_id = wanted.account_id
    if mode == Mode.LIVE and account_id is None and installed_gateways(env).tells_account(gateway):
        question = f"Account id that the live key of {account} must answer to:"
        account_id = _ask_until(question, bool, "in live mode it is needed")
    return replace(wanted, mode=str(mode), gateway=gateway, account=account, account_id=account_id)


def _ask_one_of(question: str, answers: Sequence[str], otherwise: str) -> str:
    wanted = f"the answer is one of {', '.join(answers)}, or blank for {otherwise}"
    return (
        _ask_until(f"{question} [{otherwise}]:", lambda answer: answer in ("", *answers), wanted) or otherwise
    )


def _ask_until(question: str, good: Callable[[str], bool], wanted: str) -> str:
    """The first good answer, saying `wanted` after each other one.

    The end of input ends the asking with `PolicyDenied`.
    """
    while not good(answer := ask(question)):
        talk(f"{wanted}.")
    return answer


def _refuse_gaps(wanted: Wanted) -> None:
    gaps = [option for option, value in (("--mode", wanted.mode), ("--gateway", wanted.gateway)) if not value]
    if gaps:
        verb = "is" if len(gaps) == 1 else "are"
        raise UsageError(
            f"{' and '.join(gaps)} {verb} missing, and there is no terminal to ask on",
            code="missing_option",
            hint="Like: billctl profile create shop --mode test --gateway stripe",
        )


def _needed(
    settings: Sequence[Setting], own: Mapping[str, str], account: str, *, asking: bool
) -> dict[str, str]:
    """The gateway's own settings: those given, and the required ones asked for where that is possible."""
    missing = [s for s in settings if s.required and not s.secret and s.name not in own]
    if missing and not asking:
        names = " ".join(f"--set {setting.name}=…" for setting in missing)
        raise UsageError(
            f"account {account} needs more settings", code="missing_setting", hint=f"Add {names}."
        )
    answers = {
        s.name: _ask_until(f"{s.name} of {account} ({s.help}):", bool, f"{s.name} is needed") for s in missing
    }
    return {**own, **answers}


def _refused(name: str, error: ProfileError) -> Result:
    """The values were refused: nothing is on disk, so the keys are named and no lines."""
    errors: list[BillctlError] = [
        UsageError(f"{fault.key}: {fault.what}", hint=_as_option(fault.key)) for fault in error.faults
    ]
    return Result(data={"name": name}, error=errors[0], errors=errors, profile=name)


def _as_option(key: str) -> str:
    last = key.rpartition(".")[2]
    options = {"mode": "--mode test|live", "gateway": "--gateway KIND", "account_id": "--account-id ID"}
    options |= {"base_url": "--base-url URL", "api_key": "`billctl auth add`"}
    return f"No file was written. See {options.get(last, '`billctl profile create --help`')}."


def _next_steps(
    name: str, account: str, settings: Sequence[Setting], env: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """The commands that come next, and a warning where `config.toml` cannot be read."""
    add = [f"billctl --profile {name} auth add {account}"] if any(s.secret for s in settings) else []
    steps = [*add, f"billctl --profile {name} profile check"]
    try:
        default = default_profile(env)
    except ConfigError as error:
        return steps, [error.line()]
    return [*steps, *([] if default else [f"billctl profile use {name}"])], []
