"""What a reconciliation finds."""

import logging
import uuid
from dataclasses import dataclass

logger = logging.getLogger("operations.reconciliation")  # one name for operators, whichever module finds it

MONEY = ("balance", "count", "charge", "refund")
FILES = ("lost file", "stray file", "storage")
KINDS = (*MONEY, *FILES)  # "storage": it could not be asked


@dataclass(frozen=True)
class Mismatch:
    """Two things that do not agree, in a sentence; or, of the kind "storage", what could not be compared.

    What mends it: removing `file`, counting the jobs of the user `miscounted` again, or copying the refund of the job
    `outdated` from the ledger.
    """

    kind: str
    sentence: str
    file: str = ""
    miscounted: uuid.UUID | None = None
    outdated: uuid.UUID | None = None

    @property
    def is_mendable(self) -> bool:
        """Whether it can be set right without a person's decision."""
        return bool(self.file or self.miscounted or self.outdated)

    def log(self) -> None:
        """Write it down at once: what is found later may never come."""
        logger.error("mismatch", extra={"kind": self.kind, "sentence": self.sentence})
