"""What the page and the API say to the server, spoken without a browser."""

import json
from functools import cached_property

import httpx

API = "/gradio_api"


class Wire:
    """The protocol of a running app: endpoints, server functions of own controls, events, links, files.

    An answer is what the page would show: {"ok": value}, or {"error": sentence}.
    """

    def __init__(self, url: str):
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=60)
        self.asked = 0

    @cached_property
    def config(self) -> dict:
        return self.client.get("/config").json()

    @cached_property
    def info(self) -> dict:
        """What /info documents of each public endpoint, {"/name": ...}."""
        return self.client.get(f"{API}/info").json()["named_endpoints"]

    def server_functions(self) -> list[tuple[int, str]]:
        """(component, name) of every server function that the page can call."""
        found = ((c["id"], c["props"].get("server_fns") or []) for c in self.config["components"])
        return [(component, name) for component, names in found for name in names]

    def events(self) -> list[dict]:
        """Every event of the page that runs something on the server."""
        return [d for d in self.config["dependencies"] if d.get("backend_fn")]

    def ask(self, component: int, function: str, argument=None, session: str = "tests") -> dict:
        """Call a server function."""
        body = {"component_id": component, "fn_name": function, "session_hash": session, "data": argument}
        return self._posted("/component_server", body)

    def call(self, endpoint: str, data: list) -> dict:
        """Call a public endpoint, "/name"."""
        return self._streamed(self._posted(f"/call{endpoint}", {"data": data}), endpoint)

    def event(self, index: int, data: list, event_data=None, query: str = "") -> dict:
        """Send an event of the page, from an address with this query."""
        self.asked += 1
        session = f"tests{self.asked}"
        body = {"data": data, "fn_index": index, "session_hash": session, "event_data": event_data, "trigger_id": None}
        joined = self._posted(f"/queue/join{query}", body)
        if "error" in joined:
            return joined
        with self.client.stream("GET", f"{API}/queue/data", params={"session_hash": session}) as lines:
            for line in lines.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                if message.get("msg") == "process_completed":
                    output = message["output"]
                    return {"ok": output["data"]} if message["success"] else {"error": output.get("error")}
                if message.get("msg") in ("unexpected_error", "close_stream"):
                    return {"error": message.get("message")}
        return {"error": None}

    def _posted(self, path: str, body: dict) -> dict:
        text = body if isinstance(body, str) else json.dumps(body)  # NaN and Infinity pass, as they do from Python
        answer = self.client.post(API + path, content=text, headers={"content-type": "application/json"})
        try:
            found = answer.json()
        except ValueError:
            found = {"detail": answer.text}
        if answer.is_success:
            return found
        return {"error": found.get("detail", found.get("error"))}

    def _streamed(self, joined: dict, endpoint: str) -> dict:
        if "error" in joined:
            return joined
        kind = ""
        with self.client.stream("GET", f"{API}/call{endpoint}/{joined['event_id']}") as lines:
            for line in lines.iter_lines():
                if line.startswith("event:"):
                    kind = line[7:]
                elif line.startswith("data:") and kind in ("complete", "error"):
                    value = json.loads(line[5:])
                    return {"ok": value} if kind == "complete" else {"error": (value or {}).get("error")}
        return {"error": None}
