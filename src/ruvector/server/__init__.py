"""How do bytes become requests, and results bytes? The only room with asynchronous code.

`asgi.Application` answers HTTP over any engine; `run.serve` starts it under uvicorn.
"""
