"""Record files: JSON Lines, also of real logs."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from services.dossier.files import FileUnreadable
from shared.events.statements import MAX_RECORD_BYTES
from tests.unit.dossier.filing import Open, a_record, at, only, read, refusals, said


class TestRecords:
    def test_one_record_a_line_and_blank_lines_skipped(self, opened: Open) -> None:
        file = opened(f"\n{a_record(1)}\r\n\n   \n{a_record(2)}")
        assert file.kind == "records" and file.total == 5
        assert [(item.line, item.key, len(item.statements)) for item in file.items()] == [
            (2, "H24-1", 1),
            (5, "H24-2", 1),
        ]

    def test_a_byte_order_mark_does_no_harm(self, opened: Open) -> None:
        assert only(opened("\ufeff" + a_record())).key == "H24-1"

    def test_gzip_is_told_by_content(self, opened: Open) -> None:
        assert only(opened(gzip.compress(a_record().encode()))).key == "H24-1"

    def test_a_json_array_of_records_is_taken_too(self, opened: Open) -> None:
        file = opened(f"[\n {a_record(1)},\n\n {a_record(2, unit='99999')}, 7,\n{a_record(3)}\n]")
        assert [(item.line, item.key) for item in file.items()] == [(2, "H24-1"), (4, "H24-2"), (4, ""), (5, "H24-3")]
        assert refusals(file)[0] == (4, "data.unit", "unknown unit '99999'")
        assert len(said(file)) == 2

    def test_a_broken_array_cannot_be_read(self, opened: Open) -> None:
        with pytest.raises(FileUnreadable, match="not a valid JSON array"):
            opened(f"[{a_record()}, {{")

    def test_one_record_written_over_many_lines_is_one_record(self, opened: Open) -> None:
        item = only(opened("\n" + json.dumps(json.loads(a_record()), indent=1)))
        assert (item.line, item.key) == (2, "H24-1")

    def test_each_bad_line_is_refused_alone_with_its_line(self, opened: Open) -> None:
        lines = [a_record(1), "{not json", a_record(2, dossier=None), a_record(3, unit="1"), a_record(4)]
        file = opened("\n".join(lines))
        assert [(line, field) for line, field, _ in refusals(file)] == [
            (2, "record"),
            (3, "data.dossier"),
            (4, "data.unit"),
        ]
        assert [one.dossier for one in said(file)] == ["H24-1", "H24-4"]

    def test_a_refused_record_is_kept_with_its_dossier_code(self, opened: Open) -> None:
        line = a_record(7, received_at="2025-02-30T00:00:00+07:00")
        item = only(opened(line))
        assert (item.key, item.raw) == ("H24-7", line.encode())

    def test_bytes_that_are_no_text_refuse_their_line_alone(self, opened: Open) -> None:
        bad = a_record(2, field="FIELD").encode().replace(b"FIELD", b"H\xf4\xf2")
        file = opened(b"\n".join([a_record(1).encode(), bad, a_record(3).encode()]))
        assert refusals(file) == [(2, "record", "is not UTF-8 text")]
        assert [one.dossier for one in said(file)] == ["H24-1", "H24-3"]

    def test_a_record_without_end_is_refused_without_being_held(self, opened: Open) -> None:
        content = "\n".join([a_record(1), '{"x": "' + "y" * 30_000_000 + '"}', a_record(2)])
        file = opened(content)
        tracemalloc.start()
        items = list(file.items())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [item.line for item in items] == [1, 2, 3]
        assert refusals(file) == [(2, "record", f"is longer than {MAX_RECORD_BYTES:,} bytes")]
        assert len(items[1].raw) == 4096 and peak < 4_000_000

    def test_each_source_is_heard_up_to_its_newest_statement(self, opened: Open) -> None:
        other = json.loads(a_record(2)) | {"source": "/elsewhere", "time": "2095-01-01T00:00:00+07:00"}
        file = opened(f"{a_record(9)}\n{a_record(3)}\n{json.dumps(other)}")
        list(file.items())
        assert dict(file.sources()) == {"/onestop/31/10966": at("2025-11-03T08:30:09")}


class TestRealLogs:
    def test_the_receipt_sheet_gives_exactly_the_refusals_that_are_known(self, shared_data: Path) -> None:
        folder = shared_data / "receipt"
        items = list(read(folder / "dossiers.csv").items())
        refused = [
            {"line": item.line, "code": item.key, "reason": item.refused.reason} for item in items if item.refused
        ]
        assert refused == json.loads((folder / "refused.json").read_text())
        assert sum(bool(item.statements) for item in items) == 1432

    def test_the_receipt_records_are_all_taken(self, shared_data: Path) -> None:
        file = read(shared_data / "receipt" / "records.jsonl.gz")
        assert refusals(file) == [] and len(said(file)) == 11111
