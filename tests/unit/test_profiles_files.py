"""Profiles are found by name, chosen in one order, trusted where nobody else writes, and written whole."""

import os
import re
import stat
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from billctl import profiles
from billctl.errors import ConfigError
from billctl.gateway import Setting
from billctl.profiles import (
    Gateways,
    ProfileError,
    chosen_profile,
    create_profile,
    default_profile,
    find_profile,
    list_profiles,
    load_profile,
    no_profile_error,
    use_profile,
)

GATEWAYS = Gateways(
    settings_of=lambda name: (
        (Setting(name="api_key", help="the secret key", secret=True),) if name == "stripe" else None
    )
)
GOOD = 'mode = "test"\n[accounts.stripe]\ngateway = "stripe"\n'
DATA = {"mode": "test", "accounts": {"stripe": {"gateway": "stripe"}}}
BAD_NAMES = ["", ".", "..", "../x", "a/b", "/etc/x", "a.b", "Shop", "a b", "x" * 65, "-x", "é", "a\n", "a\0"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir(mode=0o700)
    return tmp_path


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    return {"BILLCTL_CONFIG_DIR": str(home)}


def put(home: Path, name: str = "shop", text: str = GOOD) -> Path:
    path = home / "profiles" / f"{name}.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def failure(env: dict[str, str], name: str = "shop") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_profile(name, env=env, gateways=GATEWAYS)
    return caught.value


# Finding and listing


def test_the_users_own_profiles_are_listed_before_the_shipped_ones(home: Path, env: dict[str, str]) -> None:
    put(home, "shop")
    put(home, "eu")
    (home / "profiles" / ".#shop.toml").touch()
    (home / "profiles" / "notes.txt").touch()
    assert [(p.name, p.shipped, p.shadowed) for p in list_profiles(env)] == [
        ("eu", False, False),
        ("shop", False, False),
        ("sandbox", True, False),
    ]


def test_a_profile_of_the_users_shadows_a_shipped_one_and_the_list_says_so(
    home: Path, env: dict[str, str]
) -> None:
    own = put(home, "sandbox")
    assert [(p.name, p.shipped, p.shadowed) for p in list_profiles(env)] == [
        ("sandbox", False, False),
        ("sandbox", True, True),
    ]
    assert find_profile("sandbox", env).path == own


def test_a_file_whose_name_no_profile_can_have_is_listed_with_the_reason(
    home: Path, env: dict[str, str]
) -> None:
    put(home, "My Shop")
    assert list_profiles(env)[0].problem == (
        "its name is not lower-case letters, digits, - and _, at most 64, beginning with a letter or digit"
    )


def test_without_a_configuration_directory_the_shipped_profiles_are_there(tmp_path: Path) -> None:
    env = {"BILLCTL_CONFIG_DIR": str(tmp_path / "absent")}
    assert [p.name for p in list_profiles(env)] == ["sandbox"]
    assert find_profile("sandbox", env).shipped


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_a_path_or_no_name_finds_nothing(name: str, env: dict[str, str]) -> None:
    assert "is no name for a profile" in failure(env, name).message


def test_an_unknown_profile_is_answered_with_the_nearest_name(home: Path, env: dict[str, str]) -> None:
    put(home, "shop")
    error = failure(env, "shpo")
    assert error.line() == "there is no profile called shpo. Nothing was sent. Did you mean shop?"
    assert failure(env, "zzz").hint == "There are: sandbox, shop."


# Trust


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_profile_that_others_can_write_is_refused(home: Path, env: dict[str, str], mode: int) -> None:
    path = put(home)
    path.chmod(mode)
    error = failure(env)
    assert error.message == f"{path} can be written by other users"
    assert f"chmod go-w {path}" in error.hint


@pytest.mark.parametrize("directory", [".", "profiles"])
def test_a_profile_in_a_directory_that_others_can_write_is_refused(
    home: Path, env: dict[str, str], directory: str
) -> None:
    put(home)
    (home / directory).chmod(0o777)
    assert failure(env).message == f"{home / directory} can be written by other users"


def test_a_profile_that_others_can_read_is_accepted(home: Path, env: dict[str, str]) -> None:
    put(home).chmod(0o644)
    assert load_profile("shop", env=env, gateways=GATEWAYS).name == "shop"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_profile_of_another_user_is_refused(home: Path, env: dict[str, str]) -> None:
    os.chown(put(home), 4321, 4321)
    assert "belongs to another user (uid 4321, you are uid 0)" in failure(env).message


def test_a_link_is_judged_by_what_it_leads_to(home: Path, env: dict[str, str]) -> None:
    real = home / "dotfiles.toml"
    real.write_text(GOOD)
    real.chmod(0o600)
    (home / "profiles" / "shop.toml").symlink_to(real)
    assert load_profile("shop", env=env, gateways=GATEWAYS).name == "shop"
    real.chmod(0o666)
    assert "can be written by other users" in failure(env).message
    real.unlink()
    assert "cannot be read: No such file or directory" in failure(env).message


def test_a_directory_or_a_pipe_in_the_place_of_a_profile_is_refused(home: Path, env: dict[str, str]) -> None:
    (home / "profiles" / "shop.toml").mkdir()
    assert "is not a regular file" in failure(env).message or "Is a directory" in failure(env).message
    os.mkfifo(home / "profiles" / "pipe.toml", 0o600)
    assert "is not a regular file" in failure(env, "pipe").message


def test_a_file_too_large_for_a_profile_is_refused(home: Path, env: dict[str, str]) -> None:
    put(home, text="#" * (256 * 1024 + 1))
    assert "is larger than 256 KiB" in failure(env).message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_profile_that_cannot_be_read_is_refused(home: Path, env: dict[str, str]) -> None:
    put(home).chmod(0)
    assert "cannot be read: Permission denied" in failure(env).message


# Choosing


def test_the_option_beats_the_variable_and_the_variable_the_default(home: Path, env: dict[str, str]) -> None:
    assert chosen_profile(None, env) is None
    (home / "config.toml").write_text('profile = "c"\n')
    assert chosen_profile(None, env) == "c"
    env["BILLCTL_PROFILE"] = "b"
    assert chosen_profile(None, env) == "b"
    assert chosen_profile("a", env) == "a"


def test_an_empty_variable_counts_as_unset_but_an_empty_option_does_not(env: dict[str, str]) -> None:
    env["BILLCTL_PROFILE"] = ""
    assert chosen_profile(None, env) is None
    with pytest.raises(ConfigError, match='"" is no name for a profile'):
        chosen_profile("", env)


def test_a_broken_default_does_not_matter_where_it_does_not_decide(home: Path, env: dict[str, str]) -> None:
    (home / "config.toml").write_text("what is this")
    assert chosen_profile("shop", env) == "shop"
    with pytest.raises(ProfileError, match=r"config\.toml line 1: this is not TOML"):
        chosen_profile(None, env)


@pytest.mark.parametrize("name", BAD_NAMES[1:])
def test_a_default_that_is_no_name_is_refused(name: str, env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="is no name for a profile"):
        chosen_profile(None, {**env, "BILLCTL_PROFILE": name})


def test_the_faults_of_the_configuration_file_come_at_once(home: Path, env: dict[str, str]) -> None:
    (home / "config.toml").write_text("# mine\nprofil = 1\nprofile = 2\n")
    with pytest.raises(ProfileError) as caught:
        default_profile(env)
    assert [str(fault) for fault in caught.value.faults] == [
        "config.toml line 2, profil: there is no such key. Did you mean profile?",
        "config.toml line 3, profile: must be a profile's name in quotes. Run `billctl profile use NAME`.",
    ]


def test_a_configuration_file_that_others_can_write_is_refused(home: Path, env: dict[str, str]) -> None:
    (home / "config.toml").write_text('profile = "shop"\n')
    (home / "config.toml").chmod(0o666)
    with pytest.raises(ConfigError, match="can be written by other users"):
        chosen_profile(None, env)


def test_with_no_profile_the_two_ways_on_are_shown(home: Path, env: dict[str, str]) -> None:
    error = no_profile_error(env)
    assert error.line() == (
        "no profile is chosen and no default is set. Nothing was sent. Try it without any "
        "account: --profile sandbox. Set your own up: `billctl profile create NAME`."
    )
    put(home)
    assert no_profile_error(env).hint.endswith(
        " You have shop: --profile shop, or `billctl profile use shop`."
    )


# Creating


def test_a_created_profile_is_the_users_alone_and_can_be_loaded(tmp_path: Path) -> None:
    env = {"BILLCTL_CONFIG_DIR": str(tmp_path / "new")}
    path = create_profile("shop", DATA, env=env, gateways=GATEWAYS)
    assert path == tmp_path / "new" / "profiles" / "shop.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert tomllib.loads(path.read_text()) == DATA
    assert load_profile("shop", env=env, gateways=GATEWAYS).accounts["stripe"].gateway == "stripe"
    assert [p.name for p in path.parent.iterdir()] == ["shop.toml"]


def test_an_existing_profile_is_never_replaced(home: Path, env: dict[str, str]) -> None:
    path = put(home, text="# mine\n")
    with pytest.raises(ConfigError, match="there already is a profile called shop"):
        create_profile("shop", DATA, env=env, gateways=GATEWAYS)
    assert path.read_text() == "# mine\n"
    assert [p.name for p in path.parent.iterdir()] == ["shop.toml"]


def test_of_many_who_create_one_profile_at_once_one_does(home: Path, env: dict[str, str]) -> None:
    done: list[str] = []

    def create(number: int) -> None:
        try:
            create_profile("shop", {**DATA, "allow_unattended": bool(number % 2)}, env=env, gateways=GATEWAYS)
            done.append("created")
        except ConfigError as error:
            done.append(error.code)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["created"] + ["profile_exists"] * 7
    assert [p.name for p in (home / "profiles").iterdir()] == ["shop.toml"]


@pytest.mark.parametrize("name", [*BAD_NAMES, "sandbox"])
def test_a_profile_is_not_created_under_a_bad_or_a_shipped_name(
    name: str, home: Path, env: dict[str, str]
) -> None:
    with pytest.raises(ConfigError, match=r"no name for a profile|comes with billctl"):
        create_profile(name, DATA, env=env, gateways=GATEWAYS)
    assert list(home.rglob("*.toml")) == []


def test_a_profile_with_faults_is_not_created(home: Path, env: dict[str, str]) -> None:
    with pytest.raises(ProfileError, match=r"accounts.stripe.gateway: no gateway called"):
        create_profile("shop", {**DATA, "accounts": {"stripe": {"gateway": "x"}}}, env=env, gateways=GATEWAYS)
    assert list(home.rglob("*.toml")) == []


# Setting the default


def use(home: Path, env: dict[str, str], before: bytes) -> bytes:
    put(home)
    path = home / "config.toml"
    path.write_bytes(before)
    assert use_profile("shop", env) == path
    assert default_profile(env) == "shop"
    assert [p.name for p in home.iterdir() if p.is_file()] == ["config.toml"]
    return path.read_bytes()


def test_the_default_is_written_where_there_is_no_file(home: Path, env: dict[str, str]) -> None:
    put(home)
    path = use_profile("shop", env)
    assert path.read_text() == 'profile = "shop"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b'profile = "shop"\n'),
        (b"# mine\n\n", b'profile = "shop"\n# mine\n\n'),
        (b"# mine\r\n", b'profile = "shop"\r\n# mine\r\n'),
        (b'# a\n  profile   =  "old"   # why\n\n# b', b'# a\n  profile   =  "shop"   # why\n\n# b'),
        (b"'profile' = '''\nold''' # x\r\n", b"'profile' = \"shop\" # x\r\n"),
        (b'profile = "../bad"', b'profile = "shop"'),
        ('# عربي\nprofile = "متجر"\n'.encode(), '# عربي\nprofile = "shop"\n'.encode()),
    ],
)
def test_setting_the_default_leaves_every_other_byte(
    before: bytes, after: bytes, home: Path, env: dict[str, str]
) -> None:
    assert use(home, env, before) == after


