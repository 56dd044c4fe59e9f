"""Files as programs write them, built in memory: PDF, Word, Excel and ZIP."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import docx
import openpyxl
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from fpdf import FPDF


def a_pdf() -> FPDF:
    """A page to write on, in a size that leaves the text readable."""
    pdf = FPDF()
    pdf.set_compression(False)
    pdf.add_page()
    pdf.set_font("helvetica", size=11)
    return pdf


def heading(pdf: FPDF, text: str, size: int = 16) -> None:
    pdf.set_font("helvetica", size=size)
    pdf.cell(0, 12, text, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("helvetica", size=11)


def paragraph(pdf: FPDF, text: str) -> None:
    pdf.multi_cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(4)


def table(pdf: FPDF, rows: Sequence[Sequence[str]]) -> None:
    with pdf.table() as drawn:
        for cells in rows:
            row = drawn.row()
            for cell in cells:
                row.cell(cell)


def pdf_bytes(pdf: FPDF) -> bytes:
    return bytes(pdf.output())


def docx_bytes(document: Any) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def a_docx(text: str = "Wash it by hand.") -> bytes:
    document = docx.Document()
    document.add_paragraph(text)
    return docx_bytes(document)


def hide(run: Any) -> None:
    """Word's own mark for hidden text."""
    run._r.get_or_add_rPr().append(OxmlElement("w:vanish"))


def restyle(run: Any, tag: str, value: str) -> None:
    mark = OxmlElement(tag)
    mark.set(qn("w:val"), value)
    run._r.get_or_add_rPr().append(mark)


def xlsx(**sheets: Sequence[Sequence[object]]) -> bytes:
    """A workbook with a sheet of rows for each name."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def zipped(files: dict[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def replaced(archive: bytes, changes: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The archive with some entries changed or added."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        entries = {name: opened.read(name) for name in opened.namelist()}
    return zipped({**entries, **changes}, method=method)
