"""Hostile connections: silent, slow, many, broken; others are answered all the while."""

import signal
import socket
import threading
import time

from machine import Server, check


def attack(jingwei, models):
    model = models[0]
    body, kind = model.body
    with Server(jingwei, model.bundle, files=256) as server:
        sound = server.ask("/v1/predict", body, kind)
        silent(server, body, kind, sound)
        slow(server, body, kind, sound)
        broken(server, body, kind, sound)
        many(server, body, kind)
    with Server(jingwei, model.bundle) as server:
        drain(server, body, kind)


def connect(server):
    client = socket.create_connection((server.host, server.port), timeout=60)
    client.settimeout(60)
    return client


def request(body, kind, extra=""):
    head = f"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def status(client):
    """The status of the next answer and whether the connection shall close; (0, True) if it was closed."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        try:
            more = client.recv(65_536)
        except OSError:
            return 0, True
        if not more:
            return 0, True
        answer += more
    head, _, rest = answer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    missing = int(fields.get(b"content-length", b"0")) - len(rest)
    while missing > 0 and (more := client.recv(65_536)):
        missing -= len(more)
    return int(head.split()[1]), fields.get(b"connection") == b"close"


def silent(server, body, kind, sound):
    """More silent connections than the server has handles."""
    clients = []
    for _ in range(1_100):
        try:
            clients.append(socket.create_connection((server.host, server.port), timeout=0.2))
        except OSError:
            break
    begun = time.monotonic()
    answer = (0, b"")
    while answer != sound and time.monotonic() - begun < 90:
        answer = server.ask("/v1/predict", body, kind, seconds=90)
    check(answer == sound, f"an answer beside {len(clients)} silent connections, {time.monotonic() - begun:.0f} s", answer)
    check(server.handles() <= 256, "handles of the server", server.handles())
    for client in clients:
        client.close()


def slow(server, body, kind, sound):
    """64 bodies and 64 heads that come a byte at a time."""
    clients = [connect(server) for _ in range(128)]
    for index, client in enumerate(clients):
        client.sendall(request(body, kind)[: -len(body)] if index % 2 else b"POST /v1/predict HTTP/1.1\r\nhost: ")
    stop = threading.Event()

    def drip():
        while not stop.wait(0.5):
            for client in clients:
                try:
                    client.sendall(b" ")
                except OSError:
                    pass

    thread = threading.Thread(target=drip)
    thread.start()
    times = []
    for _ in range(20):
        begun = time.monotonic()
        answer = server.ask("/v1/predict", body, kind)
        times.append(time.monotonic() - begun)
        check(answer == sound, "an answer beside slow bodies and heads", answer)
    check(max(times) < 5, f"the longest wait beside slow clients: {max(times):.2f} s")
    stop.set()
    thread.join()
    for client in clients:
        client.close()


def broken(server, body, kind, sound):
    """Bytes that are not HTTP, each answered with an error in JSON or none, or closed."""
    for bytes_ in (
        b"\r\n" * 1000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /" + b"x" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
        b"GET / HTTP/1.1\r\na: " + b"b" * 1_000_000 + b"\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        request(body, kind, "expect: nonsense\r\n"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        bytes(range(256)) * 100,
    ):
        client = connect(server)
        answer = b""
        try:
            client.sendall(bytes_)
            client.shutdown(socket.SHUT_WR)
            while more := client.recv(65_536):
                answer += more
        except OSError:
            pass
        head, _, rest = answer.partition(b"\r\n\r\n")
        check(not rest or rest.startswith(b"{"), f"an error in JSON or none for {bytes_[:40]}", answer)
        check(not head or head.split()[1] != b"500", f"no failure of the server for {bytes_[:40]}", answer)
        client.close()
        check(server.ask("/v1/predict", body, kind) == sound, f"an answer after {bytes_[:40]}")


def many(server, body, kind):
    """192 keep-alive clients at once wait for their turn."""
    results = []

    def client():
        try:
            connection = connect(server)
            for _ in range(10):
                connection.sendall(request(body, kind))
                results.append(status(connection)[0])
            connection.close()
        except OSError as error:
            results.append(str(error))

    threads = [threading.Thread(target=client) for _ in range(192)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wrong = [result for result in results if result != 200]
    check(not wrong, f"{len(wrong)} of {len(results)} requests of 192 clients not answered", wrong[:10])


def drain(server, body, kind):
    """At SIGTERM the next request of a keep-alive client is answered, or it was told to close before."""
    client = connect(server)
    client.sendall(request(body, kind))
    check(status(client)[0] == 200, "an answer before SIGTERM")
    half = connect(server)
    half.sendall(request(body, kind)[:-3])
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    half.sendall(request(body, kind)[-3:])
    code, closes = status(half)
    check(code == 200 and closes, f"a request under way at SIGTERM: status {code}, told to close: {closes}")
    try:
        server.process.wait(30)
    except Exception:
        check(False, "the server ends after SIGTERM")