def test_setting_the_default_keeps_the_files_mode_and_a_link_to_it(home: Path, env: dict[str, str]) -> None:
    put(home)
    real = home / "dotfiles"
    real.write_text('profile = "old"\n')
    real.chmod(0o640)
    (home / "config.toml").symlink_to(real)
    use_profile("shop", env)
    assert (home / "config.toml").is_symlink()
    assert real.read_text() == 'profile = "shop"\n'
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_default_is_not_set_to_a_profile_that_is_not_there(home: Path, env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="there is no profile called shop"):
        use_profile("shop", env)
    assert not (home / "config.toml").exists()


@pytest.mark.parametrize("before", [b"profile = 3\n", b"[profile]\nx = 1\n", b"not toml\n", b"\xff\n"])
def test_a_configuration_file_that_cannot_be_edited_stays_as_it_is(
    before: bytes, home: Path, env: dict[str, str]
) -> None:
    put(home)
    (home / "config.toml").write_bytes(before)
    with pytest.raises(ConfigError):
        use_profile("shop", env)
    assert (home / "config.toml").read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
def test_a_file_that_cannot_be_written_is_said_and_the_old_one_stays(home: Path, env: dict[str, str]) -> None:
    put(home)
    (home / "config.toml").write_text('profile = "old"\n')
    before = resource_limit(0)
    try:
        with pytest.raises(
            ConfigError, match=re.escape(f"{home}/config.toml cannot be written: File too large")
        ):
            use_profile("shop", env)
    finally:
        resource_limit(before)
    assert (home / "config.toml").read_text() == 'profile = "old"\n'
    assert sorted(p.name for p in home.iterdir()) == ["config.toml", "profiles"]


def resource_limit(size: int) -> int:
    """Set how large a file this process may write; the limit before."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    return soft


def test_listing_and_choosing_profiles_imports_no_reader(home: Path, env: dict[str, str]) -> None:
    put(home)
    code = (
        "import sys; from billctl.profiles import chosen_profile, list_profiles\n"
        f"env = {env!r}\n"
        "print([profile.name for profile in list_profiles(env)], chosen_profile('shop', env))\n"
        "print({'billctl.gateway', 'tomllib', 'tomli_w', 'platformdirs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['shop', 'sandbox'] shop\nset()\n"


def test_every_name_of_the_package_can_be_imported_and_no_other() -> None:
    for name in profiles.__all__:
        assert getattr(profiles, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(profiles, "nothing")  # noqa: B009  # a plain access would not pass the type check
