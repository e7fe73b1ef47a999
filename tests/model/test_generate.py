"""What the plan refuses to make a manifest of, by name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt001_cp.errors import Findings, ManifestError, NotRestorable, PolicyError
from qt001_cp.model.canonical import digest
from qt001_cp.model.manifest import ObjectManifest
from tests.model.small_estate import manifest, policy, rule, thing

SEQUENCE = thing("sequence", "source_id_seq", follows="s.source")


def test_everything_is_classified_and_planned() -> None:
    made = manifest(SEQUENCE)
    assert len(made.transferred) == len(made.objects) == 8
    assert {o.after.owner.name for o in made.transferred if o.after} == {"qt001_cp_owner"}
    sequence = next(o for o in made.objects if o.ref.kind == "sequence")
    assert sequence.plans["forward"].owner is None, "its owner follows the table"


def test_unclassified_objects_block_by_name() -> None:
    rules = policy(rule(name="[a-z]*"), rule(kind=["function", "view"]), rest=False)
    with pytest.raises(Findings, match=r"(?s)2 object\(s\).*table s\.source .*table s\.switch ") as found:
        manifest(rules=rules)
    assert found.value.exit_code == 3


def test_the_first_rule_decides() -> None:
    made = manifest(rules=policy(rule(kind="table", name="sour?e", disposition="retain"), rule(name="source")))
    assert {o.ref.identity: o.disposition for o in made.objects if o.ref.kind == "table"} == {
        "s.source": "retain",
        "s.switch": "transfer",
    }


def test_identity_is_taken_literally() -> None:
    with pytest.raises(Findings, match=r"s\.source"):
        manifest(rules=policy(rule(identity="s.*"), rule(kind=["function", "view"]), rest=False))


@pytest.mark.parametrize("name", ["source", "source_id_seq"])
def test_an_owned_sequence_goes_where_its_table_goes(name: str) -> None:
    with pytest.raises(ManifestError, match=r"sequence s\.source_id_seq belongs to a column of s\.source"):
        manifest(SEQUENCE, rules=policy(rule(name=name, disposition="retain")))


@pytest.mark.parametrize(
    "kind", ["event trigger", "foreign-data wrapper", "user mapping", "extension", "a kind of tomorrow"]
)
def test_a_kind_without_a_statement_is_not_transferred(kind: str) -> None:
    with pytest.raises(NotRestorable, match=f"{kind} s.odd"):
        manifest(thing(kind, "odd"))


def test_every_object_that_cannot_be_restored_is_named() -> None:
    with pytest.raises(NotRestorable, match=r"(?s)2 object\(s\).*s\.one.*s\.two"):
        manifest(thing("extension", "one"), thing("extension", "two"))


@pytest.mark.parametrize(
    ("section", "identity"),
    [("repoint", "s.writer()"), ("apply_path", "s.ready"), ("source_tables", "s.source"), ("blocked", "s.switch")],
)
def test_the_policy_names_only_what_is_there(section: str, identity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.model import small_estate

    whole = small_estate.estate
    monkeypatch.setattr(
        small_estate,
        "estate",
        lambda *more: (
            lambda i: type(i)(
                i.database, i.server_version, i.application, tuple(o for o in i.objects if o.ref.identity != identity)
            )
        )(whole(*more)),
    )
    with pytest.raises(PolicyError, match=rf"{section}.*{re.escape(identity)} is not in the estate"):
        manifest()


def test_a_manifest_survives_its_bytes() -> None:
    made = manifest(SEQUENCE)
    assert type(made).from_bytes(made.body(), "it") == made


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_bytes_that_are_accepted_are_the_manifest_s_own(data: st.DataObject) -> None:
    """A manifest is parsed in pieces: however the bytes are changed, it is refused, or it writes the same bytes again."""
    body = manifest(SEQUENCE).body()
    start = data.draw(st.integers(0, len(body) - 1))
    stop = data.draw(st.integers(start, min(len(body), start + 40)))
    put = data.draw(
        st.sampled_from(
            [b"", b" ", b",", b"}", b'},{"after":', b'}],"policy":', b"1", b"\\u0041", body[start:stop] * 2]
        )
    )
    changed = body[:start] + put + body[stop:]
    try:
        made = ObjectManifest.from_bytes(changed, "it")
    except ManifestError:
        return
    assert made.body() == changed
    assert made.digest() == digest(changed)
