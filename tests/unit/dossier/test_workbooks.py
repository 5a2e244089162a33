"""XLSX as strangers write it: compared with another reader, in other spellings, and hostile."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from services.dossier.files import FileUnreadable, OpenedFile, open_file
from services.dossier.files.source import Source
from services.dossier.files.workbook import open_workbook

NOW = datetime.fromisoformat("2026-01-05T09:00:00+07:00")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"
ROW = '<row r="{0}"><c r="A{0}" t="inlineStr"><is><t>{1}</t></is></c><c r="B{0}" t="inlineStr"><is><t>{2}</t></is></c><c r="C{0}" t="inlineStr"><is><t>{3}</t></is></c></row>'
HEAD = ROW.format(1, "code", "unit", "received_at")
A_ROW = ROW.format(2, "H24-1", "10966", "2025-11-03")


def parts(rows: str = HEAD + A_ROW, *, main: str = MAIN, office: str = OFFICE, **more: str) -> dict[str, str]:
    """The parts of the smallest workbook, with these rows; `more` replaces parts by the name of their file."""
    found = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="Sổ" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
    }
    for name, text in more.items():
        found[next((path for path in found if path.endswith(f"/{name}.xml")), f"xl/{name}.xml")] = text
    return found


def pack(path: Path, content: dict[str, str] | dict[str, bytes], level: int = 6) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def read(path: Path, **options: Any) -> OpenedFile:
    return open_file(path, knows_unit={"10966"}.__contains__, now=NOW, **options)


def keys(path: Path) -> list[tuple[int, str]]:
    return [(item.line, item.key) for item in read(path).items() if item.statements]


def cells(path: Path) -> list[list[str]]:
    return [row for _, row in open_workbook(Source(path, "so.xlsx"))[0].rows()]


class TestAgainstAnotherReader:
    """Calamine holds a sheet whole, which is why we do not use it; what it reads is right."""

    def test_every_type_of_cell_says_the_same(self, tmp_path: Path) -> None:
        path = tmp_path / "so.xlsx"
        with xlsxwriter.Workbook(path) as workbook:
            sheet = workbook.add_worksheet()
            stamp = workbook.add_format({"num_format": "dd/mm/yyyy hh:mm"})
            words = workbook.add_format({"num_format": '"ngày" 0'})
            clock = workbook.add_format({"num_format": 14})
            sheet.write_row(0, 0, ["Mã hồ sơ", "a < b & c", "  hai  dấu cách ", "dòng\nmới", "Đăng ký 'khai' \"sinh\""])
            sheet.write_row(1, 0, [5, 5.5, -3, 1e21, 0.1, 12345678901234])
            sheet.write_boolean(2, 0, True)
            sheet.write_boolean(2, 1, False)
            sheet.write_number(2, 2, 7, words)
            sheet.write_formula(2, 3, "=1+1", None, 2)
            sheet.write_formula(2, 4, '="x"&"y"', None, "xy")
            sheet.write_rich_string(3, 0, "Hộ ", workbook.add_format({"bold": True}), "tịch")
            sheet.write_datetime(4, 0, datetime(2025, 11, 3, 8, 37, 41), stamp)
            sheet.write_datetime(4, 1, datetime(2025, 11, 3), clock)
            sheet.write_datetime(4, 2, datetime(1900, 1, 15, 6), stamp)
            sheet.write_datetime(4, 3, time(8, 30), stamp)  # type: ignore[arg-type]
            sheet.write(6, 3, "nach einer leeren Zeile")
        wanted = [
            [_as_text(cell) for cell in row]
            for row in CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=False)
        ]
        width = len(wanted[0])
        assert [row + [""] * (width - len(row)) for row in cells(path)] == [row for row in wanted if any(row)]

    def test_dates_since_1904_are_told_apart(self, tmp_path: Path) -> None:
        path = tmp_path / "so.xlsx"
        with xlsxwriter.Workbook(path, {"date_1904": True}) as workbook:
            sheet = workbook.add_worksheet()
            sheet.write_datetime(0, 0, datetime(2025, 11, 3, 8, 30), workbook.add_format({"num_format": "d/m/yy h:mm"}))
        assert cells(path) == [["2025-11-03T08:30:00"]]


def _as_text(cell: object) -> str:
    match cell:
        case bool():
            return "true" if cell else "false"
        case float():
            return str(int(cell)) if cell.is_integer() else repr(cell)
        case datetime():
            return cell.replace(microsecond=0).isoformat()
        case date() | time():
            return cell.isoformat()
    return str(cell)


class TestOtherSpellings:
    def test_strict_office_files_and_prefixed_names_are_read(self, tmp_path: Path) -> None:
        strict = pack(tmp_path / "strict", parts(main=STRICT, office=STRICT_OFFICE))
        prefixed = parts()
        sheet = "xl/worksheets/sheet1.xml"
        plain = prefixed[sheet].replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:")
        prefixed[sheet] = plain.replace("xmlns=", "xmlns:x=")
        assert keys(strict) == keys(pack(tmp_path / "prefixed", prefixed)) == [(2, "H24-1")]

    def test_cells_and_rows_may_leave_out_where_they_are(self, tmp_path: Path) -> None:
        rows = HEAD + A_ROW
        for reference in [f"{letter}{number}" for letter in "ABC" for number in "12"]:
            rows = rows.replace(f' r="{reference}"', "")
        rows = rows.replace(' r="1"', "").replace(' r="2"', "")
        assert " r=" not in rows
        assert keys(pack(tmp_path / "so", parts(rows))) == [(2, "H24-1")]

    def test_empty_rows_keep_their_numbers(self, tmp_path: Path) -> None:
        rows = HEAD + A_ROW + '<row r="5"/>' + ROW.format(900, "H24-2", "10966", "2025-11-04")
        assert keys(pack(tmp_path / "so", parts(rows))) == [(2, "H24-1"), (900, "H24-2")]

    def test_shared_text_is_joined_without_how_it_is_pronounced(self, tmp_path: Path) -> None:
        shared = f'<sst xmlns="{MAIN}"><si><r><t>H24</t></r><r><t>-7</t></r><rPh><t>hát</t></rPh></si><si><t>a_x000D_b</t></si></sst>'
        rows = HEAD + A_ROW.replace('t="inlineStr"><is><t>H24-1</t></is>', 't="s"><v>0</v>')
        assert keys(pack(tmp_path / "so", parts(rows, sharedStrings=shared))) == [(2, "H24-7")]
        assert cells(pack(tmp_path / "zwei", parts('<row><c t="s"><v>1</v></c></row>', sharedStrings=shared))) == [
            ["a\rb"]
        ]

    def test_a_hidden_worksheet_is_not_read(self, tmp_path: Path) -> None:
        content = parts()
        content["xl/workbook.xml"] = content["xl/workbook.xml"].replace('name="Sổ"', 'name="Sổ" state="hidden"')
        with pytest.raises(FileUnreadable, match="holds no visible worksheet"):
            read(pack(tmp_path / "so", content))


DOCTYPE = '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>'


class TestHostile:
    @pytest.mark.parametrize(
        "part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"]
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_external_entities_are_refused_by_name(self, tmp_path: Path, part: str, encoding: str) -> None:
        content = {name: text.encode() for name, text in parts(sharedStrings=f'<sst xmlns="{MAIN}"/>').items()}
        content[part] = (DOCTYPE + content[part].decode()).encode(encoding)
        with pytest.raises(FileUnreadable, match="declares a document type or entities"):
            read(pack(tmp_path / "so", content))

    def test_a_zip_bomb_is_refused_by_its_ratio(self, tmp_path: Path) -> None:
        path = pack(tmp_path / "so", parts(sharedStrings=" " * 70_000_000), level=9)
        assert path.stat().st_size < 100_000
        with pytest.raises(FileUnreadable, match="more than 200 times its size: a zip bomb"):
            read(path)

    def test_a_gzip_bomb_is_refused_by_its_ratio(self, tmp_path: Path) -> None:
        path = tmp_path / "so.csv.gz"
        path.write_bytes(gzip.compress(b"code,unit,received_at\n" + b"," * 70_000_000))
        with pytest.raises(FileUnreadable, match="a gzip bomb"):
            read(path)

    @pytest.mark.parametrize(
        ("rows", "reason"),
        [
            (HEAD + '<row r="1048577"><c r="A1048577"><v>1</v></c></row>', "has a row numbered 1048577"),
            (HEAD + '<row r="99999999999"/>', "has a row numbered 99999999999"),
            (HEAD + A_ROW + A_ROW, "has a row numbered 2 behind row 2"),
            (HEAD + '<row r="2"><c r="XFD2"><v>1</v></c></row>', r"has cells beyond column 1,000 in row 2"),
            (HEAD + '<row r="2"><c r="ZZZZZZZZZ2"><v>1</v></c></row>', "has a cell called 'ZZZZZZZZZ'"),
            (HEAD + f'<row r="2" x="{"y" * 3_000_000}"/>', "holds a tag longer than 1,048,576 bytes"),
            (HEAD + '<row r="2"><c r="A2" t="s"><v>5</v></c></row>', "is a broken XLSX workbook: .*no shared text 5"),
            (HEAD + '<row r="2"><c r="A2"><v>1</v>', "is a broken XLSX workbook"),
            (HEAD + '<row r="zwei"/>', "is a broken XLSX workbook"),
            (HEAD + "&nbsp;", "is a broken XLSX workbook: undefined entity"),
        ],
    )  # fmt: skip
    def test_dimensions_and_markup_that_no_sheet_has_are_named(self, tmp_path: Path, rows: str, reason: str) -> None:
        with pytest.raises(FileUnreadable, match=reason):
            read(pack(tmp_path / "so", parts(rows), level=0))

    def test_a_cell_without_end_is_cut_and_not_held(self, tmp_path: Path) -> None:
        long = ROW.format(3, "x" * 20_000_000, "10966", "2025-11-03")
        path = pack(tmp_path / "so", parts(HEAD + A_ROW + long), level=1)
        tracemalloc.start()
        items = list(read(path).items())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [(item.line, item.refused and item.refused.reason) for item in items] == [
            (2, None),
            (3, "is 32,768 characters long"),
        ]
        assert peak < 4_000_000

    def test_one_long_text_named_in_many_cells_is_bounded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.dossier.files.spool.MAX_SPOOLED", 1_000_000)
        shared = f'<sst xmlns="{MAIN}"><si><t>{"x" * 10_000}</t></si></sst>'
        rows = HEAD + "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(2, 300))
        with pytest.raises(FileUnreadable, match="says more than 1,000,000 bytes of text"):
            read(pack(tmp_path / "so", parts(rows, sharedStrings=shared)))

    def test_a_workbook_cut_short_is_broken(self, tmp_path: Path) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, text in parts().items():
                archive.writestr(name, text)
        path = tmp_path / "so"
        path.write_bytes(out.getvalue()[:-30])
        with pytest.raises(FileUnreadable, match="is a broken XLSX workbook"):
            read(path)

    def test_links_to_other_files_are_not_followed(self, tmp_path: Path) -> None:
        content = parts()
        rels = "xl/_rels/workbook.xml.rels"
        content[rels] = content[rels].replace('Target="worksheets', 'TargetMode="External" Target="file:///worksheets')
        with pytest.raises(FileUnreadable, match="holds no visible worksheet"):
            read(pack(tmp_path / "so", content))


def test_a_large_workbook_streams_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "so.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["code", "unit", "received_at", "procedure_name"])
        for number in range(1, 10_001):
            sheet.write_row(number, 0, [f"H24-{number}", "10966", "03/11/2025 08:30", f"Thủ tục số {number}"])
    tracemalloc.start()
    count = sum(len(item.statements) for item in read(path).items())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 10_000
    assert peak < 12_000_000  # ten thousand rows held as text would be more than that


def test_rows_may_be_read_twice_at_once(tmp_path: Path) -> None:
    rows = HEAD + A_ROW + ROW.format(3, "H24-2", "10966", "2025-11-04")
    opened = read(pack(tmp_path / "so", parts(rows)))
    one, other = opened.items(), opened.items()
    assert [next(one).key, next(other).key, next(one).key, next(other).key] == ["H24-1", "H24-1", "H24-2", "H24-2"]


def test_no_temporary_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    opened: OpenedFile | None = read(pack(tmp_path / "so", parts()))
    assert opened is not None and len(list(opened.items())) == 1
    assert len(list(place.iterdir())) == 1
    opened = None
    assert list(place.iterdir()) == []
    with pytest.raises(FileUnreadable):
        read(pack(tmp_path / "so", parts(HEAD + A_ROW + A_ROW)))
    assert list(place.iterdir()) == []
