"""Every case is proved by tests that exist, or says which part of the product it waits for."""

import pytest

from tests.hostile.catalogue import NO_SURFACE, PARTLY, TESTS, Case, cases, functions

CASES = [pytest.param(case, id=case.id) for case in cases()]


@pytest.mark.parametrize("case", CASES)
def test_each_case_has_its_proof(case: Case) -> None:
    if case.id in NO_SURFACE:
        assert not case.proofs, f"{case.id} has a proof, so it has a surface"
        return
    assert case.proofs, f"{case.id} ({case.severity}) {case.title}: no test proves it"
    for node in case.proofs:
        path, _, name = node.partition("::")
        assert name in functions(TESTS.parent / path), node


def test_the_list_is_whole() -> None:
    names = [case.id for case in cases()]
    assert len(names) == 87
    assert {*NO_SURFACE, *PARTLY} <= set(names)
    assert {case.severity for case in cases()} == {"critical", "high", "medium"}
