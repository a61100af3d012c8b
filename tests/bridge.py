"""From a port of loopback, which it prints, to a unix socket: for clients that know no unix sockets."""

import asyncio
import sys


async def pour(source, sink):
    while piece := await source.read(65536):
        sink.write(piece)
        await sink.drain()
    sink.close()


async def meet(reader, writer):
    far_reader, far_writer = await asyncio.open_unix_connection(sys.argv[1])
    await asyncio.gather(pour(reader, far_writer), pour(far_reader, writer), return_exceptions=True)
    writer.close()


async def main():
    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
