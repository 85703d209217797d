"""Every check has teeth: for each there is a wrong server that it must notice, and each wrong server is noticed."""

import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor

import pytest

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import Lane
from liveproto_conformance.mutants.registry import mutants, parts_of
from liveproto_conformance.mutants.trial import try_mutant
from liveproto_conformance.requirements import requirements
from liveproto_conformance.verdict import MISSED

NAMED = re.compile(r"\((GL-[A-Z]+-\d{3})\)$")
"""A check of several requirements says at the end which one was broken."""
WORKERS = 10
TRIAL_S = 120


@pytest.fixture(scope="module")
def trials(request):
    """The outcomes of each mutant that was asked for; most of a trial is waiting, so several run at once."""
    asked = [
        item.callspec.params["id_"] for item in request.session.items if item.originalname == "test_mutant_is_killed"
    ]
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        yield {id_: pool.submit(try_mutant, id_) for id_ in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("id_", mutants())
def test_mutant_is_killed(id_, trials):
    outcomes = trials[id_].result(TRIAL_S)
    mutant = mutants()[id_]
    survived = {
        check: f"{outcomes[check].status}: {outcomes[check].message}"
        for check in mutant.must_fail
        if outcomes[check].status is not MISSED[catalogue()[check].level]
    }
    assert not survived
    for check in mutant.must_fail:
        shown = "expected" if catalogue()[check].lane is not Lane.PASSIVE else "connection"
        assert shown in outcomes[check].message
        assert set(NAMED.findall(outcomes[check].message)) <= set(mutant.breaks)


def test_every_check_must_fail_for_some_mutant():
    named = {check for mutant in mutants().values() for check in mutant.must_fail}
    assert not catalogue().keys() - named


def test_mutants_name_checks_and_requirements_that_exist():
    for mutant in mutants().values():
        assert {*mutant.must_fail, *mutant.traffic} <= catalogue().keys(), mutant.id
        checked = {requirement.id for check in mutant.must_fail for requirement in catalogue()[check].requirements}
        assert set(mutant.breaks) <= requirements().keys() & checked, mutant.id
        assert all(
            {r.id for r in catalogue()[check].requirements} & set(mutant.breaks) for check in mutant.must_fail
        ), mutant.id


def test_mutants_say_what_mistake_they_are():
    reasons = [mutant.why for mutant in mutants().values()]
    assert all(len(reason) > 20 for reason in reasons)
    assert all(mutant.id == mutant.patch.__name__.replace("_", "-") for mutant in mutants().values())


def test_a_mutant_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no mutant 'nobody'; see liveproto list --mutants"):
        parts_of("nobody")
