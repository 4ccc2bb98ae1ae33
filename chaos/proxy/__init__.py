"""The fault proxy: carries TCP connections and breaks them on request, by the HTTP API of Toxiproxy.

`python -m chaos.proxy serve --api-port N --config FILE`. A connection is two streams (`stream.py`), each a chain of
toxics (`toxics/`, one file each) between the socket that reads and the one that writes. `api.py` is all of the API.
"""
