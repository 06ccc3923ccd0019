"""Putting a hub back from a backup, in an order that keeps every promise when it is stopped half way.

The database comes closed, in one transaction; the rest is done while nobody is let in, and each step may be done twice. It opens
once what was erased after the backup is erased again.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from accounts.actions import restored as access
from accounts.actions import sealing
from accounts.actions.event import record
from config.backup import databases, objects, sets
from config.models import Restore
from core.errors import Conflict
from deployments.actions import restored as fleet
from learning.actions import ledger, replaying
from training import trust

NOT_OPENED = (
    "The file store came from the backup, and the ledger of what was erased since then may have gone with the old one. The hub stays "
    "closed until you say either where the ledger is kept (--ledger FOLDER) or that nothing was erased (--nothing-erased-since)."
)


def restore(
    folder: Path,
    *,
    ledgers: Sequence[Path] = (),
    nothing_erased_since: bool = False,
    revoked_since: Sequence[str] = (),
    without_trust: bool = False,
) -> dict[str, Any]:
    """Put a set back into an empty hub and open it; answers what was done and counted, and what keeps it closed.

    Stopped anywhere, the same again goes on. Raises Conflict for a hub that is in use, a set that is damaged or newer than this release, and
    keys that differ.
    """
    manifest = sets.read(folder)
    _refuse_other(manifest)
    row = _begun(manifest) or _load(folder, manifest)
    call_command("migrate", verbosity=0, interactive=False)
    facts = dict(row.facts)
    if not without_trust:
        facts["keys"] = _put_keys_back(folder / "keys")
    if objects.is_folder():
        copied = objects.copy_back(folder, folder.parent / sets.SHARED)
        facts |= {"copied_objects": copied.copied, "not_in_backup": copied.missing}
    facts["is_all_there"] = True
    Restore.objects.filter(pk=row.pk).update(facts=facts)
    return {**facts, **go_on(ledgers=ledgers, nothing_erased_since=nothing_erased_since, revoked_since=revoked_since)}


def go_on(
    *, ledgers: Sequence[Path] = (), nothing_erased_since: bool = False, revoked_since: Sequence[str] = ()
) -> dict[str, Any]:
    """Do what is left of a restore, and open the hub unless a word is missing; raises Conflict where nothing is closed.

    The keys of the prefixes `revoked_since` are revoked before it opens; Missing is raised for one that the backup does not know.
    """
    row = Restore.objects.closed().order_by("restored_at").last()
    if row is None:
        raise Conflict("This hub is open; nothing is left of a restore.")
    if not row.facts.get("is_all_there"):
        raise Conflict("Keys and objects are not all put back yet: call restore with the set again.")
    doors = access.settle(revoked_since)
    pages = _pages(ledgers)
    facts = replaying.replay(pages) | doors
    erasure = facts.pop("erasure", None)
    facts |= fleet.settle(row.backup_taken_at)
    facts["trust"] = "signed anew" if trust.raise_versions() else "awaits key holders: manage.py trust status"
    facts["audit"] = _proven()
    absent = objects.absent()
    facts |= {"objects": absent.objects, "lost_objects": absent.missing, "first_lost": absent.first_missing}
    if erasure:
        facts["erasure"] = str(erasure)
    if not (row.facts.get("is_store_as_it_was") or pages or nothing_erased_since or _is_ledger_at_hand()):
        return {**facts, "open": False, "why": NOT_OPENED}
    with transaction.atomic():
        Restore.objects.closed().update(opened_at=timezone.now(), facts={**row.facts, **facts})
        record(
            None,
            "restore",
            row,
            backup_taken_at=row.backup_taken_at.isoformat(),
            nothing_erased_since=nothing_erased_since,
            erased_again=facts["erased_again"],
            lost_objects=facts["lost_objects"],
        )
    return {**facts, "open": True}


def _proven() -> str | list[str]:
    """Seal what the backup had not sealed yet, and walk along all seals; answers "whole", or what does not fit."""
    sealing.seal()
    sealing.seal()  # what the first one opened
    verdict = sealing.verify(by=None)
    return "whole" if verdict.is_whole else verdict.broken[:10]


def _begun(manifest: sets.Manifest) -> Restore | None:
    """Answer the restore of this very set that was stopped half way, None where none was begun."""
    if not databases.has_restores():
        return None
    return Restore.objects.closed().filter(backup_taken_at=manifest.moment).last()


def _load(folder: Path, manifest: sets.Manifest) -> Restore:
    """Load the database, closed; what its row says was so before anything was copied."""
    databases.refuse_used()
    had_objects = objects.holds_any()
    databases.load(folder, manifest.moment)
    different = _differing(manifest)
    row = Restore.objects.closed().latest("restored_at")
    row.facts = {
        "tables": len(manifest.rows),
        "rows": sum(manifest.rows.values()),
        "differing_tables": different,
        "is_store_as_it_was": had_objects or not objects.is_folder(),
    }
    row.save(update_fields=["facts"])
    return row


def _pages(ledgers: Sequence[Path]) -> list[Path]:
    """Answer the pages that were named (a page, or a folder of them), and those of LEDGER_DIR."""
    named = [*ledgers, *([Path(settings.LEDGER_DIR)] if _is_ledger_at_hand() else [])]
    found = [page for place in named for page in (ledger.pages_in(place) if place.is_dir() else [place])]
    return list(dict.fromkeys(found))


def _is_ledger_at_hand() -> bool:
    """Tell whether LEDGER_DIR outlived the hub, and is this hub's: it holds every page that the backup knows."""
    return bool(settings.LEDGER_DIR) and ledger.knows_all_in(Path(settings.LEDGER_DIR))


def _refuse_other(manifest: sets.Manifest) -> None:
    """Raise Conflict for a set of another kind of database, or of a release that this one does not know."""
    if manifest.database != databases.file_name():
        raise Conflict(f"The backup holds {manifest.database}, and DATABASE_URL is another kind of database.")
    ours = {app.label for app in apps.get_app_configs()}
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    unknown = [name for name in manifest.migrations if name.partition(".")[0] in ours and name not in known]
    if unknown:
        raise Conflict(
            f"The backup is of release {manifest.version}, which is newer than this one ({unknown[0]} is not known here): "
            "restore it with that release."
        )


def _differing(manifest: sets.Manifest) -> list[str]:
    """Answer the tables that do not have as many rows as were dumped."""
    connections.close_all()
    found = databases.counts()
    expected = {**manifest.rows, Restore._meta.db_table: manifest.rows.get(Restore._meta.db_table, 0) + 1}
    return [table for table, rows in expected.items() if found.get(table) != rows]


def _put_keys_back(kept: Path) -> str:
    """Put the signing keys where they belong; raises Conflict where others are."""
    target = Path(settings.TRUST_DIR) / "keys"
    if not kept.is_dir():
        return "none in the backup"
    if target.is_dir() and any(target.iterdir()):
        if any(
            not (target / path.name).is_file() or (target / path.name).read_bytes() != path.read_bytes()
            for path in kept.iterdir()
        ):
            raise Conflict(
                f"{target} holds other keys than the backup. Keep those that are newer and call again with --without-keys, or move them away."
            )
        return "the same were there"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = target.with_name(".keys-restored")
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(kept, scratch)
    os.chmod(scratch, 0o700)  # noqa: PTH101  (as the files' modes, which copytree keeps)
    shutil.rmtree(target, ignore_errors=True)
    scratch.rename(target)
    return "put back"
