// Start-up: what a program that uses Gyre takes longer to start and to end.

import { execFileSync } from 'node:child_process'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

/** Runs programs of their own, one after the other. */
function runProgram(source: string, count: number): void {
  const options = ['--input-type=module', '--eval', source]
  for (let i = 0; i < count; i++) execFileSync(process.execPath, options)
}

function starting(name: string, plain: string, source: string): OperationCase {
  return {
    kind: 'operation',
    name,
    figure: 'wallNs',
    count: 5,
    arms: [
      {
        name: 'plain Node',
        backend: null,
        round: (count) => runProgram(plain, count),
      },
      ...onBothBackends('gyre', { round: async (count: number) => runProgram(source, count) }),
    ],
  }
}

export const startup: Scenario = {
  name: 'startup',
  title: 'A program from its start to its end, elapsed',
  cases: [
    starting('import', '', "await import('gyre')"),
    starting(
      'import and run',
      'await (async () => {})()',
      "import { run } from 'gyre'; await run(function* () {})",
    ),
  ],
}
