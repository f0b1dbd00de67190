"""An invoice as a PDF: one page of text, small and valid (ISO 32000-1).

The standard fonts have Latin letters only; others are shown as question marks. Recurly's own documents have
a layout, a logo and all scripts.
"""

from billctl.money import Money
from billctl.sandbox.database import Record
from billctl.sandbox.recurly.times import wire

PAGE = b"/Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]"
LINES_A_PAGE = 60


def document(invoice: Record, lines: list[Record], account: Record) -> bytes:
    """The invoice's PDF."""
    return render(_texts(invoice, lines, account)[:LINES_A_PAGE])


def _texts(invoice: Record, lines: list[Record], account: Record) -> list[str]:
    currency = invoice["currency"]
    name = " ".join(filter(None, (account.get("first_name"), account.get("last_name"))))
    title = "Invoice" if invoice["type"] == "charge" else "Credit invoice"
    return [
        f"{title} {invoice['number']}",
        f"{wire(invoice['created'])}   {invoice['status']}",
        f"{name} <{account.get('email')}>",
        "",
        *(
            f"{line['quantity']} x {line['description']}   {Money(line['amount'], currency)}"
            for line in lines
        ),
        "",
        f"Total {Money(invoice['total'], currency)}",
    ]


def render(texts: list[str]) -> bytes:
    """A one-page PDF of these lines."""
    shown = b"".join(b"(" + _escaped(text) + b") Tj T*\n" for text in texts)
    stream = b"BT /F1 11 Tf 13 TL 50 790 Td\n" + shown + b"ET\n"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< " + PAGE + b" /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%bendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    return _file(objects)


def _file(objects: tuple[bytes, ...]) -> bytes:
    whole = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(whole))
        whole += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    table = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, rows)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return whole + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(whole)


def _escaped(text: str) -> bytes:
    plain = "".join(letter if letter.isprintable() else "?" for letter in text).encode("cp1252", "replace")
    return plain.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
