"""Each trigger, check and unique index of the money tables is dropped in turn, and its attack succeeds then.

So nothing on the list is decoration, and what an attack shows stopped is stopped by that guard. A guard without an
attack fails here: a new one needs a line in ATTACKS, unless its kind or its form says what it stops.
"""

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.billing.sabotage import (
    Attack,
    Guard,
    Samples,
    Values,
    enum_of,
    generic_trigger_attack,
    guards,
    insert,
    statements,
    twins,
)

A, B, C, D, E = (f"'00000000-0000-7000-8000-00000000000{digit}'" for digit in "abcde")

BY_HAND: dict[str, Values] = {
    "closed_period": {"month": "'2020-01-01'"},
    "ledger_account": {"id": "1", "code": "'bank'", "balance_minor": "5", "version": "1"},
    "ledger_entry": {"account_id": "1", "amount_minor": "5", "txn_id": A},
    "payout": {
        **{"id": A, "batch_id": B},
        **{"amount_minor": "1600", "netted_minor": "0", "reversing_minor": "0", "reversed_minor": "0"},
    },
    "stripe_call": {"payout_id": A},
    "payout_batch": {"id": B},
    "earning": {
        **{"id": C, "brand_id": D, "resolution_id": E},
        **{"amount_minor": "1600", "surge_minor": "0", "fee_minor": "0"},
    },
    "payout_line": {"payout_id": A, "earning_id": C, "brand_id": D},
    "auto_top_up": {"threshold_minor": "1", "amount_minor": "2", "monthly_limit_minor": "3"},
    "brand_spend": {"day_minor": "1", "month_minor": "2"},
    "credit_line": {"days_until_due": "30"},
    "brand_invoice": {"paid_minor": "0", "credited_minor": "0"},
    "invoice_movement": {"amount_minor": "5", "to_wallet_minor": "1"},
    "top_up_reversal": {"amount_minor": "5", "owed_minor": "1", "fee_minor": "0"},
    "stripe_event": {"event_id": "'evt_1'"},
    "bank_payout": {"id": "'po_1'"},
    "book_break": {"transaction_id": "'txn_1'", "part": "'amount'"},
    "earning_hold": {"cause": "'qa'"},
    "earning_rejection": {"id": A, "brand_id": D, "earning_id": C, "rejected_by": B},
    "rejection_appeal": {"rejection_id": A, "brand_id": D},
    "rejection_limit": {"id": "1", "basis_points": "500", "at_least": "20", "days": "30"},
    "connected_balance": {"lowest_minor": "0"},
    "bulk_hold": {"earnings": f"ARRAY[{A}::uuid]", "held": "0", "refusals": "'[]'"},
}
"""What a valid row needs beyond its columns' types and lists of values; ids by which attacks name rows."""

