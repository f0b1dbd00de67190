"""Approval by a second person: requests bound to one exact plan, decided by another OS user.

A request and its decision are files in one folder, each made by its author; whose a file is, the
operating system says, not its text.
"""

from billctl.approvals.model import Approval, Status
from billctl.approvals.settle import settle, standing, used

__all__ = ["Approval", "Status", "settle", "standing", "used"]
