"""The one way to a database that is not ours: no code of it runs before our first statement, and both sides speak UTF-8.

A login event trigger (PostgreSQL 17 and later) runs before the first statement of a session, with the rights of whoever
connects. Who may switch event triggers off in the startup packet does that, and switches them on again afterwards. Anybody
else first looks from another database (``pg_database.dathasloginevt`` is shared) and does not connect where one waits. Before
17 there are none, and the setting is unknown to the server.

Source: PostgreSQL documentation, "Event Trigger Behavior" (login), ``event_triggers``, and "Database Connection Control
Functions" (``options``, ``client_encoding``).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict

from qt001_cp.errors import DatabaseProblem, Findings
from qt001_cp.wording import wording

LOGIN_TRIGGERS: Final = 170000
"""The server_version_num from which on a database can have login triggers."""
LOCK_WAIT: Final = "10s"
"""How long a session of ours waits for somebody's lock, where ``PGOPTIONS`` or the DSN say nothing of ``lock_timeout``."""
MAINTENANCE: Final = "QT001_MAINTENANCE_DATABASE"
TRUSTED: Final = "QT001_TRUSTED_LOGIN_TRIGGERS"
WITHOUT_TRIGGERS: Final = "PGOPTIONS='-c event_triggers=off' "
"""What stands before the psql of a superuser, on 17 and later."""

_ONLY_SINCE_17: Final = "enable_group_by_reordering"
_OFF: Final = f"-c {_ONLY_SINCE_17}=on -c event_triggers=off"
"""The server takes the options in turn. Before 17 the first one stops it, which is on by default and anybody's to set; since 17
the second one, where the login may not. So the name in the error says which, in every language of the server's messages."""
_POOLER: Final = "unsupported startup parameter"
"""PgBouncer's words: they say nothing about the server behind it."""
_TARGET: Final = (
    "SELECT pg_catalog.current_setting('server_version_num')::int,"
    " pg_catalog.to_jsonb(d) ->> 'dathasloginevt' = 'true' FROM pg_catalog.pg_database d WHERE d.datname = %s"
)
_PINNED: Final = f"SET search_path = pg_catalog, pg_temp; {wording('SET ', ';')} SET client_encoding = 'UTF8'"
_READ_ONLY: Final = (
    "SELECT pg_catalog.pg_is_in_recovery(), s.source, session_user, pg_catalog.current_database() FROM pg_catalog.pg_settings s"
    " WHERE s.name = 'default_transaction_read_only'"
)
_STRANGERS: Final = (
    "SELECT t.evtname, r.rolname FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc f ON f.oid = t.evtfoid"
    " JOIN pg_catalog.pg_roles r ON r.oid = f.proowner"
    " WHERE t.evtevent = 'login' AND t.evtenabled <> 'D' AND NOT r.rolsuper ORDER BY 1 LIMIT 1"
)


def connect(dsn: str, *, name: str, options: str = "", autocommit: bool = True) -> psycopg.Connection:
    """A pinned session. ``name``: its application_name; ``options``: more of them, after those of the caller's own.

    Raises :class:`psycopg.Error` where the server does not answer, :class:`Findings` where a login trigger waits for somebody
    who cannot pass it by, or the session would begin as another role, :class:`DatabaseProblem` where nobody can look.
    """
    opened = _opened(_Given(dsn, name, options))
    try:
        _as_itself(opened)
        _pin(opened)
        opened.autocommit = autocommit
    except (psycopg.Error, Findings):
        opened.close()
        raise
    return opened


def _pin(connection: psycopg.Connection) -> None:
    """Pin search_path for the session: a setting of the database or the role may name a schema with the application's code;
    and how names and strings are written and sent, which the owner of the database may have set too.

    SET evaluates nothing, so this statement itself is safe. Event triggers, where they were off for the login, are on again:
    what watches changes has to see ours.
    """
    options = options_of(connection)
    on = "; SET event_triggers = on" if _OFF in options else ""
    wait = "" if "lock_timeout" in options else f"; SET lock_timeout = '{LOCK_WAIT}'"
    connection.execute(f"{_PINNED}{on}{wait}".encode())


def options_of(connection: psycopg.Connection) -> str:
    """What the session was opened with: for pg_dump, which has to come in by the same door."""
    return str(connection.info.get_parameters().get("options", ""))


def read_only_hint(connection: psycopg.Connection) -> str:
    """Why a session may not write (SQLSTATE 25006), and what to type."""
    row = connection.execute(_READ_ONLY).fetchone()
    standby, source, user, database = row if row is not None else (False, "", "", "")
    if standby:
        return "this server is a standby: name the primary in the DSN"
    role, place = _quoted(user), _quoted(database)
    reset = "RESET default_transaction_read_only;  and connect again"
    return {
        "database": f"ALTER DATABASE {place} {reset}",
        "user": f"ALTER ROLE {role} {reset}",
        "database user": f"ALTER ROLE {role} IN DATABASE {place} {reset}",
        "client": "take default_transaction_read_only out of PGOPTIONS, or of the options in the DSN",
    }.get(str(source), "ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf();  as a superuser")


