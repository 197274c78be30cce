// A terminal that socat made, through pipe transports: what is written to it comes back.

import assert from 'node:assert/strict'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tty from 'node:tty'
import { openReadPipe, openWritePipe, run, sleep } from 'gyre'
import { testWithPeers } from './peer.js'

testWithPeers(['socat'], 'a terminal is read and written', async (peers) => {
  const directory = mkdtempSync(join(tmpdir(), 'gyre-pty-'))
  const path = join(directory, 'terminal')
  try {
    await peers.start('socat', [`PTY,link=${path},rawer,wait-slave`, 'PIPE'])
    await run(async () => {
      const readEnd = await openTerminal(path)
      const writeEnd = openSync(path, constants.O_WRONLY | constants.O_NOCTTY)
      assert.ok(tty.isatty(readEnd) && tty.isatty(writeEnd))
      const { reader, transport } = await openReadPipe(readEnd)
      const writer = await openWritePipe(writeEnd)
      for (const line of ['one\n', 'two\n', `${'x'.repeat(2000)}\n`]) {
        writer.write(line)
        assert.equal(String(await reader.readline()), line)
      }
      writer.close()
      await writer.waitClosed()
      transport.close()
      await sleep(5)
      assert.throws(() => closeSync(readEnd), { code: 'EBADF' })
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

/** The link is there as soon as socat has made the terminal. */
async function openTerminal(path: string): Promise<number> {
  for (;;) {
    try {
      return openSync(path, constants.O_RDONLY | constants.O_NOCTTY)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      await sleep(10)
    }
  }
}
