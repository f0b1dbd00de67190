"""Places elsewhere that keep the log's head, so that cutting it off or writing it anew shows.

How strong an anchor is depends on who can change it. A git repository, a file or a journal on the same
machine stops nobody who is root there; a remote that refuses forced pushes, a log collector, storage that
can only be written once do. A time-stamp authority proves that a head existed at a time and keeps nothing
itself.
"""

from pathlib import Path

from billctl.audit.anchors.base import Anchor, Anchored, AnchorUnreachable
from billctl.audit.anchors.spec import BadSpec, Spec, parse

__all__ = ["Anchor", "AnchorUnreachable", "Anchored", "BadSpec", "Spec", "anchor_of", "parse"]


def anchor_of(spec: Spec, *, state_dir: Path) -> Anchor:
    """The anchor that `spec` specifies; `state_dir` is where an authority's replies are kept."""
    match spec.kind:
        case "git":
            from billctl.audit.anchors.git import GitAnchor

            return GitAnchor(Path(spec.target))
        case "file":
            from billctl.audit.anchors.file import FileAnchor

            return FileAnchor(Path(spec.target))
        case "syslog":
            from billctl.audit.anchors.syslog import SyslogAnchor

            return SyslogAnchor(Path(spec.target) if spec.target else None)
        case "rfc3161":
            from billctl.audit.anchors.rfc3161 import Rfc3161Anchor

            return Rfc3161Anchor(spec.target, ca=spec.ca, folder=state_dir / "anchors")
    raise ValueError(f"{spec.kind!r} is no kind of anchor")
