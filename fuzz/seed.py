#!/usr/bin/env python3
"""Fills fuzz/corpus with what the fixtures hold: ./fuzz/seed.py"""

import email
import gzip
import hashlib
import pathlib
import zipfile
import zlib
from io import BytesIO

ROOT = pathlib.Path(__file__).parent
FIXTURES = ROOT.parent / "fixtures"


def add(target, content):
    folder = ROOT / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


def documents(content):
    """The JSON in a file, as far as plain tools get at it."""
    try:
        if content.startswith(b"\x1f\x8b"):
            yield from documents(gzip.decompress(content))
        elif content.startswith(b"PK"):
            with zipfile.ZipFile(BytesIO(content)) as archive:
                for entry in archive.infolist():
                    if entry.file_size < 1_000_000:
                        yield from documents(archive.read(entry))
        else:
            yield content
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError):
        pass


def add_file(content):
    add("decompression", content)
    for document in documents(content):
        add("json", document)
        add("decompression", gzip.compress(document, mtime=0))


def add_mail(content):
    add("mail", content)
    signature = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=a; h=From; bh=AAAA; b=AAAA\n"
    results = b"Authentication-Results: mx.example.org; dkim=pass header.d=example.com header.s=a\n"
    for head in (b"", signature, results, signature + results):
        add("authenticate", head + content + b"\0v=DKIM1; k=rsa; p=AAAA")
    for part in email.message_from_bytes(content).walk():
        attached = part.get_payload(decode=True)
        if attached and (attached.startswith((b"\x1f\x8b", b"PK")) or attached.lstrip().startswith(b"{")):
            add_file(attached)


def main():
    for path in sorted(FIXTURES.rglob("*")):
        if not path.is_file() or path.name.endswith((".expected.json", ".md", ".py", ".toml", ".keep")):
            continue
        content = path.read_bytes()
        if path.suffix == ".eml" or "Maildir" in path.parts:
            add_mail(content)
        else:
            add_file(content)
    for path in sorted((ROOT / "seeds" / "imap").iterdir()):
        # `\xff` in these files stands for the byte.
        answers = path.read_bytes().replace(b"\\xff\n", b"\xff").replace(b"\n", b"\r\n")
        for n_proper in range(12):
            add("imap", bytes([n_proper]) + answers)
    for path in sorted((ROOT.parent / "src" / "assess" / "testdata").glob("refine-vectors*.tsv")):
        for row in path.read_text().splitlines()[1:]:
            columns = row.split("\t")
            if len(columns) == 6:
                policy_type, usages, result_type, reason, _, _ = columns
                policy = [f"{usage} 1 1 9f2c41aa" for usage in usages] or ["version: STSv1", "mode: enforce", "mx: *.example.org"]
                lines = [policy_type, "", result_type, reason, "mx1.example.org", "*.example.org", *policy]
                add("policy", "\n".join(lines).encode())


main()
