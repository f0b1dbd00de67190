"""Configuration and state have their places, and nobody else may write there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from billctl import paths
from billctl.errors import ConfigError, StoreError


def test_the_variables_name_the_directories(tmp_path: Path) -> None:
    env = {"BILLCTL_CONFIG_DIR": str(tmp_path / "c"), "BILLCTL_STATE_DIR": str(tmp_path / "s")}
    assert paths.config_dir(env) == tmp_path / "c"
    assert paths.state_dir(env) == tmp_path / "s"


def test_a_relative_name_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.state_dir({"BILLCTL_STATE_DIR": "state"}) == tmp_path / "state"


@pytest.mark.skipif(sys.platform != "linux", reason="names the XDG directories")
@pytest.mark.parametrize("env", [{}, {"BILLCTL_CONFIG_DIR": "", "BILLCTL_STATE_DIR": ""}])
def test_without_the_variables_the_platform_decides(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))
    assert paths.config_dir(env) == tmp_path / "xdg-config" / "billctl"
    assert paths.state_dir(env) == tmp_path / "xdg-state" / "billctl"


def test_naming_the_directories_imports_no_platformdirs() -> None:
    code = (
        "import sys; from billctl import paths;"
        "paths.config_dir({'BILLCTL_CONFIG_DIR': '/x'}); paths.state_dir({'BILLCTL_STATE_DIR': '/x'});"
        "print('platformdirs' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_missing_directory_is_created_for_the_user_alone(tmp_path: Path) -> None:
    old = os.umask(0o277)
    try:
        made = paths.ensure_private_dir(tmp_path / "state")
    finally:
        os.umask(old)
    assert made.stat().st_mode & 0o777 == 0o700
    assert paths.ensure_private_dir(made) == made


def test_directories_above_are_created_too(tmp_path: Path) -> None:
    assert paths.ensure_private_dir(tmp_path / "a" / "b" / "c").is_dir()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_directory_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    shared = tmp_path / "state"
    shared.mkdir()
    shared.chmod(mode)
    with pytest.raises(StoreError, match="can be written by other users") as caught:
        paths.ensure_private_dir(shared)
    assert caught.value.line() == (
        f"{shared} can be written by other users. Nothing was sent. "
        f"Make it yours alone: chmod 700 {shared}, or name another one."
    )


def test_a_directory_that_others_can_only_read_is_accepted(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert paths.ensure_private_dir(tmp_path) == tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "state"
    foreign.mkdir(mode=0o700)
    os.chown(foreign, 4321, 4321)
    with pytest.raises(ConfigError, match=r"belongs to another user \(uid 4321, you are uid 0\)"):
        paths.ensure_private_dir(foreign, ConfigError)


def test_a_file_in_the_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is not a directory"):
        paths.ensure_private_dir(tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be used"):
        paths.ensure_private_dir(tmp_path / "file" / "state")


def test_the_shipped_profiles_hold_the_sandbox() -> None:
    assert (paths.shipped_profiles_dir() / "sandbox.toml").is_file()
