// The task whose step is on the stack. A room of its own, because tasks set it and what reads it knows
// tasks.

/** @internal */
export const stepping: { task: object | null } = { task: null }
