"""Serves localstripe on a port of its own on 127.0.0.1, with nothing kept on disk.

Run by the Python of the peer's own virtual environment: `python serve_localstripe.py`. It prints its
address on one line when it listens. localstripe's own start command listens on every interface and
keeps a pickle in the system's temporary folder.
"""

import socket
import sys

from aiohttp import web  # type: ignore[import-not-found]
from localstripe import server
from localstripe.resources import store

type(store).dump_to_disk = lambda _store: None
listener = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
web.run_app(server.app, sock=listener, access_log=None, print=lambda *_: None, handle_signals=True)
sys.exit(0)
