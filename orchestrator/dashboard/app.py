"""What is answered at which address."""

from __future__ import annotations

import asyncio
import json

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from orchestrator.dashboard.analyst import Pages
from orchestrator.dashboard.desk import Answer, Desk
from orchestrator.dashboard.known import Known
from orchestrator.dashboard.room import Job, UnknownRunError
from searchspaces.errors import OrchError, raised

_MOST_COMPARED = 12


def make_app(known: Known, pages: Pages, desk: Desk) -> Starlette:
    """The pages and their data; who may have them is not asked here.

    Args:
        known: the runs.
        pages: what is sent before any data.
        desk: answers with data.
    """

    async def home(_: Request) -> Response:
        return HTMLResponse(pages.shell("home", "orch: all runs"))

    async def run(request: Request) -> Response:
        run_id = await _known(known, request.path_params["run_id"])
        return HTMLResponse(pages.shell("run", f"{run_id}: what the sweep finds"))

    async def compare(request: Request) -> Response:
        await _compared(known, request)
        return HTMLResponse(pages.shell("compare", "orch: runs side by side"))

    async def asset(request: Request) -> Response:
        found = pages.asset(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return Response(found[0], media_type=found[1])

    async def home_data(request: Request) -> Response:
        return await _told(desk, ("home",), request)

    async def run_data(request: Request) -> Response:
        run_id = await _known(known, request.path_params["run_id"])
        return await _told(desk, ("run", run_id), request)

    async def compare_data(request: Request) -> Response:
        return await _told(desk, ("compare", *await _compared(known, request)), request)

    return Starlette(
        routes=[
            Route("/", home),
            Route("/runs/{run_id}", run),
            Route("/compare", compare),
            Route("/assets/{name}", asset),
            Route("/data/home", home_data),
            Route("/data/runs/{run_id}", run_data),
            Route("/data/compare", compare_data),
        ],
        exception_handlers={HTTPException: _missing, OrchError: _failed, Exception: _failed},
    )


async def _known(known: Known, run_id: str) -> str:
    """An id that is known; every other is an address that there is not."""
    if await asyncio.to_thread(known.find, run_id) is None:
        raise HTTPException(404)
    return run_id


async def _compared(known: Known, request: Request) -> tuple[str, ...]:
    """The runs of ``?runs=A,B``, or of ``?runs=A&runs=B``, each once."""
    given: list[str] = []
    for text in request.query_params.getlist("runs"):
        whole = await asyncio.to_thread(known.find, text) is not None  # an id may hold a comma
        given += [text] if whole else text.split(",")
    ids = tuple(dict.fromkeys(part for part in given if part))
    if not 2 <= len(ids) <= _MOST_COMPARED:
        raise HTTPException(400, f"Give 2 to {_MOST_COMPARED} runs: /compare?runs=A,B")
    for run_id in ids:
        await _known(known, run_id)
    return ids


async def _told(desk: Desk, job: Job, request: Request) -> Response:
    known = request.headers.get("if-none-match", "").strip('"')
    answer: Answer = await desk.answer(job, known)
    tag = f'"{answer.tag}"'
    if known == answer.tag:
        return Response(status_code=304, headers={"ETag": tag})
    headers = {"ETag": tag, "Vary": "Accept-Encoding"}
    body = answer.body
    if "gzip" in request.headers.get("accept-encoding", "") and answer.packed is not body:
        body, headers["Content-Encoding"] = answer.packed, "gzip"
    return Response(body, media_type="application/json", headers=headers)


async def _missing(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    detail = error.detail if isinstance(error, HTTPException) and status != 404 else ""
    return PlainTextResponse((detail or "There is nothing at this address.") + "\n", status)


async def _failed(_: Request, error: Exception) -> Response:
    """What went wrong, for the page; paths and addresses of requests are not in it."""
    status = 404 if isinstance(error, UnknownRunError) else 503
    body = json.dumps({"problem": raised(error)})
    return Response(body, status, media_type="application/json")
