"""What the policies in force say about approvals: where, for how long, and by whom."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from billctl.approvals.folder import Folder
from billctl.profiles.policy import Policy

DEFAULT_HOURS = 24
PRIVATE_NAME = "approvals"
GROUP_PREFIX = "group:"


def folder_of(policies: Iterable[Policy], state_dir: Path) -> Folder:
    """The folder of requests: the one the last policy names (the central one is last), else a private one."""
    named = [policy.approvals_dir for policy in policies if policy.approvals_dir]
    if named:
        return Folder(Path(named[-1]), private=False)
    return Folder(state_dir / PRIVATE_NAME, private=True)


def lifetime(policies: Iterable[Policy]) -> timedelta:
    """How long a request, and its approval, is good for: the shortest that a policy names, else a day."""
    hours = [policy.approval_hours for policy in policies if policy.approval_hours is not None]
    return timedelta(hours=min(hours, default=DEFAULT_HOURS))


class People:
    """Users and their groups, as the operating system knows them (getpwuid(3), getgrouplist(3))."""

    def login(self, uid: int) -> str:
        """The user's name; `#1001` where the uid has none."""
        import pwd

        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return f"#{uid}"

    def is_in(self, uid: int, group: str) -> bool:
        """Whether the user is a member of a group; never, where either is not known."""
        import grp
        import os
        import pwd

        try:
            user, gid = pwd.getpwuid(uid), grp.getgrnam(group).gr_gid
        except KeyError:
            return False
        return gid in os.getgrouplist(user.pw_name, user.pw_gid)


PEOPLE = People()


def objecting(policies: Iterable[Policy], uid: int, people: People = PEOPLE) -> str | None:
    """The source of the first policy whose list of approvers lacks the user, or None: he may approve."""
    for policy in policies:
        if policy.approvers is not None and not any(_is(uid, word, people) for word in policy.approvers):
            return policy.source
    return None


def _is(uid: int, word: str, people: People) -> bool:
    if word.startswith(GROUP_PREFIX):
        return people.is_in(uid, word.removeprefix(GROUP_PREFIX))
    return people.login(uid) == word
