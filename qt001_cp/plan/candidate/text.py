"""The draft as TOML, with comments: valid from the first moment, and honest about what is undecided."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.names import Role
from qt001_cp.model.policy import PARTS, UNDECIDED, Rule
from qt001_cp.plan.candidate.foreign import ACTIONS, ForeignKey
from qt001_cp.plan.candidate.groups import Group
from qt001_cp.plan.candidate.path import Path, Switch
from qt001_cp.plan.candidate.suggest import Suggested, Suggestion

_HEAD = """\
# A draft, made from the live estate of {application} in {database}. Read every line: what is below is a suggestion with
# its reason, nobody has decided it. What is undecided has a comment and no rule, and blocks `manifest generate`.
# Objects: {transferred} to transfer, {retained} to retain, {undecided} undecided. See docs/policy.md for every key.
"""

_AGES = ("[verifier]", "max_age_seconds = 900", "", "[sign_off]", "max_validity_seconds = 604800")


@dataclass(frozen=True)
class _Item:
    object: InventoryObject
    suggestion: Suggestion


def candidate_text(
    inventory: Inventory, suggested: Suggested, path: Path | None, keys: Iterable[ForeignKey] = ()
) -> str:
    """The whole policy. ``path`` None: no apply path, and nothing that hangs on one. ``keys``: those that are kept."""
    items = [_Item(o, suggested.suggestions[o.ref.key]) for o in inventory.objects]
    count = Counter(i.suggestion.disposition for i in items)
    lines = [
        _HEAD.format(
            application=_said(inventory.application.name),
            database=_said(inventory.database),
            transferred=count["transfer"],
            retained=count["retain"],
            undecided=count[None],
        ),
        'schema = "qt001.policy/1"',
        f"name = {_q('draft for ' + inventory.database)}",
        *([] if path is None or path.readiness else ["legacy = []  # see below"]),
        "",
        "[roles]",
        f"application = {_q(inventory.application.name)}",
        "",
        "# The first rule that matches decides. Nothing at the end catches the rest.",
        "",
        *_rules(items, suggested),
        *_undecided(items, suggested),
        *_curated(items, path),
        *_grantors(items),
        *_keys(keys),
        *([] if path is None else [*_path(path), *_rest(path)]),
        *_AGES,
    ]
    return "\n".join(lines).rstrip() + "\n"


def _rules(items: list[_Item], suggested: Suggested) -> Iterator[str]:
    by_group: dict[Group | None, list[_Item]] = {}
    for item in items:
        if item.suggestion.disposition is not None:
            by_group.setdefault(suggested.groups.get(item.object.ref.key), []).append(item)
    for group in sorted(by_group, key=lambda g: (g is not None, g)):
        if group is None:
            for item in by_group[group]:
                yield from _exact(item)
            continue
        for disposition in ("transfer", "retain"):
            alike = [i for i in by_group[group] if i.suggestion.disposition == disposition]
            if alike:
                yield from _group_rule(group, alike, items)


def _group_rule(group: Group, alike: list[_Item], items: list[_Item]) -> Iterator[str]:
    """One pattern for the group, where it matches nothing that is to be treated otherwise and has no rule above."""
    reasons: dict[Suggestion, list[_Item]] = {}
    for item in alike:
        reasons.setdefault(item.suggestion, []).append(item)
    for suggestion, same in reasons.items():
        pattern = _pattern(group, same)
        if pattern is None or len(same) == 1 or not _clean(pattern, same, items, group, suggestion):
            for item in same:
                yield from _exact(item)
            continue
        yield f"# {len(same)} object(s): {_said(str(group))}"
        yield from _by_pattern(pattern, suggestion)


def _clean(pattern: Rule, same: list[_Item], items: list[_Item], group: Group, suggestion: Suggestion) -> bool:
    """What is retained comes after what is transferred of the same schema: the first rule that matches decides."""
    wanted = {id(i) for i in same}
    above = suggestion.disposition == "retain" and not group.prefix
    return all(
        id(i) in wanted or not pattern.matches(i.object.ref) or (above and i.suggestion.disposition == "transfer")
        for i in items
    )


def _pattern(group: Group, alike: list[_Item]) -> Rule | None:
    """A rule by kind, schema and prefix that matches all of these, or None."""
    name = group.prefix[:-1] + "*" if group.prefix.endswith("_") else group.prefix
    if any(c in group.schema + group.prefix for c in "*?"):
        return None
    kinds = frozenset(i.object.ref.kind for i in alike)
    rule = Rule(0, kinds, group.schema, name or None, None, "retain", "", frozenset(), frozenset())
    return rule if all(rule.matches(i.object.ref) for i in alike) else None


def _by_pattern(rule: Rule, suggestion: Suggestion) -> Iterator[str]:
    yield "[[rule]]"
    yield f"kind = {_list(sorted(rule.kinds or ()))}"
    yield f"schema = {_q(rule.schema or '')}"
    if rule.name:
        yield f"name = {_q(rule.name)}"
    yield from (
        f'disposition = "{suggestion.disposition}"',
        f"reason = {_q(suggestion.reason)}",
        *_keep(suggestion),
        "",
    )


def _keep(s: Suggestion) -> Iterator[str]:
    whole = tuple(p for p in s.kept if "(" not in p)
    kept = [
        f'{{ grantee = "{who}", privileges = {_list(what)} }}'
        for who, what in (("application", whole), ("public", s.keep))
        if what
    ]
    for privilege, _, columns in (p[:-1].partition("(") for p in s.kept if "(" in p):
        names = [c.strip() for c in columns.split(",")]
        kept.append(f'{{ grantee = "application", privileges = [{_q(privilege)}], columns = {_list(names)} }}')
    if kept:
        yield f"keep = [ {', '.join(kept)} ]"


def _exact(item: _Item) -> Iterator[str]:
    ref, s = item.object.ref, item.suggestion
    yield from ("[[rule]]", f"kind = {_q(ref.kind)}", f"identity = {_q(ref.identity)}")
    yield from (f'disposition = "{s.disposition}"', f"reason = {_q(s.reason)}")
    yield from _keep(s)
    yield ""


def _undecided(items: list[_Item], suggested: Suggested) -> Iterator[str]:
    """What has a reason of its own first; then, by group, what only shares the group's reason: one rule for all of it."""
    undecided = [item for item in items if item.suggestion.disposition is None]
    shared = _sharing(undecided, suggested)
    together = {id(item) for each in shared for item in each.items}
    for item in undecided:
        if id(item) not in together:
            yield f"# UNDECIDED {_said(str(item.object.ref))}"
            yield f"#   {_said(item.suggestion.reason)}"
            yield from _commented(_exact(_Item(item.object, Suggestion("transfer or retain", "…"))))
    for each in shared:
        yield f"# UNDECIDED {len(each.items)} objects of {_said(str(each.group))}"
        yield f"#   {_said(each.reason)}"
        yield from (f"#   - {_said(str(i.object.ref))}" for i in each.items)
        yield from _commented(_by_pattern(each.rule, Suggestion("transfer or retain", "…")))


