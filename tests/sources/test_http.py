"""The one HTTP client against a real server that misbehaves: bodies, headers, time, redirects."""

import asyncio
import gzip
import itertools
import resource
import zlib

import pytest

from newsletter.config import Http as HttpConfig
from newsletter.sources.http import Answer, Http, Throttle, conditional, retry_after_s, validators
from tests.sources.mirror import Mirror, Reply, failure


async def test_request_says_who_asks_and_advertises_what_can_be_inflated(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/"] = Reply(b"ok")
    answer = await http.get(f"{mirror.url}/", accept="text/xml")
    sent = mirror.log[0].headers
    assert answer.body == b"ok"
    assert sent["user-agent"].startswith(
        "newsletter/test (+https://digest.example.org; mailto:ops@"
    )
    assert sent["accept"] == "text/xml"
    assert sent["accept-encoding"] == "gzip, deflate"


async def test_proxies_of_the_environment_are_not_used(
    http: Http, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    mirror.routes["/"] = Reply(b"direct")
    async with Http(HttpConfig(allow_private_networks=True), "test") as fresh:
        assert (await fresh.get(f"{mirror.url}/")).body == b"direct"


async def test_C01_validators_are_sent_back_byte_exact(http: Http, mirror: Mirror) -> None:
    etag, modified = 'W/"a\'b==,c"', "Sun, 06 Nov 1994 08:49:37 GMT"

    def serve(request: object) -> Reply:
        known = mirror.log[-1].headers.get("if-none-match") == etag
        return (
            Reply(status=304)
            if known
            else Reply(b"list", headers={"ETag": etag, "Last-Modified": modified})
        )

    mirror.routes["/feed"] = serve
    memory = validators(await http.get(f"{mirror.url}/feed"), "feed")
    again = await http.get(f"{mirror.url}/feed", headers=conditional(memory, "feed"))
    assert again.is_unchanged
    assert again.body == b""
    assert mirror.log[1].headers["if-none-match"] == etag
    assert mirror.log[1].headers["if-modified-since"] == modified
    assert conditional({}, "feed") == {}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("3600", 3600),
        ("1", 900),
        ("", 900),
        ("soon", 900),
        ("315360000", 86_400),
        ("Wed, 21 Oct 2026 09:28:00 GMT", 7200),
        ("Wed, 21 Oct 2037 09:28:00 GMT", 86_400),
        ("Wed, 21 Oct 2015 09:28:00 GMT", 900),
    ],
)
def test_C02_retry_after_is_read_in_both_forms_and_clamped(header: str, expected: float) -> None:
    headers = {"retry-after": header, "date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert retry_after_s(headers) == expected


async def test_C02_429_is_not_tried_again_and_names_the_wait(http: Http, mirror: Mirror) -> None:
    mirror.routes["/"] = Reply(b"slow down", 429, {"Retry-After": "3600"})
    error = await failure(http, f"{mirror.url}/")
    assert (error.status, error.retry_after_s, len(mirror.log)) == (429, 3600, 1)


async def test_C03_a_server_error_that_passes_is_tried_again(http: Http, mirror: Mirror) -> None:
    mirror.routes["/"] = [Reply(b"", 502), Reply(b"", 500), Reply(b"here")]
    assert (await http.get(f"{mirror.url}/")).body == b"here"
    mirror.routes["/"] = Reply(b"", 500)
    error = await failure(http, f"{mirror.url}/")
    assert (error.status, error.retry_after_s, len(mirror.log)) == (500, 900, 6)
    mirror.routes["/"] = Reply(b"", 503)
    error = await failure(http, f"{mirror.url}/")
    assert (error.status, error.retry_after_s, len(mirror.log)) == (503, 900, 7)


async def test_C06_a_body_shorter_than_announced_is_rejected(http: Http, mirror: Mirror) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss>")
        await writer.drain()

    mirror.routes["/"] = cut
    error = await failure(http, f"{mirror.url}/")
    assert error.reason == "truncated"
    assert len(mirror.log) == 3  # tried again before giving up


async def test_C06_a_chunked_body_without_its_end_is_rejected(http: Http, mirror: Mirror) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n")
        await writer.drain()

    mirror.routes["/"] = cut
    assert (await failure(http, f"{mirror.url}/")).reason == "truncated"


async def test_C06_a_truncated_gzip_body_is_rejected(http: Http, mirror: Mirror) -> None:
    whole = gzip.compress(b"<rss>" * 1000)
    mirror.routes["/whole"] = Reply(whole, headers={"Content-Encoding": "gzip"})
    mirror.routes["/cut"] = Reply(whole[:-9], headers={"Content-Encoding": "gzip"})
    mirror.routes["/bad"] = Reply(b"not gzip at all", headers={"Content-Encoding": "gzip"})
    assert (await http.get(f"{mirror.url}/whole")).body == b"<rss>" * 1000
    assert (await failure(http, f"{mirror.url}/cut")).reason == "truncated"
    assert (await failure(http, f"{mirror.url}/bad")).reason == "truncated"


@pytest.mark.parametrize("wbits", [15, -15])
async def test_deflate_is_read_in_both_its_forms(http: Http, mirror: Mirror, wbits: int) -> None:
    packer = zlib.compressobj(wbits=wbits)
    body = packer.compress(b"text " * 500) + packer.flush()
    mirror.routes["/"] = Reply(body, headers={"Content-Encoding": "deflate"})
    assert (await http.get(f"{mirror.url}/")).body == b"text " * 500


async def test_gzip_in_several_members_is_read_whole(http: Http, mirror: Mirror) -> None:
    mirror.routes["/"] = Reply(
        gzip.compress(b"one ") + gzip.compress(b"two"), headers={"Content-Encoding": "gzip"}
    )
    assert (await http.get(f"{mirror.url}/")).body == b"one two"


async def test_C07_an_endless_body_stops_at_the_cap(http: Http, mirror: Mirror) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            sent += 1

    mirror.routes["/"] = endless
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (await failure(http, f"{mirror.url}/")).reason == "too-large"
    assert sent < 20
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
    )  # KB; the server lives here as well


