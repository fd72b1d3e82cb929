"""Whether the process lives, whether it is ready for requests, and its metrics."""

from collections.abc import Iterator

from proxeny.web.metrics import Metrics
from proxeny.web.request import Operation, Request, Route
from proxeny.web.responses import Response, document


def health_routes(metrics: Metrics, *, metrics_open: bool) -> Iterator[Route]:
    async def numbers(request: Request) -> Response:
        return Response(200, metrics.text().encode(), [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")])

    permission = None if metrics_open else "metrics"
    yield Route("/health/live", "plain", {"GET": Operation(_live, None)})
    yield Route("/health/ready", "plain", {"GET": Operation(_ready, None)})
    yield Route("/metrics", "plain", {"GET": Operation(numbers, permission)}, permission=permission)


async def _live(request: Request) -> Response:
    return document({"status": "ok"})


async def _ready(request: Request) -> Response:
    """Names the parts that are not well, and no more: this address is open. The log has the reasons."""
    health = await request.gateway.health()
    if health.ready:
        return document({"status": "ok", "warnings": sorted(health.warnings)})
    return document({"status": "not ready", "parts": sorted(health.problems)}, 503, headers=[(b"retry-after", b"5")])