class _Shared(NamedTuple):
    """Undecided objects of one group, for one reason, that one rule matches."""

    group: Group
    reason: str
    items: list[_Item]
    rule: Rule


def _sharing(undecided: list[_Item], suggested: Suggested) -> list[_Shared]:
    alike: dict[tuple[Group, str], list[_Item]] = {}
    for item in undecided:
        group = suggested.groups.get(item.object.ref.key)
        if group is not None:
            alike.setdefault((group, item.suggestion.reason), []).append(item)
    return [
        _Shared(group, reason, items, rule)
        for (group, reason), items in alike.items()
        if len(items) > 1 and (rule := _pattern(group, items)) is not None
    ]


def _commented(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"# {_said(line)}".rstrip()


def _curated(items: Iterable[_Item], path: Path | None) -> Iterator[str]:
    for item in items:
        o = item.object
        if (
            o.ref.kind != "view"
            or item.suggestion.disposition != "transfer"
            or item.suggestion.kept
            or (path and o is path.readiness)
        ):
            continue
        barrier = "security_barrier=true" in o.definition.partition("\n")[0]
        sign = "" if barrier else "# "
        if not barrier:
            yield f"# Curate {_said(o.ref.identity)}? It needs WITH (security_barrier = true) first."
        yield f"{sign}[[curated_view]]"
        yield f"{sign}identity = {_q(o.ref.identity)}"
        yield f'{sign}reason = "a protected view with a security barrier: does the application need to read it?"'
        yield ""


def _grantors(items: Iterable[_Item]) -> Iterator[str]:
    """Who could give the application back what the cutover takes."""
    passed_on: dict[str, list[str]] = {}
    for item in items:
        o = item.object
        if item.suggestion.disposition == "transfer" and o.ref.kind != "default acl":
            entries = [*o.state.acl, *(e for c in o.state.columns for e in c.acl)]
            for role in {e.grantee for e in entries if e.grantable and isinstance(e.grantee, Role)} - {o.state.owner}:
                passed_on.setdefault(role.name, []).append(str(o.ref))
    for name, objects in sorted(passed_on.items()):
        more = f" and {len(objects) - 1} more" if len(objects) > 1 else ""
        yield f"# UNDECIDED role {_said(name)} holds privileges WITH GRANT OPTION on {_said(objects[0])}{more}."
        yield "#   It could give them to the application after the cutover: is it trusted not to, or is the option revoked first?"
        yield from _commented(("[[trusted_grantor]]", f"role = {_q(name)}", 'reason = "…"', ""))


def _keys(keys: Iterable[ForeignKey]) -> Iterator[str]:
    for key in keys:
        yield from (
            "[[kept_foreign_key]]",
            f"table = {_q(key.table)}",
            f"name = {_q(key.bare)}",
            f"references = {_q(key.referenced)}",
            f"on_delete = {_q(ACTIONS[key.on_delete])}",
            f"on_update = {_q(ACTIONS[key.on_update])}",
            f"reason = {_q('named to be kept: ' + key.lets())}",
            "",
        )


def _path(path: Path) -> Iterator[str]:
    yield "# By their names. Check each; an undecided one is refused by name when nothing is unclassified any more."
    yield "[apply_path]"
    for part in PARTS:
        yield f"{part} = {_q(path.parts[part])}"
    yield f"readiness = {_q(path.readiness.ref.identity if path.readiness else UNDECIDED + ': readiness')}"
    yield f"source_tables = {_list(path.source_tables or (UNDECIDED + ': the tables whose rows must not become fewer',))}"
    yield from ("triggers = []", "")
    for part in PARTS:
        yield from ("[[repoint]]", f"identity = {_q(path.parts[part])}", f'source = "repoint/{part}.sql"', "")


def _rest(path: Path) -> Iterator[str]:
    if path.readiness is None:
        yield from (
            "# Which authority is to go? A hard-coded verdict, a routine that signs itself: [[legacy]], and take away legacy = []",
            "",
        )
    else:
        yield from (
            "[[legacy]]",
            'kind = "view"',
            f"identity = {_q(path.readiness.ref.identity)}",
            'reason = "the old readiness: does it answer from facts?"',
            "",
        )
    yield from _blocked(path.switch)
    yield from (
        "# What has to be shown to work, and by which tool. Undecided.",
        "[[capability]]",
        'name = "restore_drill"',
        'reason = "the protected data can be brought back from its backup"',
        f'producers = ["{UNDECIDED}"]',
        "max_age_seconds = 2592000",
        "",
    )


def _blocked(switch: Switch | None) -> Iterator[str]:
    table = switch.table.identity if switch else f"{UNDECIDED}: the table that says so"
    if switch is not None and switch.rows is not None:
        today = "; ".join(f"{key} = {state}" for key, state in switch.rows) or "no row"
        yield f"# {_said(table)} today: {_said(today)}"
    for what in ("apply", "readiness"):
        key, value = switch.row_for(what) if switch else (what, "blocked")
        yield from (
            "# How to see that it is blocked; a guess.",
            "[[blocked]]",
            f'what = "{what}"',
            f"table = {_q(table)}",
            f"key_column = {_q(switch.key if switch else 'name')}",
            f"key = {_q(key)}",
            f"state_column = {_q(switch.state if switch else 'state')}",
            f"blocked = {_q(value)}",
            "",
        )


def _q(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(_q(v) for v in values) + "]"


def _said(text: str) -> str:
    """For a comment: one line, whatever a name holds."""
    return "".join(c if c.isprintable() else "�" for c in text)
