"""Mutants that no gate can tell from the original, each with its reason; and what is tried elsewhere."""

from __future__ import annotations

from typing import Final

_SAME: Final = "identities are unique across the kinds that are listed; the kind is there for the index"
_COUNT: Final = "without it the server refuses the count itself: as closed, in other words"
_CUTOVER: Final = "the exception of the cutover; a gate asks without it, tests/operator with it"

_WORDS: Final = "only the words of a finding, which is one whatever they are"
_OID: Final = "an OID that two catalogs share could only add an object"
_BETWEEN: Final = "only names the role in between, for the mending command"
_DEPLOYED: Final = "FIX7c makes the gates and deploys in one transaction: no case is without a deployed manifest"
_BEFORE: Final = "a filter before the exact question, which effective_privileges() answers"
_IN_FORCE: Final = "a gate asks with in_force; FIX7a and FIX7b ask without: tests/cutover/test_search_path.py"
_BEFORE_16: Final = (
    "asked on PostgreSQL 14 and 15 only, where no mutant is tried: tests/operator/test_managed.py has such a login"
)


def _each(reason: str, *removed: str) -> dict[str, str]:
    return dict.fromkeys(removed, reason)


EQUIVALENT: Final[dict[str, dict[str, str]]] = {
    "acl_lines": {"branch: (entry ->> 3)::boolean": _WORDS},
    "analysis_findings": {
        "condition: space.nspname = object.schema": "the identity, compared in the same join, holds the schema; this is for speed",
        "conjunct: live.pronamespace = space.oid": "the identity, compared in the same join, holds the schema; this is for speed",
        "conjunct: live.proname = object.name": "the identity, compared in the same join, holds the name; this is for speed",
        "disjunct: evidence.doc IS NULL": "without any analysis every transferred routine is a finding of its own",
        "conjunct: analysed.kind = routine.kind": _SAME,
        "conjunct: routine.kind = analysed.kind": _SAME,
    },
    "analysed_writers": {
        "conjunct: guarded.guard IS NOT NULL": "a routine outside of qt001_cp that is registered without a guard is a finding of its own",
    },
    "application_member_findings": {
        "conjunct: joined.member <> app.name": "the application role with a duty is a finding of duty_findings",
        "conjunct: second.member = first.role": _BETWEEN,
        "conjunct: second.role = app.name": _BETWEEN,
        "conjunct: first.member = member.rolname": _BETWEEN,
        "conjunct: first.role NOT IN (member.rolname, app.name)": _BETWEEN,
        "NOT of: NOT IN (member.rolname, app.name)": _BETWEEN,
        "condition: NOT (cutover AND member.duties = ARRAY['qt001_cp_operator'::name] AND member.rolcanlogin AND intermediate.role IS NULL)": _CUTOVER,
        "conjunct: member.duties = ARRAY['qt001_cp_operator'::name]": _CUTOVER,
        "conjunct: member.rolcanlogin": _CUTOVER,
        "conjunct: intermediate.role IS NULL": _CUTOVER,
    },
    "application_power_findings": {
        "disjunct: role.rolsuper": "a superuser holds every privilege: excess_privilege_findings names them one by one",
        "arm: SELECT 'QT108', 'role ' || app, 'a role', 'no such role', 'Name the application role in the policy.' WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE pg_roles.rolname = app)": "where the role does not exist, the has_…_privilege functions of the same gate raise",
        "condition: pg_roles.rolname = app": "where the role does not exist, the has_…_privilege functions of the same gate raise",
        "conjunct: name <> app": "the application's own attributes are the first arm's findings",
        "disjunct: name IN ('qt001_cp_owner', 'qt001_cp_ledger')": "a member of either holds all that the owner owns: excess_privilege_findings",
    },
    "expected_source": _each(
        _WORDS,
        "conjunct: state = 'deployed'",
        "conjunct: event.verb = 'deployed'",
        "conjunct: event.subject = expected_source.manifest",
        "conjunct: event.verb IN ('deployed', 'succeeded')",
        "conjunct: entry.manifest = expected_source.manifest",
    ),
    "excess_privilege_findings": {
        "conjunct: qt001_cp.has_any_privilege(app, live.classid, live.objid, object.kind, live.owner::name, privilege.revoked, privilege.revoked_columns)": _BEFORE,
        "conjunct: suspect.classid = 'pg_class'::regclass": "nothing but a relation has columns",
        "conjunct: suspect.columns <> '[]'": "where no column is left only_kept_columns() says no",
        "conjunct: live.kind = object.kind": _SAME,
    },
    "changed_login": _each(
        _WORDS,
        "branch: renamed.rolname IS NOT NULL AND same.oid IS NULL",
        "conjunct: same.oid IS NULL",
        "branch: renamed.rolname IS NOT NULL",
        "branch: same.oid IS NOT NULL",
        "branch: renamed.rolname IS NOT NULL AND same.oid IS NULL (2)",
        "conjunct: same.oid IS NULL (2)",
        "branch: same.oid IS NOT NULL (2)",
        "conjunct: renamed.oid::text = given.number",
        "conjunct: renamed.rolname <> person.login",
    ),
    "control_noted": {
        "conjunct: noted.refclassid = 'pg_namespace'::regclass": _OID,
        "conjunct: noted.classid = class": _OID,
    },
    "control_object": {"conjunct: type.typelem = 0": "a list of a type has the owner of the type"},
    "control_relation": {"condition: type.typrelid <> 0": "no relation has number 0"},
    "growth": {
        "conjunct: live.relkind = 'p'": "sealing has asked for a partitioned one, and no other has its identity"
    },
    "growth_object": {
        "conjunct: EXISTS (SELECT 1 FROM known)": "this is for speed: where nothing grows nothing is unpacked",
    },
    "partition_fault": {
        **_each(
            "PostgreSQL attaches no partition whose columns are others",
            "disjunct: of_parent.attnum IS NULL",
            "disjunct: own.atttypid <> of_parent.atttypid",
            "disjunct: own.atttypmod <> of_parent.atttypmod",
            "disjunct: own.attcollation <> of_parent.attcollation",
            "disjunct: own.attnotnull < of_parent.attnotnull",
            "disjunct: own.attgenerated <> of_parent.attgenerated",
            "disjunct: own.attidentity NOT IN ('', of_parent.attidentity)",
        ),
        "conjunct: own.attnum > 0": "the server's columns are the same in every table",
        "branch: own.contype = 't'": "its trigger is a finding before it",
        "disjunct: own.indisexclusion": "its constraint is a finding before it",
        "branch: own.contype IN ('f', 'p', 'u')": "a key that is not its table's is inherited by neither count",
    },
    "partition_differences": {
        "conjunct: entry.kind = 'table'": _SAME,
        **_each(
            "a gate asks for no other state",
            "conjunct: (state <> 'before' OR relation.relowner <> above.relowner)",
            "disjunct: state <> 'before'",
            "disjunct: relation.relowner <> above.relowner",
            "conjunct: state <> 'before'",
        ),
    },
    "control_schema_findings": {
        **_each(
            "a routine there that is not the ledger role's, or no part of ours, is a finding of entry_point_findings() too",
            "conjunct: object.owner = 'qt001_cp_owner'::regrole",
            "conjunct: object.objid IN ( to_regprocedure('qt001_cp.run_change(text)'), to_regprocedure('qt001_cp.lend_create(text)'), to_regprocedure('qt001_cp.add_partition(text, text, text[], text[])'), to_regprocedure('qt001_cp.add_list_partition(text, text, text[])'), to_regprocedure('qt001_cp.drop_partition(text)'))",
        ),
        "conjunct: entry.owner IN ('qt001_cp_ledger'::regrole, 'qt001_cp_owner'::regrole)": "what belongs to anybody else is a finding of its own",
    },
    "control_schema_lines": {
        "arm: SELECT format('routine %s owner %s', oid::regprocedure, pg_get_userbyid(proowner)) FROM pg_proc WHERE pronamespace = 'qt001_cp'::regnamespace": "with its owner a routine's ACL changes, which control_plane_routines() has",
        **_each(
            "lines more, which say the same each time",
            "conjunct: attribute.attnum > 0",
            "conjunct: relation.relkind IN ('r', 'p')",
            "conjunct: relation.relkind IN ('r', 'p') (2)",
        ),
    },
    "definition_rows": _each(
        "rows more, by which something is worded that has not changed: the same words, later",
        "conjunct: class.oid = ANY (numbers)",
        "conjunct: class.relkind IN ('r', 'p', 'v', 'm', 'f')",
        "condition: attribute.attrelid = relation.oid",
        "condition: attribute.attnum > 0",
        "condition: value.adrelid = relation.oid",
        "condition: rule.conrelid = relation.oid",
        "condition: index.indrelid = relation.oid",
        "condition: named.oid = index.indexrelid",
        "condition: trigger.tgrelid = relation.oid",
        "condition: rule.ev_class = relation.oid",
        "condition: policy.polrelid = relation.oid",
        "condition: relation.oid IN (parent.inhrelid, parent.inhparent)",
        "condition: away.ftrelid = relation.oid",
        "condition: parts.partrelid = relation.oid",
        "condition: relation.reltype IN (own.castsource, own.casttarget)",
        "condition: relation.reltype <> 0",
        "condition: statistics.oid = ANY (numbers)",
        "conjunct: routine.oid = ANY (numbers)",
        "conjunct: routine.prosqlbody IS NOT NULL",
    )
    | _each(
        "without rows an object is worded each time",
        "arm: SELECT 'pg_statistic_ext'::regclass, statistics.oid, (to_jsonb(statistics) - 'stxowner')::text FROM pg_statistic_ext statistics WHERE statistics.oid = ANY (numbers)",
        "arm: SELECT 'pg_proc'::regclass, routine.oid, (to_jsonb(routine) - '{proowner,proacl}'::text[])::text FROM pg_proc routine WHERE routine.oid = ANY (numbers) AND routine.prosqlbody IS NOT NULL",
    )
    | {
        "arm: SELECT 'pg_class'::regclass, away.ftrelid, to_jsonb(away)::text FROM relation JOIN pg_foreign_table away ON away.ftrelid = relation.oid": "the reference estate protects no foreign table; tests/kinds has it",
        "arm: SELECT 'pg_class'::regclass, parts.partrelid, to_jsonb(parts)::text FROM relation JOIN pg_partitioned_table parts ON parts.partrelid = relation.oid": "nobody changes by what a table is partitioned but by making it anew",
    },
    "deployed_manifest": {"condition: qt001_cp.stage() = 'fix7c'": _DEPLOYED},
    "granted_now": _each(
        "more objects than are near, which no node takes; or an ACL that there is none of, which gives no entry",
        "conjunct: pg_class.oid = ANY (ids)",
        "conjunct: pg_class.relacl IS NOT NULL",
        "conjunct: pg_attribute.attrelid = ANY (ids)",
        "conjunct: pg_attribute.attacl IS NOT NULL",
        "condition: pg_proc.oid = ANY (ids)",
    ),
    "coverage_aspects": {
        "conjunct: pair.kind = 'table'": _SAME,
        "conjunct: pair.kind = 'table' (2)": _SAME,
        "conjunct: NOT EXISTS (SELECT 1 FROM renamed) (2)": "what has another name is a finding of the same gate",
        **_each(
            "a gate asks for no other state, and for definitions",
            "disjunct: state <> 'before'",
            "NOT of: NOT definitions",
            "disjunct: NOT definitions",
            "disjunct: state <> 'before' (2)",
            "NOT of: NOT definitions (2)",
            "disjunct: NOT definitions (2)",
            "conjunct: definitions (2)",
        ),
        "conjunct: state <> 'before'": "a gate asks for no other state",
        "conjunct: definitions": "a gate asks for definitions",
        "branch: cardinality(pair.why) > 0": "only the words of the mending command",
        **_each(
            "a gate asks with numbers, and with these only what is transferred is compared",
            "conjunct: pair.transferred",
            "disjunct: NOT pair.transferred",
        ),
        "disjunct: pair.system": "the reference estate has nothing of the system's own; tests/kinds has it",
        "conjunct: pair.in_both": "what is on one side only has nothing to differ from",
        "conjunct: pair.in_both (3)": "what is on one side only has nothing to differ from",
        "conjunct: pair.in_both (4)": "what is on one side only has nothing to differ from",
        "conjunct: pair.wanted_acl <> pair.acl": "a cheap comparison before that of the sets",
        "conjunct: qt001_cp.acl_set(pair.wanted_acl) <> qt001_cp.acl_set(pair.acl)": "what is told and what is not: weighed_acl() compares the sets again",
        "conjunct: pair.wanted_columns <> pair.columns": "a cheap comparison before that of the sets",
    },
    "coverage_pair": {
        "conjunct: server.here >= 17": "true on PostgreSQL 17 and later, where the mutants are tried; before, nobody has MAINTAIN",
        "conjunct: definitions": "a gate asks for definitions",
        **_each(
            "a gate asks with numbers, in state deployed, and not for what is retained",
            "disjunct: numbers IS NULL",
            "conjunct: state = 'deployed'",
            "conjunct: state = 'deployed' (2)",
            "conjunct: (retained OR wanted.transferred)",
            "disjunct: retained",
            "conjunct: numbers IS NOT NULL",
        ),
        **_each(
            "in state deployed live_object() words nothing: live_definition() does, what has changed",
            "conjunct: made.worded",
            "arm: SELECT live.classid, live.objid, qt001_cp.sha256_hex(convert_to(live.definition, 'UTF8')), live.definition FROM live WHERE live.definition IS NOT NULL",
            "condition: live.definition IS NOT NULL",
        ),
        "conjunct: state <> 'deployed'": "it words again what has not changed since: the same words",
        "conjunct: wanted.identity = live.identity": "more is worded than compared: this is for speed",
        "conjunct: wanted.kind IS NOT NULL": "what the manifest does not hold is a finding already; how else it differs is only told",
        "conjunct: known.classid = live.classid": "an OID that two catalogs share could only add a comparison",
        **_each(
            _SAME,
            "conjunct: wanted.kind = live.kind",
            "conjunct: live.kind = wanted.kind",
            "conjunct: entry.kind = live.kind",
        ),
    },
    "dependency_findings": {
        "conjunct: routine.oid >= 16384": "the walk holds no function of the server's own; this is for speed",
        "conjunct: routine.prokind IN ('f', 'p')": "an aggregate is of language internal, a window function of internal or c",
        "conjunct: object.type = reached.kind": _SAME,
        "conjunct: expression.classid = reached.classid": "an OID that two catalogs share could only add a finding",
        "conjunct: dependency.doc IS NOT NULL": "without a document the comparison is NULL, which is no finding either",
        "conjunct: reached.kind = analysed ->> 'kind'": _SAME,
    },
    "entry_point_findings": {
        "conjunct: analysed ->> 'identity' = routine.identity": "the definition, compared beside it, holds the name",
        "disjunct: routine.oid IS NULL": "a routine that does not exist has no first call",
        "disjunct: routine.lanname <> 'plpgsql'": "no other language has a body that begins like this; it stands for those to come",
    },
    "becomes_application": {
        "conjunct: edge.member <> app": "what the application is itself, role_beside_application() leaves out",
    },
    "caller_lines": {
        "conjunct: entry.privilege_type = 'EXECUTE'": "the ACL of a routine has no other privilege",
    },
    "carries": {
        "conjunct: entry.classid = 'pg_rewrite'::regclass": "an OID that two catalogs share could only add a way",
        "conjunct: entry.refobjid <> rewrite.ev_class": "a way from a relation to itself leads nowhere",
        "conjunct: rewrite.oid >= 16384": "no manifest holds a view of the server's own; this is for speed",
        "condition: NOT fired.tgisinternal": "the functions of the server's own triggers are in no manifest, and nothing follows them",
        "conjunct: held.contype = 'f'": "no other constraint has an action",
    },
    "chain_findings": {
        "condition: event.verb NOT IN ('signed', 'refused', 'verified', 'scanned')": "none of these opens an epoch, by which the join asks; this is for the index",
    },
    "control_privilege": {
        "condition: relation.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')": "no other kind of relation has an ACL",
    },
    "expected_object": {
        **_each(
            "a gate compares only what is transferred",
            "branch: expected_object.state = 'before' OR entry.disposition = 'retain'",
            "disjunct: entry.disposition = 'retain'",
        ),
        "conjunct: expected_object.state = 'deployed'": "a gate asks for no other state",
        "disjunct: expected_object.state = 'before'": "a gate asks for no other state",
        "conjunct: event.subject = expected_object.manifest": "a gate asks about the manifest of the last deployment",
    },
    "gate_findings": {
        "condition: listed.gate <> ALL (left_out) (2)": "who leaves a gate out asks whether any other is closed: without names each is",
        "branch: manifest IS NULL": _DEPLOYED,
        "condition: listed.gate <> ALL (left_out)": _DEPLOYED,
    },
    "independence_findings": {
        "disjunct: event.actor = signer": "one login is one person, and a login without a person is the arm above",
    },
    "behind": _each(
        "only the words of a finding: what else its cause leads to",
        "arm: SELECT step.node, step.node FROM step WHERE step.edge IS NULL",
        "condition: step.edge IS NULL",
        "arm: SELECT step.node, led.cause FROM led JOIN unnest(edges) edge ON edge.source = led.node JOIN step ON step.edge = edge.number",
        "condition: node.number = led.node",
        "conjunct: node.hostile",
        "conjunct: node.number <> ALL (causes)",
        "branch: max(other.every) > 5",
        "condition: other.place <= 5",
    ),
    "beside_application_findings": {
        "branch: count(*) > 1": _WORDS,
        "condition: held.grantee IN (SELECT beside.role::text FROM beside)": "the join with beside asks the same",
    },
    "grant_option_findings": {
        "condition: kind.kind = held.kind": "only the noun of the mending command, and how many objects more there are",
        "condition: counted.place = 1": "one finding a role: the others say the same of it",
    },
    "line_difference": _each(
        _WORDS,
        "conjunct: other.again = line.again",
        "branch: length(btrim(differing.line)) > 300",
        "condition: differing.number <= 8",
        "branch: count(*) > 8",
        "branch: both_sides.less IS NOT NULL",
        "conjunct: both_sides.less IS NULL",
        "branch: both_sides.less IS NULL AND both_sides.more IS NULL",
        "conjunct: both_sides.more IS NULL",
        "branch: both_sides.less IS NULL",
        "branch: both_sides.more IS NULL",
    ),
    "live_definition": {
        "branch: EXISTS (SELECT 1 FROM deployed)": "without it everything is worded: this is for speed",
        **_each(
            "an OID that two catalogs share could only word an object again",
            "conjunct: asked.classid = live.classid",
            "conjunct: unchanged.classid = asked.classid",
            "conjunct: other.classid = live.classid",
        ),
        "conjunct: other.objid = live.objid": "live_object() is asked for these numbers alone: the same rows, more than once",
    },
    "loan_differences": {
        "condition: EXISTS (SELECT 1 FROM lent)": "this is for speed: without a loan there is nothing to compare",
        "conjunct: live.kind = lent.kind": _SAME,
    },
    "has_some_column": _each(
        _BEFORE,
        "conjunct: attrelid = relation",
        "conjunct: attnum < 0",
        "conjunct: attacl IS NOT NULL",
        "conjunct: has_column_privilege(role, relation, attnum, privileges)",
    ),
    "protected_state": {
        **_each(
            "numbers more, of which those are taken that are the owner's; or the owner's, which are nobody else's",
            "conjunct: owned.refclassid = 'pg_authid'::regclass",
            "conjunct: owned.deptype = 'o'",
            "conjunct: owned.refobjid = to_regrole('qt001_cp_owner')",
            "conjunct: owned.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))",
            "conjunct: object.owner = 'qt001_cp_owner'",
        ),
        "conjunct: object.identity NOT LIKE 'qt001\\_cp.%'": "what the owner has there is in control_plane_routines() too",
        "conjunct: object.kind = 'table'": _SAME,
        "conjunct: known.classid = live.classid": "an OID that two catalogs share could only add a definition",
        "conjunct: known.objid = live.objid": "each object beside every definition: another digest all the same where one has changed",
    },
    "only_kept_columns": {
        "branch: has_table_privilege(app, relation, privilege)": "who has it on the whole has it on the server's columns, which no manifest leaves"
    }
    | _each(
        "no privilege of the whole alone is one of columns: the next question answers it",
        "branch: privilege NOT IN (SELECT known.privilege FROM qt001_cp.privilege known WHERE known.of_columns)",
        "condition: known.of_columns",
    )
    | {"conjunct: NOT attribute.attisdropped": "of a column that is gone has_column_privilege() knows nothing"},
    "default_privilege_findings": {
        "condition: held.grantee IS NOT NULL": "nobody is called NULL",
        "disjunct: role = 'qt001_cp_owner'": "the owner holds all that the manifest transfers, by what it says",
        "conjunct: object.kind = 'default acl'": _SAME,
    },
    "name_findings": {
        "conjunct: pair.kind <> 'database'": "of a database it is one question, whether it has the name",
    },
    "stage": {
        "branch: to_regclass('qt001_cp.v_fix7_gate') IS NULL": "where there are gates they have been made",
    },
    "weighed_acl": {"branch: kind <> 'database'": "nothing but a database has CONNECT"},
    "without_maintain": {
        "conjunct: known.privilege <> 'MAINTAIN'": "the entry itself is the one that it would ask about",
    },
    "hidden_findings": {
        "conjunct: object.schema = ANY (app.path)": "a schema that is not on the path has no position on it",
    },
    "kept_cascade_findings": {
        "condition: listed.kind = 'table'": _SAME,
        "conjunct: held.contype = 'f'": "no other constraint has an action",
        "conjunct: entry.kind = 'table'": _SAME,
    },
    "kept_reach_findings": {
        "condition: entry.disposition = 'transfer'": "a way that leads over what is retained is a finding of the routes by itself",
        "conjunct: kept.privilege = 'EXECUTE'": "nothing but a routine is SECURITY DEFINER, and it has no other privilege",
        **_each(
            "this is for speed: without a beginning or an end there is no way",
            "conjunct: EXISTS (SELECT 1 FROM start)",
            "conjunct: EXISTS (SELECT 1 FROM closed)",
        ),
        **_each(
            _SAME,
            "conjunct: object.kind = kept.kind",
            "conjunct: edge.kind = walk.kind",
            "conjunct: closed.kind = walk.kind",
        ),
    },
    "kept_foreign_key": {
        "conjunct: known.contype = 'f'": "no other constraint references a table",
    },
    "left_to_application": {
        "conjunct: object.kind <> 'default acl'": "no write goes on from default privileges, and no way ends at them",
    },
    "legacy_findings": {
        "conjunct: live.kind = legacy.kind": _SAME,
        "conjunct: reached.kind = legacy.kind": _SAME,
    },
    "ledger_member_findings": {
        "conjunct: NOT near.adopts": "a member is a finding of the arm above",
        **_each(
            _BEFORE_16,
            "arm: SELECT 'QT107', 'role ' || role.rolname, format('NOCREATEROLE, as everybody but the administrator (%s)', administrator.name), 'CREATEROLE, by which it can make itself a member of qt001_cp_ledger', format('ALTER ROLE %I NOCREATEROLE;', role.rolname) FROM pg_roles role CROSS JOIN administrator WHERE current_setting('server_version_num')::int < 160000 AND role.rolcreaterole AND NOT role.rolsuper AND role.rolname <> administrator.name AND (role.rolcanlogin OR EXISTS (SELECT 1 FROM pg_auth_members member WHERE member.roleid = role.oid))",
            "conjunct: role.rolcreaterole",
            "NOT of: NOT role.rolsuper AND role.rolname <> administrator.name AND (role.rolcanlogin OR EXISTS (SELECT 1 FROM pg_auth_members member WHERE member.roleid = role.oid))",
            "conjunct: NOT role.rolsuper (2)",
            "conjunct: role.rolname <> administrator.name",
            "conjunct: (role.rolcanlogin OR EXISTS (SELECT 1 FROM pg_auth_members member WHERE member.roleid = role.oid))",
            "disjunct: role.rolcanlogin",
            "disjunct: EXISTS (SELECT 1 FROM pg_auth_members member WHERE member.roleid = role.oid)",
            "condition: member.roleid = role.oid",
        ),
    },
    "no_worse_findings": {
        "conjunct: object.kind = 'table'": _SAME,
    },
    "outside_findings": {
        "conjunct: node.classid = 'pg_foreign_server'::regclass": "an OID that two catalogs share could only add a finding",
        "branch: servers = '{}'": "without a server there is no way to one: this is for speed",
        "condition: node.number = step.node": "what was not walked has no path, which the last join asks for",
        "condition: walked.node = reached.number": _WORDS,
    },
    "privilege_of": {
        "conjunct: known.since <= current_setting('server_version_num')::int / 10000": "true on PostgreSQL 17 and later, where the mutants are tried; before, the name MAINTAIN raises",
    },
    "reached_by_apply_path": {
        "conjunct: source.kind = analysed ->> 'kind'": _SAME,
        "conjunct: target.kind = found ->> 'kind'": _SAME,
        "conjunct: edge.from_class = reached.classid": "an OID that two catalogs share could only add to what is reached",
        "conjunct: object.identity IS NOT NULL": "what an edge of the catalogs leads to exists in the same snapshot",
    },
    "member_of": {"condition: login IS NOT NULL": "no gate asks about nobody"},
    "roles_apart_findings": {
        "arm: SELECT finding.* FROM qt001_cp.application_member_findings(true) finding": "the gate itself asks the same without the exception of the cutover",
    },
    "routine_definition": {
        "branch: live.prosqlbody IS NULL": "outside of qt001_cp live_definition() of a routine with a text is the same digest; this is for speed",
    },
    "search_path_findings": {
        **_each(
            _IN_FORCE,
            "conjunct: in_force",
            "disjunct: NOT in_force AND pg_namespace.nspname NOT IN ('pg_catalog', 'information_schema') AND ( has_function_privilege(app.name, pg_proc.oid, 'EXECUTE') OR pg_has_role(app.name, pg_proc.proowner, 'MEMBER'))",
            "NOT of: NOT IN ('pg_catalog', 'information_schema') AND ( has_function_privilege(app.name, pg_proc.oid, 'EXECUTE') OR pg_has_role(app.name, pg_proc.proowner, 'MEMBER'))",
            "conjunct: ( has_function_privilege(app.name, pg_proc.oid, 'EXECUTE') OR pg_has_role(app.name, pg_proc.proowner, 'MEMBER'))",
            "disjunct: has_function_privilege(app.name, pg_proc.oid, 'EXECUTE')",
            "disjunct: pg_has_role(app.name, pg_proc.proowner, 'MEMBER')",
        ),
        "disjunct: pinned.path IS NULL": "without a path no schema is named, and pg_temp is not the last one",
        "conjunct: pg_namespace.nspname NOT IN ('pg_catalog', 'information_schema')": "initdb makes no SECURITY DEFINER routine there, and nobody else can make one",
    },
    "server_words": _each(
        _WORDS, "condition: mapping.srvid = pg_foreign_server.oid", "condition: wrapper.oid = srvfdw"
    ),
    "sign_off_findings": {
        "condition: answer.verb = 'signed'": "a refusal closes the gate by itself",
    },
    "source_rows": {
        "branch: row_security_active(target.oid)": _COUNT,
        "branch: NOT target.readable": _COUNT,
        "conjunct: has_schema_privilege(space.oid, 'USAGE')": _COUNT,
        "conjunct: has_table_privilege(relation.oid, 'SELECT')": _COUNT,
        "conjunct: relation.relkind IN ('r', 'p')": _COUNT,
        "conjunct: relation.relnamespace = space.oid": "what is counted is named with its schema",
        "conjunct: (qt001_cp.document_json(manifest) #> '{apply_path,source_tables}') @> to_jsonb(object.identity)": "only what a deployment has counted is compared with",
        "conjunct: object.kind = 'table'": _SAME,
    },
    "subject_digest": {
        "conjunct: relation.relkind = 'v'": "every other relation of the schema stands in control_schema too",
    },
    "revoked_privileges": {
        "conjunct: known.privilege <> ALL (kept)": _BEFORE,
        "condition: known.privilege <> ALL (kept)": _BEFORE,
    },
    "v_fix7_acceptance": {
        "condition: (NOT open) (2)": "an open gate has no reason, and string_agg leaves NULL out",
    },
    "verifier_findings": {
        "disjunct: run.seq IS NULL": "nobody is no member of qt001_cp_verifier",
    },
}
"""By routine: what was removed → why every gate answers as before. A whole run fails for an entry that a case does notice."""

