// What happens to errors that nobody catches: the exception handler hears of them, the loop runs on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  createTask,
  EventLoop,
  type ExceptionContext,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  run,
  SystemExit,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

/** Collects what console.error prints while `act` runs. */
async function printedBy(act: () => Promise<unknown>): Promise<string> {
  const original = console.error
  const lines: string[] = []
  console.error = (...args: unknown[]) => lines.push(args.join(' '))
  try {
    await act()
  } finally {
    console.error = original
  }
  return lines.join('\n')
}

test('a callback that throws is reported, and the other callbacks still run', async () => {
  const contexts: ExceptionContext[] = []
  const ran: string[] = []
  const failure = new Error('boom')
  await runVirtual(function* () {
    const loop = getRunningLoop()
    loop.setExceptionHandler((where, context) => {
      assert.equal(where, loop)
      contexts.push(context)
    })
    const handle = loop.callSoon(function explode() {
      throw failure
    })
    loop.callSoon(() => ran.push('behind it'))
    loop.callLater(1, () => {
      throw failure
    })
    loop.callLater(1, () => ran.push('timer behind it'))
    yield* sleep(5)
    assert.equal(contexts[0]?.handle, handle)
  })
  assert.deepEqual(ran, ['behind it', 'timer behind it'])
  assert.equal(contexts.length, 2)
  assert.equal(contexts[0]?.message, 'Exception in callback explode()')
  assert.equal(contexts[0]?.exception, failure)
})

test('a done callback that throws is reported with its future', async () => {
  const contexts: ExceptionContext[] = []
  await runVirtual(function* () {
    const loop = getRunningLoop()
    loop.setExceptionHandler((_loop, context) => contexts.push(context))
    const future = loop.createFuture<void>()
    future.addDoneCallback(function explode() {
      throw new Error('boom')
    })
    let ran = false
    future.addDoneCallback(() => {
      ran = true
    })
    future.setResult()
    yield* sleep(1)
    assert.equal(ran, true)
    assert.equal(contexts[0]?.future, future)
    assert.equal(contexts[0]?.message, 'Exception in callback explode()')
  })
})

test('without a handler the report goes to stderr, in the form of asyncio', async () => {
  const text = await printedBy(() =>
    runVirtual(function* () {
      getRunningLoop().callSoon(function explode() {
        throw new RangeError('boom')
      })
      yield* sleep(1)
    }),
  )
  assert.match(text, /^Exception in callback explode\(\)\nhandle: <Handle explode\(\)>\n/)
  assert.match(text, /RangeError: boom/)
})

test('a handler that throws is itself reported, and the loop runs on', async () => {
  const text = await printedBy(() =>
    runVirtual(function* () {
      const loop = getRunningLoop()
      loop.setExceptionHandler(() => {
        throw new Error('the handler is broken')
      })
      loop.callSoon(() => {
        throw new Error('boom')
      })
      yield* sleep(1)
    }),
  )
  assert.match(text, /Unhandled error in exception handler/)
  assert.match(text, /the handler is broken/)
})

test('the handler can be read, replaced and taken away, and must be a function', () => {
  const loop = newEventLoop()
  const handler = () => {}
  assert.equal(loop.getExceptionHandler(), null)
  loop.setExceptionHandler(handler)
  assert.equal(loop.getExceptionHandler(), handler)
  loop.setExceptionHandler(null)
  assert.equal(loop.getExceptionHandler(), null)
  // @ts-expect-error not a function
  assert.throws(() => loop.setExceptionHandler('loud'), { code: 'ERR_INVALID_ARG_TYPE' })
  loop.close()
})

test('callExceptionHandler and defaultExceptionHandler can be called by programs', async () => {
  const loop: EventLoop = newEventLoop()
  const text = await printedBy(async () => {
    loop.callExceptionHandler({ message: 'odd', exception: new Error('why'), port: 80, also: 1 })
    loop.defaultExceptionHandler({ message: 'plain' })
  })
  assert.match(text, /^odd\nalso: 1\nport: 80\nError: why/)
  assert.match(text, /\nplain$/)
  loop.close()
})