CHECKS: dict[str, Values] = {
    "ck_ledger_txn_one_link": {"reverses": A, "corrects": B},
    "ck_ledger_txn_other": {"id": A, "corrects": A},
    "ck_payout_batch_approved_by_two": {"state": "'approved'", "submitted_by": A},
    "ck_payout_batch_currency": {"currency": "'USD'"},
    "ck_payout_batch_four_eyes": {"submitted_by": A, "approved_by": A},
    "ck_top_up_paid_names_its_payment": {"state": "'paid'"},
    "ck_top_up_positive": {"amount_minor": "0"},
    "ck_ledger_account_currency": {"currency": "'dollar'"},
    "ck_ledger_account_floor": {"floor_zero": "true", "balance_minor": "-1"},
    "ck_payout_batch_six_eyes": {"submitted_by": A, "approved_by": B, "seconded_by": A},
    "ck_payout_batch_shortfall": {"shortfall_minor": "0"},
    "ck_payout_nothing_to_send": {"state": "'netted'"},
    "ck_payout_reversed": {"reversed_minor": "1000", "reversing_minor": "1000"},
    "ck_payout_hold_lifted": {"lifted_by": A},
    "ck_stripe_call_one_purpose": {"reversal_id": A},
    "ck_transfer_reversal_positive": {"amount_minor": "0"},
    "ck_transfer_reversal_accepted_names_it": {"state": "'accepted'"},
    "ck_escheatment_currency": {"currency": "'USD'"},
    "ck_escheatment_positive": {"amount_minor": "0"},
    "ck_payout_accepted_names_its_transfer": {"state": "'accepted'"},
    "ck_payout_positive": {"amount_minor": "0"},
    "ck_payout_whole_steps": {"currency": "'huf'", "amount_minor": "1045"},
    "ck_ledger_entry_positive": {"amount_minor": "-5"},
    "ck_earning_one_cause": {"recall_id": A},
    "ck_earning_positive": {"amount_minor": "0"},
    "ck_brand_spend_caps": {"per_day_minor": "-1", "per_month_minor": "5"},
    "ck_brand_spend_counters": {"day_minor": "-1"},
    "ck_spend_commitment_amount": {"amount_minor": "0"},
    "ck_auto_top_up_amounts": {"monthly_limit_minor": "1"},
    "ck_auto_top_up_on_has_a_method": {"state": "'on'"},
    "ck_auto_charge_positive": {"amount_minor": "0"},
    "ck_promo_credit_positive": {"amount_minor": "0"},
    "ck_credit_line_amounts": {"limit_minor": "-1"},
    "ck_credit_line_days": {"days_until_due": "91"},
    "ck_brand_invoice_amounts": {"paid_minor": "-1"},
    "ck_invoice_movement_amounts": {"to_wallet_minor": "6"},
    "ck_wallet_refund_positive": {"amount_minor": "0"},
    "ck_wallet_refund_sent_names_its_refund": {"state": "'sent'"},
    "ck_wallet_refund_refund_state": {"state": "'nonsense'", "stripe_refund": "'re_1'"},
    "ck_top_up_reversal_amounts": {"owed_minor": "6"},
    "ck_top_up_reversal_owed_until_cleared": {"state": "'won'"},
    "ck_top_up_reversal_reversal_state": {"state": "'nonsense'", "owed_minor": "0"},
    "ck_write_off_positive": {"amount_minor": "0"},
    "ck_write_off_two_people": {"state": "'approved'", "asked_by": A, "decided_by": A},
    "ck_stripe_event_failed_says_why": {"state": "'failed'"},
    "ck_stripe_event_handled_at": {"state": "'handled'"},
    "ck_stripe_event_quarantined_for": {"state": "'quarantined'"},
    "event_quarantine": {"state": "'quarantined'", "quarantined_for": "'nonsense'"},
    "ck_bank_payout_currency": {"currency": "'USD'"},
    "ck_bank_payout_failure": {"failure_code": "'account_closed'"},
    "ck_closed_period_first_day": {"month": "'2020-01-02'"},
    "ck_earning_parts": {"surge_minor": "-1"},
    "ck_bulk_hold_bounded": {"earnings": "'{}'"},
    "ck_bulk_hold_each_once": {"held": "2"},
    "ck_bulk_hold_ends_once": {"undone_at": "now() - interval '1 hour'", "finished_at": "now()"},
    "ck_bulk_hold_says_why": {"reason": "''"},
    "ck_bulk_hold_undone_in_time": {"undone_at": "now() + interval '1 hour'"},
    "ck_finance_view_has_a_name": {"name": "''"},
    "ck_tip_positive": {"amount_minor": "0"},
    "ck_bonus_only_credit_expires": {"expired_at": "now()"},
    "ck_bonus_positive": {"amount_minor": "0"},
    "ck_earning_hold_disputes_lapse": {"lapses_at": "now()"},
    "ck_earning_hold_end_is_named": {"closed_at": "now()"},
    "ck_earning_hold_says_why": {"reason": "''"},
    "ck_earning_rejection_platform_has_a_name": {"judge": "'platform'", "rejected_by": "NULL"},
    "ck_earning_rejection_says_why": {"note": "''"},
    "ck_rejection_appeal_decided_by_somebody": {"decided_at": "now()"},
    "ck_rejection_appeal_appeal_end": {"ended_as": "'nonsense'", "decided_at": "now()", "decided_by": A},
    "ck_rejection_appeal_says_why": {"said": "''"},
    "ck_rejection_limit_one_row": {"id": "2"},
    "ck_rejection_limit_range": {"days": "0"},
    "ck_rejection_freeze_lifted_by_somebody": {"lifted_at": "now()"},
    "ck_rejection_freeze_says_why": {"lifted_at": "now()", "lifted_by": A, "lift_reason": "''"},
    "ck_earning_hold_hold_end": {"closed_at": "now()", "ended_as": "'nonsense'"},
    "ck_balance_transaction_currency": {"currency": "'USD'"},
    "ck_book_break_about_something": {"transaction_id": "NULL", "part": "NULL"},
    "ck_book_break_names_its_part": {"part": "NULL"},
    "ck_book_break_resolved_by_its_owner": {"resolved_at": "now()", "resolved_by": A, "owner_id": B},
    "ck_book_break_resolved_with_a_note": {"resolved_at": "now()", "note": "''"},
    "ck_manual_posting_approved_at_a_time": {"approved_at": "now()"},
    "ck_manual_posting_currency": {"currency": "'USD'"},
    "ck_manual_posting_four_eyes": {"proposed_by": A, "approved_by": A, "approved_at": "now()"},
    "ck_manual_posting_positive": {"amount_minor": "0"},
    "ck_manual_posting_says_why": {"reason": "''"},
    "ck_manual_posting_two_accounts": {"debit": "'bank'", "credit": "'bank'"},
    "ck_connected_balance_negative_has_its_time": {"lowest_minor": "-1"},
}
"""By what a row breaks each check; a list of values is broken by one that is not on it."""

