"""The hub as its own object server, for the file store only: signed PUT and GET, one byte range."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import IO, cast
from urllib.parse import unquote

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.errors import Conflict, Invalid, Malformed, Missing, Refused, Unavailable
from core.file_store import META_PREFIX, FileStore, md5_of_header
from core.storage import (
    CHUNK,
    HANDED_OVER_AS,
    OBJECT_NAME,
    AlreadyStored,
    ObjectMissing,
    ObjectStat,
    attachment,
    shown_type,
    store,
)

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class PreconditionFailed(Conflict):
    """If-None-Match:* and the name is taken (412), as S3 answers."""

    status = 412
    code = "already_stored"


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "PUT"])
def stored_object(request: HttpRequest, name: str) -> HttpResponseBase:
    """Serve or take one object under a signed address, as S3 would."""
    files = store()
    if not isinstance(files, FileStore) or not OBJECT_NAME.fullmatch(name):
        raise Missing("There is no such object.")
    expires, signature = request.GET.get("e", ""), request.GET.get("s", "")
    if not expires.isascii() or not expires.isdigit() or not signature.isascii():
        raise Refused("This address was not signed for this request.", code="bad_signature")
    if request.method == "PUT":
        take = _take_part if "part" in request.GET else _take
        return take(request, files, name, expires, signature)
    files.check_get(name, expires, request.GET.get("f", ""), signature)
    return _serve(request, files, name)


def _take(request: HttpRequest, files: FileStore, name: str, expires: str, signature: str) -> HttpResponse:
    headers = {key.lower(): value for key, value in request.headers.items()}
    files.check_put(name, expires, headers, signature)
    metadata = {
        key.removeprefix(META_PREFIX).replace("-", "_"): unquote(value)
        for key, value in headers.items()
        if key.startswith(META_PREFIX)
    }
    body = _Body(request, headers)
    try:
        stat = files.put_new(name, cast(IO[bytes], body), media_type=headers["content-type"], metadata=metadata)
    except AlreadyStored as error:
        body.drain()
        raise PreconditionFailed("There is an object of this name already; it was left as it is.") from error
    except OSError as error:
        raise Unavailable("The store cannot write at the moment; try again later.") from error
    return HttpResponse(status=200, headers={"ETag": f'"{stat.etag}"'})


def _take_part(request: HttpRequest, files: FileStore, name: str, expires: str, signature: str) -> HttpResponse:
    headers = {key.lower(): value for key, value in request.headers.items()}
    upload, number = request.GET.get("upload", ""), request.GET["part"]
    files.check_part(name, expires, (upload, number), headers, signature)
    body = _Body(request, headers)
    try:
        files.put_part(name, upload, int(number), cast(IO[bytes], body), body.md5)
    except ObjectMissing as error:
        raise Missing("This upload was completed or given up.", code="no_such_upload") from error
    except OSError as error:
        raise Unavailable("The store cannot write at the moment; try again later.") from error
    return HttpResponse(status=200, headers={"ETag": f'"{body.md5}"'})


class _Body:
    """A body as it comes, a piece at a time: where it ends it has the length and the checksum that were signed, or is refused whole."""

    def __init__(self, request: HttpRequest, headers: Mapping[str, str]) -> None:
        self.md5 = md5_of_header(headers["content-md5"])
        self._request, self._left = request, int(headers["content-length"])
        self._digest = hashlib.md5(usedforsecurity=False)

    def read(self, size: int = CHUNK) -> bytes:
        """Answer the next piece; raises Malformed or Invalid at the end, before anything has its name."""
        piece: bytes = self._request.read(min(size, self._left)) if self._left else b""
        self._digest.update(piece)
        self._left -= len(piece)
        if not piece and self._left:
            raise Malformed("The body is shorter than its Content-Length.", code="incomplete_body")
        if not piece and self._digest.hexdigest() != self.md5:
            raise Invalid("The content does not have the checksum it was signed with.", code="bad_checksum")
        return piece

    def drain(self) -> None:
        """Take the rest and forget it: who is answered before all was sent may take the answer for a broken connection."""
        while self._left and (piece := self._request.read(min(CHUNK, self._left))):
            self._left -= len(piece)


def _serve(request: HttpRequest, files: FileStore, name: str) -> HttpResponseBase:
    try:
        stat, stream = files.stat(name), files.open_object(name)
    except ObjectMissing as error:
        raise Missing("There is no such object.") from error
    start, end = _wanted_range(request, stat)
    if start is None:
        stream.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{stat.size}"})
    whole = (start, end) == (0, stat.size)
    stream.seek(start)
    if request.method == "GET":
        body = _pieces(stream, end - start)
    else:
        stream.close()
        body = iter(())
    filename = request.GET.get("f", "")
    shown = shown_type(name, filename)
    facts = {
        "Content-Type": shown or HANDED_OVER_AS,
        "Content-Length": str(end - start),
        "Accept-Ranges": "bytes",
        "ETag": f'"{stat.etag}"',
        "Cache-Control": "private, max-age=3600, immutable",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    response = StreamingHttpResponse(body, status=200 if whole else 206, headers=facts)
    if request.method == "GET" and end == stat.size:
        _hand_over(response, stream)
    if not shown:
        response.headers["Content-Disposition"] = attachment(name, filename)
    if not whole:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{stat.size}"
    return response


def _hand_over(response: StreamingHttpResponse, stream: IO[bytes]) -> None:
    """Let the server send the file itself from here to its end, as Django's FileResponse does: sendfile takes half the processor."""
    response.file_to_stream = stream  # type: ignore[attr-defined]  # what WSGIHandler looks for
    response.block_size = CHUNK  # type: ignore[attr-defined]
    response._resource_closers.append(stream.close)  # type: ignore[attr-defined]  # noqa: SLF001  (the same)


def _wanted_range(request: HttpRequest, stat: ObjectStat) -> tuple[int | None, int]:
    """Answer (start, end) of the bytes asked for, end exclusive; (None, 0) for a range outside the object."""
    found = RANGE.fullmatch(request.headers.get("Range", ""))
    stale = request.headers.get("If-Range", f'"{stat.etag}"') != f'"{stat.etag}"'
    if not found or stale or not any(found.groups()):
        return 0, stat.size
    first, last = found.groups()
    if not first:
        return max(0, stat.size - int(last)), stat.size
    if int(first) >= stat.size or (last and int(last) < int(first)):
        return None, 0
    return int(first), min(int(last) + 1, stat.size) if last else stat.size


def _pieces(stream: IO[bytes], left: int) -> Iterator[bytes]:
    with stream:
        while left > 0 and (piece := stream.read(min(CHUNK, left))):
            left -= len(piece)
            yield piece
