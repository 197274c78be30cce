// The load generator of HTTP servers: wrk, behind the lines that the other generators speak.
//
//   wrk.js <port> <connections> <seconds>
//
// Prints `ready`, and for each line that comes in runs wrk once and prints what it found. wrk knows
// how long to go on and not how often, so the report says how many requests there were. A request
// that fails fails the measurement.

import { spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('../../bench/wrk.lua', import.meta.url))
const [port = '', connections = '', seconds = ''] = process.argv.slice(2)

/** One line of JSON: what wrk.lua writes, without what only this program needs. */
function round(): string {
  const url = `http://127.0.0.1:${port}/`
  const options = ['-t', '1', '-c', connections, '-d', `${seconds}s`, '-s', SCRIPT, url]
  const { status, stdout, stderr } = spawnSync('wrk', options, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`wrk: ${stderr}`)
  const { failed, ...report } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
  if (failed > 0 || report.requests === 0) throw new Error(`wrk: ${failed} requests failed`)
  return JSON.stringify(report)
}

console.log('ready')
for await (const _ of createInterface({ input: process.stdin })) console.log(round())