TWINS: dict[str, Values] = {
    "uq_stripe_call_payout_id_attempt": {"state": "'accepted'"},
    "uq_stripe_call_reversal_id_attempt": {"state": "'accepted'", "payout_id": "NULL", "reversal_id": A},
    "uq_stripe_call_live_reversal": {"payout_id": "NULL", "reversal_id": A},
    "uq_transfer_reversal_stripe_reversal": {"state": "'accepted'"},
    "uq_earning_brand_id_escalation_id": {"resolution_id": "NULL", "escalation_id": A},
    "uq_earning_brand_id_recall_id_worker_id": {"resolution_id": "NULL", "recall_id": A},
    "uq_earning_tip_id": {"resolution_id": "NULL", "tip_id": A},
    "uq_earning_bonus_id": {"resolution_id": "NULL", "bonus_id": A},
    "uq_earning_appeal_id": {"resolution_id": "NULL", "appeal_id": A},
    "uq_book_break_live_entry": {"transaction_id": "NULL", "part": "NULL", "entry_id": "7"},
    "pk_rejection_freeze": {"lifted_at": "now()", "lifted_by": A, "lift_reason": "'x'"},
    "pk_payout_line": {"dropped": "true"},
    "pk_payouts_stop": {"lifted_at": "now()"},
    "pk_auto_charge": {"state": "'done'"},
    "uq_funds_call_operation_subject_id_attempt": {"state": "'accepted'"},
    "pk_brand_invoice": {"state": "'paid'"},
    "uq_brand_invoice_stripe_invoice": {"state": "'paid'"},
    "uq_payout_stripe_transfer": {"state": "'accepted'"},
    "uq_top_up_payment_intent": {"state": "'paid'"},
}
"""What both rows are like where another index would tell them apart too, or a check wants more."""

TXN = (
    "INSERT INTO ledger_txn (id, kind, key, fingerprint, effective_at, posted_at, reverses) "
    "VALUES ({}, 'x', {}, '', {at}, {at}, {reverses})"
)
LEG = "INSERT INTO ledger_entry (txn_id, account_id, side, amount_minor, currency) VALUES ({}, 1, '{}', {}, '{}')"


