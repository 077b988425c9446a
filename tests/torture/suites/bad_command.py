"""A test command whose stream is bad in one way, named in BAD; run by a project whose framework is a command."""

import datetime
import io
import os
import struct
import sys
import zlib

import subunit

IDS = ["m.before", "m.bad", "m.after"]
OUT = sys.stdout.buffer


def packet(**fields):
    out = io.BytesIO()
    subunit.StreamResultToBytes(out).status(**fields)
    return out.getvalue()


def spoiled(data, at, value):
    """Return a packet with a byte changed, and its checksum right again."""
    body = data[:at] + bytes([value]) + data[at + 1 : -4]
    return body + struct.pack(">I", zlib.crc32(body))


def say(**fields):
    OUT.write(packet(**fields))


def attach(name, data, mime="text/plain", eof=True):
    say(test_id="m.bad", file_name=name, file_bytes=data, mime_type=mime, eof=eof)


def names():
    for name in ("../../x", "/etc/passwd", "a/b", "..", "x" * 5000, "nul\0nul", "new\nline", "CON", "con"):
        attach(name, b"content")


def mimes():
    attach("html", b"<script>alert(1)</script>", "text/html")
    attach("svg", b"<svg onload='x()'/>", "image/svg+xml")
    attach("zlib", zlib.compress(b"x"), 'text/plain; charset="zlib"')
    attach("nope", b"text", 'text/plain; charset="nope"')
    attach("long", b"text", "text/" + "x" * 100_000)


def texts():
    attach("traceback", "\x1b[2J\x1b]0;title\x07\x1b]52;c;eA==\x1b\\\x9b2J\x00\b\r\u202e[/usr/bin][@click=app.quit]\n::error file=x::y\n##vso[task.x]\n".encode())


TIME = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
GOOD = packet(test_id="m.other", test_status="exists")
BAD = {
    "names": names,
    "mimes": mimes,
    "texts": texts,
    "a bomb": lambda: attach("bomb.gz", zlib.compress(bytes(1 << 24)), "application/gzip"),
    "a line of 8 MB": lambda: [attach("log", b"x" * (1 << 20), eof=n == 7) for n in range(8)],
    "no utf-8": lambda: attach("log", b"\xff\xfe\x00x\xb3\x29"),
    "no eof": lambda: attach("log", b"never ends", eof=False),
    "the same name": lambda: [attach("log", b"one"), attach("log", b"two"), attach("log", b"three")],
    "many attachments": lambda: [attach("log %d" % n, b"x") for n in range(20_000)],
    "old times": lambda: say(test_id="m.bad", test_status="inprogress", timestamp=TIME),
    "twice": lambda: [say(test_id="m.bad", test_status="fail"), say(test_id="m.bad", test_status="success")],
    "after its end": lambda: [say(test_id="m.bad", test_status="success"), attach("late", b"late")],
    "of nobody": lambda: [say(test_id="n.%d" % n, test_status="success") for n in range(300)],
    "a flood of nobody's": lambda: [say(test_id="n.%d" % n, test_status="success") for n in range(30_000)],
    "exists": lambda: [say(test_id="n.%d" % n, test_status="exists") for n in range(30_000)],
    "no id": lambda: say(test_status="success"),
    "length 0": lambda: OUT.write(b"\xb3\x29\x01\x00" + bytes(8)),
    "length 5": lambda: OUT.write(b"\xb3\x29\x01\x05" + bytes(8)),
    "a wrong length": lambda: OUT.write(b"\xb3\x29\x01\xbf\xff\xff" + b"x" * 20),
    "a wrong checksum": lambda: OUT.write(GOOD[:-1] + bytes([GOOD[-1] ^ 1])),
    "another version": lambda: OUT.write(spoiled(GOOD, 1, 0x19)),
    "every flag": lambda: OUT.write(spoiled(spoiled(GOOD, 1, 0x2F), 2, 0xFF)),
    "text": lambda: OUT.write("ó \xb3 # plain\n".encode() * 1000),
    "a lone signature": lambda: OUT.write(b"\xb3" * 1000),
}

if "--list" in sys.argv:
    for name in IDS:
        say(test_id=name, test_status="exists")
    sys.exit()
if "--load-list" in sys.argv:
    with open(sys.argv[sys.argv.index("--load-list") + 1]) as file:
        IDS = file.read().split()
for name in IDS:
    say(test_id=name, test_status="inprogress")
    if name == "m.bad":
        BAD[os.environ["BAD"]]()
    say(test_id=name, test_status="fail" if os.environ["BAD"] == "texts" and name == "m.bad" else "success")
    OUT.flush()
