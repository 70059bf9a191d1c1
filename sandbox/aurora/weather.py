"""Whatever makes a control plane moody: layers around its `answer`, each of which may ask the one below, or not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from .asking import Answer, Call

Answerer = Callable[[Call], Answer]
Layer = Callable[[Call, Answerer], Answer]


class Weather:
    """Layers come and go while calls are under way; the latest is the outermost."""

    def __init__(self, clear: Answerer) -> None:
        self._clear = clear
        self._layers: tuple[Layer, ...] = ()
        self._lock = Lock()

    def answer(self, call: Call) -> Answer:
        """Raises AwsError, or CutOff."""
        return _through(self._layers, self._clear, call)

    def add(self, layer: Layer) -> None:
        """For good."""
        with self._lock:
            self._layers = (*self._layers, layer)

    @contextmanager
    def under(self, layer: Layer) -> Iterator[None]:
        self.add(layer)
        try:
            yield
        finally:
            with self._lock:
                self._layers = tuple(each for each in self._layers if each is not layer)


def _through(layers: tuple[Layer, ...], clear: Answerer, call: Call) -> Answer:
    if not layers:
        return clear(call)
    *below, outermost = layers
    return outermost(call, lambda asked: _through(tuple(below), clear, asked))