def posting(
    txn: str, *legs: tuple[str, int], currency: str = "usd", at: str = "now()", reverses: str = "NULL"
) -> str:
    """A transaction past `post_ledger_txn`, on an account without a floor."""
    entries = (LEG.format(txn, side, amount, currency) for side, amount in legs)
    return "; ".join([TXN.format(txn, txn, at=at, reverses=reverses), *entries])


def trigger_attacks(samples: Samples) -> dict[str, Attack]:
    account = ("ledger_account", samples.row("ledger_account"))
    txn = ("ledger_txn", samples.row("ledger_txn", id=A, key="'a'"))
    legs = tuple(("ledger_entry", samples.row("ledger_entry", side=f"'{side}'")) for side in "DC")
    batch = ("payout_batch", samples.row("payout_batch", state="'submitted'", submitted_by=A))
    payout = ("payout", samples.row("payout"))
    return {
        "ledger_txn_balances": Attack(tried=posting(B)),
        "ledger_entry_balances": Attack(before=(account, txn, *legs), tried=LEG.format(A, "D", 1, "usd")),
        "ledger_entry_fits_its_account": Attack(
            before=(account,), tried=posting(B, ("D", 5), ("C", 5), currency="eur")
        ),
        "ledger_txn_is_in_an_open_period": Attack(
            before=(account, ("closed_period", samples.row("closed_period"))),
            tried=posting(B, ("D", 5), ("C", 5), at="timestamptz '2020-01-15'"),
        ),
        "ledger_txn_reverses_its_mirror": Attack(
            before=(account, txn, *legs), tried=posting(B, ("D", 4), ("C", 4), reverses=A)
        ),
        "ledger_account_keeps_its_owner": Attack(
            before=(account,), tried="UPDATE ledger_account SET currency = 'eur'"
        ),
        "payout_batch_is_signed": Attack(
            before=(batch,), tried="UPDATE payout_batch SET content_hash = 'other'"
        ),
        "payout_is_in_its_batchs_currency": Attack(
            before=(batch, payout), tried="UPDATE payout SET currency = 'eur'"
        ),
        "payout_line_is_in_its_earnings_currency": Attack(
            before=(
                payout,
                ("earning", samples.row("earning", currency="'eur'")),
                ("payout_line", samples.row("payout_line")),
            ),
            tried="UPDATE payout_line SET payout_id = payout_id",
        ),
        "stripe_call_may_leave": Attack(
            before=(
                ("payouts_stop", samples.row("payouts_stop")),
                ("stripe_call", samples.row("stripe_call", state="'ready'")),
            ),
            tried="UPDATE stripe_call SET state = 'in_doubt'",
        ),
        "closed_period_is_over": Attack(
            before=(("person", samples.row("person", id=A, email="'a@example.com'")),),
            tried=f"INSERT INTO closed_period (month, closed_by) VALUES ('2999-01-01', {A})",
        ),
        "handled_once": Attack(
            before=(("stripe_event", samples.row("stripe_event", state="'handled'", handled_at="now()")),),
            tried="UPDATE stripe_event SET state = 'waiting', handled_at = NULL",
        ),
        "ledger_txn_by_hand_is_signed": Attack(
            before=(account,),
            tried=posting(B, ("D", 5), ("C", 5)).replace("'x'", "'manual'", 1),
        ),
        "earning_is_judged_in_turn": Attack(
            before=(("earning", samples.row("earning")),), tried="UPDATE earning SET state = 'rejected'"
        ),
        "rejection_is_as_written": Attack(
            before=(("earning_rejection", samples.row("earning_rejection")),),
            tried="UPDATE earning_rejection SET note = 'another'",
        ),
        "rejection_is_judged": Attack(
            before=(("rejection_freeze", samples.row("rejection_freeze", brand_id=D)),),
            tried=insert("earning_rejection", samples.row("earning_rejection", judge="'brand'")),
        ),
        "appeal_is_decided_by_another": Attack(
            before=(
                ("earning_rejection", samples.row("earning_rejection")),
                ("rejection_appeal", samples.row("rejection_appeal")),
            ),
            tried=f"UPDATE rejection_appeal SET ended_as = 'upheld', decided_at = now(), decided_by = {B}",
        ),
        "balance_match_is_exact": Attack(
            tried=insert("balance_match", samples.row("balance_match")),
        ),
        "book_break_stays_resolved": Attack(
            before=(("book_break", samples.row("book_break", resolved_at="now()")),),
            tried="UPDATE book_break SET resolved_at = NULL",
        ),
        "manual_posting_is_as_proposed": Attack(
            before=(("manual_posting", samples.row("manual_posting")),),
            tried="UPDATE manual_posting SET amount_minor = amount_minor + 1",
        ),
        "forward_only": Attack(
            before=(("bank_payout", samples.row("bank_payout", state="'paid'")),),
            tried="UPDATE bank_payout SET state = 'pending'",
        ),
    }


