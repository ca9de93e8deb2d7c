"""Hostile requests: each is answered in bounded memory and time, and a sound request after it as before."""

import base64
import json
import struct
import zlib

from machine import Server, check

MEMORY = 3 << 30  # of the server, whatever it is asked


def attack(jingwei, models):
    for model in models:
        with Server(jingwei, model.bundle) as server:
            status, sound = server.ask("/v1/predict", *model.body)
            check(status == 200, f"{model.name}: a sound request", sound)
            _, index = server.ask("/v2/repository/index", b"{}", method="POST")
            name = json.loads(index)[0]["name"]
            _, about = server.ask(f"/v2/models/{name}")
            for what, path, body, kind in requests(name, json.loads(about)):
                status, answer = server.ask(path, body, kind)
                is_json = not answer or answer.lstrip()[:1] in (b"{", b"[") and readable(answer)
                # 0: the server answered before it had read all, and closed.
                check(status in (0, 200, 400, 404, 405, 408, 413, 414, 415, 431, 503) and (status == 0 or is_json),
                      f"{model.name}: {what}: status {status}", answer)
                again = server.ask("/v1/predict", *model.body)
                check(again == (200, sound), f"{model.name}: a sound request after {what}", again)
            check(server.alive() and server.peak() < MEMORY, f"{model.name}: memory of the server", server.peak())


def readable(answer):
    try:
        json.loads(answer)
        return True
    except ValueError:
        return False


def requests(name, about):
    """What, path, body, content type."""
    infer, predict = f"/v2/models/{name}/infer", "/v1/predict"
    given, output = about["inputs"][0], about["outputs"][0]["name"]
    sizes = [1] + [size if size > 0 else 5 for size in given["shape"][1:]]
    count = 1
    for size in sizes:
        count *= size

    def tensor(shape=sizes, data=None, kind="FP32", outputs=None):
        data = [0.5] * count if data is None else data
        body = {"inputs": [{"name": given["name"], "shape": shape, "datatype": kind, "data": data}]}
        if outputs is not None:
            body["outputs"] = outputs
        return json.dumps(body).encode()

    asked = [
        ("a tensor", tensor()),
        ("8,000 outputs", tensor(outputs=[{"name": output}] * 8000)),
        ("100,000 outputs", tensor(outputs=[{"name": output}] * 100_000)),
        ("unknown outputs", tensor(outputs=[{"name": f"x{n}"} for n in range(50_000)])),
        ("a shape that wraps", tensor(shape=[2, 2**63 + 5])),
        ("a shape that wraps to its length", tensor(shape=[2**32, 2**32, *sizes])),
        ("an empty shape", tensor(shape=[])),
        ("zeros in a shape", tensor(shape=[0, *sizes[1:]], data=[])),
        ("negative sizes", tensor(shape=[-1, *sizes[1:]])),
        ("a wrong type", tensor(kind="BYTES")),
        ("infinite numbers", tensor().replace(b"0.5", b"1e999")),
        ("long numbers", tensor().replace(b"0.5", b"9" * 100_000, 1)),
        ("NaN", tensor().replace(b"0.5", b"NaN")),
        ("deep lists", b'{"inputs": ' + b"[" * 500_000),
        ("deep data", tensor().replace(b"0.5", b"[" * 200_000 + b"0.5" + b"]" * 200_000, 1)),
        ("a key twice", b'{"inputs": [], "inputs": []}'),
        ("nothing", b""),
        ("zeros", bytes(1 << 20)),
        ("classes of all", tensor(outputs=[{"name": output, "parameters": {"classification": 2**63}}])),
        ("the longest sequence", tensor(shape=[1, 65_536], data=[1] * 65_536)),
        ("a batch of sequences", tensor(shape=[8, 65_536], data=[1] * 524_288)),
    ]
    for what, body in asked:
        yield what, infer, body, "application/json"
    for what, text in texts():
        yield what, predict, text, "text/plain"
        yield f"{what} as JSON", predict, json.dumps({"instances": [text.decode(errors="replace")]}).encode(), "application/json"
    for what, body in (
        ("80,000 names", ",".join(f"c{n}" for n in range(80_000)).encode() + b"\n" + b",".join([b"1"] * 80_000)),
        ("one name 80,000 times", b",".join([b"a"] * 80_000) + b"\n" + b",".join([b"1"] * 80_000)),
        ("an open quote", b'a,b\n"' + b"x" * 5_000_000),
        ("a million rows", b"a\n" + b"1\n" * 1_000_000),
        ("only commas", b"," * 5_000_000),
        ("a long cell", b"a\n" + b"9" * 5_000_000),
    ):
        yield what, predict, body, "text/csv"
    for what, body in (
        ("many empty records", b'{"instances": [' + b",".join([b"{}"] * 1_000_000) + b"]}"),
        ("records of many keys", json.dumps({"instances": [{f"k{n}": n for n in range(200_000)}]}).encode()),
        ("one key many times", b'{"instances": [{' + b",".join([b'"a": 1'] * 200_000) + b"}]}"),
        ("deep pixels", b'{"instances": ' + b"[" * 500_000 + b"]" * 500_000 + b"}"),
        ("Base64 of nothing", b'{"instances": [{"b64": ""}]}'),
        ("8 pictures of 16,384 by 16,384", json.dumps({"instances": [{"b64": picture(16_384)}] * 8}).encode()),
        ("100 pictures of 4,096 by 4,096", json.dumps({"instances": [{"b64": picture(4_096)}] * 100}).encode()),
        ("a picture of 2^31 pixels a side", json.dumps({"instances": [{"b64": picture(2**31 - 1, 0)}]}).encode()),
    ):
        yield what, predict, body, "application/json"
    yield "a picture that is none", predict, b"\x89PNG\r\n\x1a\n" + b"x" * 1000, "image/png"
    yield "a type that is none", predict, b"x", "x" * 1000
    yield "a long address", "/v2/models/" + "x" * 60_000, None, ""
    yield "another model", "/v2/models/..%2f..%2fetc", None, ""


def texts():
    yield "://", b"://" * 1_000_000
    yield "a mark again and again", b"<" * 3_000_000
    yield "entities", b"&" * 3_000_000
    yield "open tags", b"<a " * 1_000_000
    yield "comments", b"<!--" * 800_000
    yield "at signs", b"a@" * 1_500_000
    yield "one word", b"a" * 3_000_000
    yield "ligatures", "\ufdfa".encode() * 1_000_000
    yield "one character", "的".encode() * 1_000_000
    yield "combining marks", b"e" + "\u0301".encode() * 1_500_000
    yield "joiners", "\U0001f468\u200d".encode() * 400_000
    yield "brackets", b"[" * 3_000_000
    yield "spaces", b" " * 3_000_000
    yield "no UTF-8", b"\xff" * 100_000


def picture(side, rows=None):
    """A grey PNG of zeros in Base64: small as a file, large as pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = side if rows is None else rows
    packer = zlib.compressobj(9)
    line = bytes(1 + (side + 7) // 8) if rows else b""
    pixels = b"".join(packer.compress(line) for _ in range(rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return base64.b64encode(content).decode()
