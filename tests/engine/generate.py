"""Makes client.py from the description of the local API: a method an operation, with a check of what it is given.

generate.py DESCRIPTION -- the client on standard output; the same description gives the same bytes. Only what Python brings."""

import json
import re
import sys

HEAD = '''"""The local API of boxsync, version {version}: made by generate.py from its description, not written by hand.

Each method asks once, by `carry(method, target, body, headers, stream)` of the class that derives from this one, and
gives what that gives."""

import json
import urllib.parse


def checked(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{{name}}: {{value!r}} is none of {{allowed}}")
    return value


class Operations:
    def asks(self, method, path, query, headers, body=None, stream=False):
        pairs = [(name, one) for name, value in query.items() if value is not None
                 for one in (value if isinstance(value, (list, tuple)) else [value])]
        target = path + ("?" + urllib.parse.urlencode(pairs) if pairs else "")
        headers = {{name: str(value) for name, value in headers.items() if value is not None}}
        body = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        return self.carry(method, target, body, headers, stream)
'''


def argument(name):
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def literal(value):
    return json.dumps(value).replace("null", "None")


def method(path, verb, act):
    parameters = act.get("parameters", [])
    of = lambda place: [one for one in parameters if one["in"] == place]
    needed = [argument(one["name"]) for one in of("path")]
    needed += [argument(one["name"]) for one in of("query") if one["required"]]
    optional = [argument(one["name"]) for one in of("query") + of("header") if not one["required"]]
    body = act.get("requestBody")
    if body:
        (needed if body["required"] else optional).append("body")
    stream = "text/event-stream" in act["responses"].get("200", {}).get("content", {})
    arguments = ", ".join(["self"] + needed + [f"{name}=None" for name in optional])
    lines = [f"    def {act['operationId']}({arguments}):", f'        """{act["summary"]}."""']
    for one in of("query"):
        allowed, name = one["schema"].get("enum"), argument(one["name"])
        if allowed:
            lines += [f"        if {name} is not None:", f"            checked({literal(name)}, {name}, {literal(allowed)})"]
    target = re.sub(r"\{(\w+)\}", r'" + urllib.parse.quote(\1, safe="") + "', path)
    fields = lambda place: ", ".join(f"{literal(one['name'])}: {argument(one['name'])}" for one in of(place))
    call = [literal(verb.upper()), f'"{target}"'.removesuffix(' + ""'), "{" + fields("query") + "}", "{" + fields("header") + "}"]
    call += ["body"] if body else []
    call += ["stream=True"] if stream else []
    return "\n".join(lines + [f"        return self.asks({', '.join(call)})"])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        description = json.load(file)
    parts = [HEAD.format(version=description["info"]["version"])]
    for path, acts in description["paths"].items():
        parts += [method(path, verb, act) + "\n" for verb, act in acts.items()]
    sys.stdout.write("\n".join(parts))


main()
