"""The local API of boxsync, version 1: made by generate.py from its description, not written by hand.

Each method asks once, by `carry(method, target, body, headers, stream)` of the class that derives from this one, and
gives what that gives."""

import json
import urllib.parse


def checked(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{name}: {value!r} is none of {allowed}")
    return value


class Operations:
    def asks(self, method, path, query, headers, body=None, stream=False):
        pairs = [(name, one) for name, value in query.items() if value is not None
                 for one in (value if isinstance(value, (list, tuple)) else [value])]
        target = path + ("?" + urllib.parse.urlencode(pairs) if pairs else "")
        headers = {name: str(value) for name, value in headers.items() if value is not None}
        body = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        return self.carry(method, target, body, headers, stream)

    def status(self):
        """How the box and its daemon stand."""
        return self.asks("GET", "/v1/status", {}, {})

    def sync(self, body=None):
        """Asks for a synchronization."""
        return self.asks("POST", "/v1/sync", {}, {}, body)

    def events(self):
        """Follows the synchronizations."""
        return self.asks("GET", "/v1/sync/events", {}, {}, stream=True)

    def follow(self, include=None, organisation=None, last_event_id=None):
        """Follows everything that an engine has to know."""
        if include is not None:
            checked("include", include, ["entity"])
        return self.asks("GET", "/v1/events", {"include": include, "organisation": organisation}, {"Last-Event-ID": last_event_id}, stream=True)

    def entities(self, type=None, id=None, login=None, organisation=None):
        """Entities of one generation, one JSON object a line."""
        if type is not None:
            checked("type", type, ["test-center", "administrator", "proctor", "test-taker", "eligibility", "delivery"])
        return self.asks("GET", "/v1/entities", {"type": type, "id": id, "login": login, "organisation": organisation}, {})

    def feed(self, epoch=None, since=None, cursor=None, limit=None, include=None, wait=None, organisation=None):
        """Changes of the catalogue after a position."""
        if include is not None:
            checked("include", include, ["entity"])
        return self.asks("GET", "/v1/feed", {"epoch": epoch, "since": since, "cursor": cursor, "limit": limit, "include": include, "wait": wait, "organisation": organisation}, {})

    def packages(self):
        """Packages of the deliveries in the catalogue, one JSON object a line."""
        return self.asks("GET", "/v1/packages", {}, {})

    def content(self, delivery, edition=None, if_match=None, if_none_match=None, range=None, if_range=None):
        """The content of a whole package, or one range of it."""
        return self.asks("GET", "/v1/packages/content", {"delivery": delivery, "edition": edition}, {"If-Match": if_match, "If-None-Match": if_none_match, "Range": range, "If-Range": if_range})

    def content_head(self, delivery, edition=None, if_match=None, if_none_match=None):
        """What reading a package would answer."""
        return self.asks("HEAD", "/v1/packages/content", {"delivery": delivery, "edition": edition}, {"If-Match": if_match, "If-None-Match": if_none_match})

    def members(self, delivery, edition=None, if_match=None):
        """The members of a package, one JSON object a line."""
        return self.asks("GET", "/v1/packages/" + urllib.parse.quote(delivery, safe="") + "/members", {"edition": edition}, {"If-Match": if_match})

    def member(self, delivery, name, edition=None, accept_encoding=None, if_match=None, if_none_match=None, range=None, if_range=None):
        """The content of one member, or one range of it."""
        return self.asks("GET", "/v1/packages/" + urllib.parse.quote(delivery, safe="") + "/members/" + urllib.parse.quote(name, safe=""), {"edition": edition}, {"Accept-Encoding": accept_encoding, "If-Match": if_match, "If-None-Match": if_none_match, "Range": range, "If-Range": if_range})

    def member_head(self, delivery, name, edition=None, accept_encoding=None, if_match=None, if_none_match=None):
        """What reading a member would answer."""
        return self.asks("HEAD", "/v1/packages/" + urllib.parse.quote(delivery, safe="") + "/members/" + urllib.parse.quote(name, safe=""), {"edition": edition}, {"Accept-Encoding": accept_encoding, "If-Match": if_match, "If-None-Match": if_none_match})

    def exam(self, body):
        """Says whether an exam runs and what is sat: packages wait for its end, and what is sat stays as it is."""
        return self.asks("PUT", "/v1/exam", {}, {}, body)

    def terminate(self, body):
        """Has the delivery engines end what is sat, and waits for them."""
        return self.asks("POST", "/v1/exam/terminate", {}, {}, body)

    def orderDownloads(self, body):
        """Orders something of the downloads: a pause, another rate, one package first, or none of them."""
        return self.asks("POST", "/v1/downloads", {}, {}, body)

    def metrics(self):
        """Figures for Prometheus: classic text, or OpenMetrics where Accept asks for it."""
        return self.asks("GET", "/v1/metrics", {}, {})

    def fates(self, state=None):
        """What became of results, one edition a line."""
        if state is not None:
            checked("state", state, ["queued", "sending", "acknowledged", "refused", "unconfirmed", "set-aside", "open", "held", "carried"])
        return self.asks("GET", "/v1/results", {"state": state}, {})

    def submit_results(self, body, send=None):
        """Results of executions, in the shape that central's own route takes."""
        if send is not None:
            checked("send", send, ["now"])
        return self.asks("POST", "/v1/results", {"send": send}, {}, body)

    def fate(self, id):
        """What became of one result."""
        return self.asks("GET", "/v1/results/" + urllib.parse.quote(id, safe=""), {}, {})

    def put_results(self, id, body, send=None):
        """Results of executions: one, under its id."""
        if send is not None:
            checked("send", send, ["now"])
        return self.asks("PUT", "/v1/results/" + urllib.parse.quote(id, safe=""), {"send": send}, {}, body)

    def submit_logs(self, body, send=None):
        """Rows of the delivery log, in the shape that central's own route takes."""
        if send is not None:
            checked("send", send, ["now"])
        return self.asks("POST", "/v1/logs", {"send": send}, {}, body)

    def put_logs(self, id, body, send=None):
        """Rows of the delivery log: one, under its id."""
        if send is not None:
            checked("send", send, ["now"])
        return self.asks("PUT", "/v1/logs/" + urllib.parse.quote(id, safe=""), {"send": send}, {}, body)

    def submit_sessions(self, body, send=None):
        """Test sessions that are over, in the shape that central's own route takes."""
        if send is not None:
            checked("send", send, ["now"])
        return self.asks("POST", "/v1/sessions", {"send": send}, {}, body)

    def put_sessions(self, id, send=None, body=None):
        """Test sessions that are over: one, under its id."""
        if send is not None:
            checked("send", send, ["now"])
        return self.asks("PUT", "/v1/sessions/" + urllib.parse.quote(id, safe=""), {"send": send}, {}, body)

    def submit_lti_users(self, body, send=None):
        """LTI users, in the shape that central's own route takes."""
        if send is not None:
            checked("send", send, ["now"])
        return self.asks("POST", "/v1/lti-users", {"send": send}, {}, body)

    def put_lti_users(self, id, body, send=None):
        """LTI users: one, under its id."""
        if send is not None:
            checked("send", send, ["now"])
        return self.asks("PUT", "/v1/lti-users/" + urllib.parse.quote(id, safe=""), {"send": send}, {}, body)
