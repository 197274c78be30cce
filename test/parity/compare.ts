// Says where two traces part.

/** The first line that differs, with what stands before it. */
export function firstDifference(expected: readonly string[], actual: readonly string[]): string {
  let line = 0
  while (line < expected.length && expected[line] === actual[line]) line++
  const before = expected.slice(Math.max(0, line - 3), line).map((text) => `    ${text}`)
  const end = '(the trace ends)'
  return [
    `line ${line + 1} differs:`,
    ...before,
    `  - ${expected[line] ?? end}`,
    `  + ${actual[line] ?? end}`,
  ].join('\n')
}
