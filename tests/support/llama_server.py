"""llama.cpp's own HTTP server over a file of weights: `python llama_server.py FILE PORT`."""

import sys

from xllamacpp import CommonParams, Server

params = CommonParams()
params.model.path = sys.argv[1]
params.port = int(sys.argv[2])
params.n_ctx = 2_048
params.warmup = False
server = Server(params)
print("ready", server.listening_address, flush=True)
sys.stdin.read()
