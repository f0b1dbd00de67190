"""A third party's gateway: a whole package (`billctl-acme`), and what becomes of it once it is installed."""

import sys
from pathlib import Path

PACKAGE = Path(__file__).with_name("billctl-acme")

sys.path.append(str(PACKAGE / "src"))
