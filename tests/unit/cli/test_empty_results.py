"""What commands say of an empty ledger: whole lines, and nothing that ends in the air."""

from decimal import Decimal

from batch.cli.render import plan_lines, reconcile_lines
from batch.core.pricing import CostRange
from batch.doctor.configuration import check_types
from batch.reconcile.reconciler import ReconcileSummary
from batch.submit.planning import Plan

NOTHING = Decimal(0)


def test_no_line_of_an_empty_plan_ends_in_a_blank() -> None:
    cost = CostRange(NOTHING, NOTHING, NOTHING, 0)
    lines = list(plan_lines(Plan("h", {}, 0, 28.9, 0.0, 0, 0, "CNY", cost)))
    assert [line for line in lines if line != line.rstrip()] == []
    assert "submissions in 0 requests" in lines[1]


def test_no_line_of_an_idle_reconcile_ends_in_a_blank() -> None:
    lines = list(reconcile_lines(ReconcileSummary({}, {}, 0, 0, "", 0, 0, 0)))
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_doctor_does_not_offer_none() -> None:
    assert check_types("waiting types", "cn-shanghai", [], "fix").detail == "none"