async def test_C08_a_gzip_bomb_stops_at_the_cap(http: Http, mirror: Mirror) -> None:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1_000_000)
    bomb = (
        b"".join(packer.compress(zeros) for _ in range(300)) + packer.flush()
    )  # 300 KB for 300 MB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mirror.routes["/"] = Reply(bomb, headers={"Content-Encoding": "gzip"})
    assert (await failure(http, f"{mirror.url}/")).reason == "too-large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip, identity"])
async def test_C08_an_encoding_that_was_not_asked_for_is_refused(
    http: Http, mirror: Mirror, encoding: str
) -> None:
    mirror.routes["/"] = Reply(gzip.compress(b"x"), headers={"Content-Encoding": encoding})
    assert (await failure(http, f"{mirror.url}/")).reason == "encoding"


async def test_C09_a_slow_drip_meets_the_total_deadline(mirror: Mirror) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    mirror.routes["/"] = drip
    async with Http(HttpConfig(allow_private_networks=True, timeout_s=0.6), "test") as client:
        started = asyncio.get_running_loop().time()
        assert (await failure(client, f"{mirror.url}/")).reason == "timeout"
        assert asyncio.get_running_loop().time() - started < 1.5


async def test_C09_headers_that_never_end_are_refused(mirror: Mirror) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: and more\r\n" * 100)
            await writer.drain()
            await asyncio.sleep(0)

    async def many(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"A: b\r\n" * 10_000 + b"\r\nok")
        await writer.drain()

    mirror.routes |= {"/endless": endless, "/many": many}
    async with Http(HttpConfig(allow_private_networks=True, timeout_s=3.0), "test") as client:
        assert (await failure(client, f"{mirror.url}/endless")).reason in ("truncated", "timeout")
        assert (await failure(client, f"{mirror.url}/many")).reason in ("protocol", "truncated")


async def test_C10_five_redirects_are_followed_and_a_sixth_is_not(
    http: Http, mirror: Mirror
) -> None:
    for hop in range(7):
        mirror.routes[f"/{hop}"] = Reply(b"", 301 if hop % 2 else 307, {"Location": f"/{hop + 1}"})
    mirror.routes["/7"] = Reply(b"there")
    answer = await http.get(f"{mirror.url}/2")
    assert (answer.body, answer.url) == (b"there", f"{mirror.url}/7")
    mirror.log.clear()
    assert (await failure(http, f"{mirror.url}/1")).reason == "redirect"
    assert len(mirror.log) == 6
    mirror.routes["/loop"] = Reply(b"", 302, {"Location": "/loop"})
    assert (await failure(http, f"{mirror.url}/loop")).reason == "redirect"


async def test_C28_a_lane_keeps_one_request_at_a_time_and_the_interval(
    http: Http, mirror: Mirror
) -> None:
    busy = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal busy
        busy += 1
        assert busy == 1
        await asyncio.sleep(0.05)
        busy -= 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    mirror.routes["/"] = slow
    throttle = Throttle(0.2)
    await asyncio.gather(*(http.get(f"{mirror.url}/", throttle=throttle) for _ in range(3)))
    starts = [request.at for request in mirror.log]
    assert all(later - earlier >= 0.2 for earlier, later in itertools.pairwise(starts))


async def test_C29_a_keep_alive_that_the_server_closed_is_opened_again(
    http: Http, mirror: Mirror
) -> None:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")
        await writer.drain()  # and the connection is closed without a word

    mirror.routes["/"] = closing
    for _ in range(3):
        assert (await http.get(f"{mirror.url}/")).body == b"ok"
        await asyncio.sleep(0.02)


async def test_C29_a_storm_of_interim_answers_meets_the_deadline(mirror: Mirror) -> None:
    async def storm(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10)
            await writer.drain()
            await asyncio.sleep(0.01)

    mirror.routes["/"] = storm
    async with Http(HttpConfig(allow_private_networks=True, timeout_s=0.5), "test") as client:
        assert (await failure(client, f"{mirror.url}/")).reason == "timeout"


async def test_an_unreachable_host_is_an_error_that_names_it(http: Http) -> None:
    error = await failure(http, "http://127.0.0.1:1/feed")
    assert error.reason == "connect"
    assert "127.0.0.1:1/feed" in error.message
    assert error.exit_code == 5


async def test_cancelling_a_waiting_request_frees_the_lane(http: Http, mirror: Mirror) -> None:
    mirror.routes["/"] = Reply(b"ok")
    throttle = Throttle(0.2)
    await http.get(f"{mirror.url}/", throttle=throttle)
    waiting = asyncio.create_task(http.get(f"{mirror.url}/", throttle=throttle))
    await asyncio.sleep(0.05)
    waiting.cancel()
    assert isinstance(
        await asyncio.wait_for(http.get(f"{mirror.url}/", throttle=throttle), 2), Answer
    )
