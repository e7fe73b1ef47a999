"""``policy init`` does what was said: exactly those objects, an error for what names nothing, and what is tied to them is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.model.canonical import Json
from qt001_cp.model.names import Role
from qt001_cp.model.policy import OF_APPLY_PATH, Policy
from qt001_cp.plan.candidate.foreign import ForeignKey, choices, component, crossing, fewest
from qt001_cp.plan.keep import left
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene, drop_scene, new_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from tests.conftest import exported

_SHOP = """
SET ROLE shop;
CREATE TABLE public.shop_log (id serial PRIMARY KEY, what text);
CREATE TABLE public.shop_item (id serial PRIMARY KEY, name text);
CREATE TABLE public.shop_cart (id serial PRIMARY KEY, item int REFERENCES public.shop_item ON DELETE CASCADE);
CREATE TABLE public."shop[1]" (id int);
RESET ROLE;
"""


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[Scene]:
    scene = new_scene(server, "shop_case", reference=estate.LOG)
    with scene.connect() as admin:
        admin.execute(_SHOP)
    yield scene
    drop_scene(scene)


def _init(scene: Scene, out: Path, *wishes: str) -> int:
    return main(
        ["policy", "init", "--database", scene.dsn(OPERATOR), "--application", "shop", "--out", str(out), *wishes]
    )


def _said(scene: Scene, out: Path, capsys: pytest.CaptureFixture[str], *wishes: str) -> tuple[int, Json]:
    code = _init(scene, out, "--format", "json", *wishes)
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {"error": said.err}


def _transferred(said: Json) -> set[str]:
    objects = said["objects"]
    assert isinstance(objects, list)
    return {
        o["identity"] for o in objects if o["disposition"] == "transfer" and o["kind"] not in ("database", "schema")
    }


def test_exactly_what_is_named_is_protected(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "policy.toml"
    code, said = _said(shop, out, capsys, "--protect", "public.shop_log")
    assert code == 0, said
    assert _transferred(said) == {"public.shop_log", "public.shop_log_id_seq"}
    policy = load_policy(out)
    assert policy.undecided() == []
    assert not set(OF_APPLY_PATH) & policy.raw.keys()
    retains = [rule for rule in policy.rules if rule.disposition == "retain"]
    assert len(retains) <= 4, "one rule for what one rule says"


def test_what_is_kept_is_said_by_privilege_and_column(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "policy.toml"
    code, said = _said(shop, out, capsys, "--keep", "public.shop_log=SELECT,INSERT,UPDATE(what, id)")
    assert code == 0, said
    drafted = _manifest(shop, load_policy(out), out)
    assert drafted["public.shop_log"] == {None: {"SELECT", "INSERT"}, "what": {"UPDATE"}, "id": {"UPDATE"}}
    assert drafted["public.shop_log_id_seq"] == {None: {"USAGE"}}
    assert drafted["public"] == {None: {"USAGE", "CREATE"}}, "only a table is protected there"


@pytest.mark.parametrize(
    "wish",
    ["public.shop_log", "public.shop_log=", "public.shop_log=TRUNCATE", "public.shop_log=DELETE(what)", "=SELECT"],
)
def test_what_cannot_be_kept_is_an_error(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str], wish: str
) -> None:
    out = tmp_path / "policy.toml"
    assert _init(shop, out, "--keep", wish) == 2
    assert "expected PATTERN=PRIVILEGES" in capsys.readouterr().err
    assert not out.exists()


def test_an_extension_of_the_application_stays_its_own_where_nothing_protected_needs_it(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seen: to leave it to a person was to say that its indexes have to go."""
    with shop.connect("shop") as connection:
        connection.execute("CREATE EXTENSION pg_trgm WITH SCHEMA public")
        connection.execute("CREATE INDEX alike ON public.shop_item USING gin (name public.gin_trgm_ops)")
    try:
        code, said = _said(shop, tmp_path / "one.toml", capsys, "--protect", "public.shop_log")
        assert code == 0, said
        assert {o["identity"]: o["disposition"] for o in said["objects"]}["pg_trgm"] == "retain"
        wishes = ("--protect", "public.shop_item", "--keep-foreign-key", "public.shop_cart.*")
        code, said = _said(shop, tmp_path / "two.toml", capsys, *wishes)
        assert code == 3
        assert {o["identity"]: o["disposition"] for o in said["objects"]}["pg_trgm"] is None
        _, said = _said(shop, tmp_path / "named.toml", capsys, *wishes, "--retain", "extension pg_tr*")
        assert {o["identity"]: o["disposition"] for o in said["objects"]}["pg_trgm"] == "retain"
        assert _init(shop, tmp_path / "wrong.toml", *wishes, "--retain", "extension pg_trmg") == 2
        assert "extension pg_trgm" in capsys.readouterr().err
        # What its reason says: made anew by the administrator, in one transaction, and no index is lost.
        with shop.connect() as admin, admin.transaction():
            kept = admin.execute("SELECT pg_get_indexdef('public.alike'::regclass)").fetchone()
            assert kept is not None
            admin.execute("DROP EXTENSION pg_trgm CASCADE; CREATE EXTENSION pg_trgm WITH SCHEMA public")
            admin.execute(kept[0])
        _, said = _said(shop, tmp_path / "three.toml", capsys, *wishes)
        assert "pg_trgm" not in {o["identity"] for o in said["objects"]}
        with shop.connect() as admin:
            assert admin.execute("SELECT pg_get_indexdef('public.alike'::regclass)").fetchone() == kept
    finally:
        with shop.connect() as connection:
            connection.execute("DROP EXTENSION pg_trgm CASCADE")


