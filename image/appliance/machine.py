"""The box that image/appliance/cycle watches: what it is given by its firmware, its console, its power; and what source and central saw."""
import base64, json, os, re, signal, ssl, subprocess, sys, time, urllib.parse, urllib.request
here, central = sys.argv[1], int(sys.argv[2])
file = lambda name: os.path.join(here, name)
info = json.load(open(file("info")))
port, source = urllib.parse.urlparse(info["url"]).port, open(file("port")).read()
begun, boots = time.monotonic(), 0
def write(name, text):
    open(file(name), "w").write(text)
    return file(name)
ID = "https://box.example/tao.rdf#i500001"
RESULT = {"deliveryId": "DELIVERY", "deliveryExecutionId": ID,
          "details": {"identifier": ID, "label": "Algebra", "test-taker": "https://central.example/tao.rdf#t17",
                      "starttime": "0.10000000 1795000000", "finishtime": "0.20000000 1795003600",
                      "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished"},
          "variables": [{"type": "taoResultServer_models_classes_ResponseVariable", "callIdItem": ID + ".item-0.0", "callIdTest": None,
                         "test": "https://central.example/tao.rdf#test", "item": "https://central.example/tao.rdf#item-0",
                         "data": {"identifier": "RESPONSE", "cardinality": "single", "baseType": "string", "correctResponse": None,
                                  "epoch": "0.12345600 1795000000", "candidateResponse": "YQ=="}}]}
SUBMIT = """delivery=$(boxsync entities delivery --json | sed -n '1s/.*"id":"\\([^"]*\\)".*/\\1/p')
sed "s|DELIVERY|$delivery|" /run/result.json >/run/result.filled && boxsync results submit /run/result.filled && echo "handed in: one result"
"""
# systemd takes its own files and additions to units from the firmware's strings (systemd.system-credentials(7)).
extra = "".join(f"f+~ /run/{name} 0644 - - - {base64.b64encode(text.encode()).decode()}\n" for name, text in
                [("central.pem", open(file("ca")).read()), ("result.json", json.dumps({ID: RESULT})), ("submit", SUBMIT)])
given = {"boxsync.enroll": write("enroll", json.dumps({key: info[key] for key in ("login", "password")})),
         "tmpfiles.extra": write("files", extra),
         "systemd.unit-dropin.boxsync-update.timer":
             write("often", "[Timer]\nOnBootSec=\nOnUnitInactiveSec=\nOnBootSec=20s\nOnUnitInactiveSec=10s\nRandomizedDelaySec=0\n"),
         "systemd.unit-dropin.boxsync-update.service": write("loud", "[Service]\nStandardOutput=journal+console\nStandardError=journal+console\n")}
handing = {"systemd.extra-unit.submit.service": write("submit", "[Service]\nType=oneshot\nExecStart=/bin/sh /run/submit\nStandardOutput=journal+console\nStandardError=journal+console\n"
           "[Unit]\nAfter=boxsync.service\n")}
words = ["console=ttyS0", "systemd.show_status=0", "systemd.journald.forward_to_console=1", "systemd.mask=serial-getty@ttyS0.service",
         f"systemd.setenv=BOXSYNC_CENTRAL_URL=https://10.0.2.2:{port}/", "systemd.setenv=BOXSYNC_CENTRAL_CA_FILE=/run/central.pem",
         f"systemd.setenv=BOXSYNC_UPDATE_SOURCE=http://10.0.2.2:{source}/", "systemd.setenv=BOXSYNC_UPDATE_QUIET_BEFORE=0s",
         "systemd.setenv=BOXSYNC_DOWNLOAD_WINDOW_FLUSH=1MiB", "systemd.setenv=BOXSYNC_SYNC_INTERVAL=20s", "systemd.setenv=BOXSYNC_SYNC_MEASURE=false"]
def say(text):
    print(f"== {time.monotonic() - begun:4.0f} s: {text}", flush=True)
class Box:
    def __init__(self, more={}, also=[]):
        global boots
        boots += 1
        self.path = file(f"console.{boots}")
        arguments = [f"{id}={path}" for id, path in (given | more).items()]
        self.machine = subprocess.Popen(["image/appliance/qemu", here, *arguments, "--", *words, *also], stdout=open(self.path, "w"), stderr=subprocess.STDOUT)
    def text(self):
        return open(self.path, errors="replace").read().replace("\r", "")
    def until(self, what, seen, seconds=300):
        end = time.monotonic() + seconds
        while not seen():
            if time.monotonic() > end or self.machine.poll() is not None:
                say(f"NOT SEEN: {what}")
                print(self.text()[-3000:])
                self.cut()
                sys.exit(1)
            time.sleep(0.3)
        say(what)
    def told(self, pattern, times=1, **more):
        self.until(f"/{pattern}/" + (f" {times} times" if times > 1 else ""), lambda: len(re.findall(pattern, self.text())) >= times, **more)
    def cut(self):
        self.machine.kill(); self.machine.wait()
def served():
    lines = [line.split() for line in open(file("notes"))] if os.path.exists(file("notes")) else []
    return [(name, int(first), int(gone)) for name, first, gone in lines]
def asked():
    context = ssl._create_unverified_context()
    return json.load(urllib.request.urlopen(f"https://127.0.0.1:{port}/_control", context=context))["central"]
def versions():
    return [version for row in asked()["sync_log"] for version in re.findall(r"2022\.1\d", json.dumps(row["client_state"]))]
