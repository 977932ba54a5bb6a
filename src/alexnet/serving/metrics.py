"""What Prometheus reads of a server, in a registry of its own."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE

__all__ = ["CONTENT_TYPE", "Metrics"]

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """Counts and times of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"alexnet_{name}", told, labels, registry=self.registry)

        def histogram(name: str, told: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"alexnet_{name}", told, labels, buckets=buckets, registry=self.registry)

        self.requests = counter("requests", "Requests answered.", "route", "status")
        self.pictures = counter("pictures", "Pictures that came, by what became of them.", "outcome")
        self.request_seconds = histogram("request_seconds", "From head to answer.", ("route",), SECONDS)
        self.engine_seconds = histogram("engine_seconds", "A batch in the engine.", ("kind",), SECONDS)
        sizes = tuple(float(2**power) for power in range(9))
        self.batch_pictures = histogram("batch_pictures", "Pictures in a batch.", ("kind",), sizes)

    def watch(self, name: str, told: str, value: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(f"alexnet_{name}", told, registry=self.registry).set_function(value)

    def batch(self, kind: str, count: int, seconds: float) -> None:
        """A batch was answered."""
        self.engine_seconds.labels(kind).observe(seconds)
        self.batch_pictures.labels(kind).observe(count)

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self.requests.labels(route, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self.registry)
