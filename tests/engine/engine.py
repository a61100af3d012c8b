"""A delivery engine in small, as docs/api.md tells one to be written: follows the catalogue, lets candidates read the
members of one package, hands their results in and asks what became of them. Only what Python brings.

engine.py SOCKET DELIVERY CANDIDATES RESULTS -- says `reading`, `handing in` and at last one object, a line each; goes from
one to the next with each line of its standard input."""

import base64
import gzip
import http.client
import json
import socket
import sys
import threading
import time
import urllib.parse
import zlib


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("box", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Box:
    """Asks until there is an answer: a daemon that was killed starts again."""

    def __init__(self, path):
        self.path = path
        self.connection = None

    def ask(self, method, path, body=None, headers=None):
        wait = 0.05
        while True:
            try:
                self.connection = self.connection or Connection(self.path)
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                content = answer.read()
                if answer.status != 503:
                    return answer, content
                time.sleep(float(answer.getheader("Retry-After", "1")))
            except (OSError, http.client.HTTPException):
                self.connection = None
                time.sleep(wait)
                wait = min(wait * 2, 1)

    def get(self, path, headers=None):
        return self.ask("GET", path, None, headers)


def lines(content):
    return [json.loads(line) for line in content.splitlines()]


def encoded(text):
    return urllib.parse.quote(text, safe="")


class Follower(threading.Thread):
    """An own copy of the catalogue: checksums by type and id."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.box, self.over, self.known, self.cursor = Box(path), False, {}, None
        self.begins = 0

    def begin(self):
        answer, content = self.box.get("/v1/entities")
        assert answer.status == 200, content
        self.known = {self.name(one): one["checksum"] for one in lines(content)}
        self.cursor = answer.getheader("Boxsync-Cursor")
        self.begins += 1

    @staticmethod
    def name(one):
        return one["type"] + " " + one["id"]

    def step(self, wait):
        answer, content = self.box.get(f"/v1/feed?cursor={self.cursor}&include=entity&limit=50&wait={wait}s")
        if answer.status == 410:
            self.begin()
            return True
        assert answer.status == 200, content
        feed = json.loads(content)
        for change in feed["changes"]:
            if change.get("entity"):
                self.known[self.name(change)] = change["entity"]["checksum"]
            else:
                self.known.pop(self.name(change), None)
        self.cursor = feed["cursor"]
        return bool(feed["changes"])

    def run(self):
        self.begin()
        while not self.over:
            self.step(1)
        while self.step(0):
            pass


class Candidate(threading.Thread):
    """Reads every member of one edition again and again; each must be what the list promises."""

    def __init__(self, number, path, base, edition, members):
        super().__init__(daemon=True)
        self.number, self.box, self.base, self.edition = number, Box(path), base, edition
        self.members, self.rounds, self.over, self.flaws = members, 0, False, []

    def run(self):
        while not self.over or not self.rounds:
            for place, member in enumerate(self.members):
                packed = (place + self.number + self.rounds) % 2
                headers = {"Accept-Encoding": "gzip"} if packed else {}
                path = f"{self.base}/{encoded(member['name'])}?edition={self.edition}"
                answer, content = self.box.get(path, headers)
                if answer.status != 200:
                    self.flaws.append([answer.status, content.decode()])
                    continue
                if answer.getheader("Content-Encoding") == "gzip":
                    content = gzip.decompress(content)
                if f"{zlib.crc32(content):08x}" != member["crc32"] or len(content) != member["bytes"]:
                    self.flaws.append([member["name"], len(content)])
            self.rounds += 1


def result(delivery, taker, number):
    execution = f"https://engine.example/tao.rdf#i{number}"
    variable = {
        "type": "taoResultServer_models_classes_OutcomeVariable", "callIdTest": execution, "callIdItem": None,
        "test": "https://engine.example/tao.rdf#test", "item": None,
        "data": {
            "identifier": "SCORE", "cardinality": "single", "baseType": "float", "epoch": "0.9 1795003600",
            "normalMinimum": None, "normalMaximum": 10,
            "value": base64.b64encode(str(number % 10).encode()).decode(),
        },
    }
    details = {
        "identifier": execution, "label": "An exam", "test-taker": taker, "starttime": "0.1 1795000000",
        "finishtime": "0.2 1795003600",
        "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished",
    }
    return execution, {
        "deliveryId": delivery, "deliveryExecutionId": execution, "details": details, "variables": [variable],
    }


def main():
    path, delivery, candidates, results = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    box, follower = Box(path), Follower(path)
    follower.start()
    _, content = box.get("/v1/packages")
    edition = {one["delivery"]: one["edition"] for one in lines(content)}[delivery]
    base = f"/v1/packages/{encoded(delivery)}/members"
    answer, content = box.get(f"{base}?edition={edition}")
    assert answer.status == 200, content
    room = [Candidate(number, path, base, edition, lines(content)) for number in range(candidates)]
    for candidate in room:
        candidate.start()
    while not all(candidate.rounds for candidate in room):
        time.sleep(0.05)
    print("reading", flush=True)
    sys.stdin.readline()
    for candidate in room:
        candidate.over = True
        candidate.join()
    takers = sorted(name.split(" ")[1] for name in follower.known if name.startswith("test-taker "))
    print("handing in", flush=True)
    means = {}
    for number in range(results):
        execution, document = result(delivery, takers[number % len(takers)], number)
        answer, content = box.ask("PUT", f"/v1/results/{encoded(execution)}", json.dumps(document))
        assert answer.status == 200, content
        means[execution] = json.loads(content)["items"][0]["means"]
    sys.stdin.readline()
    fates = {execution: json.loads(box.get(f"/v1/results/{encoded(execution)}")[1]) for execution in means}
    follower.over = True
    follower.join()
    print(json.dumps({
        "edition": edition, "known": follower.known, "begins": follower.begins, "means": means,
        "states": {execution: fate["state"] for execution, fate in fates.items()},
        "rounds": sum(candidate.rounds for candidate in room),
        "flaws": [flaw for candidate in room for flaw in candidate.flaws],
    }), flush=True)


main()
