"""Who loses what: every role and verb that the manifest takes, and nothing that it leaves."""

from __future__ import annotations

from qt001_cp.model.names import Role, grantee_name
from qt001_cp.plan.losses import losses, losses_page, reaching_in
from tests.conftest import Stage


def test_every_privilege_that_goes_is_on_the_page(at_fix7a_sealed: Stage) -> None:
    manifest = at_fix7a_sealed.manifest
    told = {(loss.role, loss.object, verb) for loss in losses(manifest) for verb in loss.verbs}
    gone = set()
    for o in manifest.transferred:
        assert o.after is not None
        left = {(i.grantee, i.privilege) for i in o.after.acl}
        gone |= {
            (grantee_name(i.grantee), str(o.ref), i.privilege)
            for i in o.before.acl
            if (i.grantee, i.privilege) not in left
        }
        if o.after.owner != o.before.owner:
            gone.add((o.before.owner.name, str(o.ref), "owner"))
    assert gone
    assert gone == {t for t in told if ", column " not in t[1]}


def test_what_goes_without_being_named_is_said(at_fix7a_sealed: Stage) -> None:
    manifest = at_fix7a_sealed.manifest
    table = next(x for x in losses(manifest) if x.role == "directus" and x.object == "table public.qt001_source")
    assert "CREATE INDEX" in table.note
    database = next(x for x in losses(manifest) if x.role == "directus" and x.object.startswith("database "))
    assert "CREATE SCHEMA" in database.note
    assert "# Who loses what in" in losses_page(manifest)


def test_the_application_and_public_are_meant_others_are_not(at_fix7a_sealed: Stage) -> None:
    manifest = at_fix7a_sealed.manifest
    assert all(x.intended == (x.role in ("directus", "PUBLIC")) for x in losses(manifest))
    assert Role("directus") == manifest.application


def test_what_a_kept_foreign_key_still_does_is_on_the_page(at_fix7a_sealed: Stage) -> None:
    manifest = at_fix7a_sealed.manifest
    key = {"table": "public.qt001_case", "name": "k", "references": "public.articles", "on_update": "NO ACTION"}
    (said,) = reaching_in(manifest, [{**key, "on_delete": "CASCADE"}])
    assert said.startswith(
        "DELETE of a row of public.articles, which stays directus's, does CASCADE to public.qt001_case"
    )
    page = losses_page(manifest, [{**key, "on_delete": "CASCADE"}])
    assert "## What the application still changes in what is protected" in page
    assert reaching_in(manifest, [{**key, "on_delete": "RESTRICT"}]) == []
    out = {**key, "table": "public.articles", "references": "public.qt001_case", "on_delete": "CASCADE"}
    assert reaching_in(manifest, [out]) == [], "what is protected acts on the application's"
