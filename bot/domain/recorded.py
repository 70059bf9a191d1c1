"""The one upgrade that was recorded outside of this bot: what there is to expect before it has carried any itself.

Aurora PostgreSQL 17.4.5 → 17.5.4 of a global database of two Regions, on 2026-04-11; from a published transcript
(developersio, April 2026), whose attempts and RDS events are in tests/golden/aurora-17.4-to-17.5. The downtimes are what
those attempts prove at most. Its events have minutes only, and nobody recorded the order: the time is the longest that can
have passed from RDS's first event to its last.
"""

from datetime import timedelta
from typing import Final

WHICH: Final = "Aurora PostgreSQL 17.4.5 → 17.5.4, 2026-04-11"
WRITER: Final = timedelta(seconds=2.701)
SECONDARY: Final = timedelta(seconds=22.068)
LASTING: Final = timedelta(minutes=4)
