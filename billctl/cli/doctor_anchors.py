"""What `billctl doctor` says of the anchors of the audit log."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from billctl import anchoring
from billctl.audit.anchors.spec import Spec, parse
from billctl.cli.audit_log import reading
from billctl.cli.doctor_checks import Finding, fine, warning
from billctl.cli.views import local_time
from billctl.paths import state_dir
from billctl.session import Session

CHECK = "anchors"


def anchors(session: Session) -> Iterator[Finding]:
    """Whether the head was anchored as often as the profile asks; nothing for a profile without anchors.

    From the log's own records: no anchor is asked.
    """
    settings = session.profile.audit
    if not settings.anchors:
        return
    names = ", ".join(settings.anchors)
    since = session.clock() - timedelta(hours=settings.anchor_hours)
    with reading() as store:
        reached = anchoring.last(store, settings.anchors, since=since).reached if store else None
    if reached:
        yield fine(CHECK, f"{names}: last {local_time(reached)}")
    else:
        text = f"{names}: not all reached within {settings.anchor_hours} hours"
        yield warning(CHECK, text, "Run `billctl audit anchor`, daily from cron.")
    folder = state_dir(session.env)
    for spec in map(parse, settings.anchors):
        if _beside(spec, folder):
            text = f"{spec.text} is on the same storage as the log"
            yield warning(CHECK, text, "Whoever can change the one can change the other: take another.")


def _beside(spec: Spec, folder: Path) -> bool:
    """Whether a file's anchor lies on the file system of the log's `folder`."""
    parent = Path(spec.target).parent
    if spec.kind != "file" or not parent.is_dir() or not folder.is_dir():
        return False
    return parent.stat().st_dev == folder.stat().st_dev