for (const LoopEnd of [KeyboardInterrupt, SystemExit]) {
  test(`a callback that throws ${LoopEnd.name} ends the loop with it`, async () => {
    const loop = newEventLoop({ clock: 'virtual' })
    const ran: string[] = []
    const end = new LoopEnd()
    loop.callSoon(() => {
      throw end
    })
    loop.callSoon(() => ran.push('later'))
    assert.equal(await rejectionOf(loop.runForever()), end)
    assert.deepEqual(ran, [])
    loop.callSoon(() => loop.stop())
    await loop.runForever()
    assert.deepEqual(ran, ['later'])
    loop.close()
  })
}

/** What throws when it is looked at. */
const HOSTILE: Readonly<Record<string, () => unknown>> = {
  'a value whose inspect throws': () => ({
    [inspect.custom]() {
      throw new Error('not to be looked at')
    },
  }),
  'an error whose stack throws': () =>
    Object.defineProperty(new Error('hidden'), 'stack', {
      get() {
        throw new Error('not to be looked at')
      },
    }),
}

for (const [what, make] of Object.entries(HOSTILE)) {
  test(`${what}, thrown by a callback, a task and a handler, is reported, and the loop goes on`, async () => {
    let ran = 0
    const printed = await printedBy(() =>
      run(async () => {
        const loop = getRunningLoop()
        loop.callSoon(() => {
          throw make()
        })
        loop.callSoon(() => ran++)
        createTask(async () => {
          throw make()
        })
        await sleep(3)
        loop.setExceptionHandler(() => {
          throw make()
        })
        loop.callSoon(() => {
          throw new Error('for the handler')
        })
        loop.callSoon(() => ran++)
        await sleep(1)
        loop.setExceptionHandler(null)
      }),
    )
    assert.equal(ran, 2)
    assert.match(printed, /Exception in callback/)
    assert.match(printed, /Task exception was never retrieved/)
    assert.match(printed, /Unhandled error in exception handler/)
    // Node 22 and later print an error whose stack throws.
    assert.match(printed, /that cannot be printed|\[Error: hidden\]/)
  })
}

test('a callback with a name that is no text is reported, and the others still run', async () => {
  let ran = 0
  const printed = await printedBy(() =>
    run(async () => {
      const nameless = Object.defineProperty(
        () => {
          throw new Error('boom')
        },
        'name',
        { value: Symbol('s') },
      )
      getRunningLoop().callSoon(nameless)
      getRunningLoop().callSoon(() => ran++)
      await sleep(1)
    }),
  )
  assert.equal(ran, 1)
  assert.match(printed, /Exception in callback <anonymous>\(\)/)
})

test('a default handler of a subclass that throws is reported as well', async () => {
  class Careless extends EventLoop {
    override defaultExceptionHandler(): void {
      throw new Error('careless')
    }
  }
  const loop = new Careless()
  const printed = await printedBy(() =>
    loop.runUntilComplete(async () => {
      loop.callExceptionHandler({ message: 'the first message' })
      await sleep(1)
    }),
  )
  loop.close()
  assert.match(printed, /Exception in default exception handler/)
  assert.match(printed, /careless/)
  assert.match(printed, /the first message/)
})

test('a context needs no message, and has to be an object', async () => {
  const loop = newEventLoop()
  const printed = await printedBy(async () => {
    loop.callExceptionHandler({ exception: new Error('x') } as unknown as ExceptionContext)
    for (const context of [undefined, null, 'text']) {
      for (const method of ['callExceptionHandler', 'defaultExceptionHandler'] as const) {
        assert.throws(() => loop[method](context as never), { code: 'ERR_INVALID_ARG_TYPE' })
      }
    }
  })
  loop.close()
  assert.match(printed, /^Unhandled exception in event loop\nError: x/)
})

test('a handler that closes the loop while it is being closed hears of each task once', async () => {
  const loop = newEventLoop()
  const heard: unknown[] = []
  let refusal: unknown
  loop.setExceptionHandler((where, { task }) => {
    heard.push(task)
    where.close()
    where.runForever().catch((error) => {
      refusal = error
    })
  })
  const tasks = [loop.createTask(async () => {}), loop.createTask(async () => {})]
  loop.close()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(heard, tasks)
  assert.equal((refusal as { code?: unknown }).code, 'ERR_EVENT_LOOP_CLOSED')
  assert.ok(loop.isClosed())
  assert.equal(await run(async () => 1), 1, 'the thread can run another loop')
})
