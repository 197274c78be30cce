"""An echo server by protocol or by streams, on asyncio's own loop or on uvloop.

echo.py <asyncio|uvloop> <protocol|streams> [certificate key]: prints its port, and answers each line on
its input with what it has used up, as the other arms do. With a certificate it speaks TLS.
"""

import asyncio
import json
import resource
import ssl
import sys

READ_BYTES = 256 * 1024


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def echo(reader, writer):
    while data := await reader.read(READ_BYTES):
        writer.write(data)
        await writer.drain()
    writer.close()


def tell_usage():
    if not sys.stdin.readline():
        asyncio.get_running_loop().stop()
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_us = round((usage.ru_utime + usage.ru_stime) * 1e6)
    rss_bytes = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
    answer = {"cpuUs": cpu_us, "rssBytes": rss_bytes, "rssPeakBytes": usage.ru_maxrss * 1024}
    print(json.dumps(answer), flush=True)


def securely(certificate, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return {"ssl": context}


async def serve(how, *identity):
    loop = asyncio.get_running_loop()
    options = securely(*identity) if identity else {}
    if how == "protocol":
        server = await loop.create_server(Echo, "127.0.0.1", 0, **options)
    else:
        server = await asyncio.start_server(echo, "127.0.0.1", 0, **options)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop.add_reader(sys.stdin.fileno(), tell_usage)
    await server.serve_forever()


def main(which, *how):
    if which == "uvloop":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(serve(*how))
    except RuntimeError:
        # The loop was stopped: the input ended.
        pass


main(*sys.argv[1:])
