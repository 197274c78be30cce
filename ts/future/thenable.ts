// Whether something can be awaited, as JavaScript sees it.

export function isThenable(x: unknown): x is PromiseLike<unknown> {
  if ((typeof x !== 'object' || x === null) && typeof x !== 'function') return false
  return typeof (x as { then?: unknown }).then === 'function'
}
