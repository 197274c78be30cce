// The numbers in the names that tasks get: 'Task-1', 'Task-2' …

let taken = 0

/** The number of the next task. */
export function takeTaskNumber(): number {
  return ++taken
}

/** Takes the numbers of `count` tasks that are made later; returns the first. */
export function reserveTaskNumbers(count: number): number {
  const first = taken + 1
  taken += count
  return first
}
