"""A delivery engine in small, as docs/api.md tells one to be written: follows the catalogue, lets candidates read the
members of one package, hands their results in, asks what became of them, and follows all that by the events as well. It
asks by client.py, which is made from the description of the API. Only what Python brings.

engine.py SOCKET DELIVERY CANDIDATES RESULTS -- says `reading`, `handing in`, then what it knows and at last what the events told
it, a line each; goes from one to the next with each line of its standard input."""

import base64
import gzip
import http.client
import json
import socket
import sys
import threading
import time
import zlib

from client import Operations


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("box", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Box(Operations):
    """Asks until there is an answer: a daemon that was killed starts again."""

    def __init__(self, path):
        self.path = path
        self.connection = None

    def carry(self, method, target, body, headers, stream):
        wait = 0.05
        while True:
            try:
                self.connection = self.connection or Connection(self.path)
                self.connection.request(method, target, body, headers)
                answer = self.connection.getresponse()
                if stream and answer.status == 200:
                    return answer, None
                content = answer.read()
                if answer.status != 503:
                    return answer, content
                time.sleep(float(answer.getheader("Retry-After", "1")))
            except (OSError, http.client.HTTPException):
                self.connection = None
                time.sleep(wait)
                wait = min(wait * 2, 1)


def lines(content):
    return [json.loads(line) for line in content.splitlines()]


class Follower(threading.Thread):
    """An own copy of the catalogue: checksums by type and id."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.box, self.over, self.known, self.cursor = Box(path), False, {}, None
        self.begins = 0

    def begin(self):
        answer, content = self.box.entities()
        assert answer.status == 200, content
        self.known = {self.name(one): one["checksum"] for one in lines(content)}
        self.cursor = answer.getheader("Boxsync-Cursor")
        self.begins += 1

    @staticmethod
    def name(one):
        return one["type"] + " " + one["id"]

    def step(self, wait):
        answer, content = self.box.feed(cursor=self.cursor, include="entity", limit=50, wait=f"{wait}s")
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


class Listener(threading.Thread):
    """The same copy, and the fates of results, by the events alone: what `state` and `gone` ask for is read, whatever else
    comes is applied as it comes. A connection that ends is made again with the id of the last event."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.box, self.last = path, Box(path), None
        self.known, self.fates, self.packages, self.seen = {}, {}, {}, set()
        self.reads_entities = self.reads_fates = True

    def run(self):
        while True:
            stream = Box(self.path)
            answer, content = stream.follow(include="entity", last_event_id=self.last)
            assert answer.status == 200, content
            try:
                self.listen(answer)
            except (OSError, http.client.HTTPException):
                pass

    def listen(self, stream):
        event = {}
        while line := stream.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name in ("id", "event", "data"):
                event[name] = value
            elif not line.strip() and "data" in event:
                self.take(event["event"], json.loads(event["data"]))
                # `gone` has none: it is told again to whoever hangs up before it read what was lost.
                self.last = event.get("id", self.last)
                event = {}

    def take(self, event, told):
        self.seen.add(event)
        if event == "gone":
            self.reads_fates |= "events" in told["lost"]
            if "entities" in told["lost"]:
                self.read_entities()
        elif event == "state":
            self.packages = {one["delivery"]: one["edition"] for one in told["packages"]}
            if self.reads_entities:
                self.read_entities()
            if self.reads_fates:
                self.fates = {one["id"]: one["state"] for one in lines(self.box.fates()[1])}
                self.reads_fates = False
        elif event == "entity" and told.get("entity"):
            self.known[Follower.name(told)] = told["entity"]["checksum"]
        elif event == "entity":
            self.known.pop(Follower.name(told), None)
        elif event == "package":
            self.packages[told["delivery"]] = told["edition"]
        elif event == "result":
            self.fates[told["id"]] = told["state"]

    def read_entities(self):
        self.known = {Follower.name(one): one["checksum"] for one in lines(self.box.entities()[1])}
        self.reads_entities = False


class Candidate(threading.Thread):
    """Reads every member of one edition again and again; each must be what the list promises."""

    def __init__(self, number, path, delivery, edition, members):
        super().__init__(daemon=True)
        self.number, self.box, self.delivery, self.edition = number, Box(path), delivery, edition
        self.members, self.rounds, self.over, self.flaws = members, 0, False, []

    def run(self):
        while not self.over or not self.rounds:
            for place, member in enumerate(self.members):
                packed = (place + self.number + self.rounds) % 2
                answer, content = self.box.member(
                    self.delivery, member["name"], edition=self.edition, accept_encoding="gzip" if packed else None)
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
    box, follower, listener = Box(path), Follower(path), Listener(path)
    follower.start()
    listener.start()
    _, content = box.packages()
    edition = {one["delivery"]: one["edition"] for one in lines(content)}[delivery]
    answer, content = box.members(delivery, edition=edition)
    assert answer.status == 200, content
    room = [Candidate(number, path, delivery, edition, lines(content)) for number in range(candidates)]
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
        answer, content = box.put_results(execution, document)
        assert answer.status == 200, content
        means[execution] = json.loads(content)["items"][0]["means"]
    sys.stdin.readline()
    fates = {execution: json.loads(box.fate(execution)[1]) for execution in means}
    follower.over = True
    follower.join()
    print(json.dumps({
        "edition": edition, "known": follower.known, "begins": follower.begins, "means": means,
        "states": {execution: fate["state"] for execution, fate in fates.items()},
        "rounds": sum(candidate.rounds for candidate in room),
        "flaws": [flaw for candidate in room for flaw in candidate.flaws],
    }), flush=True)
    sys.stdin.readline()
    # They are home: it hears of each, and of every entity.
    end = time.monotonic() + 60
    fates = lambda: {execution: listener.fates.get(execution) for execution in means}
    equal = lambda: set(fates().values()) == {"acknowledged"} and listener.known == follower.known
    while time.monotonic() < end and not equal():
        time.sleep(0.05)
    print(json.dumps({
        "known": listener.known, "states": fates(), "edition": listener.packages.get(delivery),
        "seen": sorted(listener.seen),
    }), flush=True)


main()
