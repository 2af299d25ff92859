from tests import audit


def package(*ids):
    return {"name": "x", "version": "1.0", "vulns": [{"id": id} for id in ids]}


def test_a_vulnerability_fails_unless_it_is_excused(monkeypatch):
    said, passes = audit.verdict([package(), package("CVE-1")])
    assert not passes
    assert "x 1.0: CVE-1" in said
    monkeypatch.setitem(audit.EXCUSED, "CVE-1", "never called")
    assert audit.verdict([package("CVE-1")])[1]
    assert audit.verdict([package()])[1]


def test_without_a_service_the_audit_says_so_and_passes():
    unknown = {"name": "x", "skip_reason": "not found"}
    assert audit.verdict([]) == audit.verdict([unknown]) == (audit.SKIPPED, True)
