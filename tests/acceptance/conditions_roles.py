"""Who may be what, and what the application role may hold, condition by condition."""

from __future__ import annotations

from functools import partial

from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR
from tests.acceptance.closers import LEGACY, Closer
from tests.acceptance.moves import Move, behind, both, do
from tests.acceptance.stays_open import Stays

_APART = partial(Closer, "roles_apart", resign=False)
_CONTAINED = partial(Closer, "application_role_contained", resign=False)
_ACL = partial(Closer, "owners_and_acls_exact", resign=False)
_THERE = partial(Closer, "inventory_exact", resign=False)


def _lent(login: str, options: str, role: str = "qt001_cp_ledger") -> Move:
    """An operator's new login that is a member of ``role``."""
    return do(
        f"CREATE ROLE {login} LOGIN",
        f"GRANT qt001_cp_operator TO {login}",
        f"GRANT {role} TO {login} WITH {options}",
        f"INSERT INTO qt001_cp.person (login, person, duty) VALUES ('{login}', 'dora.diaz', 'operator')",
    )


_NORA = (
    "CREATE ROLE zz_nora LOGIN",
    "INSERT INTO qt001_cp.person (login, person, duty) VALUES ('zz_nora', 'nora.nash', 'author')",
)
_AGAIN = ("DROP ROLE zz_nora", "CREATE ROLE zz_nora LOGIN")
ROLES = (
    _APART("a login was given its duty, and is another one now", do(*_NORA, *_AGAIN), "role zz_nora"),
    _APART("a login that FIX7a found is another one now", do(
        f"ALTER ROLE {AUTHOR} RENAME TO zz_elsewhere", f"CREATE ROLE {AUTHOR} LOGIN"), f"role {AUTHOR}"),
    _APART("the application role has a duty", do("INSERT INTO qt001_cp.person (login, person, duty) VALUES ('directus', 'directus', 'author')"), "no duty"),
    _APART("the auditor is the application role", do(f"GRANT directus TO {AUDITOR}"), f"role {AUDITOR}"),
    _APART("one person authors and operates, by two logins", do(
        f"UPDATE qt001_cp.person SET person = (SELECT p.person FROM qt001_cp.person p WHERE p.login = '{AUTHOR}')"
        f" WHERE login = '{OPERATOR}'"), f"qt001_cp_author by login {AUTHOR}, qt001_cp_operator by login {OPERATOR}"),
    _APART("a login has two duties", both(
        do("ALTER TABLE qt001_cp.person DROP CONSTRAINT person_pkey"),
        do(f"INSERT INTO qt001_cp.person (login, person, duty) VALUES ('{AUTHOR}', 'tom.too', 'verifier')")), "at most one duty"),
    _APART("a person is no identifier", both(
        do("ALTER TABLE qt001_cp.person DROP CONSTRAINT person_is_an_identifier"),
        do("UPDATE qt001_cp.person SET person = 'Tom Tan' WHERE login = 'qt001_author'")), "an identifier"),
    _APART("the operator still is the application role", do(f"GRANT directus TO {OPERATOR}"), f"role {OPERATOR}"),
    _APART("somebody is the owner role who is no operator", do("GRANT qt001_cp_owner TO intern"), "role intern"),
    *(_APART(f"the ledger role has {power}", do(f"ALTER ROLE qt001_cp_ledger {power}"), power)
      for power in ("LOGIN", "SUPERUSER", "CREATEROLE", "REPLICATION", "BYPASSRLS")),
    _APART("the ledger role is lent to the operator", _lent("dora", "INHERIT TRUE, SET TRUE"), "role dora: expected no membership in qt001_cp_ledger"),
    _APART("the ledger role is inherited", _lent("dora", "INHERIT TRUE, SET FALSE"), "role dora"),
    _APART("somebody may SET ROLE to the ledger role", _lent("dora", "INHERIT FALSE, SET TRUE"), "role dora"),
    _APART("somebody is a member of a member of the ledger role", both(
        do("CREATE ROLE bridge", "GRANT qt001_cp_ledger TO bridge"), _lent("dora", "INHERIT TRUE, SET TRUE", "bridge")), "role bridge"),
    _APART("somebody but the administrator may lend the ledger role", _lent("dora", "ADMIN TRUE, INHERIT FALSE, SET FALSE"),
           "ADMIN OPTION"),
    _APART("who may lend the ledger role has a duty", both(
        _lent("dora", "ADMIN TRUE, INHERIT FALSE, SET FALSE"), do("UPDATE qt001_cp.bootstrap SET actor = 'dora'")),
        "duty qt001_cp_operator"),
    _APART("who may become the administrator has a duty", both(
        do("CREATE ROLE chief LOGIN CREATEROLE", "UPDATE qt001_cp.bootstrap SET actor = 'chief'"),
        _lent("dora", "INHERIT FALSE, SET TRUE", "chief")), "duty qt001_cp_operator"),
    _APART("somebody may only make an operator of himself, and is the owner role", do(
        "CREATE ROLE dora LOGIN", "GRANT qt001_cp_operator TO dora WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", "GRANT qt001_cp_owner TO dora"),
        "role dora"),
    _APART("a superuser is the owner role who is no operator", do("CREATE ROLE boss SUPERUSER", "GRANT qt001_cp_owner TO boss"), "role boss"),
    *(_APART(f"an auditor who creates roles {does} the application role", do(f"ALTER ROLE {AUDITOR} CREATEROLE", f"GRANT directus TO {AUDITOR} WITH {how}"),
             f"role {AUDITOR}") for does, how in (("inherits", "INHERIT TRUE, SET FALSE"), ("may become", "INHERIT FALSE, SET TRUE"))),
    _APART("an auditor may make the application role his own", do(f"GRANT directus TO {AUDITOR} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"), f"role {AUDITOR}"),
    _APART("a duty's role is the application role", do("GRANT directus TO qt001_cp_verifier"), "role qt001_cp_verifier"),
    _APART("somebody is a member of who may lend the ledger role", both(
        do("CREATE ROLE lender", "GRANT qt001_cp_ledger TO lender WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"), _lent("dora", "INHERIT TRUE", "lender")),
        "role dora: expected no right to lend qt001_cp_ledger"),
    _APART("who may become a superuser that administers may lend the ledger role", do(
        "CREATE ROLE chief SUPERUSER", "UPDATE qt001_cp.bootstrap SET actor = 'chief'", "CREATE ROLE dora LOGIN", "GRANT chief TO dora",
        "GRANT qt001_cp_ledger TO dora WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"), "role dora: expected no right to lend qt001_cp_ledger"),
    _APART("the owner role is a superuser", do("ALTER ROLE qt001_cp_owner SUPERUSER"), "SUPERUSER"),
    _APART("the owner role creates roles", do("ALTER ROLE qt001_cp_owner CREATEROLE"), "CREATEROLE"),
    _APART("the owner role replicates", do("ALTER ROLE qt001_cp_owner REPLICATION"), "REPLICATION"),
    _APART("the owner role passes row security", do("ALTER ROLE qt001_cp_owner BYPASSRLS"), "BYPASSRLS"),
    *(_APART(f"a duty's role has {power}", do(f"ALTER ROLE qt001_cp_verifier {power}"), power)
      for power in ("LOGIN", "SUPERUSER", "CREATEROLE", "REPLICATION", "BYPASSRLS")),
    _APART("a duty's role is gone", do("ALTER ROLE qt001_cp_verifier RENAME TO somebody"), "role qt001_cp_verifier"),
    _APART("the owner role is gone", do("ALTER ROLE qt001_cp_owner RENAME TO somebody"), "role qt001_cp_owner"),
    _CONTAINED("the application replicates", do("ALTER ROLE directus REPLICATION"), "REPLICATION"),
    _CONTAINED("the application passes row security", do("ALTER ROLE directus BYPASSRLS"), "BYPASSRLS"),
    _CONTAINED("the application is a member of a predefined role", do("GRANT pg_monitor TO directus"), "no membership in pg_monitor"),
    *(_CONTAINED(f"the application is a member of a role with {power}",
                 do(f"CREATE ROLE boss {power}", "GRANT boss TO directus"), "no membership in boss")
      for power in ("SUPERUSER", "CREATEROLE", "REPLICATION", "BYPASSRLS")),
    _CONTAINED("the application is an auditor", do("GRANT qt001_cp_auditor TO directus"), "no membership in qt001_cp_auditor"),
    _CONTAINED("the application may set a parameter of the server",
               do("GRANT SET ON PARAMETER session_replication_role TO directus"), "SET for directus"),
    _CONTAINED("everybody may set a parameter of the server",
               do("GRANT SET ON PARAMETER session_replication_role TO PUBLIC"), "SET for PUBLIC"),
    _CONTAINED("it empties a table", do("GRANT TRUNCATE ON public.qt001_note TO directus"), "directus has TRUNCATE"),
    _CONTAINED("it maintains a table", do("GRANT MAINTAIN ON public.qt001_note TO directus"), "directus has MAINTAIN"),
    _CONTAINED("it reads a column", do("GRANT SELECT (value) ON public.qt001_setting TO directus"), "directus has SELECT"),
    _CONTAINED("it owns a table on which it holds nothing",
               do("ALTER TABLE public.qt001_note OWNER TO directus", "REVOKE ALL ON public.qt001_note FROM directus"), "qt001_note"),
    _ACL("another owner of what has an empty ACL", do("ALTER FUNCTION public.qt001_is_ready() OWNER TO postgres"), "owner qt001_cp_owner"),
    _THERE("a transferred table is gone", do("DROP TABLE public.qt001_setting CASCADE"), "table public.qt001_setting"),
    Closer("legacy_authority_removed", "somebody may call it", do(f"GRANT EXECUTE ON FUNCTION {LEGACY[1]} TO intern"),
           "no privilege for anybody", resign=False),
)  # fmt: skip  # one case a line
_STILL = partial(Stays, "roles_apart")
ROLES_STAYS = (
    _STILL("a login with a duty is gone", do(*_NORA, "DROP ROLE zz_nora")),
    _STILL("a login with a duty has another name", do(*_NORA, "ALTER ROLE zz_nora RENAME TO zz_nash")),
    _STILL(
        "a login that is another one was given the duty again",
        do(*_NORA, *_AGAIN, "UPDATE qt001_cp.person SET login = login WHERE login = 'zz_nora'"),
    ),
    _STILL(
        "another login, where another cluster gave the duty",
        both(
            do(*_NORA, *_AGAIN),
            behind(
                "UPDATE qt001_cp.event SET detail = detail || '{\"system\": \"1\"}' WHERE verb = 'duty_given'", "event"
            ),
        ),
    ),
)
