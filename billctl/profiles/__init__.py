"""Profiles: named TOML files that say which accounts a command works on. No secrets in them.

`chosen_profile` says which, `load_profile` reads one and reports all its faults at once,
`create_profile` and `use_profile` write.
"""

from billctl.profiles.accounts import Gateways
from billctl.profiles.default import (
    chosen_profile,
    create_profile,
    default_profile,
    no_profile_error,
    use_profile,
)
from billctl.profiles.files import ListedProfile, find_profile, list_profiles, load_profile, profiles_dir
from billctl.profiles.model import AccountConfig, Fault, Mode, Profile, ProfileError, SettingsOf, env_name

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
