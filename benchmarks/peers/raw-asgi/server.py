"""The ceiling of HTTP under uvicorn: a PNG's worth of bytes, no framework, no work."""

BODY = bytes(1000)
HEADERS = [(b"content-type", b"image/png"), (b"content-length", b"1000")]


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})
