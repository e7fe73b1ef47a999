"""Every kind of document that we read, mutated, through every verb that reads it: words and an exit code, no traceback, no end
that does not come, nothing half written. The mutants are the same in each run; with the marker ``slow`` there are more of them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qt001_cp import estate
from qt001_cp.audit import shape, signature, sources
from qt001_cp.audit.derived import after_states
from qt001_cp.audit.dump import dumped
from qt001_cp.audit.envelope import Today, envelope
from qt001_cp.audit.estate import denominator, owners_and_acls, reach
from qt001_cp.audit.pack import pack
from qt001_cp.audit.scripts import restore_script, ways
from qt001_cp.cli import main
from qt001_cp.errors import Qt001Error
from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, VERIFIER
from tests.audit.keys import write_keys
from tests.cli.mutants import mutants
from tests.conftest import DATABASE, Library, Stage
from tests.model.small_estate import manifest

pytestmark = pytest.mark.slow

SECONDS = 30
OURS = "an error of this program"
BESIDE = ("readiness.json", "capability.json", "dependency.json", "static-analysis.json", "inventory.json")


class Hung(BaseException):
    """It does not come to an end."""


@contextmanager
def _in_time(what: str) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise Hung(f"{what}: no end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Trial:
    """Runs verbs, and keeps what went wrong."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys, self.wrong, self.codes = capsys, [], set()  # type: ignore[var-annotated]

    def run(self, label: str, words: list[str], *allowed: int) -> int:
        with _in_time(label):
            try:
                code = main(words)
            except Exception as exc:
                self.wrong.append(f"{label}: {' '.join(words[:2])}: {exc!r}")
                return 1
        said = self.capsys.readouterr()
        self.codes.add(code)
        if code not in (allowed or (0, 1, 2, 3)) or OURS in said.err or "Traceback" in said.err:
            self.wrong.append(f"{label}: {' '.join(words[:2])}: {code} {said.err.strip()[:300]}")
        if code in (1, 2) and not said.err.startswith("qt001-cp: "):
            self.wrong.append(f"{label}: {' '.join(words[:2])}: {code} and no word")
        return code