class _Given:
    """What the caller named, and how it is opened."""

    def __init__(self, dsn: str, name: str, options: str) -> None:
        self.dsn = dsn.replace("postgresql+psycopg://", "postgresql://", 1)
        self._said: Mapping[str, Any] = conninfo_to_dict(self.dsn)
        self._usual = _defaults(self._said.get("service"))
        self._options = " ".join(o for o in (self.parameter("options"), options) if o)
        self._name = name

    def parameter(self, name: str) -> str:
        """Its value by the DSN, the service, or the environment."""
        return str(self._said.get(name) or self._usual.get(name) or "")

    @property
    def database(self) -> str:
        """As libpq finds it: the user's name where no database is named."""
        return self.parameter("dbname") or self.parameter("user")

    def open(self, more: str = "", database: str | None = None) -> psycopg.Connection:
        return psycopg.connect(
            self.dsn, options=f"{self._options} {more}".strip(), client_encoding="UTF8", autocommit=True,
            connect_timeout=self.parameter("connect_timeout") or 10, application_name=self._name, dbname=database,
        )  # fmt: skip


def _opened(given: _Given) -> psycopg.Connection:
    try:
        return given.open(_OFF)
    except psycopg.OperationalError as exc:
        said = str(exc)
        if _ONLY_SINCE_17 not in said and "event_triggers" not in said:
            raise
    if _ONLY_SINCE_17 in said and _POOLER not in said:
        return given.open()
    version, waits = _look(given)
    if version < LOGIN_TRIGGERS or not waits:
        return given.open()
    if os.environ.get(TRUSTED) != given.database:
        raise _waits(given)
    return _trusted(given)


def _look(given: _Given) -> tuple[int, bool]:
    """Version, and whether login triggers wait in the database, as another database tells. Raises :class:`DatabaseProblem`."""
    named = os.environ.get(MAINTENANCE)
    tried = []
    for database in [named] if named else ["postgres", "template1"]:
        if database == given.database:
            continue
        try:
            with given.open(database=database) as beside:
                row = beside.execute(_TARGET, [given.database or beside.info.user]).fetchone()
        except psycopg.OperationalError as exc:
            tried.append(f"{database}: {str(exc).strip().splitlines()[-1]}")
            continue
        return (int(row[0]), bool(row[1])) if row else (LOGIN_TRIGGERS, False)
    why = f" ({'; '.join(tried)})" if tried else ""
    raise DatabaseProblem(
        f"database {given.database}: expected another database beside it to look from, found none{why}: a login event trigger"
        " would run with the rights of this login before anything can be asked, and only another database tells whether there is one",
        hint=f"{MAINTENANCE}=NAME qt001-cp …  with a database that this login may connect to; or connect as a superuser",
    )


def _waits(given: _Given) -> Findings:
    user = given.parameter("user")
    who = f"login {user}" if user else "this login"
    return Findings(
        f"database {given.database}: expected no login event trigger, found that it has one (pg_database.dathasloginevt): its function"
        f" would run with the rights of {who} before our first statement, so nothing was connected",
        hint="let a superuser look: "
        + WITHOUT_TRIGGERS
        + f'psql -X -d {shlex.quote(given.database)} -c "SELECT t.evtname, t.evtfoid::pg_catalog.regprocedure,'
        " f.proowner::pg_catalog.regrole FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc f ON f.oid = t.evtfoid"
        " WHERE t.evtevent = 'login'\"\n        a trigger whose function is not a superuser's: DROP EVENT TRIGGER …; then, without one left,"
        f" psql -X -d {shlex.quote(given.database)} -c '' takes the mark away\n        all of superusers:"
        f" {TRUSTED}={shlex.quote(given.database)} before the command",
    )


def _trusted(given: _Given) -> psycopg.Connection:
    """The caller says that a superuser has looked. Raises :class:`Findings` where that was wrong: then it has run."""
    opened = given.open()
    row = opened.execute(_STRANGERS).fetchone()
    if row is None:
        return opened
    user = opened.info.user
    opened.close()
    raise Findings(
        f"login event trigger {row[0]} of database {given.database}: expected a function of a superuser, found one of {row[1]};"
        f" it has run with the rights of {user}, because {TRUSTED} said that it may",
        hint=f"DROP EVENT TRIGGER {_quoted(row[0])}; -- as a superuser, and see what it did: the login's rights are those that it had",
    )


def _as_itself(opened: psycopg.Connection) -> None:
    """Duties belong to the login. A session that begins as another role would be told of what that one lacks."""
    row = opened.execute("SELECT session_user, current_user").fetchone()
    if row is None or row[0] == row[1]:
        return
    login, role = map(_quoted, row)
    raise Findings(
        f"login {row[0]}: expected a session of its own, found that it begins as {row[1]}: a setting of the login or of the"
        " database does SET role",
        hint=f"ALTER ROLE {login} RESET role;  or, where it is set for this database,"
        f" ALTER ROLE {login} IN DATABASE {_quoted(opened.info.dbname)} RESET role;  {role} is taken on by SET ROLE where it is wanted",
    )


def _quoted(name: str) -> str:
    """As an identifier. This module stands below :mod:`qt001_cp.emit.quoting`: everybody connects."""
    return sql.Identifier(name).as_string()


def _defaults(service: object) -> dict[str, str]:
    """What libpq takes where a DSN says nothing: the environment, and the service that either of them names."""
    with _service(service):
        return {o.keyword.decode(): o.val.decode() for o in pq.Conninfo.get_defaults() if o.val is not None}


@contextmanager
def _service(name: object) -> Iterator[None]:
    if not name:
        yield
        return
    before = os.environ.get("PGSERVICE")
    os.environ["PGSERVICE"] = str(name)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PGSERVICE"]
        else:
            os.environ["PGSERVICE"] = before
