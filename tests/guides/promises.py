"""What is promised of a change and of a release, with the tests of each: ``python -m tests.guides.promises > docs/promises.md``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
Promise = tuple[str, tuple[str, ...]]
"""A sentence, and the tests that are named after it: FILE::FUNCTION below tests/."""
_S: Final = "succession"
SUCCESSION: Final[tuple[Promise, ...]] = (
    ("Everything else about protected objects is a succession: a column, a new version of the writer, a new curated view or one revoked, a new "
     "protected table, one given back, a changed policy.",
     (f"{_S}/test_day_two.py::test_each_change_of_day_two_is_a_succession_with_an_apply_path",
      f"{_S}/test_day_two.py::test_each_change_of_day_two_is_a_succession_without_an_apply_path",
      f"{_S}/test_changes.py::test_a_curated_view_added_and_revoked",
      f"{_S}/test_moves.py::test_a_table_taken_and_one_given_back_is_a_succession",
      f"{_S}/test_moves.py::test_a_changed_policy_is_a_succession")),
    ("It is an Alembic revision of the team's own, on a branch of its own that depends on `fix7c`, with upgrade and downgrade.",
     (f"{_S}/test_contract.py::test_a_change_is_a_revision_with_two_ways_on_a_branch_that_depends_on_fix7c",
      "roundtrip/test_change.py::test_two_changes_and_all_the_way_back")),
    ("Online and `--sql` by the same bytes.", (f"{_S}/test_contract.py::test_online_and_sql_are_the_same_bytes",)),
    ("The team's statements are the text of a sealed document; the printed script hands them over whole and readable.",
     (f"{_S}/test_contract.py::test_the_script_hands_the_sealed_text_over_whole_and_readable",
      "roundtrip/test_change.py::test_if_not_exists_and_what_cannot_be_read_is_refused")),
    ("A SECURITY DEFINER function of the owner role compares their digest with the sealed one and executes them: PostgreSQL itself refuses SET ROLE, "
     "SESSION AUTHORIZATION and transaction control there.",
     ("roundtrip/test_change.py::test_the_text_runs_as_the_owner_and_postgresql_refuses_another_role_and_commit",)),
    ("`IF NOT EXISTS` and `OR REPLACE` are refused for what is new.",
     ("roundtrip/test_change.py::test_if_not_exists_and_what_cannot_be_read_is_refused",
      f"{_S}/test_move_refusals.py::test_or_replace_is_refused_for_what_is_there")),
    ("The documents are made on a clone on which the statements were run.",
     (f"{_S}/test_made_copy.py::test_the_documents_are_made_on_a_copy_of_what_is_deployed",
      f"{_S}/test_made_copy.py::test_what_is_no_copy_of_what_is_deployed")),
    ("It refuses unless the predecessor is exactly what is live.",
     (f"{_S}/test_refusals.py::test_it_refuses_unless_exactly_the_predecessor_is_live",)),
    ("At the end unchanged objects are compared with the predecessor's digests and changed ones part by part with the clone's; by this transaction nothing "
     "else has changed.",
     (f"{_S}/test_contract.py::test_nothing_else_has_changed_by_this_transaction",
      f"{_S}/test_refusals.py::test_a_text_that_does_another_thing_than_on_the_copy",
      f"{_S}/test_move_refusals.py::test_the_printed_script_is_complete_or_nothing")),
    ("The no-go record is of what changed and its closure, and the fixed families.",
     (f"{_S}/test_record.py::test_the_record_is_of_what_changed_and_its_closure_and_the_fixed_families",
      f"{_S}/test_record.py::test_a_record_that_lacks_some_of_it_is_refused")),
    ("For the rest the deployed record counts.", (f"{_S}/test_record.py::test_for_the_rest_the_deployed_record_counts",)),
    ("Sessions may stay where the change takes nothing from the application.",
     (f"{_S}/test_contract.py::test_sessions_stay_where_the_change_takes_nothing_from_the_application",)),
    ("Where it does, as in FIX7b.",
     (f"{_S}/test_move_refusals.py::test_transactions_of_the_application_end_where_the_change_takes_something",)),
    ("`lock_timeout` of at most 500 ms for each statement that locks a protected relation, the whole retried a bounded number of times, then the holder is "
     "named.",
     (f"{_S}/test_refusals.py::test_a_lock_is_waited_for_in_bounded_tries_and_then_its_holder_is_named",)),
    ("The downgrade undoes a succession exactly.",
     (f"{_S}/test_life.py::test_the_downgrade_undoes_a_succession_exactly", f"{_S}/test_chains.py::test_a_chain_of_changes")),
    ("The emergency way runs no statement of the team and records `kept`.",
     (f"{_S}/test_life.py::test_the_emergency_way_runs_no_statement_of_the_team_and_records_kept",)),
    ("FIX7c and FIX7b go back from the deployed manifest: it brings, for every routine of the apply path that the succession changes, the source that is in "
     "force without FIX7c.",
     (f"{_S}/test_contract.py::test_the_emergency_way_gives_the_apply_path_its_sources_without_fix7c",)),
    ("Objects born since go to the owner that the succession named, by default the control plane's, never silently to the application.",
     (f"{_S}/test_life.py::test_what_is_born_goes_to_the_owner_that_the_succession_names",
      f"{_S}/test_life.py::test_the_emergency_way_runs_no_statement_of_the_team_and_records_kept")),
    ("Partitions follow their parent; what no manifest names is listed and left.",
     (f"{_S}/test_contract.py::test_partitions_follow_their_parent_where_a_change_is_kept",)),
    ("Going forward again needs an object manifest that names the kept changes.",
     (f"{_S}/test_life.py::test_going_forward_again_needs_a_manifest_that_names_what_was_kept",
      f"{_S}/test_life.py::test_forward_again_by_the_manifest_of_the_kept_change")),
)  # fmt: skip  # a sentence and its tests
_R: Final = "release/test_release.py"
PRODUCT: Final[tuple[Promise, ...]] = (
    ("A new release comes to a deployed database as a revision of ours behind `fix7c`, without touching owners, ACLs or the application: verdict and sign-off "
     "new, deployed manifest the same.",
     (f"{_R}::test_a_release_comes_and_goes_without_touching_owners_acls_or_the_application", f"{_R}::test_an_upgraded_database_is_a_fresh_one",
      "release/test_line.py::test_a_release_beside_two_changes")),
    ("Reviewed: what is printed is what runs, and the audit reads it by itself.",
     (f"{_R}::test_online_and_printed_are_the_same", "release/test_audit.py::test_a_forged_release_is_a_fault")),
    ("Reversible.", (f"{_R}::test_a_release_comes_and_goes_without_touching_owners_acls_or_the_application",
                     "release/test_line.py::test_a_change_of_before_goes_back_after_the_release")),
    ("In one transaction, all or nothing.", (f"{_R}::test_an_incomplete_or_widened_file_is_refused",)),
    ("A file printed by one build is refused by a database of another, by the sum of the rendered SQL.", (f"{_R}::test_a_file_of_another_build_is_refused",)),
)  # fmt: skip  # a sentence and its tests
_HEAD: Final = """# What is promised, and the tests of it

Contract, section 10, "Succession" and "The product": each sentence, and the tests that are named after it. They run in CI against real servers; a file of them:
`scripts/test tests/succession/test_contract.py`.
This page is generated: `python -m tests.guides.promises > docs/promises.md`.
"""


def functions(file: str) -> Iterator[str]:
    """The tests of a file below tests/."""
    for node in ast.parse((ROOT / "tests" / file).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name


def render() -> str:
    """The page."""
    parts = [_HEAD]
    for title, promises in (("Succession", SUCCESSION), ("The product", PRODUCT)):
        parts.append(f"\n## {title}\n\n| promised | tests |\n| --- | --- |\n")
        parts += [f"| {said} | {'<br>'.join(_shown(test) for test in tests)} |\n" for said, tests in promises]
    return "".join(parts)


def _shown(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[`{name}`](../tests/{file})"


if __name__ == "__main__":
    print(render(), end="")