@pytest.fixture
def trial(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Trial:
    for name in ("QT001_DATABASE_URL", "QT001_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return Trial(capsys)


def counts(fast: int, slow: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("count", [fast, pytest.param(slow, marks=pytest.mark.slow)])


def _whole_or_none(folder: Path, out: Path, code: int) -> str | None:
    """The pack is there with all its files, or not at all, and nothing beside it."""
    left = [p.name for p in folder.iterdir() if p.name.startswith(f".{out.name}")]
    if left or (code in (1, 2) and out.exists()):
        return f"left behind: {left or out}"
    if out.exists():
        for line in (out / "SHA256SUMS").read_text().splitlines():
            sha256, name = line.split("  ", 1)
            if hashlib.sha256((out / name).read_bytes()).hexdigest() != sha256:
                return f"{name} is not whole"
        shutil.rmtree(out)
    return None


@counts(60, 1500)
def test_an_object_manifest(trial: Trial, tmp_path: Path, count: int) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(manifest().body())
    file, out = tmp_path / "object.json", tmp_path / "pack"
    for number, (label, body) in enumerate(mutants("object.json", manifest().body(), count)):
        file.write_bytes(body)
        for words in (["show"], ["verify"], ["show", "--format", "json"], ["show", "--format", "html"]):
            trial.run(label, ["manifest", words[0], str(file), *words[1:]])
        trial.run(label, ["manifest", "diff", str(good), str(file)])
        trial.run(label, ["manifest", "diff", str(file), str(good), "--format", "json"])
        trial.run(label, ["preflight", str(file), "--database", "host=/nowhere"])
        trial.run(
            label, ["report", "--manifest", str(file), "--out", str(tmp_path / "r.html"), "--database", "host=/nowhere"]
        )
        if number % 4 == 0:
            code = trial.run(label, ["review", str(file), "--out", str(out)])
            trial.wrong += [f"{label}: {w}" for w in [_whole_or_none(tmp_path, out, code)] if w]
    assert trial.wrong == []
    assert {0, 1} <= trial.codes


def test_a_nul_in_a_name_ends_in_words(trial: Trial, tmp_path: Path) -> None:
    """review of it had no end: the error was its own context."""
    document = json.loads(manifest().body())
    file = tmp_path / "object.json"
    for place in (("objects", 0), (), ("objects", 0, "before")):
        made = json.loads(json.dumps(document))
        part = made
        for step in place:
            part = part[step]
        part[{(): "database", ("objects", 0): "name"}.get(place, "owner")] = "a\0b"
        file.write_bytes(canonical_bytes(made))
        assert trial.run("NUL", ["review", str(file), "--out", str(tmp_path / "pack")], 1) == 1
    assert trial.wrong == []


@pytest.fixture(scope="module")
def bundle(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents of the reference estate, and a folder of a rehearsal of them."""
    stage = library.copy("recorded")
    folder = tmp_path_factory.mktemp("bundle")
    assert stage.bundle is not None
    stage.bundle.write(folder)
    (folder / "nogo.json").write_bytes(library.record)
    check = {"what": "it ends", "passed": True, "found": ""}
    (folder / "transcript.json").write_bytes(canonical_bytes({
        "schema": "qt001.transcript/1", "manifest": stage.digest, "server": "test", "passed": True, "checks": [check]}))  # fmt: skip
    (folder / "transcript.md").write_text("# x\n")
    return folder


@counts(5, 120)
@pytest.mark.parametrize("name", BESIDE)
def test_the_documents_beside_it(name: str, trial: Trial, bundle: Path, tmp_path: Path, count: int) -> None:
    folder, out = tmp_path / "bundle", tmp_path / "pack"
    shutil.copytree(bundle, folder)
    for label, body in mutants(name, (bundle / name).read_bytes(), count):
        (folder / name).write_bytes(body)
        code = trial.run(label, ["review", str(folder / "object.json"), "--out", str(out)])
        trial.wrong += [f"{label}: {w}" for w in [_whole_or_none(tmp_path, out, code)] if w]
    assert trial.wrong == []


@counts(6, 120)
@pytest.mark.parametrize("name", ["nogo.json", "transcript.json"])
def test_a_folder_of_a_rehearsal(name: str, trial: Trial, bundle: Path, tmp_path: Path, count: int) -> None:
    folder, out = tmp_path / "rehearsal", tmp_path / "pack"
    folder.mkdir()
    for other in ("nogo.json", "transcript.json", "transcript.md"):
        shutil.copy(bundle / other, folder)
    for label, body in mutants(name, (bundle / name).read_bytes(), count):
        (folder / name).write_bytes(body)
        code = trial.run(label, ["review", str(bundle / "object.json"), "--rehearsal", str(folder), "--out", str(out)])
        trial.wrong += [f"{label}: {w}" for w in [_whole_or_none(tmp_path, out, code)] if w]
    assert trial.wrong == []


@counts(60, 1500)
def test_a_policy(trial: Trial, tmp_path: Path, count: int) -> None:
    file = tmp_path / "policy.toml"
    shutil.copytree(estate.policy_path().parent / "repoint", tmp_path / "repoint")
    for label, body in mutants("policy.toml", estate.policy_path().read_bytes(), count):
        file.write_bytes(body)
        trial.run(label, ["inventory", "--policy", str(file), "--database", "host=/nowhere"], 1, 2)
        trial.run(
            label, ["rehearse", "--source", "host=/nowhere", "--policy", str(file), "--out", str(tmp_path / "r")], 1, 2
        )
        assert not (tmp_path / "r").exists()
    assert trial.wrong == []
    assert trial.codes == {1, 2}


@counts(6, 150)
def test_a_policy_and_its_sources_make_a_bundle_or_none(
    trial: Trial, at_fix7a_sealed: Stage, tmp_path: Path, count: int
) -> None:
    """Those that are valid get as far as the database, too."""
    home, out = estate.policy_path().parent, tmp_path / "bundle"
    dsn = at_fix7a_sealed.scene.dsn(AUTHOR)
    for name in ("policy.toml", "repoint/writer.sql"):
        folder = tmp_path / name.replace("/", "-")
        shutil.copytree(home / "repoint", folder / "repoint")
        shutil.copy(home / "policy.toml", folder)
        for label, body in mutants(name, (home / name).read_bytes(), count):
            (folder / name).write_bytes(body)
            code = trial.run(
                label,
                ["manifest", "generate", "--policy", str(folder / "policy.toml"), "--database", dsn, "--out", str(out)],
            )
            trial.run(
                label,
                [
                    "analyse",
                    "--policy",
                    str(folder / "policy.toml"),
                    "--database",
                    dsn,
                    "--only",
                    "public.qt001_source",
                ],
            )
            if (code == 0) is not out.exists():
                trial.wrong.append(f"{label}: {code}, and {out} {'is' if out.exists() else 'is not'} there")
            shutil.rmtree(out, ignore_errors=True)
    assert trial.wrong == []


@counts(5, 100)
def test_what_goes_into_the_ledger(
    trial: Trial, at_fix7c_done: Stage, bundle: Path, tmp_path: Path, count: int
) -> None:
    """Evidence, a no-go record, a manifest to seal: stored whole, or refused with nothing stored."""
    evidence = canonical_bytes({
        "schema": "qt001.evidence.capability/1", "class": "real", "environment": "production", "capability": "restore_drill",
        "subject": at_fix7c_done.digest, "producer": {"name": "pgbackrest", "version": "2"}, "produced_at": "2026-01-01T00:00:00Z",
        "raw": "restored"})  # fmt: skip
    cases = {"evidence.json": (evidence, ["evidence", "import"], AUTHOR),
             "static-analysis.json": ((bundle / "static-analysis.json").read_bytes(), ["evidence", "import"], AUTHOR),
             "nogo.json": ((bundle / "nogo.json").read_bytes(), ["evidence", "import", "--rehearsal"], OPERATOR),
             "object.json": ((bundle / "object.json").read_bytes(), ["manifest", "seal"], OPERATOR)}  # fmt: skip

    def stored() -> Any:
        with at_fix7c_done.connect() as connection:
            return connection.execute(
                "SELECT (SELECT count(*) FROM qt001_cp.event), (SELECT count(*) FROM qt001_cp.document)"
            ).fetchone()

    for name, (good, verb, login) in cases.items():
        file = tmp_path / name
        for label, body in mutants(name, good, count):
            file.write_bytes(body)
            before = stored()
            code = trial.run(label, [*verb, str(file), "--database", at_fix7c_done.scene.dsn(login)])
            if (code == 0) is (stored() == before):
                trial.wrong.append(f"{label}: {code}, {before} → {stored()}")
    assert trial.wrong == []


@counts(150, 4000)
def test_what_the_audit_finds_in_the_ledger(bundle: Path, count: int) -> None:
    """What has its form can be walked; the rest is a fault of that document."""
    good = {n: json.loads((bundle / f"{n}.json").read_bytes()) for n in ("object", "static-analysis", "dependency")}
    small = manifest().body()
    broken = 0
    for name, body in (("object", small), ("static-analysis", (bundle / "static-analysis.json").read_bytes()),
                       ("dependency", (bundle / "dependency.json").read_bytes())):  # fmt: skip
        assert shape.problem(json.loads(body)) is None
        for label, made in mutants(f"{name} of the ledger.json", body, count):
            try:
                document = json.loads(made)
                rfc8785.dumps(document)
            except (ValueError, RecursionError, rfc8785.CanonicalizationError):
                continue  # a fault before its form is looked at
            if not isinstance(document, dict) or document.get("schema") != json.loads(body)["schema"]:
                assert isinstance(document, dict) or shape.problem(document)
                continue
            if shape.problem(document) is not None:
                broken += 1
                continue
            o, analysis, dependency = ({**good, name: document}[n] for n in good)
            with _in_time(label):
                for stage in ("fix7a", "fix7b", "fix7c"):
                    (
                        owners_and_acls(o, {}, stage, 18),
                        denominator(o, {}, stage, o),
                        reach(o, {}, [], None),
                        dumped(o, "", stage),
                        sources.apply_path(o, {}, stage),
                    )
                after_states(o), ways(o), restore_script(o, "0" * 64, [])
                sources.analysis(o, analysis, {}, []), sources.dependencies(o, dependency, analysis, [])
    assert broken > count / 4


def test_an_author_cannot_stop_the_audit(trial: Trial, at_fix7c_done: Stage, bundle: Path, tmp_path: Path) -> None:
    """Evidence is the author's: one that is broken is a finding of the audit, which goes on."""
    dsn, file = at_fix7c_done.scene.dsn, tmp_path / "static-analysis.json"
    document = json.loads((bundle / "static-analysis.json").read_bytes())
    document["routines"][0]["edges"] = [1]
    file.write_bytes(canonical_bytes(document))
    assert trial.run("import", ["evidence", "import", str(file), "--database", dsn(AUTHOR)], 3) == 3
    with at_fix7c_done.connect() as owner:  # as a build without that door could have taken it
        owner.execute("SET ROLE qt001_cp_ledger")
        owner.execute(
            "SELECT qt001_cp.record_event('evidence_imported', qt001_cp.record_document(%s), %s)",
            [canonical_bytes(document), '{"class": "real", "schema": "qt001.evidence.static-analysis/1"}'],
        )
    assert main(["audit", "--database", dsn(OPERATOR)]) == 3
    said = trial.capsys.readouterr().out
    assert "cannot be read as qt001.evidence.static-analysis/1: routines.0.edges.0 is a number" in said
    assert "✓ owners and ACLs against the manifest" in said
    assert trial.wrong == []


@counts(12, 300)
def test_heads_that_were_kept(trial: Trial, at_fix7c_done: Stage, tmp_path: Path, count: int) -> None:
    file, dsn = tmp_path / "heads", at_fix7c_done.scene.dsn(VERIFIER)
    assert main(["verify", "--database", dsn, "--keep-head", str(file)]) in (0, 3)
    good = file.read_bytes()
    trial.capsys.readouterr()
    for number, (label, body) in enumerate(mutants("heads", good * 3, count)):
        file.write_bytes(body.replace(b"|", b"|" + b"9" * 5000, 1) if number % 7 == 0 else body)
        trial.run(label, ["verify", "--database", dsn, "--head", str(file)], 0, 2, 3)
        if number % 6 == 0:
            trial.run(label, ["audit", "--database", at_fix7c_done.scene.dsn(OPERATOR), "--head", str(file)], 0, 2, 3)
    assert trial.wrong == []


def _signed(body: bytes, key: Ed25519PrivateKey) -> bytes:
    """Mutants of what is signed: the signature is right."""
    import base64

    sig = base64.b64encode(key.sign(signature.pae(signature.PAYLOAD, body))).decode()
    return json.dumps(
        {"payload": base64.b64encode(body).decode(), "payloadType": signature.PAYLOAD, "signatures": [{"sig": sig}]}
    ).encode()


@counts(250, 6000)
def test_envelopes(tmp_path: Path, count: int) -> None:
    """A finding each, none passes: neither one that was touched nor one that a trusted key has signed."""
    key = Ed25519PrivateKey.generate()
    _, public = write_keys(tmp_path, key)
    event = {"verb": "signed", "actor": "hana", "subject": "a" * 64, "digest": "b" * 64, "epoch": 2, "at": __import__("datetime").datetime(2026, 1, 1, tzinfo=__import__("datetime").UTC),
             "detail": {"scope": "x", "valid_until": "2999-01-01T00:00:00Z", "system": "7", "timeline": 1}}  # fmt: skip
    predicate = {"verdict": "signed", "signer": "hana", "scope": "x", "validUntil": "2999-01-01T00:00:00Z", "event": "b" * 64,
                 "database": "d", "system": "7", "timeline": 1, "at": "2026-01-01T00:00:00Z"}  # fmt: skip
    statement = signature.statement("d", "a" * 64, signature.SIGN_OFF, predicate)
    today = Today("d", "fix7c", "c" * 64, "a" * 64, [event], "7")
    file = tmp_path / "e.json"

    def faults(body: bytes) -> list[str]:
        file.write_bytes(body)
        with _in_time("envelope"):
            return envelope(file, [public], today).faults

    good = json.dumps(signature.sign(statement, key)).encode()
    assert faults(good) == []
    assert faults(_signed(json.dumps(statement).encode(), key)) == []
    seen: Callable[[bytes], Any] = lambda body: _meaning(body)  # noqa: E731
    passed = []
    for label, body in mutants("envelope.json", good, count):
        if not faults(body) and seen(body) != seen(good):
            passed.append(label)
    for label, body in mutants("statement.json", json.dumps(statement).encode(), count):
        if not faults(_signed(body, key)) and not _harmless(body, statement):
            passed.append(label)
    assert passed == []


def _meaning(body: bytes) -> Any:
    """What an envelope carries: other members of it mean nothing (DSSE)."""
    try:
        e = json.loads(body)
        return e["payload"], e["payloadType"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _harmless(body: bytes, statement: dict[str, Any]) -> bool:
    """What was added to a statement, or to the name of its subject, takes nothing away from it."""
    made = json.loads(body)
    subjects = [s["digest"]["sha256"] for s in made["subject"]]
    return "a" * 64 in subjects and made["predicate"].items() >= statement["predicate"].items()


@counts(8, 200)
def test_packs_and_keys_for_the_audit(trial: Trial, bundle: Path, tmp_path: Path, count: int) -> None:
    """Of a pack each file, with and without its sum put right (then the pages, and what FIX7c carries, pass); of the keys each."""
    good, folder = tmp_path / "good", tmp_path / "pack"
    assert main(["review", str(bundle / "object.json"), "--rehearsal", str(bundle), "--out", str(good)]) == 0
    document = json.loads((good / "manifests" / "object.json").read_bytes())
    digest = hashlib.sha256((good / "manifests" / "object.json").read_bytes()).hexdigest()
    assert pack(good, document, digest, ()).faults == []
    for name in sorted(p.relative_to(good).as_posix() for p in good.rglob("*") if p.is_file()):
        body = (good / name).read_bytes()
        for number, (label, made) in enumerate(mutants(name, body, count if name.endswith((".sql", "SUMS")) else 2)):
            if made == body or (name.endswith(".sql") and _code(made) == _code(body)):
                continue
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(good, folder)
            (folder / name).write_bytes(made)
            sums = (folder / "SHA256SUMS").read_bytes()
            if number % 2 and name != "SHA256SUMS":
                sums = sums.replace(
                    hashlib.sha256(body).hexdigest().encode(), hashlib.sha256(made).hexdigest().encode()
                )
                (folder / "SHA256SUMS").write_bytes(sums)
            try:
                with _in_time(label):
                    found = pack(folder, document, digest, ()).faults
            except Qt001Error:
                continue
            if not found and (number % 2 == 0 or name in ("fix7b.sql", "fix7b-restore.sql")) and name != "SHA256SUMS":
                trial.wrong.append(f"{label}: passes")
    private, public = write_keys(tmp_path, Ed25519PrivateKey.generate())
    (tmp_path / "e.json").write_bytes(b"{}")
    for file, option in ((private, "--key"), (public, "--trust")):
        whole = file.read_bytes()
        for label, made in mutants(file.name, whole, count):
            file.write_bytes(made)
            more = ["--out", str(tmp_path / "o")] if option == "--key" else ["--envelope", str(tmp_path / "e.json")]
            trial.run(label, ["audit", "--database", "host=/nowhere", option, str(file), *more], 1, 2)
        file.write_bytes(whole)
    assert trial.wrong == []


def _code(sql: bytes) -> bytes:
    """Without comments of their own line, and without what stands between words."""
    return b" ".join(b"\n".join(line for line in sql.split(b"\n") if not line.startswith(b"--")).split())


def test_a_pack_through_the_verb(trial: Trial, at_fix7c_done: Stage, bundle: Path, tmp_path: Path) -> None:
    folder, dsn = tmp_path / "pack", at_fix7c_done.scene.dsn(OPERATOR)
    assert main(["review", str(bundle / "object.json"), "--out", str(folder)]) == 0
    trial.capsys.readouterr()
    for name, body in (("fix7b.sql", b"\xff\xfe"), ("SHA256SUMS", b"\xff"), ("manifests/object.json", b"[" * 9000)):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(body)
        trial.run(name, ["audit", "--database", dsn, "--pack", str(folder)], 2, 3)
        (folder / name).write_bytes(kept)
    file, key = tmp_path / "e.json", Ed25519PrivateKey.generate()
    _, public = write_keys(tmp_path, key)
    for n, body in enumerate((b'{"payload":"x","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"\xd0\x9f"}]}', b"[" * 9000,
                              _signed(b"[1]", key), _signed(b"\xff", key), _signed(b'{"_type":"https://in-toto.io/Statement/v1"}', key))):  # fmt: skip
        file.write_bytes(body)
        trial.run(f"envelope {n}", ["audit", "--database", dsn, "--envelope", str(file), "--trust", str(public)], 3)
    assert trial.wrong == []
    assert DATABASE in dsn


def _cycle() -> Exception:
    first, second = Qt001Error("first"), ValueError("second")
    first.__context__, second.__cause__ = second, first
    return first


ENDS: dict[str, tuple[Callable[[], BaseException], int, str]] = {
    "a circle of causes": (_cycle, 1, "first"),
    "Ctrl-C": (KeyboardInterrupt, 1, "interrupted"),
    "a file that is not there": (lambda: FileNotFoundError(2, "No such file or directory", "x"), 1, "x: No such file"),
    "no memory": (MemoryError, 1, "not enough memory"),
    "a mistake of ours": (lambda: KeyError("x"), 1, "an error of this program, not of yours: KeyError"),
    "bytes": (lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), 1, "UnicodeDecodeError"),
    "too deep": (RecursionError, 1, "RecursionError"),
    "the server": (
        lambda: __import__("psycopg").errors.ReadOnlySqlTransaction("cannot execute"),
        1,
        "the server said: cannot execute",
    ),
}
VERBS = (["inventory"], ["status"], ["policy", "init"], ["manifest", "show", "x"], ["manifest", "verify", "x"], ["report", "--format", "json"],
         ["preflight", "x"], ["manifest", "generate"], ["manifest", "diff", "x", "x"], ["manifest", "seal", "x"], ["analyse"], ["evidence", "list"],
         ["evidence", "import", "x"], ["bind", "x", "x"], ["sign", "x"], ["verify"], ["scan"], ["audit"], ["review", "x", "--out", "y"],
         ["rehearse"])  # fmt: skip


@pytest.mark.parametrize("how", ENDS)
def test_every_class_of_errors_ends_in_words_through_every_verb(
    how: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from qt001_cp.cli import main as module_main  # the function; its module hides behind it

    made, code, words = ENDS[how]
    parse = __import__("argparse").ArgumentParser.parse_args

    def parsed(self: Any, argv: Any = None, namespace: Any = None) -> Any:
        found = parse(self, argv, namespace)

        def run(_: Any) -> int:
            raise made()

        found.run = run
        return found

    monkeypatch.setattr("argparse.ArgumentParser.parse_args", parsed)
    for verb in VERBS:
        with _in_time(" ".join(verb)):
            assert module_main(verb) == code, verb
        said = capsys.readouterr().err
        assert said.startswith("qt001-cp: "), (verb, said)
        assert words in said, (verb, said)
