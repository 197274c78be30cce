"""What CPython's asyncio makes of TLS: for both ends, every operation in every state of
tls_states.ts. Answers with JSON; a cell is what the operation gave or threw, and what the transport
says of itself afterwards. Needs CPython 3.13, and the directory of the certificates.
"""

import asyncio
import json
import ssl
import sys

HUGE = bytes(12 * 1024 * 1024)
SIDES = ("client", "server")


class Recorder(asyncio.Protocol):
    def __init__(self):
        self.calls = []
        self.hooks = {}
        self.changed = asyncio.Event()

    def note(self, name):
        self.calls.append(name)
        self.changed.set()
        # Once only: what it does may lead back here.
        act = self.hooks.pop(name, None)
        if act is not None:
            act()

    def connection_made(self, transport):
        self.transport = transport
        self.note("connectionMade")

    def data_received(self, data):
        self.note("dataReceived")

    def eof_received(self):
        self.note("eofReceived")
        return True

    def connection_lost(self, error):
        self.note("connectionLost")

    def pause_writing(self):
        self.note("pauseWriting")

    async def until(self, name):
        while name not in self.calls:
            self.changed.clear()
            await self.changed.wait()


async def nothing(subject, peer):
    pass


async def stop_reading(subject, peer):
    subject.transport.pause_reading()


async def fill(subject, peer):
    peer.transport.pause_reading()
    # Only what is written after the kernel's buffer was filled waits in the transport.
    for _ in range(2):
        subject.transport.write(HUGE)
    await subject.until("pauseWriting")


async def end_of_peer_unread(subject, peer):
    subject.transport.pause_reading()
    peer.transport.close()
    await asyncio.sleep(0.02)


async def close(subject, peer):
    subject.transport.close()


async def close_behind_unsent(subject, peer):
    await fill(subject, peer)
    subject.transport.close()


async def abort(subject, peer):
    subject.transport.abort()


async def close_and_abort(subject, peer):
    subject.transport.close()
    subject.transport.abort()


async def lose(subject, peer):
    subject.transport.close()
    await subject.until("connectionLost")


async def be_reset(subject, peer):
    await fill(subject, peer)
    peer.transport.abort()
    await subject.until("connectionLost")


async def peer_writes(subject, peer):
    peer.transport.write(b"data")


async def peer_closes(subject, peer):
    peer.transport.close()


STATES = {
    "an open transport": nothing,
    "a transport that does not read": stop_reading,
    "a transport with unsent bytes": fill,
    "a transport that has not read the end of its peer": end_of_peer_unread,
    "a transport that was closed just now": close,
    "a transport that closes behind unsent bytes": close_behind_unsent,
    "a transport that was aborted just now": abort,
    "a transport that was closed and aborted": close_and_abort,
    "a transport that is lost": lose,
    "a transport that its peer reset": be_reset,
}

CALLBACKS = {
    "connectionMade": nothing,
    "dataReceived": peer_writes,
    "eofReceived": peer_closes,
    "connectionLost": close,
}

OPERATIONS = {
    "write a string": lambda to: to.write(b"text"),
    "write nothing": lambda to: to.write(b""),
    "write a large buffer": lambda to: to.write(bytes(300_000)),
    "writelines": lambda to: to.writelines([b"a", bytes(2)]),
    "write what is no data": lambda to: to.write(5),
    "writeEof": lambda to: to.write_eof(),
    "canWriteEof": lambda to: to.can_write_eof(),
    "close": lambda to: to.close(),
    "abort": lambda to: to.abort(),
    "close and abort": lambda to: (to.close(), to.abort())[2:],
    "pauseReading": lambda to: to.pause_reading(),
    "resumeReading": lambda to: to.resume_reading(),
    "setWriteBufferLimits": lambda to: to.set_write_buffer_limits(high=10, low=5),
    "setWriteBufferLimits to what cannot be": lambda to: to.set_write_buffer_limits(high=1, low=2),
    "getWriteBufferSize": lambda to: isinstance(to.get_write_buffer_size(), int),
    "getExtraInfo of peername": lambda to: to.get_extra_info("peername") is not None,
    "getExtraInfo of cipher": lambda to: to.get_extra_info("cipher") is not None,
    "getExtraInfo of anything else": lambda to: to.get_extra_info("colour", "none"),
    "setProtocol": lambda to: to.set_protocol(to.get_protocol()),
}


def shown(value):
    if value is None or value == ():
        return "nothing"
    return str(value).lower()


def outcome_of(act, transport):
    try:
        outcome = shown(act(transport))
    except Exception as error:
        outcome = type(error).__name__
    if transport.is_closing():
        return f"{outcome}, closing"
    return f"{outcome}, {'reading' if transport.is_reading() else 'paused'}"


async def cell(contexts, side, state, act):
    loop = asyncio.get_running_loop()
    ends = {name: Recorder() for name in SIDES}
    subject, peer = (ends[name] for name in (SIDES if side == "client" else SIDES[::-1]))
    outcome = []

    def operate():
        outcome.append(outcome_of(act, subject.transport))

    callback = state.removeprefix("inside ")
    if callback in CALLBACKS:
        subject.hooks[callback] = operate
    # A transport that was closed twice cannot be aborted any more.
    given = {name: {"ssl": contexts[name], "ssl_shutdown_timeout": 0.2} for name in SIDES}
    listener = await loop.create_server(lambda: ends["server"], "127.0.0.1", 0, **given["server"])
    address = listener.sockets[0].getsockname()
    await loop.create_connection(
        lambda: ends["client"], *address, server_hostname="localhost", **given["client"]
    )
    # A client that aborts at once does not let the server finish its handshake.
    await subject.until("connectionMade")
    if callback != "connectionMade":
        await peer.until("connectionMade")
    if callback in CALLBACKS:
        await CALLBACKS[callback](subject, peer)
        await subject.until(callback)
    else:
        await STATES[state](subject, peer)
        operate()
    listener.close()
    for end in (subject, peer):
        if "connectionMade" in end.calls:
            end.transport.abort()
            await end.until("connectionLost")
    return outcome[0]


def contexts_in(directory):
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(f"{directory}/server.pem", f"{directory}/server.key.pem")
    client = ssl.create_default_context(cafile=f"{directory}/authority.pem")
    # The authority of the tests has not all that Python 3.13 asks of one by default.
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return {"server": server, "client": client}


def main():
    contexts = contexts_in(sys.argv[1])
    states = [*STATES, *(f"inside {callback}" for callback in CALLBACKS)]
    record = {
        side: {
            state: {
                name: asyncio.run(asyncio.wait_for(cell(contexts, side, state, act), 10))
                for name, act in OPERATIONS.items()
            }
            for state in states
        }
        for side in SIDES
    }
    json.dump(record, sys.stdout)


main()
