"""How finance's states read: a word and a tone."""

from billing.models import BatchState, EarningState, PayoutState
from billing.payout_models import HoldCause
from workers_ui.presenters.values import Badge, Tone

EARNING_BADGES = {
    EarningState.IN_WINDOW: Badge(label="pending"),
    EarningState.PAYABLE: Badge(label="payable", tone=Tone.GOOD),
    EarningState.BATCHED: Badge(label="in a batch", tone=Tone.INFO),
    EarningState.SENDING: Badge(label="on the way", tone=Tone.INFO),
    EarningState.SENT: Badge(label="paid", tone=Tone.GOOD),
    EarningState.REVERSED: Badge(label="taken back", tone=Tone.WARN),
    EarningState.HELD: Badge(label="held", tone=Tone.WARN),
    EarningState.DISPUTED: Badge(label="disputed", tone=Tone.WARN),
    EarningState.REJECTED: Badge(label="rejected", tone=Tone.WARN),
    EarningState.CLAWED_BACK: Badge(label="clawed back", tone=Tone.WARN),
    EarningState.UNCLAIMED: Badge(label="unclaimed", tone=Tone.WARN),
}
BATCH_BADGES = {
    BatchState.DRAFT: Badge(label="draft"),
    BatchState.SUBMITTED: Badge(label="submitted", tone=Tone.INFO),
    BatchState.APPROVED: Badge(label="approved", tone=Tone.INFO),
    BatchState.RELEASING: Badge(label="being paid", tone=Tone.INFO),
    BatchState.DONE: Badge(label="paid", tone=Tone.GOOD),
    BatchState.DONE_WITH_FAILURES: Badge(label="paid, some not", tone=Tone.WARN),
    BatchState.VOID: Badge(label="given up"),
}
PAYOUT_BADGES = {
    PayoutState.PLANNED: Badge(label="planned"),
    PayoutState.SENDING: Badge(label="being sent", tone=Tone.INFO),
    PayoutState.ACCEPTED: Badge(label="paid", tone=Tone.GOOD),
    PayoutState.REJECTED: Badge(label="refused", tone=Tone.BAD),
    PayoutState.UNKNOWN: Badge(label="answer unknown", tone=Tone.WARN),
    PayoutState.VOID: Badge(label="given up"),
    PayoutState.NETTED: Badge(label="kept against debt", tone=Tone.INFO),
    PayoutState.CANCELLED: Badge(label="cancelled"),
}
HOLD_BADGES = {
    HoldCause.PERSON: Badge(label="held by finance", tone=Tone.WARN),
    HoldCause.ACCOUNT_CLOSED: Badge(label="account closed", tone=Tone.BAD),
}
