"""Every house's statements that must hold, in one list: run by a sweep, shown by a page and by `humancloud doctor`."""

import billing.invariants
import marketplace.tickets.invariants
from marketplace.kernel.invariants import Invariant

INVARIANTS: tuple[Invariant, ...] = (
    *marketplace.tickets.invariants.INVARIANTS,
    *billing.invariants.INVARIANTS,
)