def test_brackets_are_part_of_a_name(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = _said(shop, tmp_path / "policy.toml", capsys, "--protect", "public.shop[1]")
    assert code == 0, said
    assert _transferred(said) == {'public."shop[1]"'}


@pytest.mark.parametrize(
    ("wishes", "nearest"),
    [
        (("--protect", "public.shop_lgo"), "public.shop_log"),
        (("--append-only", "audit.logs"), "audit.log"),
        (("--read-only", "shop_item"), "public.shop_item"),
        (("--protect", "public.shop_log", "--retain", "public.shop_itme"), "public.shop_item"),
    ],
)
def test_what_names_nothing_is_an_error_with_the_nearest_names(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str], wishes: tuple[str, ...], nearest: str
) -> None:
    out = tmp_path / "policy.toml"
    assert _init(shop, out, *wishes) == 2
    said = capsys.readouterr().err
    assert f"{wishes[-1]!r} matches nothing" in said
    assert nearest in said
    assert "hint:" in said
    assert not out.exists()


def test_nothing_to_protect_drafts_nothing(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "policy.toml"
    assert _init(shop, out) == 2
    assert "there is nothing to draft" in capsys.readouterr().err
    assert not out.exists()


def test_a_pattern_is_one_thing(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(shop, tmp_path / "policy.toml", "--protect", "audit.log", "--retain", "audit.log") == 2
    assert "it is named twice" in capsys.readouterr().err


def test_a_log_and_a_permission_table_need_no_edit(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "policy.toml"
    wishes = ("--append-only", "audit.log", "--read-only", "audit.permission", "--read-only", "audit.last_day")
    code, said = _said(shop, out, capsys, *wishes)
    assert code == 0, said
    assert _transferred(said) == {"audit.log", "audit.log_id_seq", "audit.permission", "audit.last_day", "audit.action"}
    told = said["told"]
    assert isinstance(told, list)
    assert any(line.startswith("comes along: type audit.action: runs inside") for line in told), told
    drafted = _manifest(shop, load_policy(out), out)
    assert drafted["audit.log"] == {None: {"SELECT", "INSERT"}}
    assert drafted["audit.log_id_seq"] == {None: {"USAGE"}}
    assert drafted["audit.permission"] == {None: {"SELECT"}}
    assert drafted["audit.last_day"] == {None: {"SELECT"}}
    assert drafted["audit"] == {None: {"USAGE"}}


def _manifest(scene: Scene, policy: Policy, path: Path) -> dict[str, dict[str | None, set[str]]]:
    """What the drafted manifest leaves to the application, by identity."""
    revisions.upgrade(scene.dsn(OPERATOR), "fix7a", policy=str(path))
    try:
        with scene.connect(AUTHOR) as author:
            manifest = make_bundle(author, path).manifest
    finally:
        revisions.downgrade(scene.dsn(OPERATOR), "base", ledger=exported(scene))
    assert policy.application == Role("shop")
    return {o.ref.identity: left(o.after, Role("shop")) for o in manifest.transferred if o.after is not None}


def test_a_foreign_key_across_the_border_has_choices(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = _said(shop, tmp_path / "policy.toml", capsys, "--protect", "public.shop_cart")
    assert code == 3
    told = "\n".join(map(str, said["told"])) if isinstance(said["told"], list) else ""
    assert "foreign keys hold 1 more table(s) together with what is protected: public.shop_item" in told
    assert "the fewest that have to go: 1: shop_cart_item_fkey of public.shop_cart" in told
    assert "DELETE of a row does CASCADE to public.shop_cart" in told
    assert "--protect 'public.shop_item'" in told
    assert (
        "ALTER TABLE public.shop_cart DROP CONSTRAINT shop_cart_item_fkey;  -- back: ALTER TABLE public.shop_cart ADD"
        in told
    )
    code, said = _said(
        shop, tmp_path / "both.toml", capsys, "--protect", "public.shop_cart", "--protect", "public.shop_item"
    )
    assert code == 0, said


def test_the_printed_migration_replaces_the_key(shop: Scene) -> None:
    """Both statements can be typed, and the second brings back what the first takes."""
    from qt001_cp.catalog.foreign_keys import read_foreign_keys

    with shop.connect() as admin, admin.transaction(force_rollback=True):
        before = read_foreign_keys(admin)
        key = next(k for k in before if k.table == "public.shop_cart")
        admin.execute(key.drop.encode())
        assert key not in read_foreign_keys(admin)
        admin.execute(key.add.encode())
        assert read_foreign_keys(admin) == before


def test_migrations_that_end_with_the_database_are_told(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shop.connect() as admin:
        admin.execute("REVOKE CREATE ON SCHEMA public FROM shop")
    try:
        _, said = _said(shop, tmp_path / "one.toml", capsys, "--protect", "audit.log")
    finally:
        with shop.connect() as admin:
            admin.execute("GRANT CREATE ON SCHEMA public TO shop")
    if shop.server.version >= 150000:
        assert any('GRANT CREATE ON SCHEMA public TO "shop";' in str(line) for line in said["told"]), said["told"]
    _, said = _said(shop, tmp_path / "two.toml", capsys, "--protect", "public.shop_log")
    assert not any("can no longer create" in str(line) for line in said["told"]), "beside a table CREATE stays"
    _, said = _said(shop, tmp_path / "three.toml", capsys, "--protect", "public.purchases_by_customer")
    assert any("can no longer create in schema public after FIX7b" in str(line) for line in said["told"])


def test_what_is_retained_by_name_and_tied_is_told(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wishes = ("--protect", "public.shop_cart", "--retain", "public.shop_item")
    code, said = _said(shop, tmp_path / "policy.toml", capsys, *wishes)
    assert code == 3, "FIX7b's checks say the same"
    assert any(
        str(line).startswith("tied: table public.shop_cart reaches table public.shop_item") for line in said["told"]
    )


def _key(table: str, referenced: str, name: str = "k") -> ForeignKey:
    return ForeignKey(name, table, referenced, "a", "a", "FOREIGN KEY …")


def test_the_fewest_keys_that_have_to_go() -> None:
    """log refers to a and b; both only to user: with a and b along one key less crosses."""
    keys = [
        _key("log", "a"),
        _key("log", "b"),
        _key("a", "b"),
        _key("b", "user"),
        _key("user", "group"),
        _key("x", "y"),
    ]
    protected = frozenset({"log"})
    assert component(keys, protected) == {"log", "a", "b", "user", "group"}
    assert [k.referenced for k in crossing(keys, protected)] == ["a", "b"]
    assert fewest(keys[1:4], protected)[0] == frozenset()
    along, cut = fewest([_key("log", "a", "k1"), _key("log", "a", "k2"), _key("a", "user")], protected)
    assert along == {"a"}
    assert [k.table for k in cut] == ["a"]
    assert "can drop the constraint" in next(iter(choices(keys[0], protected)))
