"""Tracebacks as Python, uvicorn and gunicorn print them around an error of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.scenarios.world import Service

SITE: Final = "/usr/local/lib/python3.11/site-packages"
DIRECT: Final = "The above exception was the direct cause of the following exception:"
DURING: Final = "During handling of the above exception, another exception occurred:"
HEADER: Final = "Traceback (most recent call last):"

Frame = tuple[str, int, str, str]
"""File, line, function, code."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception: where it passed through, and its last lines (type, colon, message)."""

    frames: tuple[Frame, ...]
    error: str


def render(*chain: Raised, link: str = DIRECT) -> str:
    """Print exceptions of which each was raised from the one before it; the first is the cause."""
    return f"\n\n{link}\n\n".join(_render(item) for item in chain)


def _render(item: Raised) -> str:
    frames = [
        f'  File "{file}", line {line}, in {function}\n    {code}'
        for file, line, function, code in item.frames
    ]
    return "\n".join([HEADER, *frames, item.error])


def first_line(error: str) -> str:
    """Return what a logger that prints only `str(error)` shows of it, with its type."""
    return error.split("\n", 1)[0]


_IMPORTLIB: Final[tuple[Frame, ...]] = (
    (
        "/usr/local/lib/python3.11/importlib/__init__.py",
        126,
        "import_module",
        "return _bootstrap._gcd_import(name[level:], package, level)",
    ),
    ("<frozen importlib._bootstrap>", 1204, "_gcd_import", ""),
    ("<frozen importlib._bootstrap_external>", 940, "exec_module", ""),
)

_GUNICORN: Final[tuple[Frame, ...]] = (
    (f"{SITE}/gunicorn/arbiter.py", 608, "spawn_worker", "worker.init_process()"),
    (f"{SITE}/gunicorn/workers/base.py", 135, "init_process", "self.load_wsgi()"),
    (f"{SITE}/gunicorn/workers/base.py", 147, "load_wsgi", "self.wsgi = self.app.wsgi()"),
    (f"{SITE}/gunicorn/util.py", 370, "import_app", "mod = importlib.import_module(module)"),
)

_UVICORN: Final[tuple[Frame, ...]] = (
    ("/usr/local/bin/uvicorn", 8, "<module>", "sys.exit(main())"),
    (f"{SITE}/uvicorn/server.py", 71, "_serve", "config.load()"),
    (f"{SITE}/uvicorn/importer.py", 19, "import_from_string", "module = import_module(module_str)"),
)

_LIFESPAN: Final[tuple[Frame, ...]] = (
    (
        f"{SITE}/starlette/routing.py",
        693,
        "lifespan",
        "async with self.lifespan_context(app) as maybe_state:",
    ),
    (
        "/usr/local/lib/python3.11/contextlib.py",
        210,
        "__aenter__",
        "return await anext(self.gen)",
    ),
)

_ASGI: Final[tuple[Frame, ...]] = (
    (
        f"{SITE}/uvicorn/protocols/http/httptools_impl.py",
        401,
        "run_asgi",
        "result = await app(  # type: ignore[func-returns-value]",
    ),
    (f"{SITE}/starlette/middleware/errors.py", 186, "__call__", "raise exc"),
    (f"{SITE}/fastapi/routing.py", 301, "app", "raw_response = await run_endpoint_function("),
)

_WSGI: Final[tuple[Frame, ...]] = (
    (f"{SITE}/flask/app.py", 1473, "wsgi_app", "response = self.full_dispatch_request()"),
    (
        f"{SITE}/flask/app.py",
        867,
        "dispatch_request",
        "return self.ensure_sync(self.view_functions[rule.endpoint])(**view_args)",
    ),
)


def importing(service: Service) -> tuple[Frame, ...]:
    """Return what lies between the server and the service's first import."""
    server = _UVICORN if service.server == "uvicorn" else _GUNICORN
    main = f"/app/{service.package}/main.py"
    return (*server, *_IMPORTLIB, (main, 11, "<module>", f"from {service.package} import routes"))


def starting(service: Service) -> tuple[Frame, ...]:
    """Return what lies between the server and the service's own start-up code."""
    if service.server == "flask":
        wsgi = f"/app/{service.package}/wsgi.py"
        return (*_GUNICORN, *_IMPORTLIB, (wsgi, 5, "<module>", "app = create_app()"))
    main = f"/app/{service.package}/main.py"
    return (*_LIFESPAN, (main, 48, "lifespan", "await prepare(app.state)"))


def serving(service: Service, function: str) -> tuple[Frame, ...]:
    """Return what lies between the server and the code that answers a request."""
    server = _WSGI if service.server == "flask" else _ASGI
    routes = f"/app/{service.package}/routes.py"
    return (*server, (routes, 77, function, f"return await service.{function}(query)"))


def own(service: Service, *steps: tuple[str, str, str]) -> tuple[Frame, ...]:
    """Return frames of the service's own code, each given as file, function, code."""
    return tuple(
        (f"/app/{service.package}/{file}", 20 + 7 * index, function, code)
        for index, (file, function, code) in enumerate(steps)
    )


def driver_frames(driver: str) -> tuple[Frame, ...]:
    """Return the last frames inside SQLAlchemy and the driver."""
    last = {
        "psycopg2": ("sqlalchemy/engine/default.py", 922, "do_execute"),
        "psycopg": ("psycopg/cursor.py", 732, "execute"),
        "asyncpg": ("sqlalchemy/dialects/postgresql/asyncpg.py", 524, "_prepare_and_execute"),
    }[driver]
    file, line, function = last
    return (
        (f"{SITE}/sqlalchemy/engine/base.py", 1967, "_exec_single_context", "self.dialect.do_exec"),
        (f"{SITE}/{file}", line, function, "cursor.execute(statement, parameters)"),
    )


def lines_of(text: str) -> Sequence[str]:
    """Return what a container prints line by line, without the empty ones."""
    return [line for line in text.split("\n") if line.strip()]
