"""The catalogue's data migration of 2026-11: what staff have edited stays."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.running import manage

pytestmark = [pytest.mark.slow, pytest.mark.once]  # a database of its own, in SQLite
VEO, OMNI_1_1, OMNI_1_2 = "veo-3.1-generate-preview", "gemini-omni-1.1-flash", "gemini-omni-1.2-flash"
EDITS = (
    "UPDATE videos_upstream SET price_per_second = 0.33 WHERE upstream_model = 'veo-3.1-lite-generate-001'",
    "UPDATE videos_upstream SET retires_on = '2026-12-01' WHERE upstream_model = 'gemini-omni-1.1-flash'"
    " AND model_id = (SELECT id FROM videos_videomodel WHERE name = 'veo-3.1-generate-preview')",
    "UPDATE videos_upstream SET position = 7, is_enabled = 0 WHERE upstream_model = 'veo-3.1-generate-001'",
    "DELETE FROM videos_upstream WHERE model_id ="
    " (SELECT id FROM videos_videomodel WHERE name = 'veo-3.1-fast-generate-preview')",
)
QUERY = """
SELECT model.name, provider, upstream_model, up.position, is_enabled, retires_on, prices, successor
FROM videos_upstream up JOIN videos_videomodel model ON model.id = up.model_id
ORDER BY model.position, up.position
"""


def migrate(folder: Path, target: str = "") -> None:
    done = manage("migrate", *(["videos", target] if target else []), DATA_DIR=str(folder), DATABASE_URL="")
    assert done.returncode == 0, done.stderr


def rows(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The upstreams of each public name, as they stand."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with closing(sqlite3.connect(folder / "db.sqlite3")) as database:
        for name, *row, prices, successor in database.execute(QUERY):
            found.setdefault(name, []).append((*row, json.loads(prices), successor))
    return found


def test_edits_stay_and_omni_1_2_joins(tmp_path: Path) -> None:
    migrate(tmp_path, "0010")
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        for edit in EDITS:
            database.execute(edit)
        database.commit()

    migrate(tmp_path)

    found = rows(tmp_path)
    veo, omni_1_1, omni_1_2 = (
        {"720p": low, "1080p": high} for low, high in (("0.40", "0.40"), ("0.10", "0.15"), ("0.07", "0.105"))
    )
    assert found[VEO] == [
        ("google_veo", VEO, 0, 1, "2026-10-22", veo, ""),
        ("google_omni", OMNI_1_1, 2, 1, "2026-12-01", omni_1_1, OMNI_1_2),
        ("google_vertex", "veo-3.1-generate-001", 7, 0, None, veo, OMNI_1_2),
        ("google_omni", OMNI_1_2, 8, 1, None, omni_1_2, ""),
        ("google_omni_vertex", OMNI_1_2, 9, 1, None, omni_1_2, ""),
    ]
    assert "veo-3.1-fast-generate-preview" not in found  # staff left it for mock videos only
    lite = {row[1]: row[5] for row in found["veo-3.1-lite-generate-preview"]}
    assert lite["veo-3.1-lite-generate-001"] == {"720p": "0.33", "1080p": "0.33"}
    assert lite["veo-3.1-lite-generate-preview"] == {"720p": "0.05", "1080p": "0.08"}
    assert {row[4] for row in found[OMNI_1_1] if row[1] == OMNI_1_1} == {"2026-12-03"}
    assert [row[:2] for row in found[OMNI_1_2]] == [("google_omni", OMNI_1_2), ("google_omni_vertex", OMNI_1_2)]


def test_way_back_keeps_the_rows_of_before(tmp_path: Path) -> None:
    migrate(tmp_path)
    migrate(tmp_path, "0010")
    migrate(tmp_path)

    assert {name: len(upstreams) for name, upstreams in rows(tmp_path).items()} == {
        VEO: 5,
        "veo-3.1-fast-generate-preview": 5,
        "veo-3.1-lite-generate-preview": 5,
        OMNI_1_1: 3,
        OMNI_1_2: 2,
    }
