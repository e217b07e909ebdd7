"""The kinds of mismatch that a reconciliation finds."""

import logging
import uuid
from dataclasses import dataclass

logger = logging.getLogger("operations.reconciliation")  # one logger name for all modules of this package

MONEY = ("balance", "count", "charge", "refund")
FILES = ("lost file", "stray file", "storage")
KINDS = (*MONEY, *FILES)  # "storage": it could not be read


@dataclass(frozen=True)
class Mismatch:
    """Two records that disagree, in a sentence; the kind "storage" names what could not be compared.

    The fix: remove `file`, count the jobs of the user `miscounted` again, or copy the refund of the job `outdated`
    from the ledger.
    """

    kind: str
    sentence: str
    file: str = ""
    miscounted: uuid.UUID | None = None
    outdated: uuid.UUID | None = None

    @property
    def is_fixable(self) -> bool:
        """Whether it can be fixed without a person's decision."""
        return bool(self.file or self.miscounted or self.outdated)

    def log(self) -> None:
        """Log it at once: the run may never get to its end."""
        logger.error("mismatch.found", extra={"kind": self.kind, "sentence": self.sentence})