def attack_on(guard: Guard, everything: list[Guard], samples: Samples) -> Attack | None:
    """The attack that `guard` is there for; None when the list has none."""
    match guard.kind:
        case "trigger":
            return trigger_attacks(samples).get(guard.name) or generic_trigger_attack(guard, samples)
        case "check":
            changes, listed = CHECKS.get(guard.name), enum_of(guard)
            if changes is None and listed is not None:
                changes = {listed[0]: "'nonsense'"}
            if changes is None:
                return None
            return Attack(tried=insert(guard.table, samples.row(guard.table, **changes)))
        case _:
            others = [
                one
                for one in everything
                if one.kind in ("index", "constraint") and one.table == guard.table and one != guard
            ]
            return twins(samples, guard, others, TWINS.get(guard.name, {}))


@pytest.fixture
def sql(database_url: str) -> Connection:
    engine = create_engine(database_url, poolclass=NullPool)
    return engine.connect()


def test_each_guard_of_the_money_tables_alone_stops_its_attack(
    sql: Connection, subtests: pytest.Subtests
) -> None:
    with sql:
        everything = guards(sql)
        samples = Samples(sql, BY_HAND)
        sql.rollback()
        assert len(everything) > 80, "the catalog was read"
        for guard in everything:
            with subtests.test(guard=f"{guard.kind} {guard.name} of {guard.table}"):
                attack = attack_on(guard, everything, samples)
                assert attack is not None, "this guard has no attack on the list"
                assert refusal_of(sql, attack, guard) != "", "the guard stands, and the attack succeeds"
                assert refusal_of(sql, attack, guard, is_dropped=True) == "", "something else stops it too"


def refusal_of(sql: Connection, attack: Attack, guard: Guard, *, is_dropped: bool = False) -> str:
    """What the database says to the attack; empty when it lets it through. Nothing of it stays."""
    try:
        for statement in statements(attack, guard, is_dropped=is_dropped):
            sql.execute(text(statement))
        try:
            sql.execute(text(attack.tried))
            sql.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        except DBAPIError as error:
            return str(error.orig)
        return ""
    finally:
        sql.rollback()


def test_a_guard_without_an_attack_is_found(sql: Connection) -> None:
    with sql:
        sql.execute(text("ALTER TABLE payout ADD CONSTRAINT ck_payout_new CHECK (attempt < 9)"))
        everything, samples = guards(sql), Samples(sql, BY_HAND)
        found = [one.name for one in everything if attack_on(one, everything, samples) is None]
        sql.rollback()
    assert found == ["ck_payout_new"]


def test_a_guard_that_something_else_doubles_is_found(sql: Connection) -> None:
    """A second check of the same is decoration: without the first, its attack is still stopped."""
    with sql:
        everything, samples = guards(sql), Samples(sql, BY_HAND)
        sql.execute(text("ALTER TABLE payout ADD CONSTRAINT ck_payout_twice CHECK (amount_minor > 0)"))
        sql.commit()
        [guard] = [one for one in everything if one.name == "ck_payout_positive"]
        attack = attack_on(guard, everything, samples)
        assert attack is not None
        assert "ck_payout_twice" in refusal_of(sql, attack, guard, is_dropped=True)
        sql.execute(text("ALTER TABLE payout DROP CONSTRAINT ck_payout_twice"))
        sql.commit()
