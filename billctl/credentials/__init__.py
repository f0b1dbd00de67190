"""Where secrets come from, in the order of the contract; how they are kept, and how little is shown.

`Finder` looks for one profile's secrets; `store_secret` and `remove_secret` change the keyring;
`read_secret_file`, `clean` and `mask_secret` serve `billctl auth`.
"""

from billctl.credentials.clean import clean, mask_secret, read_secret_file
from billctl.credentials.find import Finder, FoundSecret, SecretStatus
from billctl.credentials.keychain import Keyring, KeyringFailed, NoKeyring, remove_secret, store_secret
from billctl.profiles.model import env_name

__all__ = [
    "Finder",
    "FoundSecret",
    "Keyring",
    "KeyringFailed",
    "NoKeyring",
    "SecretStatus",
    "clean",
    "env_name",
    "mask_secret",
    "read_secret_file",
    "remove_secret",
    "store_secret",
]
