// One arm in a process of its own, from the side of the comparison. The process is arm_main.ts; it
// lives through all rounds, so that each round after the first few finds compiled code.

import { fileURLToPath } from 'node:url'
import { LineProcess } from './line_process.js'
import { startLoad } from './load.js'
import { Core, onCore } from './machine.js'
import type {
  Arm,
  Case,
  Load,
  Measurement,
  OperationCase,
  PeerArm,
  ServerCase,
  Usage,
} from './scenario.js'

/** An arm that is running and can be measured, round after round. */
export interface RunningArm {
  measure(): Promise<Measurement>
  close(): void
}

function startProcess(scenario: string, subject: Case, arm: Arm): LineProcess {
  if ('peer' in arm) return startPeer(arm)
  const main = fileURLToPath(new URL('./arm_main.js', import.meta.url))
  const command = [process.execPath, '--expose-gc', main, scenario, subject.name, arm.name]
  const environment = arm.backend === null ? {} : { GYRE_BACKEND: arm.backend }
  const isParallel = subject.kind === 'operation' && subject.isParallel === true
  return new LineProcess(isParallel ? command : onCore(Core.SERVER, command), environment)
}

function startPeer({ name, peer }: PeerArm): LineProcess {
  const found = peer.find()
  if ('missing' in found) throw new Error(`${name} is missing: ${found.missing}`)
  return new LineProcess(onCore(Core.SERVER, found.command))
}

/** Does operations when asked, and times them itself. */
function startOperations(arm: LineProcess, { count }: OperationCase): RunningArm {
  return {
    measure: async () => JSON.parse(await arm.ask(String(count))) as Measurement,
    close: () => arm.close(),
  }
}

/** What the load generator says of a round. */
interface LoadReport {
  /** How many requests there were, from a generator that goes by time. */
  readonly requests?: number
  readonly elapsedUs: number
  readonly p50Us: number
  readonly p99Us: number
}

/** Serves; the load comes from another process, and what it cost is asked before and after. */
async function startServer(server: LineProcess, { count, load }: ServerCase): Promise<RunningArm> {
  const port = Number(await server.answer())
  const generator = await connectLoad(port, load)
  const usage = async () => JSON.parse(await server.ask('usage')) as Usage
  return {
    async measure() {
      const before = await usage()
      const report = JSON.parse(await generator.ask(String(count))) as LoadReport
      const after = await usage()
      if (isHeld(load)) await generator.ask('close')
      const requests = report.requests ?? Number(count)
      return {
        cpuNs: ((after.cpuUs - before.cpuUs) * 1e3) / requests,
        wallNs: (report.elapsedUs * 1e3) / requests,
        rssPeakBytes: after.rssPeakBytes,
        p50Us: report.p50Us,
        p99Us: report.p99Us,
        ...(isHeld(load) ? { bytesEach: (after.rssBytes - before.rssBytes) / requests } : {}),
      }
    },
    close() {
      generator.close()
      server.close()
    },
  }
}

/** Whether the connections of a round are open at its end, so that their memory can be told. */
function isHeld(load: Load): boolean {
  return 'open' in load && load.open === 'all'
}

async function connectLoad(port: number, load: Load): Promise<LineProcess> {
  const generator = startLoad(port, load)
  await generator.answer()
  return generator
}

/** Starts the process of `arm`, and its load if it is a server. */
export async function startArm(scenario: string, subject: Case, arm: Arm): Promise<RunningArm> {
  const child = startProcess(scenario, subject, arm)
  return subject.kind === 'server' ? startServer(child, subject) : startOperations(child, subject)
}
