"""All routes that are data, by group."""

from __future__ import annotations

from tests.routes import between, code, holds, places
from tests.routes.route import Route

GROUPS: dict[str, tuple[Route, ...]] = {
    "code that runs with the new owner's rights": code.ROUTES,
    "what a protected object rests on": holds.ROUTES,
    "containers, grants and the server": places.ROUTES,
    "between sealing and cutover": between.ROUTES,
}
ALL = tuple(route for routes in GROUPS.values() for route in routes)
