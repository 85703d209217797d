"""The named mutants are well described: whether they are noticed is for the self-test to say."""

import pytest

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.mutants.registry import mutants, parts_of
from liveproto_conformance.requirements import requirements


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
