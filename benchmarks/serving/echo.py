"""The yardstick: a plain FastAPI route that validates a request and gives it back."""

from __future__ import annotations

from fastapi import FastAPI

from app.api.schemas.request import ScoreRequest

PATH = "/echo"


def echo_app() -> FastAPI:
    """Return an application as FastAPI's documentation writes it, with this project's own wire type."""
    app = FastAPI()

    @app.post(PATH)
    async def echo(body: ScoreRequest) -> ScoreRequest:
        return body

    return app
