"""What was learned from resolved tickets, as a brand's people read it, take it back and choose how careful to be."""

import pytest

from guidance.confidence import Calibration
from guidance.learning_models import GuidanceTuning, TuningCause
from guidance.learning_queries import tuning_of
from guidance.tuning import Figures, Tuning
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from tests.builders import as_brand
from tests.workers_ui.brand_site import Browser, House, a_house, tree
from tests.workers_ui.conftest import Site

PAGE = "/knowledge/learning"
OLD = Tuning(dense_weight=0.6)
NEW = Tuning(
    dense_weight=0.7, calibration=Calibration(intercept=0.0, knowledge=1.0, highest=1.0, nearest=1.0)
)
BEFORE = Figures(
    tickets=30, hit_known=0.5, hit_new=0.4, reciprocal_rank=0.6, off=0.3, ece=0.2, tells_outside=0.7
)
AFTER = Figures(
    tickets=30, hit_known=0.75, hit_new=0.4, reciprocal_rank=0.7, off=0.1, ece=0.03, tells_outside=0.92
)


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def learned(site: Site, house: House) -> None:
    versions: tuple[tuple[TuningCause, Tuning, dict[str, dict[str, float]]], ...] = (
        (TuningCause.KEPT, OLD, {}),
        (TuningCause.LEARNED, NEW, _figures()),
    )
    with site.background.transaction() as tx:
        for number, (cause, tuning, figures) in enumerate(versions, start=1):
            tx.add(
                GuidanceTuning(
                    brand_id=house.brand,
                    version=number,
                    cause=cause,
                    tuning=tuning.as_json(),
                    figures=figures,
                    tickets=120,
                    made_at=app_now(tx),
                )
            )
            tx.flush()


def _figures() -> dict[str, dict[str, float]]:
    return {"before": BEFORE.as_json(), "after": AFTER.as_json()}


def test_the_page_shows_the_figures_and_goes_back_by_one_click(
    site: Site, house: House, owner: Browser
) -> None:
    learned(site, house)

    page = tree(owner.get(PAGE))
    rows = [row.text().split() for row in page.css("table tbody tr")]
    assert rows[0][4:6] == ["50.0%", "75.0%"]
    assert [button.text() for button in page.css("form button") if "Return" in button.text()] == [
        "Return to version 1"
    ]

    owner.post(f"{PAGE}/1/return")
    said = " ".join(owner.get(PAGE).text.split())
    assert "You returned to version 1; it stays until you let it learn again." in said
    assert _used(site, house) == OLD

    owner.post(f"{PAGE}/release")
    assert "It learns again from the next look on." in owner.get(PAGE).text
    assert _used(site, house) == OLD


def _used(site: Site, house: House) -> Tuning:
    with site.background.transaction(as_brand(house.brand)) as tx:
        return tuning_of(tx, brand=house.brand, otherwise=0.6)


def test_how_careful_to_be_is_chosen_in_costs_and_a_slip_loses_nothing(owner: Browser) -> None:
    assert "from 50% confidence on" in owner.get(PAGE).text

    for typed in ("lots", "0", "21", "nan"):
        refused = owner.post("/knowledge/caution", {"wrong_cost": typed})
        assert refused.status_code == 422
        assert f'value="{typed}"' in refused.text
        assert "from 0.1 to 20" in refused.text
    owner.post("/knowledge/caution", {"wrong_cost": "4"})

    assert "from 80% confidence on" in owner.get(PAGE).text


def test_who_may_only_read_may_not_change_it(site: Site, house: House, owner: Browser) -> None:
    learned(site, house)
    reviewer = house.member(MemberRole.REVIEWER)

    page = reviewer.get(PAGE)

    assert page.status_code == 200
    assert "Return" not in " ".join(button.text() for button in tree(page).css("main form button"))
    assert reviewer.post(f"{PAGE}/1/return").status_code == 403
    assert reviewer.post("/knowledge/caution", {"wrong_cost": "4"}).status_code == 403
    assert owner.post(f"{PAGE}/9/return").status_code == 404
    owner.post(f"{PAGE}/release")
    assert "may learn already" in owner.get(PAGE).text