_GROWTH: Final = ("tests/acceptance/test_growth.py",)
_PATHS: Final = ("tests/cutover/test_default_path.py",)
_NEAR: Final = ("tests/acceptance/test_near.py",)
_KINDS: Final = ("tests/kinds", "tests/estate", "tests/roundtrip")
_ROUTES: Final = ("tests/routes",)
ELSEWHERE: Final[dict[str, tuple[str, ...]]] = {
    "application_role_oids": _ROUTES,
    "apply_path_caller": _PATHS,
    "body_findings": _ROUTES,
    "borrowed_findings": _GROWTH,
    "borrowed_routine": _GROWTH,
    "breadth_first": _ROUTES,
    "cast_hint": _ROUTES,
    "catalog_edge": _ROUTES,
    "containing_schema_findings": _ROUTES,
    "database_findings": _ROUTES,
    "dependent_findings": _ROUTES,
    "effective_privileges": _KINDS,
    "event_digest": ("tests/acceptance/test_ledger.py",),
    "graph_edges": _ROUTES,
    "graph_nodes": _ROUTES,
    "inherited_privilege_findings": _ROUTES,
    "jcs": ("tests/model/test_canonical.py",),
    "lending_node": _ROUTES,
    "lent_privilege_findings": _ROUTES,
    "live_identity": _KINDS,
    "live_object": _KINDS,
    "live_state": _KINDS,
    "manifest_reach_findings": _ROUTES,
    "named_object": _NEAR,
    "near_edge": _NEAR,
    "near_object": _NEAR,
    "near_protected": _NEAR,
    "near_part": _NEAR,
    "near_root": _NEAR,
    "overload_findings": ("tests/cutover/test_overload.py",),
    "owned_object": _ROUTES,
    "parameter_grants": _ROUTES,
    "plain_declarations": ("tests/acceptance/test_first_call.py",),
    "protected_holder": _GROWTH,
    "publication_findings": _ROUTES,
    "reached_object": _NEAR,
    "reach_findings": _ROUTES,
    "reached_application_findings": _ROUTES,
    "environment_findings": _ROUTES,
    "setting_findings": _ROUTES,
    "stored_search_path_findings": _ROUTES,
    "stored_setting": _ROUTES,
    "subscription_findings": _ROUTES,
    "system_acl": _ROUTES,
    "taken_for_findings": _GROWTH,
    "writable_path": _PATHS,
    "writable_schema": _GROWTH,
    "system_privilege_findings": _ROUTES,
    "unanalysed_findings": _ROUTES,
    "user_mapping_findings": _ROUTES,
    "walked_path": _ROUTES,
}
"""What reads the catalogs for every stage, not for a gate: its conditions are tried kind by kind and route by route."""
