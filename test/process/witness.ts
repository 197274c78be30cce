// A protocol for child processes that writes down what it is told.

import { Future, type SubprocessProtocol, type SubprocessTransport } from 'gyre'
import { codeOf } from '../thrown.js'

/** `calls` in their order, and `output` by descriptor. */
export class Witness implements SubprocessProtocol {
  readonly calls: string[] = []
  readonly output: Record<number, string> = { 1: '', 2: '' }
  readonly over = new Future<void>()
  transport!: SubprocessTransport

  connectionMade(transport: SubprocessTransport): void {
    this.transport = transport
    this.calls.push('connectionMade')
  }

  pipeDataReceived(fd: number, data: Buffer): void {
    this.output[fd] += String(data)
    const call = `pipeDataReceived ${fd}`
    if (!this.calls.includes(call)) this.calls.push(call)
  }

  pipeConnectionLost(fd: number, error: Error | null): void {
    this.calls.push(`pipeConnectionLost ${fd} ${codeOf(error) ?? error}`)
  }

  processExited(): void {
    this.calls.push(`processExited ${this.transport.getReturncode()}`)
  }

  connectionLost(error: Error | null): void {
    this.calls.push(`connectionLost ${error}`)
    this.over.setResult(undefined)
  }
}
