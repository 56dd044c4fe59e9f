"""The rules for replies as their forms show them: what is typed, else what holds."""

from collections.abc import Mapping
from datetime import timedelta

from marketplace.tickets.follow_ups import FollowUp
from marketplace.tickets.models import Channel
from marketplace.tickets.probation import is_on_probation
from marketplace.tickets.reply_models import AfterLimit, EscalationQueue, ProbationPolicy, WorkerStanding
from workers_ui.pages import receipt_views
from workers_ui.pages.brand_ticket_views import CHANNELS
from workers_ui.pages.spans import span
from workers_ui.presenters import replies as views
from workers_ui.presenters.values import EMPTY_FORM, Badge, Choice, FormState, Tone

NEW_QUEUE = "new-queue"
PROBATION = "probation"
AFTER_LIMITS = (
    Choice(value=AfterLimit.SEND.value, label="It is sent as it is"),
    Choice(value=AfterLimit.RETURN.value, label="It goes back to the worker"),
)
OFF = FormState(
    values={
        "replies": "0",
        "limit_minutes": "60",
        "after_limit": AfterLimit.SEND.value,
        "accuracy_percent": "80",
    }
)
BASIS_POINTS_A_PERCENT = 100


def queue_form(key: str) -> str:
    return f"queue:{key}"


def channel_rules(
    rules: Mapping[Channel, FollowUp], typed: Mapping[str, FormState]
) -> tuple[views.ChannelRule, ...]:
    return tuple(
        views.ChannelRule(
            channel=channel.value,
            label=CHANNELS[channel],
            silence_minutes=_minutes(rules[channel].silence),
            grace_minutes=_minutes(rules[channel].grace),
            summary=f"Now {span(_minutes(rules[channel].silence))} of silence, and "
            f"{span(_minutes(rules[channel].grace))} away.",
            form=typed.get(channel.value, EMPTY_FORM),
        )
        for channel in Channel
    )


def queue_row(queue: EscalationQueue, waiting: int, typed: Mapping[str, FormState]) -> views.QueueRow:
    return views.QueueRow(
        key=queue.key,
        name=queue.name,
        decide_minutes=queue.decide_minutes,
        notify_email=queue.notify_email or "",
        preselected=queue.is_default,
        waiting=waiting,
        form=typed.get(queue_form(queue.key), EMPTY_FORM),
    )


def probation_form(rule: ProbationPolicy | None) -> FormState:
    if rule is None:
        return OFF
    return FormState(
        values={
            "replies": str(rule.replies),
            "limit_minutes": str(rule.limit_minutes),
            "after_limit": rule.after_limit.value,
            "accuracy_percent": str(rule.accuracy_basis_points // BASIS_POINTS_A_PERCENT),
        }
    )


def standing(row: WorkerStanding, name: str, rule: ProbationPolicy | None) -> views.Standing:
    waits = is_on_probation(rule, row)
    return views.Standing(
        worker_alias=receipt_views.alias(name),
        approved=row.approved,
        rejected=row.rejected,
        state=Badge(label="on probation", tone=Tone.WARN)
        if waits
        else Badge(label="sends at once", tone=Tone.GOOD),
    )


def _minutes(span_: timedelta) -> int:
    return int(span_.total_seconds() // 60)
