"""Profiles: named TOML files that say which accounts a command works on. No secrets in them.

`chosen_profile` says which, `load_profile` reads one and reports all its faults at once,
`create_profile` and `use_profile` write. Each name is imported when it is used, so that completing
a profile's name does not cost what reading a profile does.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billctl.profiles.accounts import Gateways
    from billctl.profiles.default import (
        chosen_profile,
        create_profile,
        default_profile,
        no_profile_error,
        use_profile,
    )
    from billctl.profiles.faults import Fault, ProfileError
    from billctl.profiles.files import ListedProfile, find_profile, list_profiles, load_profile, profiles_dir
    from billctl.profiles.model import AccountConfig, Mode, Profile, SettingsOf, env_name

__all__ = [
    "AccountConfig",
    "Fault",
    "Gateways",
    "ListedProfile",
    "Mode",
    "Profile",
    "ProfileError",
    "SettingsOf",
    "chosen_profile",
    "create_profile",
    "default_profile",
    "env_name",
    "find_profile",
    "list_profiles",
    "load_profile",
    "no_profile_error",
    "profiles_dir",
    "use_profile",
]

_ROOMS = {
    "accounts": ("Gateways",),
    "default": ("chosen_profile", "create_profile", "default_profile", "no_profile_error", "use_profile"),
    "faults": ("Fault", "ProfileError"),
    "files": ("ListedProfile", "find_profile", "list_profiles", "load_profile", "profiles_dir"),
    "model": ("AccountConfig", "Mode", "Profile", "SettingsOf", "env_name"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
