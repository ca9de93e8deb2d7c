"""How programs are run under limits, and what counts as a failure."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MEMORY = 8 << 30  # address space of a command; a sound one needs far less
SECONDS = 60

failures = []
tried = 0


def check(good, what, found=""):
    """Counts an attempt, and keeps what went wrong."""
    global tried
    tried += 1
    if not good:
        failures.append(what)
        print(f"FAILED {what}: {str(found)[-400:]}", flush=True)


def run(jingwei, *arguments, folder=None, memory=MEMORY, seconds=SECONDS, stdin=None):
    """Runs a command under limits; returns its status, or the name of a signal, "timeout" or "panic", and its output."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    try:
        done = subprocess.run(
            [jingwei, *map(str, arguments)],
            cwd=folder,
            preexec_fn=limit,
            timeout=seconds,
            capture_output=True,
            input=stdin,
        )
    except subprocess.TimeoutExpired:
        return "timeout", ""
    output = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name, output
    if "panicked at" in output:
        return "panic", output
    return done.returncode, output


class Server:
    """`jingwei serve` in a process of its own, on any free port."""

    def __init__(self, jingwei, bundle, *options, files=None):
        def limit():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        self.process = subprocess.Popen(
            [jingwei, "serve", bundle, "--address", "127.0.0.1:0", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=limit,
        )
        first = self.process.stdout.readline()
        self.address = json.loads(first)["address"]
        self.host, port = self.address.rsplit(":", 1)
        self.port = int(port)

    def ask(self, path, body=None, kind="application/json", method=None, seconds=60):
        """Status and body of an answer; (0, reason) if there is none."""
        request = urllib.request.Request(f"http://{self.address}{path}", data=body, method=method)
        if body is not None:
            request.add_header("content-type", kind)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 0, str(error).encode()

    def peak(self):
        """The most memory that the process has held, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))

    def handles(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def alive(self):
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
