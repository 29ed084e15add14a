"""A TCP proxy that makes a loopback relay look far away.

  python -m benchmarks.delay_proxy --listen 2600 --to 127.0.0.1:2525 --round-trip-ms 20

Every byte arrives half a round trip later, in order; the rate is not limited.
"""

import argparse
import asyncio


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Pass on what is read, each piece `delay_s` after it came."""
    loop = asyncio.get_running_loop()
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await line.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    delivering = asyncio.create_task(deliver())
    data = b" "
    while data:
        try:
            data = await reader.read(262_144)
        except ConnectionError:
            data = b""
        line.put_nowait((loop.time() + delay_s, data))
    try:
        await delivering
    except ConnectionError:
        writer.close()


async def serve(listen: int, host: str, port: int, delay_s: float) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(pump(reader, far_writer, delay_s), pump(far_reader, writer, delay_s))

    server = await asyncio.start_server(accept, "127.0.0.1", listen, limit=1 << 20)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--to", required=True, help="HOST:PORT")
    parser.add_argument("--round-trip-ms", type=float, default=20.0)
    given = parser.parse_args()
    host, _, port = given.to.rpartition(":")
    asyncio.run(serve(given.listen, host, int(port), given.round_trip_ms / 2000))


if __name__ == "__main__":
    main()
