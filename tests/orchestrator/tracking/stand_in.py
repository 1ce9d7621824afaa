"""What the W&B SDK wants of W&B's server, so that online runs and uploads can be seen.

    python stand_in.py [ADDRESS]          # prints its port; /dump says what it was told

No W&B server can be installed for a test. This one takes what the real SDK, its service
process and ``wandb sync`` send, keeps the rows of each run as the file stream's offsets say,
and answers with what is needed to go on. It says nothing about a real server's behaviour
beyond that.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUNS: dict[str, dict[str, Any]] = {}
KEPT = {"config": "config", "tags": "tags", "groupName": "group", "displayName": "name",
        "jobType": "job_type", "project": "project", "entity": "entity"}  # fmt: skip
ARTIFACTS: list[str] = []
HANGS = threading.Event()
"""Nothing is answered any more."""
BROKEN = {"streams": 0}
"""How many requests with rows are still to be refused."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        if self.path == "/dump":
            self.answer({"runs": RUNS, "artifacts": ARTIFACTS})
        else:
            self.answer({}, 404)

    def do_PUT(self) -> None:
        self.body()
        if "/artifact/" in self.path:
            ARTIFACTS.append(self.path.partition("/artifact/")[2])
        self.answer({})

    def do_POST(self) -> None:
        content = self.body()
        if HANGS.is_set():
            threading.Event().wait(600)
        if self.path == "/hang":
            HANGS.set()
            self.answer({})
        elif self.path.startswith("/break/"):
            BROKEN["streams"] = int(self.path.rpartition("/")[2])
            self.answer({})
        elif self.path.endswith("/graphql"):
            asked = json.loads(content)
            operation = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
            self.answer({"data": self.data(operation[1], asked.get("variables") or {})})
        elif self.path.endswith("/file_stream"):
            if BROKEN["streams"] > 0:
                BROKEN["streams"] -= 1
                self.answer({"error": "no"}, 403)
                return
            self.stream(self.path.split("/")[-2], json.loads(content))
            self.answer({})
        else:
            self.answer({})

    def stream(self, name: str, told: dict[str, Any]) -> None:
        run = RUNS[name]
        for file, part in (told.get("files") or {}).items():
            lines = run["files"].setdefault(file, [])
            lines[part["offset"] : part["offset"] + len(part["content"])] = part["content"]
        if "complete" in told:
            run["exit_code"] = told.get("exitcode")
        if "preempting" in told:
            run["preempting"] = told["preempting"]

    def data(self, operation: str, told: dict[str, Any]) -> dict[str, Any]:
        here = f"http://{self.headers['Host']}"
        match operation:
            case "Viewer":
                viewer = {"id": "u", "entity": "me", "username": "me", "flags": "{}"}
                return {"viewer": {**viewer, "teams": {"edges": []}}}
            case "UpsertBucket":
                return {"upsertBucket": self.upsert(told)}
            case "RunResumeStatus":
                project = {"id": "p", "name": "p", "entity": {"id": "e", "name": "me"}}
                return {"model": {**project, "bucket": self.bucket(told["name"])}}
            case "CreateRunFiles":
                files = [{"name": n, "uploadUrl": f"{here}/file/{n}"} for n in told["files"]]
                return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}
            case "ArtifactType":
                return {"project": {"artifact": None}}
            case "CreateArtifact":
                sequence = {"id": "s", "latestArtifact": None}
                made = {"id": "a", "state": "PENDING", "artifactSequence": sequence}
                return {"createArtifact": {"artifact": made}}
            case "CreateArtifactManifest":
                file = {"id": "f", "uploadUrl": f"{here}/manifest", "uploadHeaders": []}
                return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}}}
            case "CreateArtifactFiles":
                nodes = [
                    {"node": {"storagePath": file["name"], "uploadHeaders": [],
                              "uploadUrl": f"{here}/artifact/{file['name']}",
                              "uploadMultipartUrls": None, "artifact": {"id": "a"}}}
                    for file in told["input"]["artifactFiles"]
                ]  # fmt: skip
                return {"createArtifactFiles": {"files": {"edges": nodes}}}
            case "CommitArtifact":
                return {"commitArtifact": {"artifact": {"id": "a", "digest": "d"}}}
        return {}

    def upsert(self, told: dict[str, Any]) -> dict[str, Any]:
        name, new = told["name"], told["name"] not in RUNS
        run = RUNS.setdefault(name, {"files": {}, "exit_code": None})
        run |= {KEPT[key]: told[key] for key in KEPT if told.get(key) is not None}
        project = {"id": "p", "name": run.get("project") or "p"}
        bucket = {
            "id": f"id-{name}", "name": name, "displayName": run.get("name"), "config": "{}",
            "description": None, "sweepName": None,
            "historyLineCount": len(run["files"].get("wandb-history.jsonl", [])),
            "project": {**project, "entity": {"id": "e", "name": "me"}},
        }  # fmt: skip
        return {"bucket": bucket, "inserted": new}

    def bucket(self, name: str) -> dict[str, Any] | None:
        run = RUNS.get(name)
        if run is None:
            return None
        rows = run["files"].get("wandb-history.jsonl", [])
        summary = run["files"].get("wandb-summary.json", ["{}"])[-1]
        return {
            "id": f"id-{name}", "name": name, "summaryMetrics": summary, "notes": None,
            "displayName": run.get("name"), "logLineCount": 0, "historyLineCount": len(rows),
            "eventsLineCount": 0, "historyTail": json.dumps(rows[-1:]), "eventsTail": "[]",
            "config": run["config"], "tags": run.get("tags") or [], "wandbConfig": '{"t": 1}',
        }  # fmt: skip

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        zipped = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(content) if zipped else content

    def answer(self, document: dict[str, Any], status: int = 200) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    address = sys.argv[1] if sys.argv[1:] else "127.0.0.1"
    server = ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    sys.stderr = open("/dev/null", "w")  # noqa: PTH123, SIM115  # of connections that were reset
    server.serve_forever()


if __name__ == "__main__":
    main()
