"""Identifiers: one NewType per noun, made in Python as UUIDv7 so that rows sort by birth."""

from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

PersonId = NewType("PersonId", UUID)
WorkerId = NewType("WorkerId", UUID)
BrandId = NewType("BrandId", UUID)
CustomerId = NewType("CustomerId", UUID)
TicketId = NewType("TicketId", UUID)
MessageId = NewType("MessageId", UUID)
ClaimId = NewType("ClaimId", UUID)
ReplyId = NewType("ReplyId", UUID)
EscalationId = NewType("EscalationId", UUID)
ResolutionId = NewType("ResolutionId", UUID)
TermsId = NewType("TermsId", UUID)
ArticleId = NewType("ArticleId", UUID)
RevisionId = NewType("RevisionId", UUID)
PassageId = NewType("PassageId", UUID)
ImportId = NewType("ImportId", UUID)
SuggestionId = NewType("SuggestionId", UUID)
ReceiptId = NewType("ReceiptId", UUID)
EarningId = NewType("EarningId", UUID)
PayoutId = NewType("PayoutId", UUID)
BatchId = NewType("BatchId", UUID)
PayoutHoldId = NewType("PayoutHoldId", UUID)
PayoutsStopId = NewType("PayoutsStopId", UUID)
TransferReversalId = NewType("TransferReversalId", UUID)
EscheatmentId = NewType("EscheatmentId", UUID)
TopUpId = NewType("TopUpId", UUID)
PromoId = NewType("PromoId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
WalletRefundId = NewType("WalletRefundId", UUID)
ReversalId = NewType("ReversalId", UUID)
WriteOffId = NewType("WriteOffId", UUID)
RecallId = NewType("RecallId", UUID)
BulkWithdrawalId = NewType("BulkWithdrawalId", UUID)
BulkHoldId = NewType("BulkHoldId", UUID)
NoteId = NewType("NoteId", UUID)
SwitchId = NewType("SwitchId", UUID)
ShareRuleId = NewType("ShareRuleId", UUID)
KeepBackRuleId = NewType("KeepBackRuleId", UUID)
PriceId = NewType("PriceId", UUID)
StageMoveId = NewType("StageMoveId", UUID)
RatingId = NewType("RatingId", UUID)
TicketImportId = NewType("TicketImportId", UUID)
ReviewId = NewType("ReviewId", UUID)
WarningId = NewType("WarningId", UUID)
SuspensionId = NewType("SuspensionId", UUID)
AppealId = NewType("AppealId", UUID)
PassageReportId = NewType("PassageReportId", UUID)
QuarantineId = NewType("QuarantineId", UUID)
CorrectionId = NewType("CorrectionId", UUID)
CorrectionNoticeId = NewType("CorrectionNoticeId", UUID)
ContradictionId = NewType("ContradictionId", UUID)
GapId = NewType("GapId", UUID)
WebSourceId = NewType("WebSourceId", UUID)
ErasureId = NewType("ErasureId", UUID)
FlowWalkId = NewType("FlowWalkId", UUID)
EarningHoldId = NewType("EarningHoldId", UUID)
RejectionId = NewType("RejectionId", UUID)
RejectionAppealId = NewType("RejectionAppealId", UUID)
RejectionFreezeId = NewType("RejectionFreezeId", UUID)
TipId = NewType("TipId", UUID)
BonusId = NewType("BonusId", UUID)

ALL_IDS = (
    PersonId,
    WorkerId,
    BrandId,
    CustomerId,
    TicketId,
    MessageId,
    ClaimId,
    ReplyId,
    EscalationId,
    ResolutionId,
    TermsId,
    ArticleId,
    RevisionId,
    PassageId,
    ImportId,
    SuggestionId,
    ReceiptId,
    EarningId,
    PayoutId,
    BatchId,
    PayoutHoldId,
    PayoutsStopId,
    TransferReversalId,
    EscheatmentId,
    TopUpId,
    PromoId,
    InvoiceId,
    WalletRefundId,
    ReversalId,
    WriteOffId,
    RecallId,
    BulkWithdrawalId,
    BulkHoldId,
    NoteId,
    SwitchId,
    ShareRuleId,
    KeepBackRuleId,
    PriceId,
    StageMoveId,
    RatingId,
    TicketImportId,
    ReviewId,
    WarningId,
    SuspensionId,
    AppealId,
    PassageReportId,
    QuarantineId,
    CorrectionId,
    CorrectionNoticeId,
    ContradictionId,
    GapId,
    WebSourceId,
    ErasureId,
    FlowWalkId,
    EarningHoldId,
    RejectionId,
    RejectionAppealId,
    RejectionFreezeId,
    TipId,
    BonusId,
)


def new_id() -> UUID:
    """A fresh UUIDv7: sortable by time, random enough to be an id, never a secret."""
    return uuid7()
