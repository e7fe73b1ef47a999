"""Wrong modules: each function puts one in the place of ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest

from qt001_cp.catalog.edges import read_catalog_edges
from qt001_cp.model.canonical import digest

DYNAMIC = """
CREATE FUNCTION public.qt001_dynamic(wanted text) RETURNS void LANGUAGE plpgsql AS
    $$BEGIN EXECUTE 'DELETE FROM ' || wanted; END$$;
ALTER FUNCTION public.qt001_dynamic(text) OWNER TO directus
"""
"""A routine of the estate about which the analysis has to say that it does not know."""
NO_DIGEST = "f" * 64


def canonical_bytes(patch: pytest.MonkeyPatch) -> None:
    """A dash is escaped."""
    from qt001_cp.model import canonical

    real = orjson.dumps

    class Escaping:
        loads = staticmethod(orjson.loads)

        @staticmethod
        def dumps(value: Any, option: int = 0) -> bytes:
            return real(value, option=option).replace("\u2013".encode(), b"\\u2013")

    patch.setattr(canonical, "orjson", Escaping)


def restore_digest(patch: pytest.MonkeyPatch) -> None:
    """The script that is registered for the way back is the way there."""
    from qt001_cp.emit import script
    from qt001_cp.emit.statements import statements
    from qt001_cp.workflow import seal

    patch.setattr(seal, "restore_digest", lambda m: script.statements_digest(statements(m, "forward")))


def way_back(patch: pytest.MonkeyPatch) -> None:
    """One object's way back lacks its last step."""
    from qt001_cp.plan import generate
    from qt001_cp.plan.step_plans import plan_steps

    real = plan_steps

    def planned(what: str, *args: Any) -> Any:
        after, forward, back = real(what, *args)
        return after, forward, dataclasses.replace(back, pre=back.pre[:-1]) if "qt001_sum_positive(" in what else back

    patch.setattr(generate, "plan_steps", planned)


def no_guards(patch: pytest.MonkeyPatch) -> None:
    """op.guard() prints nothing."""
    from qt001_cp.ops import directives

    patch.setattr(directives.GuardOp, "sql", lambda _: [])


def another_manifest(patch: pytest.MonkeyPatch) -> None:
    """op.apply_manifest() prints the statements of a manifest with fewer tables."""
    from qt001_cp.ops import directives

    real = directives.ApplyManifestOp.sql

    def sql(op: Any) -> Sequence[str]:
        kept = tuple(o for o in op.manifest.objects if o.ref.identity != "public.qt001_queue")
        return real(directives.ApplyManifestOp(dataclasses.replace(op.manifest, objects=kept), op.direction))

    patch.setattr(directives.ApplyManifestOp, "sql", sql)


def lost_edges(patch: pytest.MonkeyPatch) -> None:
    """The analyser loses what a routine reads and what a view calls, and does not know that it does not know."""
    from qt001_cp.analyse.analyser import analyse
    from qt001_cp.plan import analysis

    real = analyse

    def analysed(source: Any, names: Any) -> Any:
        result = real(source, names)
        if source.identity in ("qt001_data.unit_factor(pg_catalog.text)", "public.qt001_case_age"):
            return dataclasses.replace(result, edges=())
        return dataclasses.replace(result, unknown=()) if "qt001_dynamic" in source.identity else result

    patch.setattr(analysis, "analyse", analysed)


def wrong_digest(patch: pytest.MonkeyPatch) -> None:
    """The digest of one new source is another."""
    from qt001_cp.plan import documents

    real = digest
    patch.setattr(documents, "digest", lambda body: NO_DIGEST if b"('permit')" in body else real(body))


def no_triggers(patch: pytest.MonkeyPatch) -> None:
    """The dependencies that PostgreSQL knows are read without the functions that tables call."""
    from qt001_cp.workflow import bundle

    real = read_catalog_edges

    def edges(connection: Any) -> Iterator[Any]:
        return (e for e in real(connection) if not (e[0][0] == "table" and e[1][0] == "function"))

    patch.setattr(bundle, "read_catalog_edges", edges)


def old_source(patch: pytest.MonkeyPatch) -> None:
    """op.replace_sources() leaves one routine as it was."""
    from qt001_cp.ops import directives

    def sql(op: Any) -> Sequence[str]:
        texts = [r.before if r.part == "apply" else r.after for r in op.manifest.repoint]
        return ['SET LOCAL ROLE "qt001_cp_owner"', *texts, "RESET ROLE"]

    patch.setattr(directives.ReplaceSourcesOp, "sql", sql)
