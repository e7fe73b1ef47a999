"""A draft from a live estate is valid input at once, says why, and leaves to a person what only a person can decide."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.cli import main
from qt001_cp.model.names import Role
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage

APPLICATION = 'app "x"\n[[rule]]'
_ESTATE = r"""
CREATE SCHEMA "we]ird" AUTHORIZATION {app};
SET ROLE {app};
CREATE TABLE "we]ird"."a*b?" (id serial PRIMARY KEY);
CREATE TABLE "we]ird"."<script>alert(1)</script>" (id int);
CREATE TABLE "we]ird".{evil} (id int);
CREATE VIEW "we]ird".seen WITH (security_barrier = true) AS SELECT 1 AS one;
CREATE FUNCTION "we]ird".gateway() RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one int;
BEGIN
    SELECT 1 INTO one;
    RETURN one;
END
$$;
CREATE SCHEMA plain;
CREATE TABLE plain.leaf (id int);
RESET ROLE;
"""
_EVIL = "x\n[[rule]]\ndisposition = 'transfer'\n\x1b[31m"


@pytest.fixture
def hostile(at_base: Stage) -> Iterator[str]:
    """A database whose names are TOML, HTML, patterns and terminal codes; yields its application role."""
    quoted = '"' + APPLICATION.replace('"', '""') + '"'
    with at_base.connect() as connection:
        database = connection.info.dbname
        connection.execute(f"CREATE ROLE {quoted} LOGIN; GRANT CREATE ON DATABASE {database} TO {quoted}")
        connection.execute(_ESTATE.format(app=quoted, evil='"' + _EVIL + '"').encode())
    yield APPLICATION
    with at_base.connect() as connection:
        connection.execute(f"DROP OWNED BY {quoted} CASCADE; DROP ROLE {quoted}")


def test_the_draft_of_the_reference_estate_agrees_with_its_policy(
    at_base: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, dsn = tmp_path / "policy.toml", at_base.scene.dsn(OPERATOR)
    assert main(["policy", "init", "--database", dsn, "--out", str(out), "--format", "json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "qt001.draft/1"
    assert said["application"] == "directus"
    draft, written = load_policy(out), load_policy(estate.policy_path())
    with at_base.connect() as connection:
        objects = read_inventory(connection, Role("directus")).objects
    wrong, undecided = set(), set()
    for o in objects:
        ours, theirs = draft.rule_for(o.ref), written.rule_for(o.ref)
        assert theirs is not None
        if ours is None:
            undecided.add(str(o.ref))
        elif ours.disposition != theirs.disposition:
            wrong.add((str(o.ref), ours.disposition))
    assert not wrong
    assert undecided == {f"{o['kind']} {o['identity']}" for o in said["objects"] if o["disposition"] is None}
    assert said["counts"]["undecided"] == len(undecided) < len(objects) / 5
    assert draft.apply_path is not None
    assert written.apply_path is not None
    for part in ("gateway", "permit", "apply", "writer"):
        assert draft.apply_path[part] == written.apply_path[part]
        source = (tmp_path / "repoint" / f"{part}.sql").read_text()
        assert f"BEGIN\n    PERFORM qt001_cp.require_acceptance('{part}');" in source
    assert set(draft.curated) == set(written.curated)
    comments = out.read_text()
    assert all(f"# UNDECIDED {name}\n" in comments or f"#   - {name}\n" in comments for name in undecided)
    blocks = r"^# \[\[rule\]\]\n(?:# .+\n)+"
    decided = re.sub(blocks, lambda m: m[0].replace("# ", ""), comments, flags=re.MULTILINE)
    decided = decided.replace('disposition = "transfer or retain"', 'disposition = "retain"')
    (tmp_path / "decided.toml").write_text(decided)
    capsys.readouterr()
    # What is doubtful retained, all of it: everything is classified, and precondition 8 says what it thinks of that.
    main(["inventory", "--policy", str(tmp_path / "decided.toml"), "--database", dsn, "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert said["unclassified"] == []
    assert {f["sqlstate"] for f in said["findings"]} <= {"QT108", "QT114"}
    assert main(["inventory", "--policy", str(out), "--database", dsn]) == 3
    assert f"{len(undecided)} unclassified" in capsys.readouterr().out
    assert main(["policy", "init", "--database", dsn, "--out", str(out)]) == 2
    assert "a draft overwrites nothing" in capsys.readouterr().err


def test_what_is_to_be_protected_can_be_named(at_base: Stage, tmp_path: Path) -> None:
    out = tmp_path / "policy.toml"
    arguments = ["policy", "init", "--database", at_base.scene.dsn(OPERATOR), "--out", str(out)]
    main([*arguments, "--protect", "public.qt001*", "--protect", "qt001_data.*"])
    draft, written = load_policy(out), load_policy(estate.policy_path())
    with at_base.connect() as connection:
        objects = read_inventory(connection, Role("directus")).objects
    ruled = [(o.ref, draft.rule_for(o.ref), written.rule_for(o.ref)) for o in objects if o.ref.kind != "default acl"]
    assert [str(ref) for ref, ours, theirs in ruled if ours and theirs and ours.disposition != theirs.disposition] == []
    assert [str(ref) for ref, ours, _ in ruled if ours is None] == []


def test_manifest_generate_takes_the_draft_and_names_what_is_undecided(
    at_fix7a_sealed: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, dsn = tmp_path / "policy.toml", at_fix7a_sealed.scene.dsn("qt001_author")
    main(["policy", "init", "--database", dsn, "--out", str(out)])
    capsys.readouterr()
    generate = [
        "manifest",
        "generate",
        "--policy",
        str(out),
        "--database",
        dsn,
        "--out",
        str(tmp_path / "b"),
        "--propose",
    ]
    assert main(generate) == 3
    said = capsys.readouterr().err
    assert "are unclassified" in said
    assert "table qt001_data.sensor" in said
    out.write_text(out.read_text().replace("[roles]", "[roles]", 1) + "\n")
    decided = out.read_text().replace(
        "[apply_path]", '[[rule]]\ndisposition = "retain"\nreason = "now decided"\n\n[apply_path]', 1
    )
    out.write_text(decided)
    assert main(generate) == 2
    said = capsys.readouterr().err
    assert "the policy is still undecided: " in said
    assert "capability 1.producers" in said
    assert "unclassified" not in said


SWITCH = {
    "its rows say what is blocked": ("('apply', 'off'), ('ready', 'off')", [("apply", "off"), ("ready", "off")]),
    "what is open is never taken for blocked": (
        "('apply', 'open'), ('ready', 'blocked')",
        [("apply", "undecided: its value when blocked, today it is open"), ("ready", "blocked")],
    ),
    "two rows fit": (
        "('apply a', 'off'), ('apply b', 'off'), ('ready', 'off')",
        [("undecided: which row", "undecided: its value when blocked"), ("ready", "off")],
    ),
}


@pytest.mark.parametrize("name", SWITCH)
def test_the_draft_looks_at_what_is_blocked_today(
    name: str, at_base: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, expected = SWITCH[name]
    with at_base.connect() as admin:
        admin.execute(
            f"ALTER TABLE public.qt001_switch DROP CONSTRAINT qt001_switch_state; TRUNCATE public.qt001_switch; INSERT INTO public.qt001_switch (name, state) VALUES {rows}"
        )
    out = tmp_path / "policy.toml"
    main(["policy", "init", "--database", at_base.scene.dsn(OPERATOR), "--out", str(out)])
    assert [(b["key"], b["blocked"]) for b in load_policy(out).blocked] == expected
    said = capsys.readouterr().out
    assert ("blocked 1.blocked" in said) == ("undecided" in str(expected[0]))
    assert "capability 1.producers" in said
    assert "# public.qt001_switch today: apply" in out.read_text()


def test_who_may_not_look_gets_a_guess(at_base: Stage, tmp_path: Path) -> None:
    with at_base.connect() as admin:
        admin.execute("CREATE ROLE draft_reader LOGIN")
    out = tmp_path / "policy.toml"
    main(["policy", "init", "--database", at_base.scene.dsn("draft_reader"), "--out", str(out)])
    assert [(b["key"], b["blocked"]) for b in load_policy(out).blocked] == [
        ("apply", "blocked"),
        ("readiness", "blocked"),
    ]
    with at_base.connect() as admin:
        admin.execute("DROP ROLE draft_reader")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_names_stay_names(
    at_base: Stage, hostile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, dsn = tmp_path / "policy.toml", at_base.scene.dsn(OPERATOR)
    main(["policy", "init", "--application", hostile, "--database", dsn, "--out", str(out)])
    policy = load_policy(out)
    data = tomllib.loads(out.read_text())
    assert data["roles"]["application"] == hostile
    with at_base.connect() as connection:
        objects = read_inventory(connection, Role(hostile)).objects
    ours = [o for o in objects if o.ref.schema == "we]ird"]
    assert len(ours) == 6
    assert {r.disposition for o in ours if (r := policy.rule_for(o.ref))} == {"transfer"}
    capsys.readouterr()

    main(["inventory", "--policy", str(out), "--database", dsn, "--format", "html"])
    page = _Page()
    html = capsys.readouterr().out
    page.feed(html)
    assert "script" not in page.tags
    assert "default-src 'none'" in html
    assert "<script>alert(1)</script>" in page.text
    main(["inventory", "--policy", str(out), "--database", dsn])
    text = capsys.readouterr().out
    assert "<script>alert(1)</script>" in text
    assert "\x1b" not in text


def test_the_tree_counts_what_is_there(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inventory", "--database", at_fix7a_sealed.scene.dsn(OPERATOR), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)

    def leaves(node: dict[str, object]) -> list[str]:
        children = node["children"]
        assert isinstance(children, list)
        return [str(node["label"])] if not children else [x for c in children for x in leaves(c)]

    assert sorted(leaves(document["tree"])) == sorted(o["identity"] for o in document["objects"])
    assert document["tree"]["count"] == len(document["objects"]) == sum(document["counts"].values())
    owned = next(c for c in document["tree"]["children"] if c["label"] == "owns")
    assert owned["count"] == sum("owned" in o["why"] for o in document["objects"])
    assert main(["manifest", "show", at_fix7a_sealed.manifest_path, "--format", "html"]) == 0
    page = _Page()
    page.feed(capsys.readouterr().out)
    assert "loses" in page.text
    assert "public.qt001_source" in page.text


def test_a_role_that_is_not_there_is_named(at_base: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = at_base.scene.dsn(OPERATOR)
    assert (
        main(["policy", "init", "--application", "nobody", "--database", dsn, "--out", str(tmp_path / "p.toml")]) == 1
    )
    assert "role nobody" in capsys.readouterr().err
    assert not (tmp_path / "p.toml").exists()
