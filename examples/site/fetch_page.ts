// A page, fetched without blocking; what every example but the blocking ones uses.

import { currentTask } from 'gyre'

export interface Answer {
  status: number
  text: string
}

/** Throws an error that says 'no answer' where there was none; cancelling the task aborts the request. */
export async function fetchPage(url: string, method = 'GET'): Promise<Answer> {
  const signal = currentTask()?.signal ?? null
  try {
    const response = await fetch(url, { method, signal })
    return { status: response.status, text: await response.text() }
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new Error('no answer', { cause })
  }
}
