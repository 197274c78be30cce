// Which test shows each of the 54 lines of what Gyre promises to do as asyncio does (or says where it
// does otherwise). A line has one test at least that fails when it is broken; all of them run on both
// backends. What is here only names them, and fails when a name is not there any more.
//
// Besides these, test/parity compares the order of events of 20,000 random programs with CPython's, and
// their outcomes as async functions; test/matrix has each operation in each state.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSource } from '../packaging/repository.js'

/** A line in few words, and tests: the file below test/, and (the beginning of) the name. */
type Line = readonly [says: string, tests: readonly (readonly [file: string, name: string])[]]

const LINES: Readonly<Record<number, Line>> = {
  1: [
    'the ready queue is FIFO; what a callback schedules runs in the next turn',
    [
      ['loop/loop', 'callbacks run in the order in which they were scheduled'],
      ['loop/loop', 'what a callback schedules runs in the next turn, behind all of this one'],
    ],
  ],
  2: [
    'timers: by deadline, then by arming',
    [['loop/loop', 'timers fire by deadline, and equal deadlines in arming order']],
  ],
  3: [
    'a timer never fires early; 0.1 ms or better',
    [
      ['loop/loop', 'a timer on the real clock never fires early, not even by a fraction'],
      ['semantics/lines', 'line 3: a sleep of a fraction of a millisecond takes a fraction'],
    ],
  ],
  4: [
    'stop() finishes the turn; runUntilComplete then rejects',
    [
      ['loop/loop', 'stop finishes the turn; what is scheduled later stays for the next run'],
      ['loop/loop', 'runUntilComplete rejects when the loop is stopped before'],
    ],
  ],
  5: [
    'close(): idempotent, not while running, does not wait for the executor',
    [
      ['loop/loop', 'close is idempotent and illegal while running'],
      ['semantics/lines', 'line 5: close() does not wait for the executor'],
    ],
  ],
  6: [
    'a callback that throws is reported; the others run',
    [['loop/exception_handler', 'a callback that throws is reported, and the other callbacks']],
  ],
  7: [
    'done callbacks go through callSoon',
    [
      [
        'future/future',
        'done callbacks go through callSoon, in order, also on a future that is done',
      ],
    ],
  ],
  8: [
    'a callback added twice is called twice; removing counts',
    [['future/future', 'a callback that was added twice is called twice, and both are removed']],
  ],
  9: [
    'yield* of a done future does not give way; sleep(0) once',
    [
      ['future/future', 'yield* of a done future does not give way'],
      ['task/task', 'sleep(0) and sleep(-1) give way exactly once'],
    ],
  ],
  10: [
    'result() and exception() while pending, and when cancelled',
    [
      ['future/future', 'while pending, result() and exception() throw InvalidStateError'],
      ['future/future', 'cancelling gives the reason and the origin to whoever looks'],
    ],
  ],
  11: [
    'a second outcome is InvalidStateError; cancel() of a done one false',
    [['future/future', 'a second outcome is InvalidStateError and says what the first was']],
  ],
  12: [
    'an error nobody retrieved is reported once',
    [
      [
        'future/unretrieved',
        'an error that nobody looked at is reported once, when the loop closes',
      ],
      [
        'future/unretrieved',
        'an error is reported as soon as its task is collected, and not again',
      ],
    ],
  ],
  13: [
    'cancel() is true unless done',
    [['task/cancel', 'cancel() gives true until the task is done, also where it is ignored']],
  ],
  14: [
    'cancelled before its first step: nothing runs',
    [['task/cancel', 'cancelled before its first step, neither body nor finally ever runs']],
  ],
  15: [
    'cancelled before it resumes: the cancellation wins',
    [['task/cancel', 'a cancellation wins over what the task waited for, if it has not resumed']],
  ],
  16: [
    'self-cancel, then return: cancelled',
    [['task/cancel', 'self-cancel and then return without waiting: the task ends cancelled']],
  ],
  17: [
    'a swallowed cancel: a normal result, cancelling() 1, a warning in debug mode',
    [
      ['task/cancel', 'a swallowed cancel gives a normal result, and cancelling() stays 1'],
      ['loop/warnings', 'a swallowed cancel is a warning that names the task'],
    ],
  ],
  18: [
    'cancel goes into the awaited task; somebody else’s is not counted',
    [
      ['task/cancel', 'cancel goes into the awaited task, through every level'],
      [
        'task/cancel',
        'a task whose awaited task somebody else cancelled ends cancelled, uncounted',
      ],
    ],
  ],
  19: [
    'the reason is unchanged through every level',
    [['semantics/lines', 'line 19: the reason goes through every level unchanged']],
  ],
  20: [
    'uncancel() to 0 clears what was not delivered',
    [['task/cancel', 'uncancel that reaches 0 also takes back a cancel that was not delivered']],
  ],
  21: [
    'waiting for oneself, or for another loop’s future, is an error',
    [
      ['task/bad_input', 'a task that waits for itself is an error in it, in both kinds'],
      ['task/bad_input', 'a future of another loop is an error in who waits for it, in both kinds'],
    ],
  ],
  22: [
    'the context is that of createTask',
    [['task/context', 'a task has the context of its createTask, behind every wait']],
  ],
  23: [
    'eagerStart: the first step inside createTask',
    [
      ['task/eager', 'the first step of an eager task runs inside createTask, with currentTask'],
      ['task/eager', 'an eager task that never waits comes back done'],
    ],
  ],
  24: ['KeyboardInterrupt and SystemExit end the loop', [['task/task', 'a task that throws ']]],
  25: [
    'gather: the first error propagates, siblings run on; or errors are values',
    [
      ['combine/gather', 'the first error propagates at once, and the siblings keep running'],
      ['combine/gather', 'with returnExceptions, errors and cancellations are values'],
    ],
  ],
  26: [
    'gather: a cancelled child is an error; the gather is not cancelled',
    [
      [
        'combine/gather',
        'a cancelled child counts as an error; the gather itself is not cancelled',
      ],
    ],
  ],
  27: [
    'cancelling gather cancels every child',
    [['combine/gather', 'cancelling gather cancels every child (returnExceptions']],
  ],
  28: [
    'gather: the same awaitable twice runs once; of nothing, []',
    [
      ['combine/gather', 'the same awaitable given twice runs once and gives its result twice'],
      ['combine/gather', 'gather of nothing resolves to an empty array, in every form'],
    ],
  ],
  29: [
    'wait: never cancels or throws; empty is an error; FIRST_EXCEPTION',
    [
      ['combine/wait', 'a timeout returns what is done and leaves the rest running'],
      [
        'combine/wait',
        'nothing to wait for, and what is no iterable, are errors that start nothing',
      ],
      [
        'combine/wait',
        'FIRST_EXCEPTION ends with the first error and does not count cancellations',
      ],
    ],
  ],
  30: [
    'asCompleted: the timeout is thrown inside the waiting',
    [['combine/as_completed', 'the timeout is thrown inside the waiting, not from the iterator']],
  ],
  31: [
    'waitFor waits for the clean-up; a swallowed one gives its value; ms <= 0',
    [
      ['combine/wait_for', 'what is late is cancelled, waited for, and a TimeoutError thrown'],
      ['combine/wait_for', 'a child that swallows the cancellation gives its value'],
      ['combine/wait_for', 'ms <= 0 never starts what has not begun'],
    ],
  ],
  32: [
    'waitFor runs in the caller’s task; no cancellation is lost',
    [
      ['combine/wait_for', 'the child runs in the task of the caller'],
      ['combine/wait_for', 'a cancellation from outside is never lost, even with the result there'],
    ],
  ],
  33: [
    'shield: the inner runs on, its later error is reported; run’s end cancels it',
    [
      ['combine/shield', 'the outer is cancelled and the inner runs on'],
      ['future/unretrieved', 'the error of a shielded task whose outer was cancelled is reported'],
      ['combine/shield', 'the end of run cancels what is shielded all the same'],
    ],
  ],
  34: [
    'a body that never waits raises nothing',
    [['combine/timeouts', 'a body that overruns without ever waiting raises nothing']],
  ],
  35: [
    'nested timeouts; reschedule(null); used once',
    [
      ['combine/timeouts', 'nested timeouts that expire together: the outer one reports'],
      ['combine/timeouts', 'reschedule moves the deadline, and null disarms it'],
      ['combine/timeouts', 'a Timeout is used once: outside of its body it cannot be rescheduled'],
    ],
  ],
  36: [
    'TimeoutError only if nobody else cancelled',
    [
      ['combine/timeouts', 'the cancellation of the task from outside stays a cancellation'],
      [
        'combine/timeouts',
        'with a cancel from outside and a deadline at once, CancelledError wins',
      ],
    ],
  ],
  37: [
    'taskGroup: a failing child cancels the rest; ExceptionGroup; the body’s error last',
    [
      ['combine/taskgroup', 'a failing child cancels the siblings and the body; all end; then an'],
      ['combine/taskgroup', 'the group holds every error; the body’s own stands last'],
    ],
  ],
  38: [
    'a child’s own cancellation; outer cancellation with and without errors',
    [
      ['combine/taskgroup', 'a child’s own cancellation is not a failure'],
      [
        'combine/taskgroup',
        'outer cancellation without errors is a CancelledError with its reason',
      ],
      ['combine/taskgroup', 'outer cancellation with errors: the group is thrown, and the count'],
    ],
  ],
  39: [
    'createTask on a group that is ending',
    [['combine/taskgroup', 'createTask on a group that is ending is an error, and the coroutine']],
  ],
  40: [
    'Lock: no barging; a cancelled waiter passes the wake-up on',
    [
      ['sync/lock', 'waiters get the lock in the order in which they asked; a newcomer does not'],
      ['sync/lock', 'a waiter that is cancelled when it was woken passes the wake-up on'],
    ],
  ],
  41: [
    'Semaphore.locked() while a waiter owns the slot',
    [['sync/sync', 'a semaphore is locked while a waiter owns its place']],
  ],
  42: [
    'Condition: a cancelled wait takes the lock back, and passes its notification on',
    [
      ['sync/sync', 'a cancelled wait of a condition takes the lock back first'],
      ['semantics/lines', 'line 42: a waiter of a condition that is cancelled passes its'],
    ],
  ],
  43: [
    'Event.set() then clear() still wakes',
    [['sync/sync', 'an event that is set and cleared at once still wakes those who waited']],
  ],
  44: [
    'Queue: cancelled getters and putters pass on; join() and taskDone()',
    [
      ['queues/queue', 'a getter that is cancelled when it was woken passes the item to the next'],
      ['semantics/lines', 'line 44: a putter that is cancelled when it was woken passes its place'],
      [
        'queues/queue',
        'join ends when taskDone was called for each item; one too many is an error',
      ],
    ],
  ],
  45: [
    'Queue.shutdown()',
    [
      ['queues/queue', 'after shutdown, what is in the queue can be taken, and then QueueShutDown'],
      ['queues/queue', 'an immediate shutdown drops the items, ends join, and wakes who waits'],
    ],
  ],
  46: [
    'Barrier: breaking, aborting, resetting',
    [['sync/sync', 'resetting a barrier throws in those who wait; aborting breaks it for good']],
  ],
  47: [
    'StreamReader: limits, readline beyond it, readexactly that ends early',
    [
      [
        'net/stream_reader',
        'more than twice the limit pauses the transport, up to the limit resumes',
      ],
      ['net/stream_reader', 'readline beyond the limit throws, and discards the line alone'],
      [
        'net/stream_reader',
        'readexactly gives n bytes, and throws with what came if it ends before',
      ],
    ],
  ],
  48: [
    'writing: marks, drain() while paused, one call a crossing',
    [
      ['net/flow_control', 'the marks are 64 KiB and a quarter of it, until others are set'],
      ['net/streams', 'drain() waits while too much waits to be sent, and only then'],
      ['net/flow_control', 'pauseWriting and resumeWriting are called once a crossing, in turns'],
    ],
  ],
  49: [
    'close() flushes, abort() drops; connectionLost once, never inside the call',
    [
      ['net/flow_control', 'close() sends everything that waits before the connection is lost'],
      ['net/flow_control', 'abort() drops what waits to be sent at once'],
      ['net/protocol', '() twice loses the connection once'],
      ['net/protocol', '() never calls the protocol before it returns'],
    ],
  ],
  50: [
    'Server.close() leaves clients open; closeClients, abortClients',
    [
      ['net/server', 'close() stops accepting and leaves the clients alone'],
      ['net/server', 'closeClients() sends what waits, then closes every connection'],
      ['net/server', 'abortClients() drops what waits and every connection'],
    ],
  ],
  51: [
    'a half-closed peer: eofReceived decides',
    [
      ['net/protocol', 'eofReceived that returns nothing closes the transport'],
      ['net/protocol', 'eofReceived that returns true leaves the other direction open'],
    ],
  ],
  52: ['the end of run', [['semantics/lines', 'line 52: the end of run, in its order']]],
  53: [
    'SIGINT: the first cancels main, the second ends at once',
    [
      ['run/signals', 'the first SIGINT cancels a generator main, which cleans up; run rejects'],
      ['run/signals', 'a main that ends well in spite of SIGINT has ended well'],
      ['run/signals', 'a second SIGINT ends a loop whose main takes its time to clean up'],
    ],
  ],
  54: [
    'nothing can wake main: DeadlockError with the graph',
    [
      ['run/deadlock', 'the message shows the graph: each task and what it waits on, main first'],
      ['run/deadlock', 'on the real clock run rejects with it instead of letting the process exit'],
    ],
  ],
}

/** Where a test is declared in a loop, its name may begin with what the loop is about. */
const placeholder = String.raw`(\$\{\w+\})?`

test('each of the 54 lines has a test', () => {
  assert.deepEqual(
    Object.keys(LINES).map(Number),
    Array.from({ length: 54 }, (_, index) => index + 1),
  )
})

for (const [number, [says, tests]] of Object.entries(LINES)) {
  test(`line ${number} is shown: ${says}`, () => {
    assert.notEqual(tests.length, 0)
    for (const [file, name] of tests) {
      const opening = new RegExp(
        `\\b(test|testOnLoop|program)\\(\\s*['\`]${placeholder}${literally(name)}`,
      )
      assert.match(readSource(`test/${file}.test.ts`), opening, `${file}: ${name}`)
    }
  })
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
