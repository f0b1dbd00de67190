"""What `billctl doctor` says of the folder through which approvals are asked for and given."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from billctl.approvals.folder import SHARED_EXAMPLE
from billctl.approvals.rules import folder_of
from billctl.cli.doctor_checks import Finding, fine, warning
from billctl.paths import state_dir
from billctl.session import Session
from billctl.store.files import NETWORK_FILESYSTEMS, filesystem

CHECK = "approvals"


def approvals(session: Session) -> Iterator[Finding]:
    """Whether two people can meet in the folder; nothing where no policy says a word about approvals.

    Raises `ConfigError` for a folder that stops the commands that need it.
    """
    policies = session.policies
    if not any(policy.approve_above or policy.approvers or policy.approvals_dir for policy in policies):
        return
    folder = folder_of(policies, state_dir(session.env))
    if folder.private:
        text = f"requests lie in {folder.path}, where only root could decide them"
        yield warning(CHECK, text, f"Set approvals_dir to a folder for both, as from `{SHARED_EXAMPLE}`.")
        return
    folder.check()
    problems = list(_problems(folder.path))
    for text, todo in problems:
        yield warning(CHECK, f"{folder.path} {text}", todo)
    if not problems:
        yield fine(CHECK, f"{folder.path}, shared by group {_group(folder.path)}")


def _problems(path: Path) -> Iterator[tuple[str, str]]:
    status = path.stat()
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield "cannot be read and written by you", "Let root add you to its group."
    if not status.st_mode & stat.S_IWGRP:
        yield "can be written by its owner alone", f"chmod 3770 {path}"
    elif not status.st_mode & stat.S_ISGID:
        yield "leaves files to their maker's group, whom the other may not read", f"chmod 3770 {path}"
    kind = filesystem(status.st_dev)
    if kind in NETWORK_FILESYSTEMS:
        yield f"is on a network file system ({kind}): whose a file is, other machines say", "Use a local one."


def _group(path: Path) -> str:
    try:
        return path.group()
    except KeyError:
        return f"#{path.stat().st_gid}"
