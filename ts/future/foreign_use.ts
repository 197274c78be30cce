// A future that is touched while another loop runs. It works, as both are in one thread, but its waiters
// go on in the loop that it belongs to, which may not run: mostly a mistake. Warned of in debug mode.

import { printed } from '../errors/printing'
import { taskStore } from '../loop/context'
import { EventLoop } from '../loop/loop'
import { warnOfWrongLoop } from '../loop/warnings'

/** Warns if the code that runs belongs to another loop than `future`. `act` is what it does. */
export function checkLoop(future: { readonly _loop: EventLoop }, act: string): void {
  const running = EventLoop._visited ?? taskStore.getStore()?._loop
  if (!(running instanceof EventLoop) || running === future._loop) return
  if (!running._debug && !future._loop._debug) return
  warnOfWrongLoop(`${act}() of ${printed(future, { depth: 0 })}`)
}
